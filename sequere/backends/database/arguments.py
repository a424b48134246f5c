"""Checks of the arguments of operations, before anything is read or written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...exceptions import InvalidArgument, InvalidLimit
from ...relations import Relation
from ...resources import Resource, check_resource, check_self
from .. import operations as ops

#: The largest limit of follows, and the largest window in seconds.
MAX_LIMIT = 999_999_999


def check_size(name: str, items: Sequence[object], least: int, most: int) -> None:
    """Raise :class:`~sequere.exceptions.InvalidArgument` unless there are ``least`` to ``most`` items."""
    if not least <= len(items) <= most:
        raise InvalidArgument(f"{name} must be {least} to {most}; got {len(items)}")


def check_number(name: str, value: object, least: int, most: int) -> None:
    """Raise :class:`~sequere.exceptions.InvalidLimit` unless a value is a whole number in this range."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidLimit(f"{name} must be a whole number from {least} to {most}; got {value!r:.80}")


def check_others(resource: Resource, others: Iterable[Resource]) -> None:
    """Raise an exception unless a resource may have edges with each of the others."""
    for other in others:
        check_resource(other, "others")
    check_self(resource, others)


def check_limits(limits: ops.Limits) -> None:
    """Raise an exception unless limits are whole numbers, and ``window`` is given if ``new`` is."""
    for name, value in limits._asdict().items():
        if value is not None:
            check_number(name, value, 1 if name == "window" else 0, MAX_LIMIT)
    if limits.new is not None and limits.window is None:
        raise InvalidArgument(f"window must be there if new is, which is {limits.new}")


def check_additions(operation: ops.AddEdges, relation: Relation) -> None:
    """Raise an exception if an AddEdges has an argument that its relation does not take."""
    if operation.limits[:2] != (None, None) and relation.base not in ("follow", "request"):
        raise InvalidArgument(f"most and new must be empty unless relation is follow or request; got {relation.name}")
    if operation.ends is not None and not relation.expires:
        raise InvalidArgument(f"ends must be empty unless relation is mute; got {operation.ends!r:.80}")
    if relation.base == "block" and len(operation.others) > ops.MAX_BLOCKS:
        raise InvalidLimit(f"others must be 1 to {ops.MAX_BLOCKS} for a block; got {len(operation.others)}")
