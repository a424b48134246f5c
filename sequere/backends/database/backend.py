"""The backend that stores the graph in tables."""

from __future__ import annotations

from typing import TypeVar, cast

from django.apps import apps
from django.core import checks
from django.db import Error as DatabaseError
from django.db import router

from ...relations import Edge
from ..base import BaseBackend, GraphOperation
from .checks import check_tables
from .conflicts import check_transactions
from .reads import Reads
from .texts import check_charset, refuse_unfit
from .writes import Writes

R = TypeVar("R")


class DatabaseBackend(Reads, Writes, BaseBackend):
    """The graph as rows of ``Edge``, in the database that the routers name for that model.

    There is a method for each operation, with the name of its script. A read makes one SQL query, but two for the first
    page of a list that begins with the oldest and, on MariaDB and MySQL, for each later page; Select and Suggest make
    several. A write is a transaction that locks, reads and writes: a follow makes three statements, other writes a few
    more. Database errors are raised as Django raises them, so that transactions around a call behave as usual. The
    exception is a text with characters that the database does not have, which raises ``InvalidObjectId``.
    """

    def perform(self, operation: GraphOperation[R]) -> R:
        if operation.writes:
            return self.change(operation)[0]
        try:
            return cast(R, getattr(self, operation.script)(operation))
        except (UnicodeEncodeError, DatabaseError) as error:
            refuse_unfit(error)
            raise

    def change(self, operation: GraphOperation[R]) -> tuple[R, list[Edge]]:
        """Perform an operation that writes. Returns its result and the edges that it concerns, changed or not."""
        try:
            return cast("tuple[R, list[Edge]]", getattr(self, operation.script)(operation))
        except (UnicodeEncodeError, DatabaseError) as error:
            refuse_unfit(error)
            raise

    def check(self) -> list[checks.CheckMessage]:
        if apps.is_installed("sequere.backends.database"):
            return []
        return [
            checks.Error(
                "The application of DatabaseBackend is not installed.",
                hint="Add 'sequere.backends.database' to INSTALLED_APPS and run migrate.",
                id="sequere.E002",
            )
        ]

    def check_server(self) -> list[checks.CheckMessage]:
        if self.check():
            return []  # check() reports it
        from .models import Edge, Kind, Resource  # models can be imported once the applications are loaded

        alias = router.db_for_write(Edge)
        return [*check_tables(Edge, Kind, Resource), *check_transactions(alias), *check_charset(alias)]
