"""The operations that read one list, or a few edges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

from ...relations import Edge, split_list
from ...resources import Resource
from ..base import GraphOperation
from .values import Entry, decode, flatten, read_entries

#: The most entries of one page.
MAX_PAGE = 500

#: The most others of one Relationships.
MAX_OTHERS = 500

#: The most resources of one Count.
MAX_COUNTED = 50

#: The most lists of one Relationships or Count.
MAX_LISTS = 10


class Page(NamedTuple):
    """Part of a list; ``cursor`` leads to the next page and is empty after the last."""

    entries: list[Entry]
    cursor: str


@dataclass(slots=True)
class IsFollowing(GraphOperation[bool]):
    """Whether one resource follows another. For a follow of a kind, use :class:`Relationships`."""

    script = "is_following"
    from_resource: Resource
    to_resource: Resource

    def arguments(self) -> Sequence[str | int]:
        return (*self.from_resource, *self.to_resource)

    def reply(self, reply: Any) -> bool:
        return bool(reply == 1)


@dataclass(slots=True)
class Relationships(GraphOperation[list[int]]):
    """Return an integer for each of 1 to 500 others, in order: bit *i* is set if it is in the *i*-th of the lists.

    ``lists`` names 1 to 10 lists of the resource. A mute that has ended counts as absent. Raises ``InvalidArgument``,
    ``InvalidIdentifier``, ``InvalidObjectId``.
    """

    script = "relationships"
    resource: Resource
    lists: Sequence[str]
    others: Sequence[Resource]

    def arguments(self) -> Sequence[str | int]:
        return (*self.resource, _lists(self.lists), *flatten(self.others))

    def reply(self, reply: Any) -> list[int]:
        return list(reply)


@dataclass(slots=True)
class Count(GraphOperation[list[int]]):
    """Count the entries of 1 to 10 lists of each of 1 to 50 resources: for each resource in turn, one for each list.

    Mutes that have ended are not counted. Raises ``InvalidArgument``, ``InvalidIdentifier``, ``InvalidObjectId``.
    """

    script = "count"
    lists: Sequence[str]
    resources: Sequence[Resource]

    def arguments(self) -> Sequence[str | int]:
        return (_lists(self.lists), *flatten(self.resources))

    def reply(self, reply: Any) -> list[int]:
        return list(reply)


@dataclass(slots=True)
class Since(GraphOperation[list[float | None]]):
    """The time of each of 1 to 50 edges (seconds since the epoch, UTC); None if the edge does not exist.

    For a mute: when it ends, even if it has ended. Raises ``InvalidArgument``, ``SelfFollow``, ``InvalidIdentifier``,
    ``InvalidObjectId``.
    """

    script = "since"
    edges: Sequence[Edge]

    def arguments(self) -> Sequence[str | int]:
        return [word for edge in self.edges for word in edge.words]

    def reply(self, reply: Any) -> list[float | None]:
        return [float(time) if time else None for time in reply]


@dataclass(slots=True)
class ReadPage(GraphOperation[Page]):
    """One page of a list, newest first, or oldest first with ``desc=False``.

    ``limit`` is 1 to 500. ``offset`` skips entries; ``cursor`` continues where a page of the same list ended. Not both.
    :class:`~sequere.results.FollowList` says what a walk by cursor returns. The order of entries with the same
    timestamp is fixed, but differs between backends; so does the form of cursors. Mutes that have ended are left out;
    the newest are those that end last. Raises ``InvalidArgument``, ``InvalidLimit``, ``InvalidCursor``,
    ``InvalidIdentifier``, ``InvalidObjectId``.
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
        return Page(read_entries(reply[1:]), decode(reply[0]))


def _lists(lists: Sequence[str]) -> str:
    for one in lists:
        split_list(one)  # otherwise one with a space in it would be two lists
    return " ".join(lists)
