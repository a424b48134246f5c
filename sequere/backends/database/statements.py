"""Two statements of the tables' own: a DELETE that stays one, and the first statement of a transaction."""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction
from django.db.models import Model, QuerySet


def delete_rows(rows: QuerySet[Any]) -> int:
    """Delete rows by one DELETE. Returns how many there were.

    ``QuerySet.delete()`` would read all of them first where a project listens to the deletions of every model. Nothing
    refers to these tables, and what changes them sends no signals of models.
    """
    with transaction.mark_for_rollback_on_error(rows.db):  # as QuerySet.delete() does
        return rows._raw_delete(rows.db)


def begin_writing(alias: str, model: type[Model]) -> None:
    """Take SQLite's lock at the begin of a transaction; on other databases nothing.

    SQLite takes it at the first write, and a transaction that has read before fails there at once if another
    connection has written since.
    """
    connection = connections[alias]
    if connection.vendor == "sqlite":
        table, key = (connection.ops.quote_name(name) for name in (model._meta.db_table, str(model._meta.pk.column)))
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE {table} SET {key} = {key} WHERE 0")
