"""The state of write-behind: for ``manage.py sequere status`` and for a health endpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.db import Error as DatabaseError

from ....exceptions import BackendError
from ..backend import RedisBackend
from ..models import Journal, OutboxEntry, SetAside, get_alias
from .drain import Verdict, judge
from .journal import State, get_state, order_of
from .rebuild import find_loss


@dataclass(frozen=True)
class Status:
    """The state of write-behind; what cannot be known is None.

    - ``state``: ``ready`` (Redis answers), ``cold`` (the database answers), ``rebuilding`` (so it does, while
      Redis is being filled), ``closed`` (so it does, because an operator said so), ``rewound`` (Redis answers,
      but is older than the database; the next drain finds that out and declares it cold), ``behind`` (Redis
      answers, the database lacks what the journal no longer holds, and nothing is drained), ``unreachable`` (Redis
      does not answer);
    - ``journal``: entries in Redis, with the one that marks the position and those not dropped yet;
    - ``lag``: entries that the database lacks, and ``lag_seconds``: the age of the oldest of them;
    - ``drained_at``: when the journal was last read; None if never;
    - ``outbox``: changes that wait for a rebuild;
    - ``set_aside``: entries that the database could not take and that nobody has looked after yet;
    - ``problems``: what Redis and the database said instead of answering, and what an operator has to do.
    """

    state: str
    journal: int | None = None
    lag: int | None = None
    lag_seconds: float | None = None
    drained_at: datetime | None = None
    outbox: int | None = None
    set_aside: int | None = None
    problems: tuple[str, ...] = ()


def get_status(unguarded: RedisBackend) -> Status:
    """Read the state of write-behind. At most three round trips and five queries.

    Right after a drain's commit ``lag`` may still count entries that the next read drops. Where Redis or the
    database does not answer, ``problems`` says so and the rest is told; nothing is raised for that. Not to be
    called in a transaction, which may not see what a drain commits at that moment.
    """
    alias = get_alias()
    problems: list[str] = []
    row: Journal | None
    outbox: int | None
    set_aside: int | None
    try:
        row = Journal.look(alias)  # first: a position that is read later may be beyond the state
        outbox = OutboxEntry._default_manager.using(alias).count()
        set_aside = SetAside._default_manager.using(alias).count()
    except DatabaseError as error:
        row = outbox = set_aside = None
        problems.append(f"The database does not answer: {error}".strip())
    try:
        state = get_state(unguarded, row.position if row else "")
        status = _tell(state, row, _judge(unguarded, row, alias) if row and state.length else None)
        if row and (row.incomplete or not state.length) and (loss := find_loss(unguarded, row, state)):
            problems.append(loss)
    except BackendError as error:
        problems.append(f"Redis does not answer: {error}")
        status = Status("unreachable", drained_at=row.drained_at if row else None)
    return replace(status, outbox=outbox, set_aside=set_aside, problems=tuple(problems))


def _judge(unguarded: RedisBackend, row: Journal, alias: str) -> Verdict:
    verdict = judge(unguarded, row, alias)
    if verdict is not Verdict.IN_STEP and Journal.look(alias).position != row.position:
        return Verdict.IN_STEP  # a drain moved on, and dropped what this look was to find
    return verdict


#: What the state of a server with a journal is called.
_STATES = {Verdict.OLDER: "rewound", Verdict.YOUNGER: "behind"}


def _tell(state: State, row: Journal | None, verdict: Verdict | None) -> Status:
    if row is None:
        name = "ready" if state.length else "rebuilding" if state.progress else "cold"
        return Status(name, journal=state.length)
    if verdict:
        name = _STATES.get(verdict, "ready")
    else:
        name = "closed" if row.closed else "rebuilding" if state.progress else "cold"
    return Status(
        name,
        journal=state.length,
        lag=max(1, state.length - 1) if state.waiting else 0,
        lag_seconds=max(0.0, (state.now - order_of(state.waiting)[0]) / 1000) if state.waiting else 0.0,
        drained_at=row.drained_at,
    )
