"""The only way to begin a transaction of write-behind. It locks the row of ``State`` until its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django.db import connections, transaction

from ...database.conflicts import despite_conflicts
from ...database.statements import begin_writing
from ..models import State, get_alias

T = TypeVar("T")


def locked(work: Callable[[State, str], T], *, may_nest: bool = False) -> T:
    """Run ``work(row, alias)`` in a separate transaction that holds the lock. Returns what it returns.

    ``work`` may run several times, if it conflicts with another transaction. With ``may_nest`` it becomes part of the
    caller's transaction, if there is one, and runs once. Without it, Django raises ``RuntimeError`` there, because a
    change that Redis drops after the commit must not be rolled back. Raises :class:`~sequere.exceptions.WriteConflict`
    in a transaction of the caller, and Django's database errors.
    """
    alias = get_alias()
    is_nested = may_nest and connections[alias].in_atomic_block

    def run() -> T:
        with transaction.atomic(using=alias, durable=not is_nested):
            return work(_lock(alias), alias)

    return despite_conflicts(alias, run)


def _lock(alias: str) -> State:
    """The row, locked until the transaction ends; created if it does not exist.

    On PostgreSQL the table is locked, which reads nothing. So the first query after the wait sees the state that the
    last holder left, at each isolation level. The row is locked too, for a caller's transaction that has read before:
    each holder that changes something saves the row, so above READ COMMITTED it fails instead of using an older state.
    SQLite locks at the first write, so that comes first.
    """
    connection = connections[alias]
    rows = State._default_manager.using(alias).filter(pk=1)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            table = connection.ops.quote_name(State._meta.db_table)
            cursor.execute(f"LOCK TABLE {table} IN SHARE UPDATE EXCLUSIVE MODE")
    begin_writing(alias, State)
    locking = rows.select_for_update() if connection.features.has_select_for_update else rows
    row = locking.first()
    if row is None:
        State._default_manager.using(alias).bulk_create([State(pk=1)], ignore_conflicts=True)
        row = locking.get()
    return row
