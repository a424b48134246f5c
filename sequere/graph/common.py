"""Common followers and followings of two instances, and suggestions for one."""

from __future__ import annotations

from typing import Any, TypeVar, overload

from django.db.models import Model

from ..backends.operations import Filter, Suggest
from ..instances import find_instances
from ..registry import registry
from ..relations import join_list
from ..resources import check_resource
from ..selections import Selection, hide_for
from ..twins import awaitable, blocking

M = TypeVar("M", bound=Model)


@overload
def get_common_followers(
    instance: Model, other: Model, *, identifier: type[M] | M, kind: str | None = None, viewer: Model | None = None
) -> Selection[M]: ...
@overload
def get_common_followers(
    instance: Model,
    other: Model,
    *,
    identifier: str | None = None,
    kind: str | None = None,
    viewer: Model | None = None,
) -> Selection[Model]: ...
def get_common_followers(
    instance: Model,
    other: Model,
    *,
    identifier: str | type[Model] | Model | None = None,
    kind: str | None = None,
    viewer: Model | None = None,
) -> Selection[Any]:
    """Return the followers of both: tuples ``(instance, timestamp)``, with the time of their follow of ``instance``.

    The order is that of the shorter of the two lists, newest first. ``identifier``, ``kind`` and ``viewer`` are those
    of :func:`~sequere.models.get_followers`. The result is lazy; see :class:`~sequere.selections.Selection`. Raises
    ``NotRegistered``, ``InvalidArgument``.
    """
    return _both(instance, "followers", other, "followers", identifier, kind, viewer)


@overload
def get_common_followings(
    instance: Model, other: Model, *, identifier: type[M] | M, kind: str | None = None, viewer: Model | None = None
) -> Selection[M]: ...
@overload
def get_common_followings(
    instance: Model,
    other: Model,
    *,
    identifier: str | None = None,
    kind: str | None = None,
    viewer: Model | None = None,
) -> Selection[Model]: ...
def get_common_followings(
    instance: Model,
    other: Model,
    *,
    identifier: str | type[Model] | Model | None = None,
    kind: str | None = None,
    viewer: Model | None = None,
) -> Selection[Any]:
    """Return the instances that both follow, with the time of the follow by ``instance``.

    Otherwise as :func:`get_common_followers`.
    """
    return _both(instance, "followings", other, "followings", identifier, kind, viewer)


@overload
def get_known_followers(
    viewer: Model, instance: Model, *, identifier: type[M] | M, kind: str | None = None
) -> Selection[M]: ...
@overload
def get_known_followers(
    viewer: Model, instance: Model, *, identifier: str | None = None, kind: str | None = None
) -> Selection[Model]: ...
def get_known_followers(
    viewer: Model, instance: Model, *, identifier: str | type[Model] | Model | None = None, kind: str | None = None
) -> Selection[Any]:
    """Return the followers of ``instance`` that ``viewer`` follows; otherwise as :func:`get_common_followers`."""
    registry.identify(viewer, "viewer")
    return _both(instance, "followers", viewer, "followings", identifier, kind, None)


@blocking
async def get_suggestions(instance: Model, limit: int = 10, *, kind: str | None = None) -> list[tuple[Model, int]]:
    """Return up to ``limit`` (1 to 50) instances that ``instance`` may want to follow.

    Candidates are the newest 25 followings of each of 50 of its followings. Returns tuples ``(instance, number)``, with
    the number of those 50 that follow the candidate, the highest first. Leaves out instances that ``instance`` follows,
    asked to follow, blocks or mutes, and those that block it. With ``kind``, the follows are of that kind. Returns
    fewer if some no longer exist or are hidden. One round trip, and one SQL query per model; with the database backend
    two or more queries. Raises ``InvalidLimit``, ``InvalidArgument``.
    """
    resource = check_resource(registry.identify(instance))
    found = await Suggest(resource, limit=limit, kind=registry.check_kind(kind))
    instances = await find_instances(found, f"suggestions for {resource}")
    return [(one, entry.followers) for one, entry in zip(instances, found, strict=True) if one is not None]


# A list can be awaited, so the first three are the same functions.
aget_common_followers = get_common_followers
aget_common_followings = get_common_followings
aget_known_followers = get_known_followers
aget_suggestions = awaitable(get_suggestions)


def _both(
    instance: Model,
    name: str,
    other: Model,
    other_name: str,
    identifier: str | type[Model] | Model | None,
    kind: str | None,
    viewer: Model | None,
) -> Selection[Any]:
    narrow, kind = "" if identifier is None else registry.to_identifier(identifier), registry.check_kind(kind)
    both = Filter("&", registry.identify(other, "other"), join_list(other_name, narrow, kind))
    list_ = join_list(name, narrow, kind)
    found: Selection[Any] = Selection(registry.identify(instance), name, list_, [both], identifier=narrow)
    return found if viewer is None else hide_for(found, viewer)
