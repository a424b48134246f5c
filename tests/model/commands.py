"""The commands of an operator: close, release, adopt (``rebuild --from redis``), discard (``--from database``)."""

from __future__ import annotations

from tests.model.explore import Steps
from tests.model.protocol import (
    FORGET,
    OPEN,
    Database,
    Entries,
    Entry,
    Mark,
    Operator,
    Redis,
    Rules,
    State,
    apply,
    effects_of,
    forgive,
    is_unmarked,
    judge,
    perform,
    tail_of,
)

#: Steps in the middle of a transaction, and those that end one.
INSIDE, COMMITS = ("delete", "open"), ("commit", "join")


def operate(s: State, p: int) -> Steps:
    local = s.processes[p]
    if local.step == "done":
        return
    if local.step in COMMITS and s.lock != p:
        yield f"{local.command} has lost its transaction", False, s.at(p, Operator(local.command))
    elif s.lock in (-1, p) or local.step in INSIDE:
        yield from COMMANDS[local.command](s, p)


def done(command: str) -> Operator:
    return Operator(command, "done")


def give_up(s: State, p: int) -> tuple[str, bool, State]:
    """Begin anew; of two that run at once, the one that is overtaken leaves it to the other."""
    others = any(type(local) is Operator and local.step != "done" for local in s.processes[:p] + s.processes[p + 1 :])
    after = done("adopt") if others else Operator("adopt")
    return "adopt gives up", False, s.at(p, after, lock=-1 if s.lock == p else s.lock)


def end_of(redis: Redis) -> int:
    return redis.journal[-1][0] if redis.journal else 0


def close(s: State, p: int) -> Steps:
    """The database alone answers. ``release``: Redis alone, from then on without a guard."""
    local, redis, database, verdict = s.processes[p], s.redis, s.database, judge(s)
    release = local.command == "release"
    # A closed row without an epoch is one that was released, where writes are refused.
    fresh = 0 if "close" in Rules.left_out else s.clock
    row = database._replace(phase="closed", epoch=0 if release else database.epoch or fresh)
    if local.step == "begin":
        if verdict == "cold" and not release and database.phase != "adopting":
            # A rebuild that has lost its transaction shall not open a journal.
            after = redis._replace(fence=0)
            yield (
                "close finds Redis cold, fences, commits",
                False,
                s.at(p, done(local.command), database=row, redis=after),
            )
        elif verdict == "in step" and database.phase == "ready" and not tail_of(s):
            after = local._replace(step="delete", end=end_of(redis))
            yield f"{local.command} locks", False, s.at(p, after, lock=p)
    elif local.step == "delete":
        if redis.journal is None or end_of(redis) != local.end:
            lock = -1 if s.lock == p else s.lock
            yield f"{local.command} finds another end", False, s.at(p, Operator(local.command), lock=lock)
            return
        mark = Mark() if release else redis.mark
        # The lock went with a database that was restored in this moment: what the backup lacks is lost.
        lost = s.restored and s.lock != p
        allowed = forgive(s, database.graph, everything=True) if lost else s.allowed
        after = s.at(p, local._replace(step="commit"), redis=redis._replace(journal=None, mark=mark), allowed=allowed)
        yield f"{local.command} deletes the journal", False, after
    else:
        # What happens to a graph without a guard is not ours to say.
        allowed = (3,) * len(s.allowed) if release else s.allowed
        yield f"{local.command} commits", False, s.at(p, done(local.command), database=row, lock=-1, allowed=allowed)


def discard(s: State, p: int) -> Steps:
    """Give up what only Redis has: its journal is older than the new position, and the next drain deletes it."""
    redis, database = s.redis, s.database
    if judge(s) == "behind" or database.phase == "adopting":
        position = max(database.reached, end_of(redis))
        row = database._replace(phase="cold", epoch=s.clock, position=position, outbox=())
        allowed = tuple(bits | 1 << value for bits, value in zip(s.allowed, database.graph, strict=True))
        yield "discard commits", False, s.at(p, done("discard"), database=row, allowed=allowed)
    elif is_unmarked(s):
        yield "discard marks", False, s.at(p, done("discard"), redis=redis._replace(mark=Mark(step="ready")))


def adopt(s: State, p: int) -> Steps:
    """Begin with what Redis has. The tables are only written by the drain, from entries that adopt appends."""
    local, redis, database = s.processes[p], s.redis, s.database
    if local.step == "begin":
        yield from begin_to_adopt(s, p)
    elif local.step == "join":
        row = database._replace(phase="adopting", epoch=local.mark.epoch, position=local.end, outbox=())
        after = s.at(p, Operator("adopt", "note", mark=local.mark), database=row, lock=-1)
        yield "adopt commits that it has joined", False, after
    elif local.step == "fence":
        if redis.journal is not None or not is_whole(redis) or database.phase != "adopting":
            yield give_up(s, p)
            return
        graph = apply(redis.graph, rows_to_replay(database), excludes="exclude-replay" not in Rules.left_out)
        after = Operator("adopt", "open", s.clock, redis.mark, database.reached, database.epoch)
        fenced = redis._replace(graph=graph, fence=s.clock)
        yield "adopt locks, replays, fences", False, s.at(p, after, redis=fenced, lock=p)
    elif local.step == "open":
        if redis.journal is not None or (redis.fence, redis.mark) != (local.end, local.mark):
            yield give_up(s, p)
            return
        mark = Mark(local.epoch, "ready", 0, local.reached)
        opened = redis._replace(journal=((local.end, OPEN, 0),), mark=mark)
        yield "adopt opens", False, s.at(p, Operator("adopt", "commit", local.end, mark), redis=opened)
    elif local.step == "commit":
        row = database._replace(position=local.end, outbox=())
        after = s.at(p, Operator("adopt", "note", mark=local.mark), database=row, lock=-1)
        yield "adopt commits that it has opened", False, after
    else:
        yield from note(s, p)


