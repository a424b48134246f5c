"""A follow as django-sequere 0.x stored it, and what a source of them is."""

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

#: Follows that are read and imported together, before the place is stored.
STEP = 1000


class Follow(NamedTuple):
    """A follow, in the words of the old data; ``since`` as a datetime or in seconds since the epoch."""

    from_resource: Resource
    to_resource: Resource
    since: float | datetime

    def __str__(self) -> str:
        return f"{' '.join(self.from_resource)} -> {' '.join(self.to_resource)}"


@dataclass
class Batch:
    """Follows in the order of their source. After them the import is at ``place``."""

    place: str
    follows: list[Follow] = field(default_factory=list)
    #: What cannot be read, each a text that names the place, and how many follows that are.
    faults: list[tuple[str, int]] = field(default_factory=list)


class Source(Protocol):
    """Where follows of 0.x are."""

    #: In words, without passwords: an import that goes on must have the same.
    name: str

    def prepare(self, state: State) -> int:
        """Look at what there is; returns about how many follows. Raises ``InvalidSettings`` if there is nothing."""

    def collides_with(self, backend: RedisBackend, state: State) -> bool:
        """Whether its keys have the names of those that the backend would write into the same server."""

    def batches(self, state: State, place: str) -> Iterator[Batch]:
        """The follows after a place (empty: all), in batches of about 1,000."""


def to_edge(follow: Follow, find: Callable[[Resource], Resource]) -> tuple[Resource, Resource, float]:
    """The ends of a follow, and since when it is, in seconds. ``find`` gives a resource, as :func:`find_resource`.

    Raises :class:`~sequere.exceptions.SequereException` for a follow that no backend takes.
    """
    from_resource, to_resource = find(follow.from_resource), find(follow.to_resource)
    check_ends(from_resource, to_resource)
    check_self(from_resource, [to_resource])
    return from_resource, to_resource, to_seconds(follow.since)


def find_resource(resource: Resource) -> Resource:
    """The resource with its object id in the form that the registry gives to the primary key of the model.

    Raises ``NotRegistered`` and :class:`~sequere.exceptions.InvalidObjectId`.
    """
    primary_key = registry.get_by_identifier(resource.identifier).primary_key
    return resource._replace(object_id=primary_key.to_object_id(primary_key.to_python(resource.object_id)))
