"""Writes while Redis is cold: into the database, with word for the rebuild that replays them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import connections, transaction

from ....resources import Resource, check_resource
from ....timestamps import to_datetime
from ...database.backend import around, despite_deadlocks
from ...database.bulk import COLUMNS, Edge
from ...database.models import Follow
from ..backend import RedisBackend
from .drain import take_closed
from .journal import get_state, order_of
from ..models import Journal, OutboxEntry, get_alias

T = TypeVar("T")


def change_while_cold(
    graph: RedisBackend, change: Callable[[], tuple[T, list[Edge]]], timestamp: float | None
) -> T | None:
    """Run a change of the follows and put the edges that it changed into the outbox, in one transaction.

    ``change`` returns its reply and those edges, which now stand since ``timestamp``, or no more. None if
    Redis is not cold: nothing was done then. A journal is only ever made under this lock, so none can come
    up before the commit; and the outbox is in the order of the commits. One round trip, and one for each 1,000
    entries of a journal that was put away and is not read yet.
    """
    alias = get_alias()
    created_at = None if timestamp is None else to_datetime(timestamp)
    nested = connections[alias].in_atomic_block

    def write() -> tuple[bool, T | None]:
        """Whether that was all, and the reply."""
        with transaction.atomic(using=alias):
            row = Journal.lock(alias)
            state = get_state(graph, row.position)
            if state.length:
                return True, None
            while order_of(state.closed) > order_of(row.position) and take_closed(graph, row, alias).entries:
                if not nested:
                    return False, None  # commit: there may be more than a request has time for
            reply, edges = change()
            OutboxEntry._default_manager.using(alias).bulk_create(
                OutboxEntry(**dict(zip(COLUMNS, (*edge[0], *edge[1]), strict=True)), created_at=created_at)
                for edge in edges
            )
            if edges and row.anchor:
                row.anchor = ""
                row.save(using=alias, update_fields=["anchor"])
            return True, reply

    while True:
        done, reply = despite_deadlocks(alias, write)
        if done:
            return reply


def remove_some(resource: Resource, limit: int) -> tuple[int, list[Edge]]:
    """Remove up to ``limit`` edges from or to a resource. Returns how many there were, and which."""
    check_resource(resource)
    follows = Follow._default_manager.using(get_alias())
    # Locked, so that a transaction which has read before sees them as they are now.
    rows = list(follows.select_for_update().filter(around(resource)).values_list("pk", *COLUMNS)[:limit])
    follows.filter(pk__in=[row[0] for row in rows]).delete()
    return len(rows), [(Resource(*row[1:3]), Resource(*row[3:5])) for row in rows]
