"""Requests: follows that wait until the followed instance accepts or denies them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, overload

from django.db.models import Model

from ..backends.operations import Entry, MoveEdges
from ..registry import registry
from ..relations import join_list
from ..results import FollowList
from ..signals import followed, request_accepted, request_cancelled, request_denied
from ..timestamps import to_seconds
from ..twins import awaitable, blocking
from .events import Send, with_others
from .follows import identify_both, is_in
from .lists import Identifier, count_list, make_list
from .moves import move_all

M = TypeVar("M", bound=Model)


@blocking
async def accept(instance: Model, follower: Model, *, kind: str | None = None) -> bool:
    """Accept the request of ``follower`` to follow ``instance``: it becomes a follow with the current time.

    Returns True and sends the signals ``request_accepted`` and ``followed`` if there was a request, else False: it may
    have been cancelled meanwhile. No limit is checked, because the request was counted when it was made. One round
    trip. Raises ``SelfFollow``, ``InvalidArgument``.
    """
    owner, other = identify_both(instance, follower, "instance", "follower")
    kind = registry.check_kind(kind, instance)
    moved = await MoveEdges(owner, join_list("requests", kind=kind), [other], "follow", timestamp=to_seconds(None))
    changes = [(follower, instance, entry.timestamp) for entry in moved.entries]
    await Send(request_accepted, changes, kind)
    await Send(followed, changes, kind, {"reason": "accept"})
    return bool(changes)


@blocking
async def deny(instance: Model, follower: Model, *, kind: str | None = None) -> bool:
    """Deny the request of ``follower`` to follow ``instance``: it is removed, and ``follower`` may ask again.

    Returns True and sends the signal ``request_denied`` if there was a request, else False. One round trip. Raises
    ``SelfFollow``, ``InvalidArgument``.
    """
    owner, other = identify_both(instance, follower, "instance", "follower")
    kind = registry.check_kind(kind, instance)
    moved = await MoveEdges(owner, join_list("requests", kind=kind), [other])
    if moved.entries:
        await Send(request_denied, [(follower, instance, to_seconds(None))], kind)
    return bool(moved.entries)


@blocking
async def cancel(from_instance: Model, to_instance: Model, *, kind: str | None = None) -> bool:
    """Withdraw the request of ``from_instance`` to follow ``to_instance``.

    Returns True and sends the signal ``request_cancelled`` if there was a request, else False. A request that was
    accepted meanwhile is a follow, and stays; :func:`unfollow` ends either. One round trip. Raises ``SelfFollow``,
    ``InvalidArgument``.
    """
    follower, other = identify_both(from_instance, to_instance)
    kind = registry.check_kind(kind, to_instance)
    moved = await MoveEdges(follower, join_list("requested", kind=kind), [other])
    if moved.entries:
        await Send(request_cancelled, [(from_instance, to_instance, to_seconds(None))], kind)
    return bool(moved.entries)


@blocking
async def accept_all(instance: Model, *, kind: str | None = None) -> int:
    """Accept the requests to follow ``instance``, the oldest first, and return how many became follows.

    It accepts as many as there are when it begins, so it ends even if new ones keep arriving. One round trip for each
    50, after which the signals of :func:`accept` are sent. Raises ``InvalidArgument``.
    """
    kind = registry.check_kind(kind, instance)

    def tell(entries: Sequence[Entry]) -> list[Send]:
        changes = [(follower, instance, seconds) for follower, seconds in with_others(entries)]
        return [Send(request_accepted, changes, kind), Send(followed, changes, kind, {"reason": "accept"})]

    requests = join_list("requests", kind=kind)
    return await move_all(registry.identify(instance), requests, tell, target="follow", timestamp=to_seconds(None))


@blocking
async def deny_all(instance: Model, *, kind: str | None = None) -> int:
    """Deny the requests to follow ``instance``; otherwise as :func:`accept_all`, with the signals of :func:`deny`."""
    kind = registry.check_kind(kind, instance)

    def tell(entries: Sequence[Entry]) -> list[Send]:
        now = to_seconds(None)
        changes = ((follower, instance, now) for follower, _ in with_others(entries))
        return [Send(request_denied, changes, kind)]

    return await move_all(registry.identify(instance), join_list("requests", kind=kind), tell)


@blocking
async def is_requested(from_instance: Model, to_instance: Model, *, kind: str | None = None) -> bool:
    """Whether a request of ``from_instance`` to follow ``to_instance`` waits for approval. One round trip.

    Raises ``InvalidArgument``.
    """
    from_resource, to_resource = identify_both(from_instance, to_instance)
    kind = registry.check_kind(kind, to_instance)
    return await is_in(from_resource, join_list("requested", kind=kind), to_resource)


@overload
def get_requests(
    instance: Model, *, identifier: type[M] | M, kind: str | None = None, desc: bool = True
) -> FollowList[M]: ...
@overload
def get_requests(
    instance: Model, *, identifier: str | None = None, kind: str | None = None, desc: bool = True
) -> FollowList[Model]: ...
def get_requests(
    instance: Model, *, identifier: Identifier | None = None, kind: str | None = None, desc: bool = True
) -> FollowList[Any]:
    """Return the instances that ask to follow ``instance``, with the times; otherwise as :func:`get_followers`."""
    return make_list(instance, "requests", identifier, kind, desc=desc)


@overload
def get_requested(
    instance: Model, *, identifier: type[M] | M, kind: str | None = None, desc: bool = True
) -> FollowList[M]: ...
@overload
def get_requested(
    instance: Model, *, identifier: str | None = None, kind: str | None = None, desc: bool = True
) -> FollowList[Model]: ...
def get_requested(
    instance: Model, *, identifier: Identifier | None = None, kind: str | None = None, desc: bool = True
) -> FollowList[Any]:
    """Return the instances that ``instance`` asks to follow, with the times; otherwise as :func:`get_followers`."""
    return make_list(instance, "requested", identifier, kind, desc=desc)


@blocking
async def get_requests_count(instance: Model, identifier: Identifier | None = None, *, kind: str | None = None) -> int:
    """Return how many instances ask to follow ``instance``; otherwise as :func:`get_followers_count`."""
    return await count_list(instance, "requests", identifier, kind)


@blocking
async def get_requested_count(instance: Model, identifier: Identifier | None = None, *, kind: str | None = None) -> int:
    """Return how many instances ``instance`` asks to follow; otherwise as :func:`get_followers_count`."""
    return await count_list(instance, "requested", identifier, kind)


aaccept = awaitable(accept)
adeny = awaitable(deny)
acancel = awaitable(cancel)
aaccept_all = awaitable(accept_all)
adeny_all = awaitable(deny_all)
ais_requested = awaitable(is_requested)
aget_requests = get_requests
aget_requested = get_requested
aget_requests_count = awaitable(get_requests_count)
aget_requested_count = awaitable(get_requested_count)
