"""A follow as django-sequere 0.x stored it, and the interface of a source of follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..registry import registry
from ..resources import Resource, check_ends, check_self
from ..timestamps import to_seconds
from .state import State

if TYPE_CHECKING:
    from ..backends.redis.backend import RedisBackend

#: How many follows are read and imported together, before the place is stored.
STEP = 1000


class Follow(NamedTuple):
    """A follow, as the old data has it; ``since`` is a datetime or seconds since the epoch."""

    from_resource: Resource
    to_resource: Resource
    since: float | datetime

    def __str__(self) -> str:
        return f"{' '.join(self.from_resource)} -> {' '.join(self.to_resource)}"


@dataclass
class Batch:
    """Follows in the order of their source; ``place`` is the position of the import after them."""

    place: str
    follows: list[Follow] = field(default_factory=list)
    #: What cannot be read: a text that names the place, and the number of follows.
    faults: list[tuple[str, int]] = field(default_factory=list)


class Source(Protocol):
    """A place that holds follows of 0.x."""

    #: Its description, without passwords: an import that continues must have the same one.
    name: str

    def prepare(self, state: State) -> int:
        """Find the follows. Returns about how many there are. Raises ``InvalidSettings`` if there are none."""

    def collides_with(self, backend: RedisBackend, state: State) -> bool:
        """Return whether its keys have the same names as keys that the backend would write to the same server."""

    def batches(self, state: State, place: str) -> Iterator[Batch]:
        """Yield the follows after a place (empty: all), in batches of about 1,000."""


def to_edge(follow: Follow, find: Callable[[Resource], Resource]) -> tuple[Resource, Resource, float]:
    """Return the edge of a follow, and its timestamp in seconds. ``find`` is a function such as :func:`find_resource`.

    Raises :class:`~sequere.exceptions.SequereException` for a follow that no backend accepts.
    """
    from_resource, to_resource = find(follow.from_resource), find(follow.to_resource)
    check_ends(from_resource, to_resource)
    check_self(from_resource, [to_resource])
    return from_resource, to_resource, to_seconds(follow.since)


def find_resource(resource: Resource) -> Resource:
    """Return the resource with its object id in the form that the registry uses for the primary key of the model.

    Raises ``NotRegistered`` and :class:`~sequere.exceptions.InvalidObjectId`.
    """
    primary_key = registry.get_by_identifier(resource.identifier).primary_key
    return resource._replace(object_id=primary_key.to_object_id(primary_key.to_python(resource.object_id)))
