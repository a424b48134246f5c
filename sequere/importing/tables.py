"""A source whose edges are the rows of tables; and the table ``sequere_follow`` of django-sequere 0.x."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from django.apps.registry import Apps
from django.db import Error as DatabaseError
from django.db import connections, models

from ..exceptions import InvalidArgument, InvalidSettings
from ..resources import Resource
from .sources import STEP, Batch, Found
from .state import State


def make_model(table: str, **fields: models.Field[Any, Any]) -> type[models.Model]:
    """Return a model for reading a table with an integer key ``id``. It belongs to no application: no migrations.

    Declare columns of ids as ``TextField``, whatever type they have: ``str()`` of a value is the object id.
    """
    options = {"apps": Apps(), "app_label": "sequere_former", "db_table": table, "managed": False}
    columns = {"id": models.BigAutoField(primary_key=True), **fields}
    return type(table, (models.Model,), {"__module__": __name__, "Meta": type("Meta", (), options), **columns})


class TableSource(ABC):
    """Tables in a database of ``DATABASES``, one after the other."""

    unit = "row"
    note = ""
    tables: tuple[type[models.Model], ...] = ()

    def __init__(self, alias: str) -> None:
        if alias not in connections:
            raise InvalidArgument(f"--database must be one of {', '.join(connections)}; got {alias!r:.80}")
        self.alias = alias
        names = [model._meta.db_table for model in self.tables]
        self.name = f"{', '.join(names)} in the database {alias}"

    @abstractmethod
    def read(self, row: Any, batch: Batch) -> None:
        """Put a row of one of the tables into the batch."""

    def prepare(self, state: State) -> int:
        """Count the rows. One query, and one for each table."""
        total = sum(self._rows(model).count() for model in self._present())
        if not total:
            names = " or ".join(model._meta.db_table for model in self.tables)
            raise InvalidSettings(f"The database {self.alias!r} has no rows in a table {names}.")
        return total

    def batches(self, state: State, place: str) -> Iterator[Batch]:
        """Yield the edges after a place. One query for each batch."""
        table, _, key = place.partition(":")
        for model in self._present():
            name = model._meta.db_table
            if table and name != table:
                continue
            table, last, rows = "", int(key or 0), self._rows(model).order_by("pk")
            while step := list(rows.filter(pk__gt=last)[:STEP]):
                last, key = step[-1].pk, ""
                batch = Batch(f"{name}:{last}")
                for row in step:
                    self.read(row, batch)
                yield batch
            key = ""

    def _present(self) -> list[type[models.Model]]:
        """Return the models whose tables exist in the database. One query."""
        try:
            names = connections[self.alias].introspection.table_names()
        except DatabaseError as error:
            raise InvalidSettings(f"The database {self.alias!r} does not answer: {error}") from error
        return [model for model in self.tables if model._meta.db_table in names]

    def _rows(self, model: type[models.Model]) -> models.QuerySet[Any]:
        return model._default_manager.using(self.alias)


class FollowTable(TableSource):
    """The table of 0.x."""

    unit = "follow"
    tables = (
        make_model(
            "sequere_follow",
            created_at=models.DateTimeField(),
            from_object_id=models.TextField(),
            from_identifier=models.TextField(),
            to_object_id=models.TextField(),
            to_identifier=models.TextField(),
        ),
    )

    def read(self, row: Any, batch: Batch) -> None:
        one = Resource(row.from_identifier, str(row.from_object_id))
        other = Resource(row.to_identifier, str(row.to_object_id))
        batch.edges.append(Found("follow", one, other, row.created_at))
