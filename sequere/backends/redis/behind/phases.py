"""The phases of the database: how a journal relates to it, and which phase follows which.

=============  ==========  ========================================================================
phase          answers     the database
=============  ==========  ========================================================================
cold           database    answers alone; each write is also added to the outbox
rebuilding     database    the same, while Redis is filled from it
ready          Redis       follows the journal
adopting       Redis       follows the journal, but is not complete yet: it is brought up to Redis
closed         database    answers alone, because an operator ran close (without epoch: Redis does)
=============  ==========  ========================================================================

Redis answers while it has a journal, whatever the phase: the phase is what the database knows. So each drain and
``status`` begin with a verdict on the journal.
"""

from __future__ import annotations

import enum

from ....exceptions import WriteBehindRefused
from ..models import State
from .journal import Journal, order_of


class Phase(enum.StrEnum):
    COLD = "cold"
    REBUILDING = "rebuilding"
    READY = "ready"
    ADOPTING = "adopting"
    CLOSED = "closed"


class Verdict(enum.Enum):
    """How the journal in Redis relates to the database."""

    COLD = "there is none"
    IN_STEP = "the one that the database follows"
    OPENED = "made by a rebuild, or an adoption, whose commit was lost"
    OLDER = "of an older state: the database has what Redis lacks"
    BEHIND = "of a state that the database never had: Redis has what the database lacks"


class Event(enum.Enum):
    """An event that changes the phase. The value is for errors: what was not done."""

    COLD_WRITE = "Nothing was written"
    OPENED = "Nothing was drained"
    OLDER = "The journal was not deleted"
    BEGIN = "The rebuild was not started"
    FINISH = "The rebuild was not finished"
    ADOPT = "The graph in Redis was not adopted"
    ADOPTED = "The adoption was not finished"
    CLOSE = "Nothing was closed"
    DISCARD = "Redis was not discarded"


def judge(row: State, reached: str, journal: Journal) -> Verdict:
    """How a journal relates to the database. ``reached`` is the last change that the tables contain, from where
    the journal was read.

    A database that was restored from a backup is always noticed: the mark names the exact state that the graph was made
    from, and an older position is before the journal's oldest entry. No round trip and no query.
    """
    if not journal.length:
        return Verdict.COLD
    if row.epoch and journal.mark and journal.mark.epoch == row.epoch:
        known = [(entry.id, entry.digest) for entry in journal.entries[:1]]
        if row.phase in (Phase.READY, Phase.ADOPTING) and known == [(reached, row.digest)]:
            return Verdict.IN_STEP
        is_new = row.phase in (Phase.REBUILDING, Phase.ADOPTING) and journal.opening == "open"
        if is_new and journal.mark.seen == reached:
            return Verdict.OPENED
    if not row.epoch or row.phase == Phase.ADOPTING or order_of(journal.oldest) > order_of(reached):
        return Verdict.BEHIND
    return Verdict.OLDER


#: The phase that follows. A combination that is not here does not happen, or is refused.
TRANSITIONS: dict[Event, dict[Phase, Phase]] = {
    Event.COLD_WRITE: {
        Phase.COLD: Phase.COLD,
        Phase.REBUILDING: Phase.REBUILDING,
        Phase.READY: Phase.COLD,
        Phase.ADOPTING: Phase.ADOPTING,
        Phase.CLOSED: Phase.CLOSED,
    },
    Event.OPENED: {Phase.REBUILDING: Phase.READY, Phase.ADOPTING: Phase.ADOPTING},
    Event.OLDER: {
        Phase.COLD: Phase.COLD,
        Phase.REBUILDING: Phase.COLD,
        Phase.READY: Phase.COLD,
        Phase.CLOSED: Phase.CLOSED,
    },
    Event.BEGIN: {Phase.COLD: Phase.REBUILDING, Phase.REBUILDING: Phase.REBUILDING, Phase.READY: Phase.REBUILDING},
    Event.FINISH: {Phase.REBUILDING: Phase.READY},
    Event.ADOPT: dict.fromkeys(Phase, Phase.ADOPTING),
    Event.ADOPTED: {Phase.ADOPTING: Phase.READY},
    Event.CLOSE: dict.fromkeys((Phase.COLD, Phase.REBUILDING, Phase.READY, Phase.CLOSED), Phase.CLOSED),
    Event.DISCARD: dict.fromkeys(Phase, Phase.COLD),
}


