"""Times operations side by side: each round runs all of them once, in an order of its own.

A noisy machine disturbs all operations of a round alike, so the ratio of two medians of one run says
something where times of two runs do not.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

#: Rounds that are run before any that counts.
WARM_UP = 100

#: The garbage collector is off while anything is timed; it runs by hand once for so many rounds.
COLLECT_EVERY = 100


def nothing() -> None:
    """The preparation of what needs none."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Something to time. ``right`` looks at each reply; ``base`` names the operation to compare it with."""

    name: str
    call: Callable[[], Any]
    right: Callable[[Any], bool]
    prepare: Callable[[], object] = nothing
    base: str = ""


@dataclass(frozen=True, slots=True)
class Timing:
    """Nanoseconds of one operation: the median and the quartiles around it."""

    low: float
    median: float
    high: float


def measure(operations: Iterable[Operation], *, rounds: int) -> dict[str, Timing]:
    """For each operation by name, how long its call takes.

    The state for all of a round is prepared before the first call of it is timed, so no call profits from
    a preparation of its own that ran just before. A wrong reply ends the run: its time would mean nothing.
    """
    order = list(operations)
    samples: dict[str, list[int]] = {operation.name: [] for operation in order}
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for number in range(WARM_UP + rounds):
            if number % COLLECT_EVERY == 0:
                gc.collect()
            for operation in order:
                operation.prepare()
            random.shuffle(order)
            for operation in order:
                start = time.perf_counter_ns()
                reply = operation.call()
                elapsed = time.perf_counter_ns() - start
                if not operation.right(reply):
                    raise RuntimeError(f"{operation.name}: wrong reply {reply!r:.200}")
                if number >= WARM_UP:
                    samples[operation.name].append(elapsed)
    finally:
        gc.enable()
        gc.unfreeze()
    return {name: Timing(*statistics.quantiles(times, n=4)) for name, times in samples.items()}
