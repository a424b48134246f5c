"""What users import: who follows whom, in terms of model instances.

Every function works on instances of registered models, delegates to the backend that
``SEQUERE_BACKEND_CLASS`` names, and raises ``sequere.exceptions``: ``NotRegistered``,
``UnsavedInstance`` and the other kinds of misuse before anything is written, a ``BackendError`` when
the store fails. With the Redis backend each call is one round trip. Every function has a twin for
asynchronous code under its name with an ``a`` in front.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Model

from .backends import get_backend
from .backends.base import MAX_READS, MAX_WRITES
from .registry import registry
from .resources import Resource
from .results import FollowList
from .signals import followed, unfollowed
from .timestamps import to_datetime, to_seconds

__all__ = [
    "aare_following",
    "afollow",
    "afollow_many",
    "aforget",
    "aget_followers",
    "aget_followers_count",
    "aget_followings",
    "aget_followings_count",
    "aget_friends",
    "aget_friends_count",
    "ais_following",
    "ais_friend",
    "are_following",
    "aunfollow",
    "aunfollow_many",
    "follow",
    "follow_many",
    "forget",
    "get_followers",
    "get_followers_count",
    "get_followings",
    "get_followings_count",
    "get_friends",
    "get_friends_count",
    "is_following",
    "is_friend",
    "unfollow",
    "unfollow_many",
]

M = TypeVar("M", bound=Model)

#: What an ``identifier=`` argument takes: the text, or a model or an instance for its identifier.
Identifier = str | type[Model] | Model


def follow(from_instance: Model, to_instance: Model, *, timestamp: float | datetime | None = None) -> bool:
    """Make ``from_instance`` follow ``to_instance``.

    ``timestamp`` says since when: a datetime, or seconds since the epoch, UTC; by default now, by this
    machine's clock. True if the follow is new, and then the signal ``followed`` is sent; False if it
    stood already, with its older timestamp. Raises ``SelfFollow``, ``InvalidTimestamp``.
    """
    seconds = to_seconds(timestamp)
    changed = get_backend().follow(registry.identify(from_instance), registry.identify(to_instance), timestamp=seconds)
    if changed:
        followed.send(**_event(from_instance, to_instance, seconds))
    return changed


async def afollow(from_instance: Model, to_instance: Model, *, timestamp: float | datetime | None = None) -> bool:
    """As :func:`follow`."""
    seconds = to_seconds(timestamp)
    changed = await get_backend().afollow(
        registry.identify(from_instance), registry.identify(to_instance), timestamp=seconds
    )
    if changed:
        await followed.asend(**_event(from_instance, to_instance, seconds))
    return changed


def unfollow(from_instance: Model, to_instance: Model) -> bool:
    """Make ``from_instance`` stop following ``to_instance``.

    True if it did follow, and then the signal ``unfollowed`` is sent; else False. Raises ``SelfFollow``.
    """
    changed = get_backend().unfollow(registry.identify(from_instance), registry.identify(to_instance))
    if changed:
        unfollowed.send(**_event(from_instance, to_instance, to_seconds(None)))
    return changed


async def aunfollow(from_instance: Model, to_instance: Model) -> bool:
    """As :func:`unfollow`."""
    changed = await get_backend().aunfollow(registry.identify(from_instance), registry.identify(to_instance))
    if changed:
        await unfollowed.asend(**_event(from_instance, to_instance, to_seconds(None)))
    return changed


def follow_many(
    from_instance: Model, to_instances: Iterable[M], *, timestamp: float | datetime | None = None
) -> dict[M, bool]:
    """Make ``from_instance`` follow several others, of one or of many models.

    For each instance, whether the follow is new, as with :func:`follow`, signals included. One round trip
    for each 200; each 200 are followed all or, on an error, none.
    """
    seconds = to_seconds(timestamp)
    follower = registry.identify(from_instance)
    replies: dict[M, bool] = {}
    for instances, resources in _batches(to_instances, MAX_WRITES):
        changes = get_backend().follow_many(follower, resources, timestamp=seconds)
        replies.update(_replies(instances, changes))
        for instance in _changed(instances, changes):
            followed.send(**_event(from_instance, instance, seconds))
    return replies


async def afollow_many(
    from_instance: Model, to_instances: Iterable[M], *, timestamp: float | datetime | None = None
) -> dict[M, bool]:
    """As :func:`follow_many`."""
    seconds = to_seconds(timestamp)
    follower = registry.identify(from_instance)
    replies: dict[M, bool] = {}
    for instances, resources in _batches(to_instances, MAX_WRITES):
        changes = await get_backend().afollow_many(follower, resources, timestamp=seconds)
        replies.update(_replies(instances, changes))
        for instance in _changed(instances, changes):
            await followed.asend(**_event(from_instance, instance, seconds))
    return replies


def unfollow_many(from_instance: Model, to_instances: Iterable[M]) -> dict[M, bool]:
    """Make ``from_instance`` stop following several others.

    For each instance, whether it was followed, as with :func:`unfollow`, signals included. One round trip
    for each 200; each 200 are unfollowed all or, on an error, none.
    """
    follower = registry.identify(from_instance)
    replies: dict[M, bool] = {}
    for instances, resources in _batches(to_instances, MAX_WRITES):
        changes = get_backend().unfollow_many(follower, resources)
        seconds = to_seconds(None)
        replies.update(_replies(instances, changes))
        for instance in _changed(instances, changes):
            unfollowed.send(**_event(from_instance, instance, seconds))
    return replies


async def aunfollow_many(from_instance: Model, to_instances: Iterable[M]) -> dict[M, bool]:
    """As :func:`unfollow_many`."""
    follower = registry.identify(from_instance)
    replies: dict[M, bool] = {}
    for instances, resources in _batches(to_instances, MAX_WRITES):
        changes = await get_backend().aunfollow_many(follower, resources)
        seconds = to_seconds(None)
        replies.update(_replies(instances, changes))
        for instance in _changed(instances, changes):
            await unfollowed.asend(**_event(from_instance, instance, seconds))
    return replies


def is_following(from_instance: Model, to_instance: Model) -> bool:
    """Whether ``from_instance`` follows ``to_instance``."""
    return get_backend().is_following(registry.identify(from_instance), registry.identify(to_instance))


async def ais_following(from_instance: Model, to_instance: Model) -> bool:
    """As :func:`is_following`."""
    return await get_backend().ais_following(registry.identify(from_instance), registry.identify(to_instance))


def are_following(from_instance: Model, to_instances: Iterable[M]) -> dict[M, bool]:
    """For each of several instances, whether ``from_instance`` follows it. One round trip for each 500."""
    follower = registry.identify(from_instance)
    replies: dict[M, bool] = {}
    for instances, resources in _batches(to_instances, MAX_READS):
        replies.update(_replies(instances, get_backend().are_following(follower, resources)))
    return replies


async def aare_following(from_instance: Model, to_instances: Iterable[M]) -> dict[M, bool]:
    """As :func:`are_following`."""
    follower = registry.identify(from_instance)
    replies: dict[M, bool] = {}
    for instances, resources in _batches(to_instances, MAX_READS):
        replies.update(_replies(instances, await get_backend().aare_following(follower, resources)))
    return replies


def is_friend(from_instance: Model, to_instance: Model) -> bool:
    """Whether the two follow each other."""
    return get_backend().relationship(registry.identify(from_instance), registry.identify(to_instance)).friend


async def ais_friend(from_instance: Model, to_instance: Model) -> bool:
    """As :func:`is_friend`."""
    relationship = await get_backend().arelationship(registry.identify(from_instance), registry.identify(to_instance))
    return relationship.friend


def get_followers(instance: Model, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList:
    """Who follows ``instance``: tuples ``(instance, datetime)``, newest first, or oldest first with ``desc=False``.

    ``identifier`` (text, a model or an instance) leaves only the followers of that model. The result is
    lazy; see :class:`~sequere.results.FollowList`.
    """
    return _list(instance, "followers", identifier, desc=desc)


def get_followings(instance: Model, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList:
    """Whom ``instance`` follows; otherwise as :func:`get_followers`."""
    return _list(instance, "followings", identifier, desc=desc)


def get_friends(instance: Model, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList:
    """Those whom ``instance`` follows and who follow it, since the later of the two; as :func:`get_followers`."""
    return _list(instance, "friends", identifier, desc=desc)


def aget_followers(instance: Model, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList:
    """As :func:`get_followers`: ``await`` the result for a list, or go through it with ``async for``."""
    return _list(instance, "followers", identifier, desc=desc)


def aget_followings(instance: Model, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList:
    """As :func:`get_followings`: ``await`` the result for a list, or go through it with ``async for``."""
    return _list(instance, "followings", identifier, desc=desc)


def aget_friends(instance: Model, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList:
    """As :func:`get_friends`: ``await`` the result for a list, or go through it with ``async for``."""
    return _list(instance, "friends", identifier, desc=desc)


def get_followers_count(instance: Model, *, identifier: Identifier | None = None) -> int:
    """How many follow ``instance``; with ``identifier`` (text, a model or an instance), of that model only."""
    return get_backend().count(registry.identify(instance), "followers", identifier=_narrow(identifier))


async def aget_followers_count(instance: Model, *, identifier: Identifier | None = None) -> int:
    """As :func:`get_followers_count`."""
    return await get_backend().acount(registry.identify(instance), "followers", identifier=_narrow(identifier))


def get_followings_count(instance: Model, *, identifier: Identifier | None = None) -> int:
    """How many ``instance`` follows; otherwise as :func:`get_followers_count`."""
    return get_backend().count(registry.identify(instance), "followings", identifier=_narrow(identifier))


async def aget_followings_count(instance: Model, *, identifier: Identifier | None = None) -> int:
    """As :func:`get_followings_count`."""
    return await get_backend().acount(registry.identify(instance), "followings", identifier=_narrow(identifier))


def get_friends_count(instance: Model, *, identifier: Identifier | None = None) -> int:
    """How many ``instance`` follows that follow it; otherwise as :func:`get_followers_count`."""
    return get_backend().count(registry.identify(instance), "friends", identifier=_narrow(identifier))


async def aget_friends_count(instance: Model, *, identifier: Identifier | None = None) -> int:
    """As :func:`get_friends_count`."""
    return await get_backend().acount(registry.identify(instance), "friends", identifier=_narrow(identifier))


def forget(instance: Model) -> int:
    """Take ``instance`` and all its follows, in both directions, out of the graph. How many there were.

    One round trip for each 500 follows. Deleting a registered instance does this by itself, on commit,
    unless ``SEQUERE_FORGET_DELETED`` is False. No signals are sent.
    """
    return get_backend().forget(registry.identify(instance))


async def aforget(instance: Model) -> int:
    """As :func:`forget`."""
    return await get_backend().aforget(registry.identify(instance))


def _list(instance: Model, relation: str, identifier: Identifier | None, *, desc: bool) -> FollowList:
    return FollowList(
        get_backend(),
        registry,
        registry.identify(instance),
        relation,
        identifier=_narrow(identifier),
        desc=desc,
    )


def _narrow(identifier: Identifier | None) -> str:
    """An ``identifier=`` argument as backends take it: '' for everybody."""
    return "" if identifier is None else registry.to_identifier(identifier)


def _event(from_instance: Model, to_instance: Model, seconds: float) -> dict[str, Any]:
    """The arguments of a signal."""
    return {
        "sender": registry.get_base(from_instance).model,
        "from_instance": from_instance,
        "to_instance": to_instance,
        "timestamp": to_datetime(seconds),
    }


def _batches(instances: Iterable[M], size: int) -> Iterator[tuple[list[list[M]], list[Resource]]]:
    """So many resources at a time, each once, and for each the instances that stand for it.

    All instances are looked at before the first batch is sent.
    """
    unique: dict[Resource, list[M]] = {}
    for instance in instances:
        unique.setdefault(registry.identify(instance), []).append(instance)
    resources = list(unique)
    for i in range(0, len(resources), size):
        batch = resources[i : i + size]
        yield [unique[resource] for resource in batch], batch


def _replies(instances: Sequence[list[M]], flags: Sequence[bool]) -> dict[M, bool]:
    return {instance: flag for same, flag in zip(instances, flags, strict=True) for instance in same}


def _changed(instances: Sequence[list[M]], changes: Sequence[bool]) -> Iterator[M]:
    return (same[0] for same, changed in zip(instances, changes, strict=True) if changed)
