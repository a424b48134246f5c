"""For pages of many instances: the relationship between a viewer and each of them, and their counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from django.db.models import Model

from ..backends.operations import MAX_COUNTED, MAX_LISTS, MAX_OTHERS, Count, Relationships
from ..exceptions import InvalidArgument
from ..registry import registry
from ..relations import join_list
from ..resources import Resource
from ..steps import in_steps
from ..twins import awaitable, blocking
from .batches import gather, iterate, spread

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relationship:
    """The relationship between a viewer and an instance."""

    #: The viewer follows the instance; the instance follows the viewer; both.
    following: bool
    followed_by: bool
    friend: bool
    #: The viewer asks to follow the instance; the instance asks to follow the viewer.
    requested: bool
    requested_by: bool
    #: The viewer blocks, or mutes, the instance.
    blocked: bool
    muted: bool
    #: Of the kinds passed, those in which the viewer follows the instance.
    kinds: frozenset[str] = frozenset()
    #: The instance blocks the viewer; None without ``private=True``.
    blocked_by: bool | None = None
    #: The resource of the viewer.
    viewer: Resource = field(compare=False, repr=False)


class Counts(NamedTuple):
    """How many followers, followings and friends an instance has."""

    followers: int
    followings: int
    friends: int


_LISTS = ("followings", "followers", "requested", "requests", "blocked", "muted")


@blocking
async def get_relationships(
    viewer: Model, objects: Iterable[M], *, kinds: Sequence[str] = (), private: bool = False
) -> dict[M, Relationship]:
    """Return the :class:`Relationship` between ``viewer`` and each of several instances.

    It describes the follows without a kind. ``kinds`` names kinds to look up too: ``Relationship.kinds`` has those in
    which the viewer follows the instance. ``private=True`` adds ``blocked_by``; do not show it to the viewer. One round
    trip for each 500 instances; with more than four kinds (``private``: three), one more for each further ten. Raises
    ``InvalidArgument``.
    """
    return await _relate(viewer, objects, kinds, private=private)


@blocking
async def attach_relationships(viewer: Model, objects: Iterable[M]) -> list[M]:
    """Set the attribute ``relationship`` of each instance to a :class:`Relationship`; return the instances as a list.

    The template tag ``follow_button`` then shows the state of such an instance without a round trip. Round trips and
    errors are those of :func:`get_relationships`. It also raises ``InvalidArgument`` for a model that has an attribute
    ``relationship`` of its own.
    """
    instances = list(iterate(objects, "objects"))
    replies = await _relate(viewer, instances, (), private=False)
    for instance in instances:
        if hasattr(instance.__class__, "relationship"):
            raise InvalidArgument(
                f"objects must not have an attribute relationship of their own, as {instance._meta.label} has: use "
                "get_relationships() for them."
            )
    for instance in instances:
        instance.relationship = replies[instance]  # type: ignore[attr-defined]
    return instances


@blocking
async def get_counts(objects: Iterable[M], *, kind: str | None = None) -> dict[M, Counts]:
    """Return, for each of several instances, how many followers, followings and friends it has: :class:`Counts`.

    One round trip for each 50 instances. Raises ``InvalidArgument``.
    """
    kind = registry.check_kind(kind)
    lists = [join_list(name, kind=kind) for name in Counts._fields]
    replies: dict[M, Counts] = {}
    for batch in gather(objects, MAX_COUNTED, "objects"):
        numbers = await Count(lists, batch.resources)
        replies |= spread(batch, [Counts(*three) for three in in_steps(numbers, len(lists))])
    return replies


aget_relationships = awaitable(get_relationships)
aattach_relationships = awaitable(attach_relationships)
aget_counts = awaitable(get_counts)


async def _relate(viewer: Model, objects: Iterable[M], kinds: Sequence[str], *, private: bool) -> dict[M, Relationship]:
    resource = registry.identify(viewer, "viewer")
    if isinstance(kinds, str):
        raise InvalidArgument(f"kinds must be a list or tuple of kinds; got {kinds!r:.80}")
    wanted = [registry.check_kind(kind) for kind in kinds]
    lists = [*_LISTS, *(["blocked_by"] if private else []), *(join_list("followings", kind=kind) for kind in wanted)]
    replies: dict[M, Relationship] = {}
    for batch in gather(objects, MAX_OTHERS, "objects"):
        found = [0] * len(batch.resources)  # bit i of each: list i has the other
        for position, some in enumerate(in_steps(lists, MAX_LISTS)):
            bits = await Relationships(resource, some, batch.resources)
            found = [one | more << position * MAX_LISTS for one, more in zip(found, bits, strict=True)]
        held = [{name for i, name in enumerate(lists) if bit >> i & 1} for bit in found]
        replies |= spread(batch, [_describe(names, wanted, resource, private=private) for names in held])
    return replies


def _describe(names: set[str], kinds: Sequence[str], viewer: Resource, *, private: bool) -> Relationship:
    return Relationship(
        following="followings" in names,
        followed_by="followers" in names,
        friend={"followings", "followers"} <= names,
        requested="requested" in names,
        requested_by="requests" in names,
        blocked="blocked" in names,
        muted="muted" in names,
        kinds=frozenset(kind for kind in kinds if join_list("followings", kind=kind) in names),
        blocked_by="blocked_by" in names if private else None,
        viewer=viewer,
    )
