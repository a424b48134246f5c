"""The rows of edges."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Q, QuerySet

from ...relations import Edge, rows_in_use
from ...resources import Resource
from ...steps import in_steps
from ...timestamps import MICROSECONDS, to_micros, to_moment
from .fields import COLUMNS, columns_of, make_digest, make_edge
from .locks import find_kinds
from .statements import delete_rows

if TYPE_CHECKING:
    from .models import Edge as Row

#: How many edges one statement handles.
STEP = 500


def get_model() -> type[Row]:
    """Return the model of the edges."""
    from .models import Edge as Row  # models can be imported once the applications are loaded

    return Row


def edges_in(alias: str) -> QuerySet[Any]:
    """Return all rows of edges in a database."""
    return get_model()._default_manager.using(alias)


def find_edges(alias: str, edges: Collection[Edge]) -> QuerySet[Any]:
    """Return the rows of the edges that exist."""
    return edges_in(alias).filter(digest__in=[make_digest(edge.words) for edge in edges])


def side(name: str, resource: Resource) -> dict[str, str]:
    """Return the conditions for a resource on one side of an edge, "from" or "to"."""
    return {f"{name}_identifier": resource.identifier, f"{name}_object_id": resource.object_id}


def edges_around(alias: str, resource: Resource) -> QuerySet[Any]:
    """Return the rows of the edges from or to a resource, of every relation and kind. One query, for the kinds."""
    names = [relation.name for relation in rows_in_use(find_kinds(alias))]
    return edges_in(alias).filter(Q(**side("from", resource)) | Q(**side("to", resource)), relation__in=names)


def insert(alias: str, times: Mapping[Edge, float]) -> None:
    """Insert edges that do not exist, each with its time. One statement for each 500."""
    model = get_model()
    rows = [model(timestamp=to_moment(at), **columns_of(edge)) for edge, at in times.items()]
    edges_in(alias).bulk_create(rows, batch_size=STEP)


class State:
    """The edges that a write has read. Changes are made here first, then written to the table."""

    def __init__(self, alias: str, edges: Iterable[Edge], *, locks: bool) -> None:
        """Read the edges, with their rows locked if asked for. One query for each 500."""
        self.alias = alias
        #: The times of those that exist, in seconds.
        self.times: dict[Edge, float] = {}
        self._before: dict[Edge, tuple[UUID, float]] = {}
        for step in in_steps(dict.fromkeys(edges), STEP):
            rows = find_edges(alias, step)
            for pk, *columns, at in (rows.select_for_update() if locks else rows).values_list(
                "pk", *COLUMNS, "timestamp"
            ):
                self.add(pk, make_edge(*columns), at)

    def add(self, pk: UUID, edge: Edge, at: datetime) -> None:
        """Add an edge that another query has read."""
        self.times[edge] = to_micros(at) / MICROSECONDS
        self._before[edge] = pk, self.times[edge]

    def change(self, changes: Mapping[Edge, float | None]) -> None:
        """Give edges another time; None: the edge does not exist."""
        for edge, at in changes.items():
            if at is None:
                self.times.pop(edge, None)
            else:
                self.times[edge] = at

    def write(self) -> None:
        """Bring the table to this state. One statement for each 500 rows to delete, and each 500 to insert."""
        gone = [pk for edge, (pk, at) in self._before.items() if self.times.get(edge) != at]
        for step in in_steps(gone, STEP):
            delete_rows(edges_in(self.alias).filter(pk__in=step))
        come = {edge: at for edge, at in self.times.items() if self._before.get(edge, (None, None))[1] != at}
        if come:
            insert(self.alias, come)
