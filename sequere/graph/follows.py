"""The public functions about two instances, and ``forget``."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Model

from ..backends.operations import Follow, IsFollowing, MoveEdges, Relationships, Since, Unfollow
from ..forgetting import forget_in_steps
from ..outcomes import Outcome
from ..registry import registry
from ..relations import Edge, check_relation, join_list
from ..resources import Resource
from ..signals import followed, request_cancelled, requested, unfollowed
from ..timestamps import to_datetime, to_seconds
from ..twins import awaitable, blocking
from .events import Send
from .policies import get_limits, needs_approval


@blocking
async def follow(
    from_instance: Model, to_instance: Model, *, kind: str | None = None, timestamp: float | datetime | None = None
) -> bool | Outcome:
    """Make ``from_instance`` follow ``to_instance``.

    ``kind`` is one that the followed model declares in ``ModelBase.kinds``; a follow of a kind is separate from the one
    without a kind. ``timestamp`` is the time of the follow: a datetime, or seconds since the epoch, UTC; by default
    now, by this machine's clock. Returns True and sends the signal ``followed`` if the follow is new. Returns False if
    it already exists; it keeps its timestamp.

    If ``ModelBase.needs_approval`` says so, the follow is only a request until it is accepted: the result is
    ``Outcome.REQUESTED``, with the signal ``requested``, or ``Outcome.ALREADY_REQUESTED``. Both are false in a
    condition. A request becomes a follow if approval is no longer needed. One round trip. Raises ``Blocked`` if one of
    the two blocks the other, ``FollowLimitReached``, ``SelfFollow``, ``InvalidTimestamp``, ``InvalidArgument``.
    """
    seconds = to_seconds(timestamp)
    ends = identify_both(from_instance, to_instance)
    kind = registry.check_kind(kind, to_instance)
    approval = await needs_approval(to_instance, from_instance)
    outcome = await Follow(*ends, seconds, kind, approval, await get_limits(from_instance))
    if outcome is True:
        await Send(followed, [(from_instance, to_instance, seconds)], kind, {"reason": "follow"})
    elif outcome is Outcome.REQUESTED:
        await Send(requested, [(from_instance, to_instance, seconds)], kind)
    return outcome


@blocking
async def unfollow(from_instance: Model, to_instance: Model, *, kind: str | None = None) -> bool | Outcome:
    """Make ``from_instance`` stop following ``to_instance``.

    Returns True and sends the signal ``unfollowed`` if there was a follow. If there was a request instead, it is
    withdrawn: returns ``Outcome.WITHDRAWN``, which is false in a condition, and sends ``request_cancelled``. Else
    returns False. One round trip. Raises ``SelfFollow``, ``InvalidArgument``.
    """
    ends = identify_both(from_instance, to_instance)
    kind = registry.check_kind(kind, to_instance)
    outcome = await Unfollow(*ends, kind)
    changes = [(from_instance, to_instance, to_seconds(None))]
    if outcome is True:
        await Send(unfollowed, changes, kind, {"reason": "unfollow"})
    elif outcome is Outcome.WITHDRAWN:
        await Send(request_cancelled, changes, kind)
    return outcome


@blocking
async def remove_follower(instance: Model, follower: Model, *, kind: str | None = None) -> bool:
    """End the follow of ``instance`` by ``follower``, on behalf of ``instance``; the follower may follow again.

    Returns True and sends the signal ``unfollowed`` if there was a follow, else False. One round trip. Raises
    ``SelfFollow``, ``InvalidArgument``.
    """
    owner, other = identify_both(instance, follower, "instance", "follower")
    kind = registry.check_kind(kind, instance)
    moved = await MoveEdges(owner, join_list("followers", kind=kind), [other])
    if moved.entries:
        await Send(unfollowed, [(follower, instance, to_seconds(None))], kind, {"reason": "removed"})
    return bool(moved.entries)


@blocking
async def is_following(from_instance: Model, to_instance: Model, *, kind: str | None = None) -> bool:
    """Whether ``from_instance`` follows ``to_instance``. One round trip. Raises ``InvalidArgument``."""
    from_resource, to_resource = identify_both(from_instance, to_instance)
    kind = registry.check_kind(kind, to_instance)
    if not kind:
        return await IsFollowing(from_resource, to_resource)
    return await is_in(from_resource, join_list("followings", kind=kind), to_resource)


@blocking
async def is_friend(from_instance: Model, to_instance: Model, *, kind: str | None = None) -> bool:
    """Whether the two follow each other. One round trip. Raises ``InvalidArgument``."""
    from_resource, to_resource = identify_both(from_instance, to_instance)
    kind = registry.check_kind(kind, to_instance)
    return await is_in(from_resource, join_list("friends", kind=kind), to_resource)


@blocking
async def since(from_instance: Model, to_instance: Model, *, kind: str | None = None) -> datetime | None:
    """Return the time of the follow of ``to_instance`` by ``from_instance``; None if there is none.

    The datetime is as in lists: aware with ``USE_TZ``. One round trip. Raises ``SelfFollow``, ``InvalidArgument``.
    """
    ends = identify_both(from_instance, to_instance)
    relation = check_relation("follow").of_kind(registry.check_kind(kind, to_instance))
    (seconds,) = await Since([Edge(relation.name, *ends)])
    return None if seconds is None else to_datetime(seconds)


@blocking
async def forget(instance: Model) -> int:
    """Remove ``instance`` and everything about it from the graph, in both directions and of all kinds.

    Follows, requests, blocks, mutes and archived follows are all removed. Returns how many there were. One round trip
    for each 100, and after each a pause as long as the round trip, so that the store serves other calls. Deleting a
    registered instance does this automatically, on commit, unless ``SEQUERE_FORGET_DELETED`` is False. No signals are
    sent.
    """
    return (await forget_in_steps(registry.identify(instance))).removed


afollow = awaitable(follow)
aunfollow = awaitable(unfollow)
aremove_follower = awaitable(remove_follower)
ais_following = awaitable(is_following)
ais_friend = awaitable(is_friend)
asince = awaitable(since)
aforget = awaitable(forget)


def identify_both(
    one: Model, other: Model, name: str = "from_instance", other_name: str = "to_instance"
) -> tuple[Resource, Resource]:
    """Return the resources of two instances; errors name the arguments."""
    return registry.identify(one, name), registry.identify(other, other_name)


async def is_in(resource: Resource, list_: str, other: Resource) -> bool:
    """Whether a list of a resource contains another resource. One round trip."""
    return await Relationships(resource, [list_], [other]) == [1]
