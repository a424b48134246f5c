"""The state of write-behind: for ``python manage.py sequere status`` and for a health endpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import Error as DatabaseError

from ....exceptions import BackendError
from ...database.models import Edge as Row
from ..backend import RedisBackend
from ..models import OutboxEntry, SetAside, State, get_alias
from .advice import MEANINGS, advise, name_state
from .checks import check_tables
from .journal import NO_CURSOR, STEPS, Journal, Mark, order_of, read_journal
from .outbox import Look, look
from .phases import is_unmarked
from .rebuild import count_edges

#: Exit statuses, as monitoring systems define them.
OK, WARNING, CRITICAL = 0, 1, 2

#: How bad each state is: the exit status of ``status``.
SEVERITIES = dict.fromkeys(MEANINGS, CRITICAL) | {"ready": OK, "behind": WARNING, "adopting": WARNING}

#: How many times the state is read: a drain may move on between the reads of the database and of Redis.
LOOKS = 3


@dataclass(frozen=True)
class Status:
    """The state of write-behind; what cannot be known is None.

    - ``state``: a key of :data:`SEVERITIES`;
    - ``meaning``: what it means, and what an operator can do;
    - ``journal``: entries in Redis, including the one at the position and those not dropped yet; 0: no journal;
    - ``lag``: entries that the database lacks, including those that the next drain drops, and ``lag_seconds``: the age
      of the oldest that it lacks. None if the database does not follow the journal: there is none, or it does not hold
      all that the database lacks;
    - ``step``, while Redis is filled: clear, copy (with how many edges of how many) or replay;
    - ``drained_at``: when the journal was last read; None if never;
    - ``outbox``: changes that wait for a rebuild;
    - ``set_aside``: entries that the database could not hold and that are not resolved yet;
    - ``problems``: the errors of Redis and of the database.
    """

    state: str
    meaning: str
    journal: int | None = None
    lag: int | None = None
    lag_seconds: float | None = None
    step: str | None = None
    drained_at: datetime | None = None
    outbox: int | None = None
    set_aside: int | None = None
    problems: tuple[str, ...] = ()

    @property
    def severity(self) -> int:
        """0: all is well, 1: it needs attention, 2: Redis does not answer for the graph."""
        if self.state == "adopting" and self.journal == 0:
            return CRITICAL
        return max(SEVERITIES[self.state], WARNING if self.set_aside or self.problems else OK)


def get_status(unguarded: RedisBackend) -> Status:
    """Read the state of write-behind. One round trip and four queries; up to three times that where
    a drain moves on, and two more queries while Redis is filled.

    If Redis or the database does not answer, ``problems`` says so and the other fields are still set; nothing is raised
    for that. Do not call it in a transaction, which may not see what a drain commits meanwhile.
    """
    alias = get_alias()
    problems: list[str] = []
    row: State | None
    outbox = set_aside = None
    try:
        row = State.look(alias)
        outbox = OutboxEntry._default_manager.using(alias).count()
        set_aside = SetAside._default_manager.using(alias).count()
    except DatabaseError as error:
        row = None
        missing = [f"{problem.msg} {problem.hint}" for problem in check_tables()]
        problems += missing or [f"The database does not answer: {error}".strip()]
    try:
        status = _look(unguarded, row, alias)
    except BackendError as error:
        problems.append(f"Redis does not answer: {error}")
        status = Status("unreachable", MEANINGS["unreachable"], drained_at=row.drained_at if row else None)
    return replace(status, outbox=outbox, set_aside=set_aside, problems=tuple(problems))


def _look(unguarded: RedisBackend, row: State | None, alias: str) -> Status:
    if row is None:
        return _tell_without_database(read_journal(unguarded, "", limit=1))
    for _ in range(LOOKS):
        seen = look(unguarded, row, alias, limit=2)
        again = State.look(alias)
        if (again.phase, again.position) == (row.phase, row.position):
            break
        row = again  # a drain moved on, and may have dropped the entries that this read was looking for
    return _tell(row, alias, seen)


def _tell_without_database(journal: Journal) -> Status:
    step = journal.mark.step if journal.mark else None
    if journal.length:
        name, meaning = "ready", MEANINGS["ready"]
    elif step in STEPS:
        name, meaning = "rebuilding", f"Redis has no journal; it is being filled: {step}."
    elif is_unmarked(journal):
        name, meaning = (
            "unmarked",
            "Redis holds a graph without a journal; only the database can tell whether it is a copy.",
        )
    else:
        name, meaning = "cold", "Redis has no journal, and the database does not answer."
    return Status(name, meaning, journal=journal.length)


def _tell(row: State, alias: str, seen: Look) -> Status:
    reached, journal, verdict = seen
    waiting = journal.after(reached)
    name = name_state(row, verdict, journal)
    lag, lag_seconds = None, None
    if name in ("ready", "rewound"):  # else there is no journal, or more is lacking than it holds
        # Of the entries only those after the position are lacking; those before it are dropped by the next drain.
        lag = journal.length - (1 if journal.entries and journal.entries[0].id == reached else 0) if waiting else 0
        lag_seconds = max(0.0, (journal.now - order_of(waiting[0].id)[0]) / 1000) if waiting else 0.0
    step = _step(alias, journal.mark) if name == "rebuilding" and journal.mark else None
    return Status(
        name,
        advise(row, verdict, journal, alias, step=step or ""),
        journal=journal.length,
        lag=lag,
        lag_seconds=lag_seconds,
        step=step,
        drained_at=row.drained_at,
    )


def _step(alias: str, mark: Mark) -> str:
    if mark.step != "copy" or mark.cursor == NO_CURSOR:
        return mark.step
    copied = Row._default_manager.using(alias).filter(pk__lte=UUID(mark.cursor)).count()
    return f"copy, {copied:,} of {count_edges():,} edges"
