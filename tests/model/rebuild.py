"""How a cold Redis is filled from the database."""

from __future__ import annotations

from tests.model.explore import Steps
from tests.model.protocol import FORGET, OPEN, Mark, Rebuild, Rules, State, apply, has_seen, is_unmarked


def rebuild(s: State, p: int) -> Steps:
    """Fill a cold Redis from the database, while that answers and takes writes."""
    local, database = s.processes[p], s.database
    mark = local.mark
    if local.step in ("begin", "end") and s.lock != p:
        yield f"rebuild {p} has lost its transaction", False, s.at(p, Rebuild())
    elif not local.step:
        yield from begin_rebuild(s, p)
    elif local.step == "begin":
        row = database._replace(phase="rebuilding", epoch=mark.epoch, position=mark.epoch, outbox=())
        yield f"rebuild {p} commits its beginning", False, s.at(p, Rebuild("clear", mark), database=row, lock=-1)
    elif local.step == "copy" and mark.cursor < len(database.graph):
        if has_seen(database, mark):
            after = mark._replace(cursor=mark.cursor + 1, seen=database.reached)
            there = database.graph[mark.cursor]
            yield f"rebuild {p} reads {mark.cursor}", False, s.at(p, Rebuild("put", mark, after, there))
        else:
            yield f"rebuild {p} finds another database", False, s.at(p, Rebuild())
    elif local.step == "replay":
        yield from begin_finish(s, p)
    elif local.step == "end":
        row = database._replace(phase="ready", position=local.opening, outbox=())
        yield f"rebuild {p} commits its end", False, s.at(p, Rebuild(), database=row, lock=-1)
    else:
        yield from fill(s, p)


def begin_rebuild(s: State, p: int) -> Steps:
    redis, database = s.redis, s.database
    if s.lock >= 0 or redis.journal is not None or database.phase in ("adopting", "closed") or is_unmarked(s):
        return
    if redis.mark.step in ("clear", "copy", "replay") and has_seen(database, redis.mark):
        yield f"rebuild {p} resumes", False, s.at(p, Rebuild(redis.mark.step, redis.mark))
        return
    mark = Mark(s.clock, "clear", 0, s.clock)
    # To clear a graph that may be nobody else's is not allowed, whatever the edges are then.
    lawful = redis.mark.step or not any(redis.graph)
    allowed = s.allowed if lawful else (0,) * len(s.allowed)
    after = s.at(p, Rebuild("begin", mark), redis=redis._replace(mark=mark), lock=p, allowed=allowed)
    yield f"rebuild {p} locks, marks", False, after


def begin_finish(s: State, p: int) -> Steps:
    local, redis, database = s.processes[p], s.redis, s.database
    early = "early" in Rules.left_out
    if s.lock >= 0 and not early:
        return
    if not has_seen(database, local.mark):
        yield f"rebuild {p} finds another database", False, s.at(p, Rebuild())
        return
    rows = Rebuild("rows", local.mark, opening=s.clock, rows=database.outbox, reached=database.reached)
    after = redis._replace(fence=s.clock) if redis.journal is None else redis
    yield f"rebuild {p} locks, fences", False, s.at(p, rows, redis=after, lock=s.lock if early else p)


def fill(s: State, p: int) -> Steps:
    """The scripts of a rebuild: each compares the mark and sets it."""
    local, redis = s.processes[p], s.redis
    mark, graph, journal = local.mark, redis.graph, None
    same = redis.mark.epoch == mark.epoch if "compare" in Rules.left_out else redis.mark == mark
    if local.step == "clear":
        after, graph = mark._replace(step="copy"), (0,) * len(graph)
        following = Rebuild("copy", after)
    elif local.step == "copy":  # it is at the end
        after = mark._replace(step="replay", cursor=0)
        following = Rebuild("replay", after)
    elif local.step == "put":
        after = local.after
        graph = apply(graph, [(0, mark.cursor, 1)]) if local.value else graph
        following = Rebuild("copy", after)
    elif local.step == "rows":
        # Redis is a copy of this very database: the removals that a forget has made are rows of their own.
        rows = [row for row in local.rows if row[1] != FORGET]
        seen = rows[-1][0] if rows and "witness" not in Rules.left_out else mark.seen
        after, graph = mark._replace(cursor=mark.cursor + 1, seen=seen), apply(graph, rows)
        following = Rebuild("open", after, opening=local.opening, reached=local.reached)
    else:
        after, journal = mark._replace(step="ready", seen=local.reached), ((local.opening, OPEN, 0),)
        following = Rebuild("end", after, opening=local.opening)
        same = same and (redis.fence == local.opening or "fence" in Rules.left_out)
    if redis.journal is None and same:
        filled = redis._replace(graph=graph, journal=journal, mark=after)
        yield f"rebuild {p}: {local.step}", False, s.at(p, following, redis=filled)
    else:
        lock = -1 if s.lock == p else s.lock
        yield f"rebuild {p} is overtaken at {local.step}", False, s.at(p, Rebuild(), lock=lock)
