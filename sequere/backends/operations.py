"""The operations on the graph: the contract of every backend, one class for each script that all of them implement.

An operation is a value. Its fields are the arguments of the script, in order; ``reply`` translates the reply of the
script to Python. The database backend performs the same values with SQL. Timestamps are seconds since the epoch, UTC,
from 0 to below 2**33. The name of a list is the end of its key: ``followers``, or ``followers:user`` for those of one
identifier. Operations do not use models: an identifier need not be registered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

from ..relations import split_list
from ..resources import Resource
from .base import GraphOperation

#: The most entries of one page.
MAX_PAGE = 500

#: The most edges of one AddEdges or MoveEdges.
MAX_EDGES = 50

#: The most others of one Relationships.
MAX_OTHERS = 500

#: The most edges that one Forget removes.
MAX_FORGET = 100


class Entry(NamedTuple):
    """One entry of a list: a resource, and the time of the follow (seconds since the epoch, UTC)."""

    identifier: str
    object_id: str
    timestamp: float


class Page(NamedTuple):
    """Part of a list; ``cursor`` leads to the next page and is empty after the last."""

    entries: list[Entry]
    cursor: str


class Moved(NamedTuple):
    """The result of a MoveEdges: the entries that it took out of the list, and how many are left in it."""

    entries: list[Entry]
    left: int


class Forgotten(NamedTuple):
    """The result of a Forget: how many edges it removed, and whether none are left."""

    removed: int
    done: bool


class _Outcome(GraphOperation[bool]):
    """An operation whose script replies 1 or 0."""

    __slots__ = ()

    def reply(self, reply: Any) -> bool:
        return bool(reply == 1)


@dataclass(slots=True)
class Follow(_Outcome):
    """Make one resource follow another. True if the edge is new; one that exists keeps its timestamp.

    Raises ``SelfFollow``, ``InvalidTimestamp``, ``InvalidIdentifier``, ``InvalidObjectId``.
    """

    script, writes = "follow", True
    from_resource: Resource
    to_resource: Resource
    timestamp: float

    def arguments(self) -> Sequence[str | int]:
        return (*self.from_resource, *self.to_resource, f"{self.timestamp:.6f}")


@dataclass(slots=True)
class Unfollow(_Outcome):
    """Make one resource stop following another. True if there was an edge. Raises the same as :class:`Follow`."""

    script, writes = "unfollow", True
    from_resource: Resource
    to_resource: Resource

    def arguments(self) -> Sequence[str | int]:
        return (*self.from_resource, *self.to_resource)


@dataclass(slots=True)
class AddEdges(GraphOperation[list[bool]]):
    """Add edges of a relation from one resource to 1 to 50 others, all or none.

    Returns, for each other in order, whether its edge is new. Raises the same exceptions as :class:`Follow`, and
    ``InvalidArgument``.
    """

    script, writes = "add_edges", True
    relation: str
    from_resource: Resource
    others: Sequence[Resource]
    timestamp: float

    def arguments(self) -> Sequence[str | int]:
        return (self.relation, *self.from_resource, f"{self.timestamp:.6f}", *_flat(self.others))

    def reply(self, reply: Any) -> list[bool]:
        return [outcome == 1 for outcome in reply]


@dataclass(slots=True)
class MoveEdges(GraphOperation[Moved]):
    """Take entries out of a list of a resource: their edges move to the target relation or, without one, are removed.

    ``others`` (up to 50) names them; without it, the oldest ``limit`` (1 to 50) are taken. All are taken or, on an
    error, none. With a ``target`` relation the edges keep their timestamps unless one is given. The entries are
    returned in the order of ``others``, without those that are not in the list. Raises the same exceptions as
    :class:`AddEdges`, and ``InvalidLimit``.
    """

    script, writes = "move_edges", True
    resource: Resource
    list: str
    others: Sequence[Resource] = ()
    target: str = ""
    limit: int = MAX_EDGES
    timestamp: float | None = None

    def arguments(self) -> Sequence[str | int]:
        timestamp = "" if self.timestamp is None else f"{self.timestamp:.6f}"
        return (*self.resource, self.list, self.target, str(self.limit), timestamp, *_flat(self.others))

    def reply(self, reply: Any) -> Moved:
        return Moved(_entries(reply[1:]), int(reply[0]))


@dataclass(slots=True)
class Forget(GraphOperation[Forgotten]):
    """Remove up to ``limit`` (1 to 100) edges of a resource, in both directions, from the graph.

    Repeat it until it is done: then the resource is forgotten.
    """

    script, writes = "forget", True
    resource: Resource
    limit: int = MAX_FORGET

    def arguments(self) -> Sequence[str | int]:
        return (*self.resource, str(self.limit))

    def reply(self, reply: Any) -> Forgotten:
        return Forgotten(int(reply[0]), done=int(reply[1]) == 0)


@dataclass(slots=True)
class IsFollowing(_Outcome):
    """Whether one resource follows another."""

    script = "is_following"
    from_resource: Resource
    to_resource: Resource

    def arguments(self) -> Sequence[str | int]:
        return (*self.from_resource, *self.to_resource)


@dataclass(slots=True)
class Relationships(GraphOperation[list[int]]):
    """Return an integer for each of 1 to 500 others, in order: bit *i* is set if it is in the *i*-th of the lists.

    ``lists`` names 1 to 10 lists of the resource. Raises ``InvalidArgument``, ``InvalidIdentifier``,
    ``InvalidObjectId``.
    """

    script = "relationships"
    resource: Resource
    lists: Sequence[str]
    others: Sequence[Resource]

    def arguments(self) -> Sequence[str | int]:
        for one in self.lists:
            split_list(one)  # otherwise one with a space in it would be two lists
        return (*self.resource, " ".join(self.lists), *_flat(self.others))

    def reply(self, reply: Any) -> list[int]:
        return list(reply)


@dataclass(slots=True)
class Count(GraphOperation[int]):
    """How many entries a list of a resource has."""

    script = "count"
    resource: Resource
    list: str

    def arguments(self) -> Sequence[str | int]:
        return (*self.resource, self.list)

    def reply(self, reply: Any) -> int:
        return int(reply)


@dataclass(slots=True)
class ReadPage(GraphOperation[Page]):
    """One page of a list, newest first, or oldest first with ``desc=False``.

    ``limit`` is 1 to 500. ``offset`` skips entries; ``cursor`` continues where a page of the same list ended. Not both.
    :class:`~sequere.results.FollowList` says what a walk by cursor returns. The order of entries with the same
    timestamp is fixed, but differs between backends; so does the form of cursors. Raises ``InvalidArgument``,
    ``InvalidLimit``, ``InvalidCursor``, ``InvalidIdentifier``, ``InvalidObjectId``.
    """

    script = "page"
    resource: Resource
    list: str
    desc: bool = True
    limit: int = MAX_PAGE
    offset: int = 0
    cursor: str = ""

    def arguments(self) -> Sequence[str | int]:
        order, offset = "desc" if self.desc else "asc", str(self.offset) if self.offset else ""
        return (*self.resource, self.list, order, str(self.limit), offset, self.cursor)

    def with_cursor(self, translate: Callable[[str, bool], str]) -> Self:
        return replace(self, cursor=translate(self.cursor, self.desc)) if self.cursor else self

    def reply(self, reply: Any) -> Page:
        return Page(_entries(reply[1:]), decode(reply[0]))


def decode(item: Any) -> Any:
    """An item of a reply as text, whether or not the client decodes; a number stays one."""
    return item.decode() if isinstance(item, bytes) else item


def _entries(fields: Sequence[Any]) -> list[Entry]:
    """The entries of a flat reply: identifier, object id and timestamp of each."""
    texts = list(map(bytes.decode, fields)) if fields and isinstance(fields[0], bytes) else fields
    return list(map(Entry, texts[::3], texts[1::3], map(float, texts[2::3])))


def _flat(resources: Sequence[Resource]) -> Iterator[str]:
    for resource in resources:
        yield from resource
