"""Blocks: while one of two blocks the other, neither follows the other."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from django.db.models import Model

from ..backends.operations import Added, AddEdges, MoveEdges
from ..results import FollowList
from ..signals import blocked, unblocked, unfollowed
from ..timestamps import to_seconds
from ..twins import awaitable, blocking
from .events import Send
from .follows import identify_both, is_in
from .lists import Identifier, count_list, make_list

M = TypeVar("M", bound=Model)


@blocking
async def block(from_instance: Model, to_instance: Model) -> bool:
    """Make ``from_instance`` block ``to_instance``.

    It ends the follows, requests and archived follows between the two, in both directions and of all kinds, and until
    :func:`unblock` neither can follow the other. Returns True and sends the signal ``blocked`` if the block is new,
    and ``unfollowed`` for each direction in which it ended a follow; returns False if it already exists. No signal is
    sent for a request that it ended. One round trip. Raises ``SelfFollow``.
    """
    one, other = identify_both(from_instance, to_instance)
    now = to_seconds(None)
    (added,) = await AddEdges("block", one, [other], now)
    if added == Added.EXISTS:
        return False
    forward = [(from_instance, to_instance, now)]
    cut_following = added in (Added.CUT_FOLLOWING, Added.CUT_BOTH)
    cut_follower = added in (Added.CUT_FOLLOWER, Added.CUT_BOTH)
    await Send(blocked, forward, details={"cut_following": cut_following, "cut_follower": cut_follower})
    if cut_following:
        await Send(unfollowed, forward, details={"reason": "block"})
    if cut_follower:
        await Send(unfollowed, [(to_instance, from_instance, now)], details={"reason": "block"})
    return True


@blocking
async def unblock(from_instance: Model, to_instance: Model) -> bool:
    """Make ``from_instance`` stop blocking ``to_instance``. The follows that the block ended do not come back.

    Returns True and sends the signal ``unblocked`` if there was a block by ``from_instance``, else False. A block in
    the other direction stays. One round trip. Raises ``SelfFollow``.
    """
    one, other = identify_both(from_instance, to_instance)
    moved = await MoveEdges(one, "blocked", [other])
    if moved.entries:
        await Send(unblocked, [(from_instance, to_instance, to_seconds(None))])
    return bool(moved.entries)


@blocking
async def is_blocked(from_instance: Model, to_instance: Model) -> bool:
    """Whether ``from_instance`` blocks ``to_instance``. One round trip."""
    from_resource, to_resource = identify_both(from_instance, to_instance)
    return await is_in(from_resource, "blocked", to_resource)


@overload
def get_blocked(instance: Model, *, identifier: type[M] | M, desc: bool = True) -> FollowList[M]: ...
@overload
def get_blocked(instance: Model, *, identifier: str | None = None, desc: bool = True) -> FollowList[Model]: ...
def get_blocked(instance: Model, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList[Any]:
    """Return the instances that ``instance`` blocks, with the times; otherwise as :func:`get_followers`."""
    return make_list(instance, "blocked", identifier, None, desc=desc)


@overload
def get_blocked_by(instance: Model, *, identifier: type[M] | M, desc: bool = True) -> FollowList[M]: ...
@overload
def get_blocked_by(instance: Model, *, identifier: str | None = None, desc: bool = True) -> FollowList[Model]: ...
def get_blocked_by(instance: Model, *, identifier: Identifier | None = None, desc: bool = True) -> FollowList[Any]:
    """Return the instances that block ``instance``, with the times; otherwise as :func:`get_followers`.

    Do not show it to users: the blocks of an instance are private to it.
    """
    return make_list(instance, "blocked_by", identifier, None, desc=desc)


@blocking
async def get_blocked_count(instance: Model, identifier: Identifier | None = None) -> int:
    """Return how many instances ``instance`` blocks; otherwise as :func:`get_followers_count`."""
    return await count_list(instance, "blocked", identifier, None)


@blocking
async def get_blocked_by_count(instance: Model, identifier: Identifier | None = None) -> int:
    """Return how many instances block ``instance``; as :func:`get_followers_count`. Do not show it to users."""
    return await count_list(instance, "blocked_by", identifier, None)


ablock = awaitable(block)
aunblock = awaitable(unblock)
ais_blocked = awaitable(is_blocked)
aget_blocked = get_blocked
aget_blocked_by = get_blocked_by
aget_blocked_count = awaitable(get_blocked_count)
aget_blocked_by_count = awaitable(get_blocked_by_count)
