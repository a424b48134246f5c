"""The public functions about one instance and many others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from django.db.models import Model

from ..backends.operations import MAX_EDGES, MAX_OTHERS, AddEdges, MoveEdges, Relationships
from ..exceptions import InvalidArgument
from ..registry import registry
from ..resources import Resource, check_resource, check_self
from ..signals import followed, unfollowed
from ..steps import in_steps
from ..timestamps import to_seconds
from ..twins import awaitable, blocking
from .events import Send

M = TypeVar("M", bound=Model)

#: For each resource of a batch, the instances that have this resource.
Same = list[list[M]]

#: A batch: its instances and its resources.
Batch = tuple[Same[M], list[Resource]]


@blocking
async def follow_many(
    from_instance: Model, to_instances: Iterable[M], *, timestamp: float | datetime | None = None
) -> dict[M, bool]:
    """Make ``from_instance`` follow several others, of one or of many models.

    Returns, for each instance, whether the follow is new, and sends signals, as :func:`follow` does. Makes one round
    trip for each batch of 50 instances: all of them are followed or, on an error, none. Every argument is checked
    before the first round trip. If the store fails after some batches, the instances of these batches are followed, and
    their signals have been sent. Raises ``SelfFollow``, ``InvalidTimestamp``, ``InvalidArgument``.
    """
    seconds = to_seconds(timestamp)
    follower = check_resource(registry.identify(from_instance, "from_instance"), "from")
    replies: dict[M, bool] = {}
    for instances, resources in _batches(to_instances, MAX_EDGES, not_of=follower):
        flags = await AddEdges("follow", follower, resources, seconds)
        replies |= _replies(instances, flags)
        await Send(followed, from_instance, _changed(instances, flags), seconds)
    return replies


@blocking
async def unfollow_many(from_instance: Model, to_instances: Iterable[M]) -> dict[M, bool]:
    """Make ``from_instance`` stop following several others.

    Returns, for each instance, whether it was followed, and sends signals, as :func:`unfollow` does. Makes one round
    trip for each batch of 50 instances: all of them are unfollowed or, on an error, none. Every argument is checked
    before the first round trip. If the store fails after some batches, the instances of these batches are unfollowed,
    and their signals have been sent. Raises ``SelfFollow``, ``InvalidArgument``.
    """
    follower = check_resource(registry.identify(from_instance, "from_instance"), "from")
    replies: dict[M, bool] = {}
    for instances, resources in _batches(to_instances, MAX_EDGES, not_of=follower):
        moved = await MoveEdges(follower, "followings", resources)
        gone = {Resource(entry.identifier, entry.object_id) for entry in moved.entries}
        flags = [resource in gone for resource in resources]
        replies |= _replies(instances, flags)
        await Send(unfollowed, from_instance, _changed(instances, flags), to_seconds(None))
    return replies


@blocking
async def are_following(from_instance: Model, to_instances: Iterable[M]) -> dict[M, bool]:
    """Return, for each of several instances, whether ``from_instance`` follows it.

    Makes one round trip for each batch of 500 instances. Raises ``InvalidArgument``.
    """
    follower = check_resource(registry.identify(from_instance, "from_instance"), "from")
    replies: dict[M, bool] = {}
    for instances, resources in _batches(to_instances, MAX_OTHERS):
        bits = await Relationships(follower, ["followings"], resources)
        replies |= _replies(instances, [bit == 1 for bit in bits])
    return replies


afollow_many = awaitable(follow_many)
aunfollow_many = awaitable(unfollow_many)
aare_following = awaitable(are_following)


def _batches(instances: Iterable[M], size: int, *, not_of: Resource | None = None) -> Iterator[Batch[M]]:
    """The batches: each resource once, with its instances.

    Every instance is checked before the first batch is returned. Raises ``InvalidObjectId``, ``SelfFollow`` if
    ``not_of`` is among them, and ``InvalidArgument`` for an instance that cannot be a key of the dict that the caller
    returns.
    """
    unique: dict[Resource, list[M]] = {}
    resource_of: dict[M, Resource] = {}
    for instance in _iterate(instances):
        resource = check_resource(registry.identify(instance, "each item of to_instances"), "to")
        try:
            first = resource_of.setdefault(instance, resource)
        except TypeError as error:
            raise InvalidArgument(
                f"each item of to_instances must be hashable, because it is a key of the returned dict; "
                f"got {instance!r:.80}: {error}"
            ) from error
        if first != resource:
            raise InvalidArgument(
                f"to_instances must not contain equal instances of two resources, {first.identifier} and "
                f"{resource.identifier}; got {instance!r:.80}. Pass each in a separate call."
            )
        unique.setdefault(resource, []).append(instance)
    resources = list(unique)
    if not_of:
        check_self(not_of, resources)
    for batch in in_steps(resources, size):
        yield [unique[resource] for resource in batch], batch


def _iterate(instances: Iterable[M]) -> Iterator[M]:
    try:
        iterator = None if isinstance(instances, (str, bytes)) else iter(instances)
    except TypeError:
        iterator = None
    if iterator is None:
        raise InvalidArgument(
            f"to_instances must be an iterable of model instances, such as a list or a QuerySet; got {instances!r:.80}"
        )
    return iterator


def _replies(instances: Same[M], flags: Sequence[bool]) -> dict[M, bool]:
    return {instance: flag for same, flag in zip(instances, flags, strict=True) for instance in same}


def _changed(instances: Sequence[Sequence[Model]], flags: Sequence[bool]) -> list[Model]:
    return [same[0] for same, flag in zip(instances, flags, strict=True) if flag]
