"""The contract of a backend. One test suite runs against all of them.

A backend knows resources, not instances: :class:`~sequere.resources.Resource` pairs go in, pairs and
timestamps (float seconds since the epoch, UTC) come out. Every method raises the same
``sequere.exceptions`` for the same misuse, before anything is written, and a subclass of
``BackendError`` when the store fails.

Every method has a twin for asynchronous code under its name with an ``a`` in front. Here the twin
runs the method in a thread; a backend that can do better overrides it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from asgiref.sync import sync_to_async
from django.core.checks import CheckMessage

from ..resources import Resource

#: The three lists that a resource has.
RELATIONS = ("followers", "followings", "friends")

#: The most entries of one page, pairs of one follow_many or unfollow_many, pairs of one are_following.
MAX_PAGE = 1000
MAX_WRITES = 200
MAX_READS = 500


class Entry(NamedTuple):
    """One line of a list: who, and since when (seconds since the epoch, UTC)."""

    identifier: str
    object_id: str
    timestamp: float


class Page(NamedTuple):
    """Part of a list. ``total`` counts the whole list; ``cursor`` leads to the next page, '' after the last."""

    total: int
    cursor: str
    entries: list[Entry]


class Relationship(NamedTuple):
    """How one resource stands to another."""

    follows: bool
    followed_by: bool
    friend: bool


class BaseBackend(ABC):
    """Where the follow graph is kept."""

    def check(self) -> list[CheckMessage]:
        """What is wrong with this backend's settings. No round trip."""
        return []

    def check_server(self) -> list[CheckMessage]:
        """What is wrong with the store behind this backend; run by ``check --deploy``."""
        return []

    @abstractmethod
    def follow(self, from_resource: Resource, to_resource: Resource, *, timestamp: float) -> bool:
        """Make one resource follow another. True if the edge is new, False if it stood already.

        An edge that stands keeps its timestamp.
        """

    @abstractmethod
    def unfollow(self, from_resource: Resource, to_resource: Resource) -> bool:
        """Make one resource stop following another. True if there was an edge."""

    @abstractmethod
    def follow_many(self, from_resource: Resource, to_resources: Sequence[Resource], *, timestamp: float) -> list[bool]:
        """Follow 1 to 200 others, all or none. For each, in order, whether its edge is new."""

    @abstractmethod
    def unfollow_many(self, from_resource: Resource, to_resources: Sequence[Resource]) -> list[bool]:
        """Stop following 1 to 200 others, all or none. For each, in order, whether there was an edge."""

    @abstractmethod
    def is_following(self, from_resource: Resource, to_resource: Resource) -> bool:
        """Whether one resource follows another."""

    @abstractmethod
    def are_following(self, from_resource: Resource, to_resources: Sequence[Resource]) -> list[bool]:
        """For each of 1 to 500 others, in order, whether ``from_resource`` follows it."""

    @abstractmethod
    def relationship(self, from_resource: Resource, to_resource: Resource) -> Relationship:
        """Both directions between two resources, and whether they are friends."""

    @abstractmethod
    def count(self, resource: Resource, relation: str, *, identifier: str = "") -> int:
        """How many followers, followings or friends a resource has; with ``identifier``, of that one."""

    @abstractmethod
    def page(
        self,
        resource: Resource,
        relation: str,
        *,
        identifier: str = "",
        desc: bool = True,
        limit: int = MAX_PAGE,
        offset: int = 0,
        cursor: str = "",
    ) -> Page:
        """One page of a list, newest first, or oldest first with ``desc=False``.

        ``limit`` is 1 to 1,000. ``offset`` skips entries; ``cursor`` goes on where a page of the same
        list ended: a walk by cursor shows nobody twice and skips nobody who stayed, whoever comes or
        goes meanwhile. Not both. The order among entries of the very same timestamp is fixed, but each
        backend's own; so is the form of its cursors.
        """

    @abstractmethod
    def forget(self, resource: Resource) -> int:
        """Take a resource and all its edges, in both directions, out of the graph. How many there were."""

    async def afollow(self, from_resource: Resource, to_resource: Resource, *, timestamp: float) -> bool:
        """As :meth:`follow`."""
        return await sync_to_async(self.follow)(from_resource, to_resource, timestamp=timestamp)

    async def aunfollow(self, from_resource: Resource, to_resource: Resource) -> bool:
        """As :meth:`unfollow`."""
        return await sync_to_async(self.unfollow)(from_resource, to_resource)

    async def afollow_many(
        self, from_resource: Resource, to_resources: Sequence[Resource], *, timestamp: float
    ) -> list[bool]:
        """As :meth:`follow_many`."""
        return await sync_to_async(self.follow_many)(from_resource, to_resources, timestamp=timestamp)

    async def aunfollow_many(self, from_resource: Resource, to_resources: Sequence[Resource]) -> list[bool]:
        """As :meth:`unfollow_many`."""
        return await sync_to_async(self.unfollow_many)(from_resource, to_resources)

    async def ais_following(self, from_resource: Resource, to_resource: Resource) -> bool:
        """As :meth:`is_following`."""
        return await sync_to_async(self.is_following)(from_resource, to_resource)

    async def aare_following(self, from_resource: Resource, to_resources: Sequence[Resource]) -> list[bool]:
        """As :meth:`are_following`."""
        return await sync_to_async(self.are_following)(from_resource, to_resources)

    async def arelationship(self, from_resource: Resource, to_resource: Resource) -> Relationship:
        """As :meth:`relationship`."""
        return await sync_to_async(self.relationship)(from_resource, to_resource)

    async def acount(self, resource: Resource, relation: str, *, identifier: str = "") -> int:
        """As :meth:`count`."""
        return await sync_to_async(self.count)(resource, relation, identifier=identifier)

    async def apage(
        self,
        resource: Resource,
        relation: str,
        *,
        identifier: str = "",
        desc: bool = True,
        limit: int = MAX_PAGE,
        offset: int = 0,
        cursor: str = "",
    ) -> Page:
        """As :meth:`page`."""
        return await sync_to_async(self.page)(
            resource, relation, identifier=identifier, desc=desc, limit=limit, offset=offset, cursor=cursor
        )

    async def aforget(self, resource: Resource) -> int:
        """As :meth:`forget`."""
        return await sync_to_async(self.forget)(resource)
