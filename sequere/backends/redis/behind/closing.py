"""Ends write-behind: afterwards only the database is used, or only Redis."""

from __future__ import annotations

from contextlib import suppress

from ....exceptions import ColdStore, WriteBehindRefused
from ..backend import RedisBackend
from ..models import State
from .advice import advise
from .drain import Drained, drain
from .journal import fence
from .locking import locked
from .outbox import look
from .phases import Event, Phase, Verdict, is_released, is_unmarked, move

#: How many times the journal is drained again because entries were added before it could be deleted.
ATTEMPTS = 100


def close(unguarded: RedisBackend) -> Drained:
    """Stop using Redis: bring the database up to the end of the journal, and delete the journal.

    Afterwards the database answers, and no task rebuilds; an operator can return with ``rebuild``. Raises
    :class:`~sequere.exceptions.WriteBehindRefused`, ``BackendError`` and Django's database errors; call it again then.
    """
    return _close(unguarded, release=False)


def release(unguarded: RedisBackend) -> Drained:
    """Stop using the database: bring it up to date for the last time and delete the journal and the mark.

    The database then treats this Redis as one that it has never followed, so nothing overwrites later changes there.
    Processes that still use RedisFallbackBackend find no journal, and their writes are refused. Raises
    :class:`~sequere.exceptions.WriteBehindRefused` if Redis has no journal, and otherwise as :func:`close`. If the
    commit fails after the journal was deleted, another call says what an operator must do.
    """
    return _close(unguarded, release=True)


def _close(unguarded: RedisBackend, *, release: bool) -> Drained:
    total = Drained()
    for _ in range(ATTEMPTS):
        with suppress(ColdStore):
            total += drain(unguarded)
        if locked(lambda row, alias: _leave(unguarded, row, alias, release=release)):
            return total
    raise WriteBehindRefused(
        f"Redis accepted writes after each of {ATTEMPTS} drains, so the journal was not deleted. Run the command again."
    )


def _leave(unguarded: RedisBackend, row: State, alias: str, *, release: bool) -> bool:
    """Delete the journal, under the lock, if the database has all of it. Returns whether it has."""
    reached, journal, verdict = look(unguarded, row, alias, limit=2)
    advice = advise(row, verdict, journal, alias)
    if verdict is Verdict.COLD:
        if is_released(row):
            return True  # an earlier call got this far
        if release:
            whole = (
                "Redis has no journal: it does not hold the whole graph. Run `python manage.py sequere rebuild` first."
            )
            raise WriteBehindRefused(advice if is_unmarked(journal) or row.phase == Phase.ADOPTING else whole)
        epoch = fence(unguarded, reached)
        if not epoch:
            return False
        row.epoch = row.epoch or epoch  # without one it would count as released
    elif verdict is not Verdict.IN_STEP or journal.after(reached):
        return False
    move(row, Event.CLOSE, advice=advice)
    if verdict is Verdict.IN_STEP and not unguarded.run("delete_journal", reached, int(release)):
        return False
    if release:
        row.epoch = row.digest = ""
    row.save(using=alias)
    return True
