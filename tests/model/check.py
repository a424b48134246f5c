"""Scopes: how large a model is, and a function that visits all of it.

By hand, for one that is larger than the tests' (from the checkout)::

    python -m tests.model.check ready wdr edges=1 writes=2 failures=2 kinds="lose older" relations=2
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from tests.model.commands import operate
from tests.model.explore import FIRST_ID, Report, Steps, explore
from tests.model.failures import KINDS, fail, fault_of, is_good
from tests.model.protocol import (
    FORGET,
    OPEN,
    Database,
    Drain,
    Mark,
    Operator,
    Rebuild,
    Redis,
    Rules,
    State,
    Writer,
    drain,
    write,
)
from tests.model.rebuild import rebuild


class Scope(NamedTuple):
    start: str  # ready; new: only the database has edges; full: only Redis has
    crew: str  # a letter each: writer, drain, rebuild
    edges: int = 1  # with two relations: pairs of them
    writes: int = 1
    failures: int = 1
    kinds: str = KINDS
    command: str = ""  # of an operator
    relations: int = 1
    forget: bool = False  # whether writers forget, too

    def __str__(self) -> str:
        size = f"{self.edges}-{self.writes}-{self.failures}"
        more = ["two relations"] * (self.relations == 2) + ["forget"] * self.forget
        return ", ".join([f"{self.start} {self.crew} {size} {self.command}".rstrip(), self.kinds, *more])


def start_of(scope: Scope) -> State:
    nothing = (0,) * (scope.edges * scope.relations)
    some = ((1, 0)[: scope.relations]) * scope.edges
    position = FIRST_ID + 1
    if scope.start == "ready":
        redis = Redis(nothing, ((position, OPEN, 0),), Mark(FIRST_ID, "ready", 0, FIRST_ID))
        database = Database(nothing, "ready", FIRST_ID, position)
        allowed = tuple(1 << value for value in nothing)
    elif scope.start == "new":
        redis, database = Redis(nothing), Database(some)
        allowed = tuple(1 << value for value in some)
    else:
        redis, database = Redis(some), Database(nothing)
        allowed = (3,) * len(nothing)
    crew = [{"w": Writer, "d": Drain, "r": Rebuild}[letter]() for letter in scope.crew]
    crew.extend(Operator(command) for command in scope.command.split())
    return State(0, redis, database, allowed, tuple(crew), writes=scope.writes, failures=scope.failures)


def check(scope: Scope, limit: int = 600_000) -> Report:
    state = start_of(scope)
    Rules.paired = scope.relations == 2
    kinds = frozenset(scope.kinds.split())
    choices = tuple((edge, value) for edge in range(len(state.allowed)) for value in (0, 1))
    if scope.forget:
        choices = (*choices, (FORGET, 0))

    def steps_of(s: State) -> Steps:
        for p, local in enumerate(s.processes):
            if type(local) is Writer:
                yield from write(s, p, choices)
            elif type(local) is Drain:
                yield from drain(s, p)
            elif type(local) is Rebuild:
                yield from rebuild(s, p)
            else:
                yield from operate(s, p)
        yield from fail(s, kinds)

    return explore(state, steps_of, fault_of, is_good, limit)


def main(arguments: list[str]) -> None:
    start, crew, *rest = arguments
    given = dict(argument.split("=", 1) for argument in rest)
    Rules.left_out = frozenset(given.pop("without", "").split())
    limit = int(given.pop("limit", "2000000"))
    fields = {name: value if name in ("kinds", "command") else int(value) for name, value in given.items()}
    print(check(Scope(start, crew, **fields), limit))


if __name__ == "__main__":
    main(sys.argv[1:])
