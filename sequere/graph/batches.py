"""Groups instances into batches of resources, and maps replies for the resources back to the instances."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from django.db.models import Model

from ..exceptions import InvalidArgument
from ..registry import registry
from ..resources import Resource, check_resource, check_self
from ..steps import in_steps

M = TypeVar("M", bound=Model)
T = TypeVar("T")


class Batch(NamedTuple, Generic[M]):
    """Resources, each once, and the instances of each."""

    instances: list[list[M]]
    resources: list[Resource]

    @property
    def firsts(self) -> list[M]:
        """The first instance of each resource, which signals pass to receivers."""
        return [same[0] for same in self.instances]


def gather(
    instances: Iterable[M], size: int, name: str = "to_instances", *, not_of: Resource | None = None
) -> Iterator[Batch[M]]:
    """Yield the instances of an argument in batches of up to ``size`` resources.

    All of them are checked before the first batch. Raises ``InvalidObjectId``, ``SelfFollow`` if ``not_of`` is among
    them, and ``InvalidArgument`` for an instance that cannot be a key of the dict that the caller returns.
    """
    unique: dict[Resource, list[M]] = {}
    resource_of: dict[M, Resource] = {}
    for instance in iterate(instances, name):
        resource = check_resource(registry.identify(instance, f"each item of {name}"), "to")
        try:
            first = resource_of.setdefault(instance, resource)
        except TypeError as error:
            raise InvalidArgument(
                f"each item of {name} must be hashable, because it is a key of the returned dict; "
                f"got {instance!r:.80}: {error}"
            ) from error
        if first != resource:
            raise InvalidArgument(
                f"{name} must not contain equal instances of two resources, {first.identifier} and "
                f"{resource.identifier}; got {instance!r:.80}. Pass each in a separate call."
            )
        unique.setdefault(resource, []).append(instance)
    if not_of:
        check_self(not_of, unique)
    for some in in_steps(unique, size):
        yield Batch([unique[resource] for resource in some], some)


def iterate(instances: Iterable[M], name: str) -> Iterator[M]:
    """Return an iterator of the instances of an argument. Raises ``InvalidArgument``."""
    try:
        iterator = None if isinstance(instances, (str, bytes)) else iter(instances)
    except TypeError:
        iterator = None
    if iterator is None:
        raise InvalidArgument(
            f"{name} must be an iterable of model instances, such as a list or a QuerySet; got {instances!r:.80}"
        )
    return iterator


def spread(batch: Batch[M], replies: Sequence[T]) -> dict[M, T]:
    """Return a dict of the reply for each instance; ``replies`` has one for each resource of the batch, in order."""
    return {instance: reply for same, reply in zip(batch.instances, replies, strict=True) for instance in same}
