"""The followers, followings and friends of an instance, and how many there are."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from django.db.models import Model

from ..backends.operations import Count
from ..registry import registry
from ..relations import join_list
from ..results import FollowList
from ..twins import awaitable, blocking

M = TypeVar("M", bound=Model)

#: What an ``identifier=`` argument takes: a registered identifier, its model, or an instance of the model.
Identifier = str | type[Model] | Model


@overload
def get_followers(instance: Model, *, identifier: type[M] | M, desc: bool = True) -> FollowList[M]: ...
@overload
def get_followers(instance: Model, *, identifier: str | None = None, desc: bool = True) -> FollowList[Model]: ...
def get_followers(instance: Model, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList[Any]:
    """Return who follows ``instance``: tuples ``(instance, timestamp)``, newest first unless ``desc=False``.

    ``identifier`` (a registered identifier, its model, or an instance of the model) limits the result to followers of
    that model. The result is lazy; see :class:`~sequere.results.FollowList`. In asynchronous code ``await`` it to get a
    list, or iterate over it with ``async for``. Raises ``NotRegistered``, ``InvalidArgument``.
    """
    return _list(instance, "followers", identifier, desc=desc)


@overload
def get_followings(instance: Model, *, identifier: type[M] | M, desc: bool = True) -> FollowList[M]: ...
@overload
def get_followings(instance: Model, *, identifier: str | None = None, desc: bool = True) -> FollowList[Model]: ...
def get_followings(instance: Model, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList[Any]:
    """Return whom ``instance`` follows; otherwise as :func:`get_followers`."""
    return _list(instance, "followings", identifier, desc=desc)


@overload
def get_friends(instance: Model, *, identifier: type[M] | M, desc: bool = True) -> FollowList[M]: ...
@overload
def get_friends(instance: Model, *, identifier: str | None = None, desc: bool = True) -> FollowList[Model]: ...
def get_friends(instance: Model, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList[Any]:
    """Return the friends of ``instance``, with the time of the later follow; otherwise as :func:`get_followers`."""
    return _list(instance, "friends", identifier, desc=desc)


@blocking
async def get_followers_count(instance: Model, identifier: Identifier | None = None) -> int:
    """Return how many follow ``instance``; ``identifier`` limits them to one model, as in :func:`get_followers`.

    One round trip. Raises ``NotRegistered``, ``InvalidArgument``.
    """
    return await Count(registry.identify(instance), join_list("followers", _narrow(identifier)))


@blocking
async def get_followings_count(instance: Model, identifier: Identifier | None = None) -> int:
    """Return how many instances ``instance`` follows; otherwise as :func:`get_followers_count`."""
    return await Count(registry.identify(instance), join_list("followings", _narrow(identifier)))


@blocking
async def get_friends_count(instance: Model, identifier: Identifier | None = None) -> int:
    """Return how many friends ``instance`` has; otherwise as :func:`get_followers_count`."""
    return await Count(registry.identify(instance), join_list("friends", _narrow(identifier)))


# A list can be awaited, so these are the same functions.
aget_followers = get_followers
aget_followings = get_followings
aget_friends = get_friends
aget_followers_count = awaitable(get_followers_count)
aget_followings_count = awaitable(get_followings_count)
aget_friends_count = awaitable(get_friends_count)


def _list(instance: Model, name: str, identifier: Identifier | None, *, desc: bool) -> FollowList[Any]:
    return FollowList(registry.identify(instance), name, identifier=_narrow(identifier), desc=desc)


def _narrow(identifier: Identifier | None) -> str:
    """An ``identifier=`` argument as operations take it: '' for all models."""
    return "" if identifier is None else registry.to_identifier(identifier)
