"""The texts for operators in each state: what it means, and which commands are not refused in it.

``status`` prints these texts; every command that refuses to do something raises them.
"""

from __future__ import annotations

from ...database.models import Edge as Row
from ..models import State
from .journal import STEPS, Journal
from .phases import (
    ADOPTING,
    ADOPTING_AFTER_LOSS,
    BEHIND,
    CLOSED,
    CLOSED_UNMARKED,
    FOREIGN,
    RELEASED,
    RELEASED_LOST,
    UNMARKED,
    UNMARKED_AFTER_LOSS,
    UNMARKED_EMPTY,
    Phase,
    Verdict,
    is_released,
    is_unmarked,
)

#: What each state means. Where a state needs different commands in different cases, :func:`advise` chooses the text.
MEANINGS = {
    "ready": "Redis answers.",
    "cold": "Redis has no journal; the database answers. The next drain of Celery or "
    "`python manage.py sequere drain --watch` begins a rebuild; without them run "
    "`python manage.py sequere rebuild`.",
    "rebuilding": "The database answers while Redis is filled: {step}.",
    "rewound": "Redis is older than the database and still answers. The next drain stops that.",
    "behind": BEHIND,
    "adopting": ADOPTING,
    "unmarked": UNMARKED,
    "closed": f"The database answers. {CLOSED}",
    "released": RELEASED,
    "unreachable": "Redis does not answer.",
}


def name_state(row: State, verdict: Verdict, journal: Journal) -> str:
    """The name of the state: a key of :data:`MEANINGS`."""
    if row.phase == Phase.ADOPTING:
        return "adopting"
    if verdict is Verdict.COLD:
        if is_released(row):
            return "released"
        if row.phase == Phase.CLOSED:
            return "closed"
        if is_unmarked(journal):
            return "unmarked"
        is_filled = row.phase == Phase.REBUILDING and journal.mark and journal.mark.epoch == row.epoch
        return "rebuilding" if is_filled else "cold"
    return {Verdict.OLDER: "rewound", Verdict.BEHIND: "behind"}.get(verdict, "ready")


def is_whole(journal: Journal) -> bool:
    """Whether Redis may hold a whole graph: it holds one, and no rebuild has begun to replace it."""
    return bool(journal.last_uid) and not (journal.mark and journal.mark.step in STEPS)


def advise(row: State, verdict: Verdict, journal: Journal, alias: str, *, step: str = "") -> str:
    """Return what the state means and what to run. ``step`` is a rebuild's step; by default, the step in the mark.

    One query if Redis holds a graph that this database has never followed.
    """
    name = name_state(row, verdict, journal)
    if verdict is Verdict.BEHIND and journal.mark is None:
        return FOREIGN
    if name == "adopting" and verdict is Verdict.COLD and not is_whole(journal):
        return ADOPTING_AFTER_LOSS
    if name == "released" and not is_whole(journal):
        return RELEASED_LOST
    if name == "closed" and is_unmarked(journal):
        return CLOSED_UNMARKED
    if name == "unmarked" and row.epoch:
        return UNMARKED_AFTER_LOSS
    if name == "unmarked" and not Row._default_manager.using(alias).exists():
        return UNMARKED_EMPTY
    return MEANINGS[name].format(step=step or (journal.mark.step if journal.mark else ""))
