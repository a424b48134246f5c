"""An edge as another store has it, and the interface of a source of edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from ..registry import registry
from ..relations import Edge, check_relation
from ..resources import Resource, check_ends, check_self
from ..timestamps import to_seconds
from .state import State

#: How many edges are read and imported together, before the place is stored.
STEP = 1000


class Found(NamedTuple):
    """An edge, as its source has it; ``since`` is a datetime or seconds since the epoch: of a mute, when it ends."""

    relation: str
    from_resource: Resource
    to_resource: Resource
    since: float | datetime

    def __str__(self) -> str:
        return describe(self.relation, self.from_resource, self.to_resource)


def describe(relation: str, from_resource: Resource, to_resource: Resource) -> str:
    """An edge in the output of the command; the relation is named unless it is a plain follow."""
    named = "" if relation == "follow" else f" ({relation})"
    return f"{' '.join(from_resource)} -> {' '.join(to_resource)}{named}"


@dataclass
class Batch:
    """Edges in the order of their source; ``place`` is the position of the import after them."""

    place: str
    edges: list[Found] = field(default_factory=list)
    #: What cannot be read: a text that names the place, and the number of edges.
    faults: list[tuple[str, int]] = field(default_factory=list)
    #: How many others were read that an import ignores, such as rejected requests.
    skipped: int = 0
    #: How many of the edges have what ``Source.note`` describes.
    noted: int = 0


class Source(Protocol):
    """A place that holds edges."""

    #: Its description, without passwords: an import that continues must have the same one.
    name: str
    #: What one edge is called there, such as ``row``.
    unit: str
    #: What some of the edges have that the graph does not store: the end of a sentence that begins with their number.
    note: str

    def prepare(self, state: State) -> int:
        """Find the edges. Returns about how many there are. Raises ``SequereException`` if there is no such source."""

    def batches(self, state: State, place: str) -> Iterator[Batch]:
        """Yield the edges after a place (empty: all), in batches of about 1,000."""


def to_edge(found: Found, find: Callable[[Resource], Resource]) -> tuple[Edge, float]:
    """Return the edge of the graph, and its timestamp in seconds. ``find`` is a function such as :func:`find_resource`.

    Raises :class:`~sequere.exceptions.SequereException` for an edge that no backend accepts.
    """
    from_resource, to_resource = find(found.from_resource), find(found.to_resource)
    check_ends(from_resource, to_resource)
    check_self(from_resource, [to_resource])
    seconds = to_seconds(found.since, end=check_relation(found.relation).end)
    return Edge(found.relation, from_resource, to_resource), seconds


def find_resource(resource: Resource) -> Resource:
    """Return the resource with its object id in the form that the registry uses for the primary key of the model.

    Raises ``NotRegistered`` and :class:`~sequere.exceptions.InvalidObjectId`.
    """
    primary_key = registry.get_by_identifier(resource.identifier).primary_key
    return resource._replace(object_id=primary_key.to_object_id(primary_key.to_python(resource.object_id)))