def move(row: State, event: Event, *, advice: str = "") -> None:
    """Set a row, not saved yet, to the phase that follows.

    Raises :class:`~sequere.exceptions.WriteBehindRefused` if none follows, with what an operator can do: the advice, or
    by default the advice for the phase.
    """
    following = TRANSITIONS[event].get(Phase(row.phase))
    if following is None:
        raise WriteBehindRefused(f"{event.value}: {advice or _REMEDIES[Phase(row.phase)]}")
    row.phase = following


#: The cases in which an operator must decide, and the commands for them.
BEHIND = (
    "Redis answers, and has changes that the database lacks: it was restored from a backup, or is another database. "
    "Run `python manage.py sequere rebuild --from redis` to bring it up to Redis, or "
    "`python manage.py sequere rebuild --from database` to discard what only Redis has."
)
ADOPTING = (
    "The database is not complete: `python manage.py sequere rebuild --from redis` has not ended. If it is not "
    "running, run it again, or `python manage.py sequere rebuild --from database` to discard what only Redis has."
)
FOREIGN = (
    "Redis has a journal, but no mark: another program created it. If the graph in Redis is right, "
    "remove the key global:journal behind SEQUERE_REDIS_PREFIX and run `python manage.py sequere status`. If not, run "
    "`python manage.py sequere rebuild --from database`, which removes what only Redis has."
)
ADOPTING_AFTER_LOSS = (
    "The database is not complete, and Redis no longer holds a graph, or only a part of it. Run "
    "`python manage.py sequere rebuild --from database`: it fills Redis with what the database has."
)
_ADOPT = (
    "Run `python manage.py sequere rebuild --from redis`: it makes the database hold this graph and nothing else. "
    "`python manage.py sequere rebuild --from database` removes what Redis holds"
)
UNMARKED = (
    f"Redis holds a graph that may not be a copy of this database. {_ADOPT} and fills it from the database: run it "
    "only if the database is right."
)
UNMARKED_EMPTY = (
    f"Redis holds a graph that may not be a copy of this database, and the database has no follows. {_ADOPT}; as the "
    "database is empty, every follow would be lost."
)
UNMARKED_AFTER_LOSS = (
    "Redis holds a graph that may not be a copy of this database: it lost its data and then accepted writes without "
    "the guard, or a release was interrupted. Run `python manage.py sequere rebuild --from database`: it removes what "
    "Redis holds and fills it from the database. Or, if the whole graph is in Redis, run "
    "`python manage.py sequere close` and then `python manage.py sequere rebuild --from redis`, which removes from "
    "the database what Redis lacks."
)
CLOSED = "Write-behind is closed. Run `python manage.py sequere rebuild` to go back to Redis."
CLOSED_UNMARKED = (
    "The database answers. Write-behind is closed, and Redis holds a graph that may not be a copy of "
    "this database. To go back to Redis, run `python manage.py sequere rebuild --from database`, which removes what "
    "Redis holds and fills it from the database; or, if the whole graph is in Redis, "
    "`python manage.py sequere rebuild --from redis`, which removes from the database what Redis lacks."
)
_LEFT = "An operator left write-behind with `python manage.py sequere close --for redis`"
_SETTING = "Set SEQUERE_BACKEND_CLASS to sequere.backends.redis.RedisBackend, or "
RELEASED = (
    f"{_LEFT}: Redis alone has the graph. {_SETTING}run `python manage.py sequere rebuild --from redis` to return to "
    "write-behind."
)
RELEASED_LOST = (
    f"{_LEFT}, and Redis no longer holds a graph. {_SETTING}run `python manage.py sequere rebuild` to return to "
    "write-behind with what the database held then."
)

_REMEDIES = {
    Phase.COLD: "Redis lost its journal meanwhile, or an operator discarded what it had. Run the command again.",
    Phase.REBUILDING: "a rebuild is under way. Run the command again.",
    Phase.READY: "Redis is ready, and the database follows it.",
    Phase.ADOPTING: ADOPTING,
    Phase.CLOSED: CLOSED,
}


def is_released(row: State) -> bool:
    """Whether Redis alone has the graph."""
    return row.phase == Phase.CLOSED and not row.epoch


def is_unmarked(journal: Journal) -> bool:
    """Whether Redis holds a graph without a journal that may not be a copy of the database.

    It lost its data and then accepted a write without the guard, was never filled by this package, or was about to be
    adopted. A rebuild would remove follows that may exist nowhere else.
    """
    no_copy = journal.mark is None or journal.mark.step == "adopt"
    return not journal.length and bool(journal.last_uid) and no_copy
