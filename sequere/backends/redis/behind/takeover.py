"""Begins with the graph that Redis holds: the database is brought up to it, while both are in use.

First the journal is made, so that from there on changes are noted, or the one that is there is read from its
end on. Then the two are compared and the database is mended. Until that has ended once, the row says that
the database is not complete, so that no rebuild takes it for the whole.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction

from ....exceptions import ColdStore, DatabaseBehind, WriteBehindRefused
from ....relations import RELATIONS
from ....timestamps import MICROSECONDS, to_micros
from ...database.bulk import fault_of
from ...operations import AddEdges, MoveEdges
from ..backend import RedisBackend
from ..models import Journal, OutboxEntry, get_alias
from ..operate.survey import count_uids
from .drain import Verdict, adopt, catch_up, drain, judge
from .journal import drop_closed, get_state, read_entries
from .rebuild import make_opening_id, open_journal
from .verify import verify


@dataclass(frozen=True)
class TakenOver:
    """What changed in the database: edges added, removed, and given another time."""

    added: int = 0
    removed: int = 0
    changed: int = 0


def take_over(unguarded: RedisBackend, *, on_step: Callable[[int], object] = lambda edges: None) -> TakenOver:
    """Make the database hold what Redis holds and nothing else; from then on it follows Redis.

    What was written into the database because Redis had no journal is brought into Redis first. ``on_step`` is
    told how many edges were looked at, those of both sides. Raises
    :class:`~sequere.exceptions.WriteBehindRefused` if the two are in step, or if Redis has no graph or has lost
    the one that was in step with this database; ``BackendError`` and Django's database errors; call it again to
    go on. The round trips of ``verify``.
    """
    with suppress(ColdStore, DatabaseBehind):
        drain(unguarded)
    alias = get_alias()
    with transaction.atomic(using=alias, durable=True):
        row = Journal.lock(alias)
        if catch_up(unguarded, row, alias):
            _begin(unguarded, row, alias)
        else:
            _join(unguarded, row, alias)
        row.incomplete, row.closed = True, False
        row.save(using=alias)
    taken = _mend(unguarded, on_step)
    with transaction.atomic(using=alias, durable=True):
        row = Journal.lock(alias)
        if judge(unguarded, row, alias) is not Verdict.IN_STEP:
            raise _lost()
        row.incomplete = False
        row.save(using=alias)
    return taken


def _begin(unguarded: RedisBackend, row: Journal, alias: str) -> None:
    """Make the journal, in one step, once Redis has what the database got while it was cold."""
    state = get_state(unguarded, row.position)
    if not count_uids(unguarded):
        raise WriteBehindRefused(
            "Redis holds no graph. Run `manage.py sequere rebuild`: it fills Redis from the database."
        )
    if state.progress:
        raise WriteBehindRefused(
            "Redis holds a part of the graph: a rebuild has begun. Run `manage.py sequere rebuild`."
        )
    if row.position and not (row.closed or row.incomplete):
        raise WriteBehindRefused(
            "Redis has lost the graph that was in step with this database; to take over what it holds now would "
            "remove the rest. Run `manage.py sequere rebuild`; if Redis is right after all, `close` first."
        )
    _replay(unguarded, alias)
    drop_closed(unguarded)
    if not open_journal(unguarded, row, alias, make_opening_id(row, state), ""):
        raise _lost()


def _join(unguarded: RedisBackend, row: Journal, alias: str) -> None:
    """Read the journal that is there from its end on."""
    verdict = judge(unguarded, row, alias)
    if verdict is Verdict.IN_STEP and row.incomplete:
        return
    if verdict is Verdict.IN_STEP:
        raise WriteBehindRefused("Redis and the database are in step: there is nothing to take over.")
    if verdict is not Verdict.YOUNGER:
        raise _lost()
    if not row.position:
        _replay(unguarded, alias)
    # Otherwise Redis has the changes of the outbox already.
    (last,) = read_entries(unguarded, get_state(unguarded, row.position).last, limit=1, keep=True)
    adopt(row, alias, last)


def _replay(unguarded: RedisBackend, alias: str) -> None:
    """Bring into Redis what was written into the database while there was no journal."""
    for entry in OutboxEntry._default_manager.using(alias).order_by("pk"):
        edge, at = entry.edge, entry.timestamp
        if fault_of(edge):
            continue  # a row written without this package, and removed: Redis never had it
        if at is None:
            forward = RELATIONS[edge.relation].forward
            unguarded.perform(MoveEdges(edge.from_resource, forward, [edge.to_resource]))
        else:
            seconds = to_micros(at) / MICROSECONDS
            unguarded.perform(AddEdges(edge.relation, edge.from_resource, [edge.to_resource], seconds))


def _lost() -> ColdStore:
    return ColdStore("Redis lost its memory, or came back, during this call. Call it again.")


def _mend(unguarded: RedisBackend, on_step: Callable[[int], object]) -> TakenOver:
    added = removed = changed = 0
    for difference in verify(unguarded, repair="redis", on_step=on_step):
        added += difference.database is None
        removed += difference.redis is None
        changed += None not in (difference.database, difference.redis)
    return TakenOver(added, removed, changed)
