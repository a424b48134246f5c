"""What can go wrong, and what has to hold all the same."""

from __future__ import annotations

from tests.model.explore import Steps
from tests.model.protocol import (
    Operator,
    Redis,
    Rules,
    State,
    apply,
    effects_of,
    forgive,
    is_unmarked,
    judge,
    tail_of,
)

KINDS = "crash restart lose older restore unguarded"


def fail(s: State, kinds: frozenset[str]) -> Steps:
    if not s.failures:
        return
    less = s._replace(failures=s.failures - 1)
    if "crash" in kinds:
        yield from crash(s, less)
    if s.lock >= 0 and "restart" in kinds:
        # Whoever held the lock finds out when it commits; until then its scripts arrive.
        yield "the database restarts", True, less._replace(lock=-1)
    if "lose" in kinds or "older" in kinds:
        yield from change_redis(s, less, kinds)
    if "restore" in kinds:
        yield from restore(s, less)
    if "unguarded" in kinds and s.redis.journal is None and (not s.redis.mark.step or "refuse" in Rules.left_out):
        graph = apply(s.redis.graph, [(0, 0, 1)])
        allowed = list(s.allowed)
        if is_redis_right(s) or not s.database.epoch:
            for edge, value in effects_of(0, 1, len(allowed)):
                allowed[edge] |= 1 << value
        after = less._replace(redis=s.redis._replace(graph=graph), allowed=tuple(allowed))
        yield "a client writes without the guard", True, after


def is_redis_right(s: State) -> bool:
    """Whether Redis may have more than the database and its journal together."""
    return judge(s) == "behind" or s.database.phase == "adopting"


def crash(s: State, less: State) -> Steps:
    for p, local in enumerate(s.processes):
        if type(local) is Operator:
            idle = local if local.step == "done" else Operator(local.command)
        else:
            idle = type(local)()
        if local != idle:
            lock = -1 if s.lock == p else s.lock
            yield f"{type(local).__name__.lower()} {p} dies", True, less.at(p, idle, lock=lock)


def change_redis(s: State, less: State, kinds: frozenset[str]) -> Steps:
    redis, graph = s.redis, s.database.graph
    empty = Redis((0,) * len(graph))
    if "lose" in kinds and redis != empty:
        allowed = forgive(s, graph, everything=is_redis_right(s))
        yield "Redis loses its memory", True, less._replace(redis=empty, allowed=allowed)
    if "older" in kinds and s.snapshot is None:
        yield "a snapshot of Redis", False, s._replace(snapshot=redis)
    if s.snapshot is not None and s.snapshot != redis:
        after = less._replace(redis=s.snapshot, rewound=True)
        everything = is_redis_right(s) or s.restored or judge(after) == "behind"
        allowed = forgive(s, graph, s.snapshot.graph, everything=everything)
        yield "Redis comes back older", True, after._replace(allowed=allowed)


def restore(s: State, less: State) -> Steps:
    if s.dump is None:
        yield "a dump of the database", False, s._replace(dump=s.database)
    elif s.dump != s.database:
        after = less._replace(database=s.dump, lock=-1, restored=True)
        if judge(s) not in ("in step", "opened", "behind"):
            # The database is the one that answers: what the backup lacks is lost.
            after = after._replace(allowed=forgive(after, s.dump.graph, s.redis.graph, everything=True))
        yield "the database is restored", True, after


def fault_of(s: State) -> str:
    """The property that does not hold in this state."""
    redis, database, verdict = s.redis, s.database, judge(s)
    is_ready = verdict in ("in step", "opened") and database.phase != "adopting"
    if is_ready and apply(database.graph, tail_of(s)) != redis.graph:
        return "status says ready, but Redis is not what the database and the journal make together"
    if verdict == "behind" and not s.restored and database.epoch and database.phase != "adopting":
        return "an operator is asked without need"
    if Rules.paired and (stands_beside(database.graph) or (verdict != "cold" and stands_beside(redis.graph))):
        return "an edge stands beside one that excludes it"
    operators = [local for local in s.processes if type(local) is Operator]
    if is_released(s, verdict) and not any(local.command == "release" for local in operators):
        return "writes are refused, and nothing was released"
    if is_answer_due(s, verdict):
        graph = database.graph if verdict == "cold" else redis.graph
        if any(not bits >> value & 1 for bits, value in zip(s.allowed, graph, strict=True)):
            return f"an acknowledged change is contradicted ({verdict})"
    return ""


def stands_beside(graph: tuple[int, ...]) -> bool:
    return any(graph[edge] and graph[edge + 1] for edge in range(0, len(graph), 2))


def is_released(s: State, verdict: str) -> bool:
    return verdict == "cold" and s.database.phase == "closed" and not s.database.epoch


def is_answer_due(s: State, verdict: str) -> bool:
    """Whether reads have to agree with what was acknowledged."""
    database = s.database
    if verdict == "older" and s.rewound:  # until the next drain it answers with what was
        return False
    if verdict == "behind" and s.restored and s.rewound:  # both came back older: an operator decides
        return False
    if database.phase == "adopting" and (verdict == "cold" or database.outbox):  # adopt is to be run again
        return False
    return not is_released(s, verdict)


def is_good(s: State) -> bool:
    """Whether all is in step and at rest, or an operator is asked."""
    verdict, database = judge(s), s.database
    if verdict == "in step" and database.phase == "ready" and s.lock < 0 and not tail_of(s):
        return True
    return (
        verdict == "behind"
        or database.phase == "adopting"
        or (verdict == "cold" and (database.phase == "closed" or is_unmarked(s)))
    )
