"""Many items in steps of bounded size: so many as one script or one statement takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def in_steps(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in order, in lists of ``size`` and, at the end, of what is left."""
    remaining = iter(items)
    while step := list(islice(remaining, size)):
        yield step
