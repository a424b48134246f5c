"""A checker that visits every state of a small model, breadth first.

A state is a named tuple with a field ``clock``, made of nested tuples, integers, booleans and text: it can be hashed
and compared. Integers from ``FIRST_ID`` on are ids. What an id is does not matter, only which one is later: two
states whose ids are in the same order are one state.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

FIRST_ID = 100

#: What it is, whether it is a failure, and the state after it.
Step = tuple[str, bool, Any]
Steps = Iterator[Step]


class Report(NamedTuple):
    """What a run has found. ``trace`` is one of the shortest ways to what is ``wrong``."""

    states: int
    steps: int
    seconds: float
    complete: bool = True
    wrong: str = ""
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [f"{self.states:,} states, {self.steps:,} steps, {self.seconds:.1f} s"]
        if not self.complete:
            lines.append("there are more states: the limit was reached")
        if self.wrong:
            lines.append(f"violated: {self.wrong}")
            lines.extend(f"{number:3}. {label}" for number, label in enumerate(self.trace, 1))
        return "\n".join(lines)


def collect_ids(value: tuple[Any, ...], ids: set[int]) -> None:
    for item in value:
        if type(item) is int:
            if item >= FIRST_ID:
                ids.add(item)
        elif isinstance(item, tuple) and item:
            collect_ids(item, ids)


def replace_ids(value: tuple[Any, ...], new: dict[int, int]) -> tuple[Any, ...]:
    items = []
    for item in value:
        if type(item) is int:
            items.append(new[item] if item >= FIRST_ID else item)
        elif isinstance(item, tuple) and item:
            items.append(replace_ids(item, new))
        else:
            items.append(item)
    return value._make(items) if hasattr(value, "_make") else tuple(items)


def normalize(state: Any) -> Any:
    """The same state with the smallest ids that keep their order; its clock is the next id."""
    ids: set[int] = set()
    state = state._replace(clock=0)
    collect_ids(state, ids)
    after = FIRST_ID + len(ids)
    if ids and max(ids) >= after:
        state = replace_ids(state, dict(zip(sorted(ids), range(FIRST_ID, after), strict=True)))
    return state._replace(clock=after)


def explore(
    start: Any,
    steps_of: Callable[[Any], Iterable[Step]],
    fault_of: Callable[[Any], str],
    is_good: Callable[[Any], bool],
    limit: int,
) -> Report:
    """Visit all that can be reached from ``start``, at most about ``limit`` states.

    Two things are checked: ``fault_of`` finds nothing in any state, and from each state some steps that are no
    failures lead to one that ``is_good``.
    """
    began = time.monotonic()
    states = [normalize(start)]
    numbers = {states[0]: 0}
    came_from, labels = array("l", [-1]), ["start"]
    sources, targets = array("l"), array("l")  # of the steps that are no failures
    taken = 0

    def report(wrong: str = "", last: int = 0, *, complete: bool = True) -> Report:
        trace = []
        while last > 0:
            trace.append(labels[last])
            last = came_from[last]
        return Report(len(states), taken, time.monotonic() - began, complete, wrong, tuple(reversed(trace)))

    for number, state in enumerate(states):  # it grows meanwhile
        fault = fault_of(state)
        if fault:
            return report(fault, number)
        if len(states) >= limit:
            return report(complete=False)
        for label, is_failure, following in steps_of(state):
            taken += 1
            following = normalize(following)
            known = numbers.setdefault(following, len(states))
            if known == len(states):
                states.append(following)
                came_from.append(number)
                labels.append(label)
            if not is_failure:
                sources.append(number)
                targets.append(known)
    stuck = find_stuck(states, sources, targets, is_good)
    return report() if stuck is None else report(f"no progress from {states[stuck]}", stuck)


def find_stuck(states: list[Any], sources: array, targets: array, is_good: Callable[[Any], bool]) -> int | None:
    """The first state from which no good one is reached."""
    before: list[list[int]] = [[] for _ in states]
    for source, target in zip(sources, targets, strict=True):
        before[target].append(source)
    reaches = bytearray(map(is_good, states))
    todo = [number for number, good in enumerate(reaches) if good]
    while todo:
        for source in before[todo.pop()]:
            if not reaches[source]:
                reaches[source] = 1
                todo.append(source)
    stuck = reaches.find(0)
    return None if stuck < 0 else stuck
