"""To begin with the graph that Redis holds: the database is brought up to it, while both are in use.

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
from ....timestamps import MICROSECONDS, to_micros
from ...database.bulk import fault_of
from ..backend import RedisBackend
from .drain import Verdict, adopt, catch_up, drain, judge
from .journal import drop_closed, get_state, read_entries
from ..models import Journal, OutboxEntry, get_alias
from .rebuild import make_opening_id, open_journal
from ..operate.survey import count_uids
from .verify import verify


@dataclass(frozen=True)
class TakenOver:
    """What changed in the database: follows added, removed, and given another time."""

    added: int = 0
    removed: int = 0
    changed: int = 0


def take_over(graph: RedisBackend, *, on_step: Callable[[int], object] = lambda edges: None) -> TakenOver:
    """Make the database hold what Redis holds and nothing else; from then on it follows Redis.

    What was written into the database because Redis had no journal is brought into Redis first. ``on_step`` is
    told how many edges were looked at, those of both sides. Raises
    :class:`~sequere.exceptions.WriteBehindRefused` if the two are in step, or if Redis has no graph or has lost
    the one that was in step with this database; ``BackendError`` and Django's database errors; call it again to
    go on. The round trips of ``verify``.
    """
    with suppress(ColdStore, DatabaseBehind):
        drain(graph)
    alias = get_alias()
    with transaction.atomic(using=alias, durable=True):
        row = Journal.lock(alias)
        if catch_up(graph, row, alias):
            _begin(graph, row, alias)
        else:
            _join(graph, row, alias)
        row.incomplete, row.closed = True, False
        row.save(using=alias)
    taken = _mend(graph, on_step)
    with transaction.atomic(using=alias, durable=True):
        row = Journal.lock(alias)
        if judge(graph, row, alias) is not Verdict.IN_STEP:
            raise _lost()
        row.incomplete = False
        row.save(using=alias)
    return taken


def _begin(graph: RedisBackend, row: Journal, alias: str) -> None:
    """Make the journal, in one step, once Redis has what the database got while it was cold."""
    state = get_state(graph, row.position)
    if not count_uids(graph):
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
    _replay(graph, alias)
    drop_closed(graph)
    if not open_journal(graph, row, alias, make_opening_id(row, state), ""):
        raise _lost()


def _join(graph: RedisBackend, row: Journal, alias: str) -> None:
    """Read the journal that is there from its end on."""
    verdict = judge(graph, row, alias)
    if verdict is Verdict.IN_STEP and row.incomplete:
        return
    if verdict is Verdict.IN_STEP:
        raise WriteBehindRefused("Redis and the database are in step: there is nothing to take over.")
    if verdict is not Verdict.YOUNGER:
        raise _lost()
    if not row.position:
        _replay(graph, alias)
    # Else the outbox is of long ago, or was replayed before the journal was made: Redis has had it.
    (last,) = read_entries(graph, get_state(graph, row.position).last, limit=1, keep=True)
    adopt(row, alias, last)


def _replay(graph: RedisBackend, alias: str) -> None:
    """Bring into Redis what was written into the database while there was no journal."""
    for entry in OutboxEntry._default_manager.using(alias).order_by("pk"):
        edge, at = entry.edge, entry.created_at
        if fault_of(edge):
            continue  # removed from the table, where it had come past this package: Redis never had it
        if at is None:
            graph.unfollow(*edge)
        else:
            graph.follow(*edge, timestamp=to_micros(at) / MICROSECONDS)


def _lost() -> ColdStore:
    return ColdStore("Redis lost its memory, or came back, during this call. Call it again.")


def _mend(graph: RedisBackend, on_step: Callable[[int], object]) -> TakenOver:
    added = removed = changed = 0
    for difference in verify(graph, repair="redis", on_step=on_step):
        added += difference.database is None
        removed += difference.redis is None
        changed += None not in (difference.database, difference.redis)
    return TakenOver(added, removed, changed)
