"""The public functions about two instances, and ``forget``."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Model

from ..backends.operations import Follow, IsFollowing, Relationships, Unfollow
from ..forgetting import forget_in_steps
from ..registry import registry
from ..resources import Resource
from ..signals import followed, unfollowed
from ..timestamps import to_seconds
from ..twins import awaitable, blocking
from .events import Send


@blocking
async def follow(from_instance: Model, to_instance: Model, *, timestamp: float | datetime | None = None) -> bool:
    """Make ``from_instance`` follow ``to_instance``.

    ``timestamp`` is the time of the follow: a datetime, or seconds since the epoch, UTC; by default now, by this
    machine's clock. Returns True and sends the signal ``followed`` if the follow is new; returns False if it already
    exists, and keeps its timestamp. One round trip. Raises ``SelfFollow``, ``InvalidTimestamp``.
    """
    seconds = to_seconds(timestamp)
    is_new = await Follow(*_ends(from_instance, to_instance), seconds)
    if is_new:
        await Send(followed, from_instance, [to_instance], seconds)
    return is_new


@blocking
async def unfollow(from_instance: Model, to_instance: Model) -> bool:
    """Make ``from_instance`` stop following ``to_instance``.

    Returns True and sends the signal ``unfollowed`` if there was a follow, else False. One round trip. Raises
    ``SelfFollow``.
    """
    is_gone = await Unfollow(*_ends(from_instance, to_instance))
    if is_gone:
        await Send(unfollowed, from_instance, [to_instance], to_seconds(None))
    return is_gone


@blocking
async def is_following(from_instance: Model, to_instance: Model) -> bool:
    """Whether ``from_instance`` follows ``to_instance``. One round trip."""
    return await IsFollowing(*_ends(from_instance, to_instance))


@blocking
async def is_friend(from_instance: Model, to_instance: Model) -> bool:
    """Whether the two follow each other. One round trip."""
    from_resource, to_resource = _ends(from_instance, to_instance)
    return await Relationships(from_resource, ["friends"], [to_resource]) == [1]


@blocking
async def forget(instance: Model) -> int:
    """Remove ``instance`` and all its follows, in both directions, from the graph. Returns how many there were.

    One round trip for each 100 follows. After each it pauses for as long as that took, so that the store serves other
    calls. Deleting a registered instance does this automatically, on commit, unless ``SEQUERE_FORGET_DELETED`` is
    False. No signals are sent.
    """
    return (await forget_in_steps(registry.identify(instance))).removed


afollow = awaitable(follow)
aunfollow = awaitable(unfollow)
ais_following = awaitable(is_following)
ais_friend = awaitable(is_friend)
aforget = awaitable(forget)


def _ends(from_instance: Model, to_instance: Model) -> tuple[Resource, Resource]:
    return registry.identify(from_instance, "from_instance"), registry.identify(to_instance, "to_instance")
