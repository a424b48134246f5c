"""The followers, followings and friends of an instance, and how many there are."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from django.db.models import Model

from ..backends.operations import Count
from ..registry import registry
from ..relations import LISTS, join_list
from ..results import FollowList
from ..selections import hide_for
from ..twins import awaitable, blocking

M = TypeVar("M", bound=Model)

#: What an ``identifier=`` argument takes: a registered identifier, its model, or an instance of the model.
Identifier = str | type[Model] | Model


@overload
def get_followers(
    instance: Model,
    *,
    identifier: type[M] | M,
    kind: str | None = None,
    desc: bool = True,
    viewer: Model | None = None,
) -> FollowList[M]: ...
@overload
def get_followers(
    instance: Model,
    *,
    identifier: str | None = None,
    kind: str | None = None,
    desc: bool = True,
    viewer: Model | None = None,
) -> FollowList[Model]: ...
def get_followers(
    instance: Model,
    *,
    identifier: Identifier | None = None,
    kind: str | None = None,
    desc: bool = True,
    viewer: Model | None = None,
) -> FollowList[Any]:
    """Return the followers of ``instance``: tuples ``(instance, timestamp)``, newest first unless ``desc=False``.

    ``identifier`` (a registered identifier, its model, or an instance of the model) limits the result to followers of
    that model. ``kind`` names one of ``ModelBase.kinds``; without it, the result has the follows without a kind. The
    result is lazy; see :class:`~sequere.results.FollowList`. In asynchronous code ``await`` it to get a list, or
    iterate over it with ``async for``. Raises ``NotRegistered``, ``InvalidArgument``.

    ``viewer`` is the instance that sees the list: it hides those that the viewer blocks and those that block the
    viewer. Such a list is a :class:`~sequere.selections.Selection`, always newest first.
    """
    return make_list(instance, "followers", identifier, kind, desc=desc, viewer=viewer)


@overload
def get_followings(
    instance: Model,
    *,
    identifier: type[M] | M,
    kind: str | None = None,
    desc: bool = True,
    viewer: Model | None = None,
) -> FollowList[M]: ...
@overload
def get_followings(
    instance: Model,
    *,
    identifier: str | None = None,
    kind: str | None = None,
    desc: bool = True,
    viewer: Model | None = None,
) -> FollowList[Model]: ...
def get_followings(
    instance: Model,
    *,
    identifier: Identifier | None = None,
    kind: str | None = None,
    desc: bool = True,
    viewer: Model | None = None,
) -> FollowList[Any]:
    """Return the instances that ``instance`` follows; otherwise as :func:`get_followers`."""
    return make_list(instance, "followings", identifier, kind, desc=desc, viewer=viewer)


@overload
def get_friends(
    instance: Model,
    *,
    identifier: type[M] | M,
    kind: str | None = None,
    desc: bool = True,
    viewer: Model | None = None,
) -> FollowList[M]: ...
@overload
def get_friends(
    instance: Model,
    *,
    identifier: str | None = None,
    kind: str | None = None,
    desc: bool = True,
    viewer: Model | None = None,
) -> FollowList[Model]: ...
def get_friends(
    instance: Model,
    *,
    identifier: Identifier | None = None,
    kind: str | None = None,
    desc: bool = True,
    viewer: Model | None = None,
) -> FollowList[Any]:
    """Return the friends of ``instance``, with the time of the later follow; otherwise as :func:`get_followers`."""
    return make_list(instance, "friends", identifier, kind, desc=desc, viewer=viewer)


@blocking
async def get_followers_count(instance: Model, identifier: Identifier | None = None, *, kind: str | None = None) -> int:
    """Return how many instances follow ``instance``; ``identifier`` and ``kind`` are as in :func:`get_followers`.

    One round trip. Raises ``NotRegistered``, ``InvalidArgument``.
    """
    return await count_list(instance, "followers", identifier, kind)


@blocking
async def get_followings_count(
    instance: Model, identifier: Identifier | None = None, *, kind: str | None = None
) -> int:
    """Return how many instances ``instance`` follows; otherwise as :func:`get_followers_count`."""
    return await count_list(instance, "followings", identifier, kind)


@blocking
async def get_friends_count(instance: Model, identifier: Identifier | None = None, *, kind: str | None = None) -> int:
    """Return how many friends ``instance`` has; otherwise as :func:`get_followers_count`."""
    return await count_list(instance, "friends", identifier, kind)


# A list can be awaited, so these are the same functions.
aget_followers = get_followers
aget_followings = get_followings
aget_friends = get_friends
aget_followers_count = awaitable(get_followers_count)
aget_followings_count = awaitable(get_followings_count)
aget_friends_count = awaitable(get_friends_count)


def make_list(
    instance: Model,
    name: str,
    identifier: Identifier | None,
    kind: str | None,
    *,
    desc: bool = True,
    viewer: Model | None = None,
) -> FollowList[Any]:
    """Return a list of an instance for the arguments of a public function. Raises as :func:`get_followers`."""
    list_ = join_list(name, kind=check_list_kind(instance, name, kind))
    shown: FollowList[Any] = FollowList(registry.identify(instance), list_, identifier=narrow(identifier), desc=desc)
    return shown if viewer is None else hide_for(shown, viewer)


async def count_list(instance: Model, name: str, identifier: Identifier | None, kind: str | None) -> int:
    """Count a list of an instance for the arguments of a public function. Raises as :func:`get_followers`."""
    resource = registry.identify(instance)
    list_ = join_list(name, narrow(identifier), check_list_kind(instance, name, kind))
    return (await Count([list_], [resource]))[0]


def check_list_kind(instance: Model, name: str, kind: str | None) -> str:
    """Return a ``kind=`` argument for a list of an instance: '' for None. Raises ``InvalidArgument``."""
    return registry.check_kind(kind, None if name == LISTS[name].forward else instance)


def narrow(identifier: Identifier | None) -> str:
    """Return an ``identifier=`` argument as operations take it: '' for all models."""
    return "" if identifier is None else registry.to_identifier(identifier)
