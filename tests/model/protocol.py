"""The protocol between Redis and the database as a model: what each side holds, and the steps of each process.

Redis answers while its journal is there, the database where it is not. Whoever changes the database's row holds its
lock. Ids (of epochs, positions and entries) are ordered and never given out twice, not even after a restore.

Edges are numbered. Where a scope has two relations, an edge and its neighbour (0 and 1, 2 and 3) are a follow and a
block of the same two resources: they exclude each other, and the later entry wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from tests.model.explore import Steps

#: In place of an edge: the entry that a journal begins with, and the one that removes every edge.
OPEN, FORGET = -1, -2

#: (id, edge, value)
Entry = tuple[int, int, int]
Entries = tuple[Entry, ...]
Graph = tuple[int, ...]


class Rules:
    """What does not change during a run: the rules that are left out, and whether edges come in pairs."""

    left_out: frozenset[str] = frozenset()
    paired = False


class Mark(NamedTuple):
    """One key of Redis, which each script of a rebuild compares whole and sets.

    So a server that comes back without what was copied comes back without the word that it was copied.
    """

    epoch: int = 0
    step: str = ""  # clear, copy, replay, ready; none: nobody knows whose graph this is
    cursor: int = 0
    seen: int = 0  # what the database had reached when the graph was made from it


class Redis(NamedTuple):
    graph: Graph
    journal: Entries | None = None
    mark: Mark = Mark()
    fence: int = 0  # who may open the journal


class Database(NamedTuple):
    graph: Graph
    phase: str = "cold"  # cold, rebuilding, ready, adopting, closed
    epoch: int = 0  # the graph in Redis that it belongs to; 0: none, or released
    position: int = 0  # the last entry applied
    outbox: Entries = ()  # what was written while Redis was cold; all rows of one write have the same position

    @property
    def reached(self) -> int:
        if self.outbox and "position" not in Rules.left_out:
            return max(self.position, self.outbox[-1][0])
        return self.position


class Writer(NamedTuple):
    edge: int | None = None
    value: int = 0
    overlaps: int = 0  # bits: the edges that other writes have changed since this one began
    position: int = 0


class Drain(NamedTuple):
    step: str = ""  # commit, delete
    verdict: str = ""
    entries: Entries = ()
    end: int = 0


class Rebuild(NamedTuple):
    step: str = ""  # begin, clear, copy, put, replay, rows, open, end
    mark: Mark = Mark()
    after: Mark = Mark()
    value: int = 0
    opening: int = 0
    rows: Entries = ()
    reached: int = 0


class Operator(NamedTuple):
    """One command. It is begun again where it died, lost its transaction or had to give up."""

    command: str
    step: str = "begin"
    end: int = 0
    mark: Mark = Mark()
    reached: int = 0  # by the database; while edges are noted, the next one
    epoch: int = 0


class State(NamedTuple):
    clock: int
    redis: Redis
    database: Database
    allowed: tuple[int, ...]  # bits: the values that each edge may have, by what was acknowledged and what was lost
    processes: tuple[Any, ...]
    lock: int = -1  # the process that holds it
    writes: int = 0
    failures: int = 0
    dump: Database | None = None
    snapshot: Redis | None = None
    restored: bool = False
    rewound: bool = False

    def at(self, process: int, local: Any, **changes: Any) -> State:
        """This state after a step that leaves the process at ``local``."""
        processes = (*self.processes[:process], local, *self.processes[process + 1 :])
        return self._replace(processes=processes, **changes)


# What a write does.


def apply(graph: Graph, entries: Iterable[Entry], *, excludes: bool = True) -> Graph:
    """The graph after the entries: an add removes what its edge excludes, whether a removal was noted or not."""
    edges = list(graph)
    for _, edge, value in entries:
        if edge >= 0:
            edges[edge] = value
            if value and excludes and Rules.paired:
                edges[edge ^ 1] = 0
        elif edge == FORGET:
            edges = [0] * len(edges)
    return tuple(edges)


def describe(graph: Graph, edge: int, value: int, first: int, apart: int) -> Entries:
    """What a write says that finds this graph: the removals that it makes, then itself, also where nothing changes.

    The ids of its entries are ``apart``.
    """
    if edge == FORGET:
        removed = [number for number, there in enumerate(graph) if there]
    else:
        removed = [edge ^ 1] if value and Rules.paired and graph[edge ^ 1] else []
    said = [(number, 0) for number in removed]
    if edge != FORGET or "forget" not in Rules.left_out:
        said.append((edge, value))
    return tuple((first + apart * number, *what) for number, what in enumerate(said))


def perform(redis: Redis, edge: int, value: int, clock: int, *, excludes: bool = True) -> Redis:
    """Redis after a guarded write, which is noted in the journal."""
    entries = describe(redis.graph, edge, value, clock, apart=1)
    graph = apply(redis.graph, entries, excludes=excludes)
    if graph == redis.graph and "no-ops" in Rules.left_out:
        entries = ()
    return redis._replace(graph=graph, journal=(*(redis.journal or ()), *entries))


def merge(entries: Entries) -> Entries:
    """One entry for each edge, as the drain applies them: what an add excludes is removed, whatever follows it.

    The last entry of each edge alone would not do: an add that is taken back has removed what it excludes. A forget
    stays before what comes after it, and takes the place of all before it.
    """
    forgotten, last = [], {}
    for entry in entries:
        number, edge, value = entry
        if edge == FORGET:
            forgotten, last = [entry], {}
        elif edge != OPEN:
            if value and Rules.paired and not Rules.left_out & {"exclude", "merge"}:
                last[edge ^ 1] = (number, edge ^ 1, 0)
            last[edge] = entry
    return (*forgotten, *last.values())


def effects_of(edge: int, value: int, edges: int) -> list[tuple[int, int]]:
    """Each edge that a write decides, and what it is afterwards."""
    if edge == FORGET:
        return [(number, 0) for number in range(edges)]
    if edge == OPEN:
        return []
    return [(edge, value), (edge ^ 1, 0)] if value and Rules.paired else [(edge, value)]


# What the two sides are to each other.


def tail_of(s: State) -> Entries:
    """The entries that the database does not have."""
    reached = s.database.reached
    return tuple(entry for entry in s.redis.journal or () if entry[0] > reached)


def judge(s: State) -> str:
    """What the journal is to the database. Each drain begins with it, and ``status`` says it."""
    redis, database = s.redis, s.database
    if redis.journal is None:
        return "cold"
    reached = database.reached
    if database.epoch and redis.mark.epoch == database.epoch:
        if database.phase in ("ready", "adopting") and any(entry[0] == reached for entry in redis.journal):
            return "in step"
        opened = redis.mark.seen == reached or "seen" in Rules.left_out
        if opened and database.phase in ("rebuilding", "adopting") and redis.journal[0][1] == OPEN:
            return "opened"
    if not database.epoch or database.phase == "adopting" or redis.journal[0][0] > reached:
        return "behind"
    return "older"


def is_unmarked(s: State) -> bool:
    """Redis lost its memory and then took a write without the guard, or holds what was never ours."""
    redis = s.redis
    return redis.journal is None and not redis.mark.step and any(redis.graph) and "unmarked" not in Rules.left_out


def has_seen(database: Database, mark: Mark) -> bool:
    """Whether the database is still a successor of the one that a rebuild has copied from."""
    if database.phase != "rebuilding" or database.epoch != mark.epoch:
        return False
    return mark.seen in (mark.epoch, *(row[0] for row in database.outbox)) or "seen" in Rules.left_out


def forgive(s: State, *graphs: Graph, everything: bool = False) -> tuple[int, ...]:
    """What is allowed after a documented loss: an edge with entries that were not drained may be as before them.

    What it was before them is what ``graphs`` say. With ``everything`` that goes for each edge.
    """
    entries = list(tail_of(s))
    for local in s.processes:
        if type(local) is Drain:
            entries.extend(local.entries)
    allowed = list(s.allowed)
    lost = set()
    for _, edge, value in entries:
        for number, after in effects_of(edge, value, len(allowed)):
            allowed[number] |= 1 << after
            lost.add(number)
    for number in range(len(allowed)) if everything else lost:
        for graph in graphs:
            allowed[number] |= 1 << graph[number]
    return tuple(allowed)


# The processes.


def acknowledge(s: State, p: int, edge: int, value: int, *, surely: bool = True, **changes: Any) -> State:
    """A write has returned, or its reply was lost. Of writes that overlap in time either may be the later one."""
    edges = len(s.allowed)
    effects = effects_of(edge, value, edges)
    touched = sum(1 << number for number, _ in effects)
    processes = list(s.processes)
    for q, local in enumerate(processes):
        if q != p and type(local) is Writer and local.edge is not None:
            both = touched & sum(1 << number for number, _ in effects_of(local.edge, local.value, edges))
            processes[q] = local._replace(overlaps=local.overlaps | both)
    allowed = list(s.allowed)
    for number, after in effects:
        unsure = not surely or s.processes[p].overlaps >> number & 1
        allowed[number] = 1 << after | (allowed[number] if unsure else 0)
    return s._replace(processes=tuple(processes)).at(p, Writer(), allowed=tuple(allowed), **changes)


def write(s: State, p: int, choices: tuple[tuple[int, int], ...]) -> Steps:
    """To Redis; where that is cold, to the database and its outbox."""
    local, redis, database = s.processes[p], s.redis, s.database
    if local.position:
        if s.lock != p:
            yield f"writer {p} has lost its transaction", False, s.at(p, Writer())
            return
        rows = describe(database.graph, local.edge, local.value, local.position, apart=0)
        row = database._replace(graph=apply(database.graph, rows), outbox=(*database.outbox, *rows))
        if row.phase == "ready":
            row = row._replace(phase="cold")
        after = acknowledge(s, p, local.edge, local.value, database=row, lock=-1)
        yield f"writer {p} commits", False, after
    elif local.edge is not None and redis.journal is None:
        if s.lock >= 0:
            return
        if database.phase == "closed" and not database.epoch:
            yield f"writer {p} is refused", False, s.at(p, Writer())
            return
        after = redis if "fence" in Rules.left_out else redis._replace(fence=0)
        yield f"writer {p} locks, fences", False, s.at(p, local._replace(position=s.clock), redis=after, lock=p)
    elif local.edge is not None:
        yield from write_to_redis(s, p, local.edge, local.value, s.writes)
    elif s.writes:
        for edge, value in choices:
            if redis.journal is not None:
                yield from write_to_redis(s, p, edge, value, s.writes - 1)
            else:
                after = s.at(p, Writer(edge, value), writes=s.writes - 1)
                yield f"writer {p} has {edge} := {value}, finds Redis cold", False, after


def write_to_redis(s: State, p: int, edge: int, value: int, writes: int) -> Steps:
    changes = {"redis": perform(s.redis, edge, value, s.clock), "writes": writes}
    yield f"writer {p} does {edge} := {value} in Redis", False, acknowledge(s, p, edge, value, **changes)
    if s.failures:
        after = acknowledge(s, p, edge, value, surely=False, failures=s.failures - 1, **changes)
        yield f"writer {p} does {edge} := {value} in Redis, the reply is lost", True, after


def drain(s: State, p: int) -> Steps:
    """Apply what the journal has more than the database, and stop a Redis that is older than the database."""
    local, redis, database = s.processes[p], s.redis, s.database
    if not local.step:
        if s.lock < 0 and redis.journal is not None:
            yield from read_journal(s, p)
    elif local.step == "delete":
        if redis.journal is not None and (redis.journal[-1][0] == local.end or "delete" in Rules.left_out):
            # Restored in the moment that its journal goes: what the backup lacks is lost.
            allowed = forgive(s, database.graph, everything=True) if s.restored else s.allowed
            after = redis._replace(journal=None)
            yield f"drain {p} deletes the journal", False, s.at(p, Drain(), redis=after, allowed=allowed)
        else:
            yield f"drain {p} finds another end", False, s.at(p, Drain())
    elif s.lock != p:
        yield f"drain {p} has lost its transaction", False, s.at(p, Drain())
    else:
        graph = apply(database.graph, merge(local.entries), excludes="exclude" not in Rules.left_out)
        row = database._replace(graph=graph, position=max(database.reached, *(entry[0] for entry in local.entries), 0))
        after = Drain()
        if local.verdict == "opened":
            row = row._replace(phase="ready" if row.phase == "rebuilding" else row.phase, outbox=())
        elif local.verdict == "older":
            row = row._replace(phase="closed" if row.phase == "closed" else "cold")
            after = Drain("delete", end=local.end)
        yield f"drain {p} commits {len(local.entries)}, {local.verdict}", False, s.at(p, after, database=row, lock=-1)


def read_journal(s: State, p: int) -> Steps:
    redis, verdict, entries = s.redis, judge(s), tail_of(s)
    end = redis.journal[-1][0]
    if verdict == "in step":
        trimmed = entries[-1][0] if entries and "trim" in Rules.left_out else s.database.reached
        kept = redis._replace(journal=tuple(entry for entry in redis.journal if entry[0] >= trimmed))
        if entries:
            after = s.at(p, Drain("commit", verdict, entries, end), redis=kept, lock=p)
            yield f"drain {p} locks, trims, reads", False, after
        elif kept != redis:
            yield f"drain {p} trims", False, s._replace(redis=kept)
    elif verdict in ("opened", "older"):
        if verdict == "opened":
            entries = entries or redis.journal[-1:]
        yield f"drain {p} locks, reads: {verdict}", False, s.at(p, Drain("commit", verdict, entries, end), lock=p)
