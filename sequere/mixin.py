"""The functions of :mod:`sequere.models` as methods of a model."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from . import models as graph
from .models import Identifier, M
from .results import FollowList

if TYPE_CHECKING:
    from django.db.models import Model

    _Base = Model
else:
    _Base = object


class SequereMixin(_Base):
    """Put it before ``models.Model``; each method is the function of the same name, the instance first.

    Round trips, errors and signals are those of the function.
    """

    def follow(self, instance: Model, *, timestamp: float | datetime | None = None) -> bool:
        """See :func:`sequere.models.follow`."""
        return graph.follow(self, instance, timestamp=timestamp)

    async def afollow(self, instance: Model, *, timestamp: float | datetime | None = None) -> bool:
        """See :func:`sequere.models.afollow`."""
        return await graph.afollow(self, instance, timestamp=timestamp)

    def unfollow(self, instance: Model) -> bool:
        """See :func:`sequere.models.unfollow`."""
        return graph.unfollow(self, instance)

    async def aunfollow(self, instance: Model) -> bool:
        """See :func:`sequere.models.aunfollow`."""
        return await graph.aunfollow(self, instance)

    def follow_many(self, instances: Iterable[M], *, timestamp: float | datetime | None = None) -> dict[M, bool]:
        """See :func:`sequere.models.follow_many`."""
        return graph.follow_many(self, instances, timestamp=timestamp)

    async def afollow_many(self, instances: Iterable[M], *, timestamp: float | datetime | None = None) -> dict[M, bool]:
        """See :func:`sequere.models.afollow_many`."""
        return await graph.afollow_many(self, instances, timestamp=timestamp)

    def unfollow_many(self, instances: Iterable[M]) -> dict[M, bool]:
        """See :func:`sequere.models.unfollow_many`."""
        return graph.unfollow_many(self, instances)

    async def aunfollow_many(self, instances: Iterable[M]) -> dict[M, bool]:
        """See :func:`sequere.models.aunfollow_many`."""
        return await graph.aunfollow_many(self, instances)

    def is_following(self, instance: Model) -> bool:
        """See :func:`sequere.models.is_following`."""
        return graph.is_following(self, instance)

    async def ais_following(self, instance: Model) -> bool:
        """See :func:`sequere.models.ais_following`."""
        return await graph.ais_following(self, instance)

    def are_following(self, instances: Iterable[M]) -> dict[M, bool]:
        """See :func:`sequere.models.are_following`."""
        return graph.are_following(self, instances)

    async def aare_following(self, instances: Iterable[M]) -> dict[M, bool]:
        """See :func:`sequere.models.aare_following`."""
        return await graph.aare_following(self, instances)

    def is_friend(self, instance: Model) -> bool:
        """See :func:`sequere.models.is_friend`."""
        return graph.is_friend(self, instance)

    async def ais_friend(self, instance: Model) -> bool:
        """See :func:`sequere.models.ais_friend`."""
        return await graph.ais_friend(self, instance)

    def get_followers(self, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList:
        """See :func:`sequere.models.get_followers`."""
        return graph.get_followers(self, identifier=identifier, desc=desc)

    def aget_followers(self, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList:
        """See :func:`sequere.models.aget_followers`."""
        return graph.aget_followers(self, identifier=identifier, desc=desc)

    def get_followers_count(self, *, identifier: Identifier | None = None) -> int:
        """See :func:`sequere.models.get_followers_count`."""
        return graph.get_followers_count(self, identifier=identifier)

    async def aget_followers_count(self, *, identifier: Identifier | None = None) -> int:
        """See :func:`sequere.models.aget_followers_count`."""
        return await graph.aget_followers_count(self, identifier=identifier)

    def get_followings(self, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList:
        """See :func:`sequere.models.get_followings`."""
        return graph.get_followings(self, identifier=identifier, desc=desc)

    def aget_followings(self, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList:
        """See :func:`sequere.models.aget_followings`."""
        return graph.aget_followings(self, identifier=identifier, desc=desc)

    def get_followings_count(self, *, identifier: Identifier | None = None) -> int:
        """See :func:`sequere.models.get_followings_count`."""
        return graph.get_followings_count(self, identifier=identifier)

    async def aget_followings_count(self, *, identifier: Identifier | None = None) -> int:
        """See :func:`sequere.models.aget_followings_count`."""
        return await graph.aget_followings_count(self, identifier=identifier)

    def get_friends(self, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList:
        """See :func:`sequere.models.get_friends`."""
        return graph.get_friends(self, identifier=identifier, desc=desc)

    def aget_friends(self, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList:
        """See :func:`sequere.models.aget_friends`."""
        return graph.aget_friends(self, identifier=identifier, desc=desc)

    def get_friends_count(self, *, identifier: Identifier | None = None) -> int:
        """See :func:`sequere.models.get_friends_count`."""
        return graph.get_friends_count(self, identifier=identifier)

    async def aget_friends_count(self, *, identifier: Identifier | None = None) -> int:
        """See :func:`sequere.models.aget_friends_count`."""
        return await graph.aget_friends_count(self, identifier=identifier)

    def forget(self) -> int:
        """See :func:`sequere.models.forget`."""
        return graph.forget(self)

    async def aforget(self) -> int:
        """See :func:`sequere.models.aforget`."""
        return await graph.aforget(self)
