"""Writes while Redis is cold: into the database, with entries in the outbox for the rebuild that replays them."""

from __future__ import annotations

from typing import TypeVar

from django.db import connections, transaction

from ....timestamps import to_datetime
from ...base import GraphOperation
from ...database.backend import DatabaseBackend, despite_deadlocks
from ...database.fields import columns_of
from ..backend import RedisBackend
from ..models import Journal, OutboxEntry, get_alias
from .drain import replay_closed
from .journal import get_state, order_of

R = TypeVar("R")


class RedisIsBackError(Exception):
    """Redis is not cold: nothing was done."""


def change_while_cold(unguarded: RedisBackend, database: DatabaseBackend, operation: GraphOperation[R]) -> R:
    """Perform a write in the database and put the edges that it changed into the outbox, in one transaction.

    Raises :class:`RedisIsBackError` if Redis is not cold. A journal is only ever made under this lock, so none can
    appear before the commit; and the outbox is in the order of the commits. One round trip, and one for each 400
    entries of a journal that was put away and is not read yet.
    """
    alias = get_alias()
    nested = connections[alias].in_atomic_block

    def write() -> tuple[R] | None:
        """The result; None if there is more of a closed journal to replay first."""
        with transaction.atomic(using=alias):
            row = Journal.lock(alias)
            state = get_state(unguarded, row.position)
            if state.length:
                raise RedisIsBackError
            while order_of(state.closed) > order_of(row.position) and replay_closed(unguarded, row, alias).entries:
                if not nested:
                    return None  # commit: there may be more than a request has time for
            result, changes = database.change(operation)
            OutboxEntry._default_manager.using(alias).bulk_create(
                OutboxEntry(**columns_of(edge), timestamp=None if since is None else to_datetime(since))
                for edge, since in changes.items()
            )
            if changes and row.anchor:
                row.anchor = ""
                row.save(using=alias, update_fields=["anchor"])
            return (result,)

    while True:
        done = despite_deadlocks(alias, write)
        if done:
            return done[0]
