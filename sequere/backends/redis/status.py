"""How write-behind stands: for ``manage.py sequere status`` and for a health endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from .backend import RedisBackend
from .journal import get_state, order_of
from .models import Journal, OutboxEntry, SetAside, get_alias


@dataclass(frozen=True)
class Status:
    """How write-behind stands.

    - ``state``: ``ready`` (Redis answers), ``cold`` (the database answers), ``rebuilding`` (so it does, while
      Redis is being filled), ``closed`` (so it does, because an operator said so);
    - ``journal``: entries in Redis, with the one that marks the position and those not dropped yet;
    - ``lag``: entries that the database lacks, and ``lag_seconds``: since when it lacks the oldest of them;
    - ``drained_at``: when the journal was last read; None if never;
    - ``outbox``: changes that wait for a rebuild;
    - ``set_aside``: entries that the database could not take and that nobody has looked after yet.
    """

    state: str
    journal: int
    lag: int
    lag_seconds: float
    drained_at: datetime | None
    outbox: int
    set_aside: int


def get_status(graph: RedisBackend) -> Status:
    """How write-behind stands. One round trip and three queries.

    Right after a drain's commit ``lag`` may still count entries that the next read drops. Raises
    ``BackendError`` and Django's database errors.
    """
    alias = get_alias()
    row = Journal.look(alias)
    state = get_state(graph, row.position)
    lag_seconds = max(0.0, (state.now - order_of(state.waiting)[0]) / 1000) if state.waiting else 0.0
    return Status(
        state="ready" if state.length else "closed" if row.closed else "rebuilding" if state.progress else "cold",
        journal=state.length,
        lag=max(1, state.length - 1) if state.waiting else 0,
        lag_seconds=lag_seconds,
        drained_at=row.drained_at,
        outbox=OutboxEntry._default_manager.using(alias).count(),
        set_aside=SetAside._default_manager.using(alias).count(),
    )
