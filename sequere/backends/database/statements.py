"""Two statements: one DELETE for many rows, and the first statement of a transaction."""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction
from django.db.models import Model, QuerySet


def delete_rows(rows: QuerySet[Any]) -> int:
    """Delete rows with one DELETE. Returns how many there were.

    ``QuerySet.delete()`` would read all of them first if a project has a receiver for the deletions of every model. No
    other table refers to these tables, and changes to them send no model signals.
    """
    with transaction.mark_for_rollback_on_error(rows.db):  # as QuerySet.delete() does
        return rows._raw_delete(rows.db)


def begin_writing(alias: str, model: type[Model]) -> None:
    """Take SQLite's lock at the beginning of a transaction; do nothing on other databases.

    SQLite takes it at the first write, and a transaction that has read before fails there at once if another
    connection has written since.
    """
    connection = connections[alias]
    if connection.vendor == "sqlite":
        table, key = (connection.ops.quote_name(name) for name in (model._meta.db_table, str(model._meta.pk.column)))
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {key} = {key} WHERE 0")
