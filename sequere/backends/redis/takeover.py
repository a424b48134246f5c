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

from ...exceptions import ColdStore, DatabaseBehind, WriteBehindRefused
from .backend import RedisBackend
from .drain import Verdict, drain, judge
from .journal import State, get_state, read_entries
from .models import Journal, OutboxEntry, get_alias
from .rebuild import begin, open_journal
from .survey import count_uids
from .verify import verify


@dataclass(frozen=True)
class TakenOver:
    """What changed in the database: follows added, removed, and given another time."""

    added: int = 0
    removed: int = 0
    changed: int = 0


def take_over(graph: RedisBackend, *, on_step: Callable[[int], object] = lambda edges: None) -> TakenOver:
    """Make the database hold what Redis holds and nothing else; from then on it follows Redis.

    ``on_step`` is told how many edges were looked at, those of both sides. Raises
    :class:`~sequere.exceptions.WriteBehindRefused` if the two are in step, if Redis has no graph or has lost the
    one that was in step with this database, or if the database holds changes that were never in Redis;
    ``BackendError`` and Django's database errors; call it again to go on. The round trips of ``verify``.
    """
    with suppress(ColdStore, DatabaseBehind):
        drain(graph)
    alias = get_alias()
    with transaction.atomic(using=alias, durable=True):
        row = Journal.lock(alias)
        state = get_state(graph, row.position)
        waiting = OutboxEntry._default_manager.using(alias).count()
        if waiting and not (row.position and state.length):
            raise WriteBehindRefused(
                f"{waiting} changes were made in the database and never in Redis; they would be lost. "
                "Run `manage.py sequere rebuild --from database` instead."
            )
        if state.length:
            _join(graph, row, alias, state)
        else:
            _check_loss(graph, row, state)
            open_journal(graph, row, alias, begin(graph, row, alias, state))
        row.incomplete = True
        row.save(using=alias)
    taken = _mend(graph, on_step)
    with transaction.atomic(using=alias, durable=True):
        row = Journal.lock(alias)
        row.incomplete = False
        row.save(using=alias)
    return taken


def _join(graph: RedisBackend, row: Journal, alias: str, state: State) -> None:
    """Read the journal that is there from its end on."""
    verdict = judge(graph, row, alias, read_entries(graph, row.position, limit=1, keep=True))
    if verdict is Verdict.IN_STEP and not row.incomplete:
        raise WriteBehindRefused("Redis and the database are in step: there is nothing to take over.")
    if verdict is Verdict.YOUNGER:
        (last,) = read_entries(graph, state.last, limit=1, keep=True)
        row.position, row.anchor, row.opening = last.id, last.digest, ""
        OutboxEntry._default_manager.using(alias).all().delete()  # of long ago: Redis has had them since
    elif verdict is not Verdict.IN_STEP:
        raise WriteBehindRefused("Redis went cold and came back during this call; call it again.")


def _check_loss(graph: RedisBackend, row: Journal, state: State) -> None:
    """Refuse what would remove follows that Redis has lost."""
    if not count_uids(graph):
        raise WriteBehindRefused(
            "Redis holds no graph. Run `manage.py sequere rebuild`: it fills Redis from the database."
        )
    if state.progress:
        raise WriteBehindRefused(
            "Redis holds a part of the graph: a rebuild has begun. Run `manage.py sequere rebuild`."
        )
    if (row.position or row.opening) and not (row.closed or row.incomplete):
        raise WriteBehindRefused(
            "Redis has lost the graph that was in step with this database; to take over what it holds now would "
            "remove the rest. Run `manage.py sequere rebuild`; if Redis is right after all, `close` first."
        )


def _mend(graph: RedisBackend, on_step: Callable[[int], object]) -> TakenOver:
    added = removed = changed = 0
    for difference in verify(graph, repair="redis", on_step=on_step):
        added += difference.database is None
        removed += difference.redis is None
        changed += None not in (difference.database, difference.redis)
    return TakenOver(added, removed, changed)
