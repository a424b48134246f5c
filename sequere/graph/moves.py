"""Moves all entries of a list, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..backends.operations import MAX_EDGES, Entry, MoveEdges
from ..resources import Resource
from .events import Send


async def move_all(
    resource: Resource,
    list_: str,
    tell: Callable[[Sequence[Entry]], Iterable[Send]],
    *,
    target: str = "",
    timestamp: float | None = None,
) -> int:
    """Move the entries that a list has now, the oldest first. Returns how many were moved.

    One round trip for each 50. It ends even if new entries keep arriving. ``tell`` returns the signals for the entries
    of a round trip, which are sent after it. ``target`` and ``timestamp`` are those of
    :class:`~sequere.backends.operations.MoveEdges`, which lists the exceptions.
    """
    number, left = 0, MAX_EDGES
    while left > 0:
        moved = await MoveEdges(resource, list_, (), target, min(left, MAX_EDGES), timestamp)
        if not moved.entries:
            break
        left = left - len(moved.entries) if number else moved.left
        number += len(moved.entries)
        for signal in tell(moved.entries):
            await signal
    return number
