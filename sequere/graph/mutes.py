"""Mutes: what an instance does not want to see, for a time or until it says otherwise."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar, overload

from django.db.models import Model

from ..backends.operations import Added, AddEdges, MoveEdges
from ..registry import registry
from ..relations import check_relation, join_list
from ..results import MuteList
from ..signals import muted, unmuted
from ..timestamps import to_datetime, to_end, to_seconds
from ..twins import awaitable, blocking
from .events import Send
from .follows import identify_both, is_in
from .lists import Identifier, check_list_kind, count_list, narrow

M = TypeVar("M", bound=Model)


@blocking
async def mute(
    from_instance: Model,
    to_instance: Model,
    *,
    until: datetime | timedelta | None = None,
    kind: str | None = None,
) -> bool:
    """Make ``from_instance`` mute ``to_instance``; follows stay, and ``to_instance`` is not notified.

    ``until`` is when the mute ends: a datetime, a timedelta from now, or None for never. It ends by itself, by the
    clock of the store. Returns True and sends the signal ``muted`` if the mute is new or has another end than before,
    else False. One round trip. Raises ``SelfFollow``, ``InvalidTimestamp``, ``InvalidArgument``.
    """
    one, other = identify_both(from_instance, to_instance)
    kind = registry.check_kind(kind, to_instance)
    now = to_seconds(None)
    ends = to_end(until, now)
    (added,) = await AddEdges(check_relation("mute").of_kind(kind).name, one, [other], now, ends)
    if added == Added.EXISTS:
        return False
    end = None if ends is None else to_datetime(ends)
    await Send(muted, [(from_instance, to_instance, now)], kind, {"until": end})
    return True


@blocking
async def unmute(from_instance: Model, to_instance: Model, *, kind: str | None = None) -> bool:
    """Make ``from_instance`` stop muting ``to_instance``.

    Returns True and sends the signal ``unmuted`` if there was a mute that had not ended, else False. One round trip.
    Raises ``SelfFollow``, ``InvalidArgument``.
    """
    one, other = identify_both(from_instance, to_instance)
    kind = registry.check_kind(kind, to_instance)
    moved = await MoveEdges(one, join_list("muted", kind=kind), [other])
    now = to_seconds(None)
    was_active = any(entry.timestamp > now for entry in moved.entries)
    if was_active:
        await Send(unmuted, [(from_instance, to_instance, now)], kind)
    return was_active


@blocking
async def is_muted(from_instance: Model, to_instance: Model, *, kind: str | None = None) -> bool:
    """Whether ``from_instance`` mutes ``to_instance``. One round trip. Raises ``InvalidArgument``."""
    from_resource, to_resource = identify_both(from_instance, to_instance)
    kind = registry.check_kind(kind, to_instance)
    return await is_in(from_resource, join_list("muted", kind=kind), to_resource)


@overload
def get_muted(
    instance: Model, *, identifier: type[M] | M, kind: str | None = None, desc: bool = True
) -> MuteList[M]: ...
@overload
def get_muted(
    instance: Model, *, identifier: str | None = None, kind: str | None = None, desc: bool = True
) -> MuteList[Model]: ...
def get_muted(
    instance: Model, *, identifier: Identifier | None = None, kind: str | None = None, desc: bool = True
) -> MuteList[Any]:
    """Return the instances that ``instance`` mutes: tuples ``(instance, until)``.

    The mutes that end last come first, unless ``desc=False``. ``until`` is None for a mute without an end.
    Mutes that have ended are left out. Otherwise as :func:`get_followers`.
    """
    list_ = join_list("muted", kind=check_list_kind(instance, "muted", kind))
    return MuteList(registry.identify(instance), list_, identifier=narrow(identifier), desc=desc)


@blocking
async def get_muted_count(instance: Model, identifier: Identifier | None = None, *, kind: str | None = None) -> int:
    """Return how many instances ``instance`` mutes; otherwise as :func:`get_followers_count`."""
    return await count_list(instance, "muted", identifier, kind)


amute = awaitable(mute)
aunmute = awaitable(unmute)
ais_muted = awaitable(is_muted)
aget_muted = get_muted
aget_muted_count = awaitable(get_muted_count)
