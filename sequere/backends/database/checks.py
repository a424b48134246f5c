"""The system check for tables, which this backend and write-behind use."""

from __future__ import annotations

from django.core import checks
from django.db import Error as DatabaseError
from django.db import connections, router
from django.db.models import Model


def check_tables(*models: type[Model]) -> list[checks.CheckMessage]:
    """Whether the tables of these models exist where the routers send them. One query for each database."""
    wanted: dict[str, set[str]] = {}
    for model in models:
        wanted.setdefault(router.db_for_write(model), set()).add(model._meta.db_table)
    problems = []
    for alias, tables in wanted.items():
        try:
            lacking = tables.difference(connections[alias].introspection.table_names())
        except DatabaseError as error:
            problems.append(f"The database {alias!r} does not answer: {error}")
        else:
            problems += [f"The database {alias!r} has no table {table}." for table in sorted(lacking)]
    return [checks.Warning(text, hint="Start the database and run migrate.", id="sequere.W004") for text in problems]
