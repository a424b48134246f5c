"""Splits many items into steps of the size that one script or one statement takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def in_steps(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield the items in order, in lists of ``size``; the last list has the rest."""
    remaining = iter(items)
    while step := list(islice(remaining, size)):
        yield step
