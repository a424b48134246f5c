"""The public functions about one instance and many others."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from django.db.models import Model

from ..backends.operations import MAX_EDGES, MAX_OTHERS, Added, AddEdges, MoveEdges, Relationships
from ..outcomes import Outcome
from ..registry import registry
from ..relations import check_relation, join_list
from ..resources import Resource, check_resource
from ..signals import followed, request_cancelled, requested, unfollowed
from ..timestamps import to_seconds
from ..twins import awaitable, blocking
from .batches import gather, spread
from .events import Send
from .policies import get_limits, needs_approval

M = TypeVar("M", bound=Model)

_OUTCOMES: dict[Added, bool | Outcome] = {
    Added.MADE: True,
    Added.EXISTS: False,
    Added.REQUESTED: Outcome.REQUESTED,
    Added.ALREADY_REQUESTED: Outcome.ALREADY_REQUESTED,
    Added.BLOCKED: Outcome.BLOCKED,
    Added.MOST: Outcome.LIMITED,
    Added.NEW: Outcome.LIMITED,
}


@blocking
async def follow_many(
    from_instance: Model,
    to_instances: Iterable[M],
    *,
    kind: str | None = None,
    timestamp: float | datetime | None = None,
) -> dict[M, bool | Outcome]:
    """Make ``from_instance`` follow several others, of one or of many models.

    Returns, for each instance, what :func:`follow` returns, and sends the same signals. Where ``follow`` raises an
    exception, the result is ``Outcome.BLOCKED`` or ``Outcome.LIMITED``, which are false in a condition. Makes one round
    trip for each batch of 50 instances that need no approval, and one for each 50 that need it: all of a batch are
    followed or, on an error, none. Every argument is checked before the first round trip. If the store fails after some
    batches, the instances of these batches are followed, and their signals have been sent. Raises ``SelfFollow``,
    ``InvalidTimestamp``, ``InvalidArgument``.
    """
    seconds = to_seconds(timestamp)
    follower = check_resource(registry.identify(from_instance, "from_instance"), "from")
    sorts: tuple[list[M], list[M]] = [], []  # without and with approval
    order: list[M] = []
    for batch in gather(to_instances, MAX_EDGES, not_of=follower):
        for instance in batch.firsts:
            registry.check_kind(kind, instance)
        for same in batch.instances:
            sorts[await needs_approval(same[0], from_instance)].extend(same)
            order.extend(same)
    kind = registry.check_kind(kind)
    limits = await get_limits(from_instance)
    replies: dict[M, bool | Outcome] = {}
    for name, instances in zip(("follow", "request"), sorts, strict=True):
        relation = check_relation(name).of_kind(kind).name
        for batch in gather(instances, MAX_EDGES):
            added = await AddEdges(relation, follower, batch.resources, seconds, limits=limits)
            replies |= spread(batch, [_OUTCOMES[one] for one in added])
            told = [
                (one, (from_instance, instance, seconds)) for one, instance in zip(added, batch.firsts, strict=True)
            ]
            made = [change for one, change in told if one == Added.MADE]
            await Send(followed, made, kind, {"reason": "follow"})
            await Send(requested, [change for one, change in told if one == Added.REQUESTED], kind)
    return {instance: replies[instance] for instance in order}


@blocking
async def unfollow_many(
    from_instance: Model, to_instances: Iterable[M], *, kind: str | None = None
) -> dict[M, bool | Outcome]:
    """Make ``from_instance`` stop following several others.

    Returns, for each instance, what :func:`unfollow` returns, and sends the same signals. Makes one round trip for each
    batch of 50 instances, and one more to withdraw requests if some of them are not followed: all of a batch are
    unfollowed or, on an error, none. Every argument is checked before the first round trip. If the store fails after
    some batches, the instances of these batches are unfollowed, and their signals have been sent. Raises
    ``SelfFollow``, ``InvalidArgument``.
    """
    follower = check_resource(registry.identify(from_instance, "from_instance"), "from")
    batches = list(gather(to_instances, MAX_EDGES, not_of=follower))
    for batch in batches:
        for instance in batch.firsts:
            registry.check_kind(kind, instance)
    kind = registry.check_kind(kind)
    replies: dict[M, bool | Outcome] = {}
    for batch in batches:
        first = dict(zip(batch.resources, batch.firsts, strict=True))
        now = to_seconds(None)
        gone = await _take(follower, join_list("followings", kind=kind), batch.resources)
        changes = [(from_instance, first[one], now) for one in batch.resources if one in gone]
        await Send(unfollowed, changes, kind, {"reason": "unfollow"})
        rest = [one for one in first if one not in gone]  # a request can be older than the model's needs_approval
        withdrawn = await _take(follower, join_list("requested", kind=kind), rest) if rest else set()
        changes = [(from_instance, first[one], now) for one in rest if one in withdrawn]
        await Send(request_cancelled, changes, kind)
        replies |= spread(batch, [Outcome.WITHDRAWN if one in withdrawn else one in gone for one in batch.resources])
    return replies


@blocking
async def are_following(from_instance: Model, to_instances: Iterable[M], *, kind: str | None = None) -> dict[M, bool]:
    """Return, for each of several instances, whether ``from_instance`` follows it.

    Makes one round trip for each batch of 500 instances. Raises ``InvalidArgument``.
    """
    follower = check_resource(registry.identify(from_instance, "from_instance"), "from")
    followings = join_list("followings", kind=registry.check_kind(kind))
    replies: dict[M, bool] = {}
    for batch in gather(to_instances, MAX_OTHERS):
        bits = await Relationships(follower, [followings], batch.resources)
        replies |= spread(batch, [bit == 1 for bit in bits])
    return replies


afollow_many = awaitable(follow_many)
aunfollow_many = awaitable(unfollow_many)
aare_following = awaitable(are_following)


async def _take(resource: Resource, list_: str, others: list[Resource]) -> set[Resource]:
    """Take others out of a list of a resource; returns those that were in it."""
    moved = await MoveEdges(resource, list_, others)
    return {Resource(entry.identifier, entry.object_id) for entry in moved.entries}
