"""Archived follows: hidden from every other list, and restored with their times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, overload

from django.db.models import Model

from ..backends.operations import Entry, MoveEdges
from ..registry import registry
from ..relations import join_list
from ..results import FollowList
from ..signals import followed, unfollowed
from ..timestamps import to_seconds
from ..twins import awaitable, blocking
from .events import Change, Send, with_others
from .follows import identify_both
from .lists import Identifier, count_list, make_list
from .moves import move_all

M = TypeVar("M", bound=Model)


@blocking
async def archive(instance: Model, to_instance: Model | None = None, *, kind: str | None = None) -> int:
    """Archive the follows of ``instance``, in both directions; or only its follow of ``to_instance``.

    Use it, for example, while an account is deactivated: archived follows are only in the list of :func:`get_archived`
    and in its count. :func:`restore` brings them back. They do not prevent a new follow between the same two instances.

    Returns how many follows were archived, and sends the signal ``unfollowed`` for each. Without ``to_instance`` it
    archives as many as there are when it begins: one round trip for each 50 of each direction, at least two, with the
    signals after each round trip. With ``to_instance``: one round trip. Raises ``SelfFollow``, ``InvalidArgument``.
    """
    return await _move(instance, to_instance, kind, ("followings", "followers"), "archive")


@blocking
async def restore(instance: Model, to_instance: Model | None = None, *, kind: str | None = None) -> int:
    """Restore the archived follows of ``instance``, in both directions; or only its follow of ``to_instance``.

    They keep their original times. If a new follow exists beside an archived one, the new one stays. No limit is
    checked. It also restores a follow that the other side archived. Returns how many were restored, and sends the
    signal ``followed`` for each; otherwise as :func:`archive`.
    """
    return await _move(instance, to_instance, kind, ("archived", "archived_by"), "follow")


@overload
def get_archived(
    instance: Model, *, identifier: type[M] | M, kind: str | None = None, desc: bool = True
) -> FollowList[M]: ...
@overload
def get_archived(
    instance: Model, *, identifier: str | None = None, kind: str | None = None, desc: bool = True
) -> FollowList[Model]: ...
def get_archived(
    instance: Model, *, identifier: Identifier | None = None, kind: str | None = None, desc: bool = True
) -> FollowList[Any]:
    """Return the archived follows by ``instance``, with their times; otherwise as :func:`get_followers`."""
    return make_list(instance, "archived", identifier, kind, desc=desc)


@blocking
async def get_archived_count(instance: Model, identifier: Identifier | None = None, *, kind: str | None = None) -> int:
    """Return how many archived follows by ``instance`` there are; otherwise as :func:`get_followers_count`."""
    return await count_list(instance, "archived", identifier, kind)


aarchive = awaitable(archive)
arestore = awaitable(restore)
aget_archived = get_archived
aget_archived_count = awaitable(get_archived_count)


async def _move(
    instance: Model, to_instance: Model | None, kind: str | None, lists: tuple[str, str], target: str
) -> int:
    """Move follows out of the two lists, or the one follow out of the first, into the target relation."""
    kind = registry.check_kind(kind, to_instance)
    forward, backward = (join_list(name, kind=kind) for name in lists)
    if to_instance is not None:
        resource, other = identify_both(instance, to_instance, "instance")
        moved = await MoveEdges(resource, forward, [other], target)
        await _signal(target, [(instance, to_instance, entry.timestamp) for entry in moved.entries], kind)
        return len(moved.entries)

    def tell_forward(entries: Sequence[Entry]) -> list[Send]:
        return [_signal(target, [(instance, other, seconds) for other, seconds in with_others(entries)], kind)]

    def tell_backward(entries: Sequence[Entry]) -> list[Send]:
        return [_signal(target, [(other, instance, seconds) for other, seconds in with_others(entries)], kind)]

    resource = registry.identify(instance)
    number = await move_all(resource, forward, tell_forward, target=target)
    return number + await move_all(resource, backward, tell_backward, target=target)


def _signal(target: str, changes: Sequence[Change], kind: str) -> Send:
    if target == "follow":
        return Send(followed, changes, kind, {"reason": "restore"})
    now = to_seconds(None)
    return Send(unfollowed, [(one, other, now) for one, other, _ in changes], kind, {"reason": "archive"})