def is_whole(redis: Redis) -> bool:
    """Whether the graph is not a part that a rebuild has copied."""
    return any(redis.graph) and redis.mark.step not in ("clear", "copy", "replay")


def begin_to_adopt(s: State, p: int) -> Steps:
    redis, database, verdict = s.redis, s.database, judge(s)
    if redis.journal is not None and (verdict == "behind" or database.phase == "adopting"):
        position = end_of(redis) if verdict == "behind" else database.reached
        # The cursor goes back, so that another adopt which still notes does not take this position for its own.
        mark = redis.mark if "cursor" in Rules.left_out else redis.mark._replace(cursor=0)
        allowed = s.allowed
        if database.phase == "adopting" and database.epoch == mark.epoch:
            # Only what was written for this graph, and only once: again, it would undo what Redis did after it.
            rows = [row for row in rows_to_replay(database) if row[0] > mark.seen or "once" in Rules.left_out]
            mark = mark._replace(seen=max(mark.seen, database.reached))
            redis, allowed = replay_into_journal(s, rows)
        elif s.restored and s.rewound:
            # Both came back older, and whoever adopts gives up what the database alone has: documented, too (L6).
            allowed = give_up_rows(s)
        local, redis = Operator("adopt", "join", position, mark), redis._replace(mark=mark)
        yield "adopt locks, replays into the journal", False, s.at(p, local, redis=redis, lock=p, allowed=allowed)
    elif verdict == "cold" and is_whole(redis) and (not database.epoch or database.phase in ("closed", "adopting")):
        row = database._replace(phase="adopting", epoch=s.clock)
        yield "adopt commits an epoch", False, s.at(p, Operator("adopt", "fence"), database=row)


def rows_to_replay(database: Database) -> Entries:
    """All of the outbox: Redis is no copy of this database, so the removals that a write made there are not enough."""
    if "forget-replay" in Rules.left_out:
        return tuple(row for row in database.outbox if row[1] != FORGET)
    return database.outbox


def replay_into_journal(s: State, rows: list[Entry]) -> tuple[Redis, tuple[int, ...]]:
    """Redis after rows of the outbox were replayed as guarded writes, and what is allowed then.

    An edge that Redis changed after the row was written is what the row says: where a journal came back while the
    database answered, what both have acknowledged since is not put in order. That loss is documented (L5).
    """
    redis, clock, allowed = s.redis, s.clock, list(s.allowed)
    for position, edge, value in rows:
        effects = effects_of(edge, value, len(allowed))
        later = {
            number
            for entry in s.redis.journal or ()
            if entry[0] > position
            for number, _ in effects_of(entry[1], entry[2], len(allowed))
        }
        for number, after in effects:  # rows up to what Redis has seen are not to be replayed, nor forgiven
            if number in later and position > s.redis.mark.seen:
                allowed[number] |= 1 << after
        redis = perform(redis, edge, value, clock, excludes="exclude-replay" not in Rules.left_out)
        clock = max(clock, end_of(redis) + 1)
    return redis, tuple(allowed)


def give_up_rows(s: State) -> tuple[int, ...]:
    """What is allowed where the outbox is not replayed: each edge that it changes may be as it is in Redis."""
    allowed = list(s.allowed)
    for _, edge, value in s.database.outbox:
        for number, _ in effects_of(edge, value, len(allowed)):
            allowed[number] |= 1 << s.redis.graph[number]
    return tuple(allowed)


def note(s: State, p: int) -> Steps:
    """Append the state of each edge to the journal. The cursor is in the mark, so it goes back with Redis."""
    local, redis, database = s.processes[p], s.redis, s.database
    same = redis.mark == local.mark and redis.mark.epoch == database.epoch
    if redis.journal is None or database.phase != "adopting" or not same:
        yield give_up(s, p)
    elif local.reached < len(database.graph):
        edge = local.reached
        mark = local.mark if "notes" in Rules.left_out else local.mark._replace(cursor=edge + 1)
        noted = redis._replace(journal=(*redis.journal, (s.clock, edge, redis.graph[edge])), mark=mark)
        after = Operator("adopt", "note", s.clock, mark, edge + 1)
        yield f"adopt notes {edge}", False, s.at(p, after, redis=noted)
    elif database.reached >= local.end and judge(s) == "in step":
        yield "adopt ends", False, s.at(p, done("adopt"), database=database._replace(phase="ready"))


COMMANDS = {"close": close, "release": close, "discard": discard, "adopt": adopt}
