"""How long one call keeps the server busy at the largest size that its header allows, with a journal.

    python -m tests.benchmarks.steps --server redis-7.0

Milliseconds of CPU of the server's main thread, one call at a time, each on fresh work. The aim is a median of
about 2 ms: while a script runs nobody else is served. Linux only (``/proc``).
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import redis
from rich.console import Console
from rich.table import Table

from sequere.backends import operations
from tests.support.servers import running

from .scripts import Texts, cpu_of, read_texts
from .servers import parse_with_server

#: Calls of each kind.
CALLS = 25

PREFIX = "steps:"
JOURNAL = f"{PREFIX}global:journal"
MARK = f"{PREFIX}global:mark"
EPOCH = "1-7"
STAMP = "1795399900.349409"
HUB = ("project", "hub")

#: What add_edges takes between the timestamp and the others, left empty: ends, most, new, window.
NO_LIMITS = ("", "", "", "")


class Bench:
    """A server with an empty graph and a journal, and the scripts of the working tree."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.texts: Texts = read_texts(None)
        self.texts.prefix = PREFIX
        self.texts.load(client)

    def clear(self, *, journal: bool = True) -> None:
        self.client.flushall()
        if journal:
            self.client.xadd(JOURNAL, {"operation": "open"})

    def call(self, script: str, *arguments: object) -> Any:
        return self.client.execute_command(*self.texts.words(script, *map(str, arguments)))

    def follow(self, pairs: Iterable[Sequence[str]]) -> None:
        pipeline = self.client.pipeline(transaction=False)
        for pair in pairs:
            pipeline.execute_command(*self.texts.words("follow", *pair, STAMP))
            if len(pipeline) == 1000:
                pipeline.execute()
        pipeline.execute()


def users(number: int, first: int = 0) -> list[tuple[str, str]]:
    return [("user", str(first + i)) for i in range(number)]


def batched(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """As :func:`itertools.batched`, which Python 3.11 lacks."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def flat(resources: Iterable[Sequence[str]]) -> list[str]:
    return [word for resource in resources for word in resource]


def each_with(others: Iterable[tuple[str, str]]) -> list[str]:
    """Edges of the hub's followers as copy_edges takes them."""
    return [word for other in others for word in ("follow", *other, *HUB, STAMP)]


def fill_lists(bench: Bench) -> None:
    """Lists of 100,000 that share a part of their newest entries; the hub follows 1,000 who follow 200 each."""
    chance = random.Random(1)
    size, first = 100_000, 1000
    everybody = range(first, first + 2 * size)
    bench.clear()
    pipeline = bench.client.pipeline(transaction=False)

    def add(uid: int, name: str, others: Iterable[int]) -> None:
        for some in batched(others, 1000):
            pipeline.zadd(f"{PREFIX}uid:{uid}:{name}", {str(one): f"{chance.uniform(1e9, 2e9):.6f}" for one in some})
        pipeline.execute()

    for uid in everybody:
        pipeline.hset(f"{PREFIX}uid::{uid}", mapping={"identifier": "user", "object_id": str(uid)})
        if uid % 1000 == 0:
            pipeline.execute()
    pipeline.set(":".join([f"{PREFIX}uid", *HUB]), 1)
    hub = list(range(first, first + size))
    add(1, "followers", chance.sample(hub, size))
    others = range(first + size, first + 2 * size)
    for uid, percent in enumerate((0, 5, 20), 2):
        pipeline.set(f"{PREFIX}uid:project:sharing {percent}", uid)
        shared = chance.sample(hub, size * percent // 100)
        add(uid, "followers", [*shared, *others[: size - len(shared) + 1]])
    known = chance.sample(everybody, 1000)
    add(1, "followings", known)
    for uid in known:
        add(uid, "followings", chance.sample(everybody, 200))
    for name in ("requested", "blocked", "blocked_by", "muted"):
        add(1, name, chance.sample(everybody, 5000))


def cases(bench: Bench) -> Iterator[tuple[str, int, list[tuple[Any, ...]]]]:
    """What runs, its size, and the calls; the graph is prepared before each case is given out."""
    size = operations.MAX_FORGET
    bench.clear()
    bench.follow((user + HUB) for user in users(size * CALLS))
    yield "forget, followers", size, [("forget", *HUB, size)] * CALLS
    bench.clear()
    bench.follow(user + HUB for user in users(size * CALLS))
    bench.follow(HUB + user for user in users(size * CALLS))
    yield "forget, friends", size, [("forget", *HUB, size)] * CALLS

    size = operations.MAX_EDGES
    batches = [flat(batch) for batch in batched(users(size * CALLS), size)]
    bench.clear()
    yield "add_edges, new uids", size, [("add_edges", "follow", *HUB, STAMP, *NO_LIMITS, *batch) for batch in batches]
    yield (
        "add_edges, known uids",
        size,
        [("add_edges", "follow", "project", "other", STAMP, *NO_LIMITS, *batch) for batch in batches],
    )
    bench.follow((*user, "project", "friend") for user in users(size * CALLS))
    yield (
        "add_edges, friends",
        size,
        [("add_edges", "follow", "project", "friend", STAMP, *NO_LIMITS, *batch) for batch in batches],
    )
    yield (
        "move_edges, friends",
        size,
        [("move_edges", "project", "friend", "followings", "", size, "", *b) for b in batches],
    )
    yield "move_edges, oldest", size, [("move_edges", *HUB, "followings", "", size, "")] * CALLS

    yield from related_cases(bench)

    bench.clear(journal=False)
    bench.client.set(MARK, "step")
    edges = [each_with(batch) for batch in batched(users(size * CALLS), size)]
    yield "copy_edges, new uids", size, [("copy_edges", "step", "step", *batch) for batch in edges]
    yield "copy_edges, edges exist", size, [("copy_edges", "step", "step", *batch) for batch in edges]
    ends = [
        [word for user in batch for word in ("follow", *user, *HUB)] for batch in batched(users(size * CALLS), size)
    ]
    yield "since", size, [("since", *batch) for batch in ends]
    bench.client.xadd(JOURNAL, {"operation": "open"})
    yield "copy_edges, noted", size, [("copy_edges", "step", "step", *batch) for batch in edges]
    yield "note_edges", size, [("note_edges", "step", "step", *batch) for batch in ends]
    bench.client.delete(MARK)
    removals = [
        [word for user in batch for word in ("follow", *user, *HUB, STAMP, "")]
        for batch in batched(users(size * CALLS), size)
    ]
    yield "mend_edges, removed", size, [("mend_edges", *batch) for batch in removals]

    bench.clear()
    total = max(operations.MAX_PAGE, 50 * CALLS)
    bench.follow(user + HUB for user in users(total))
    bench.follow(HUB + user for user in users(total))
    yield "audit, friends", 50, [("audit", *HUB, f"1:{1e9}:{i}", 50, 0, "user", "project") for i in range(CALLS)]
    yield "page", operations.MAX_PAGE, [("page", *HUB, "followers", "desc", operations.MAX_PAGE)] * CALLS
    size = operations.MAX_OTHERS
    others = flat(users(size))
    yield "relationships, 1 list", size, [("relationships", *HUB, "followers", *others)] * CALLS
    lists = "followers followings friends followers:user followings:user friends:user"
    yield "relationships, 6 lists", size, [("relationships", *HUB, lists, *others)] * CALLS
    fill_lists(bench)
    for kept, name, sign in [(0, "none", "&"), (5, "a twentieth", "&"), (20, "a fifth", "&"), (100, "all", "-")]:
        select = ("select", *HUB, "followers", operations.MAX_SELECTED, operations.MAX_BUDGET, "")
        filters = (sign, "project", f"sharing {kept % 100}", "followers")
        yield f"select, keeps {name}", operations.MAX_BUDGET, [(*select, *filters)] * CALLS
        many = filters * operations.MAX_FILTERS
        yield (
            f"select, {operations.MAX_FILTERS} filters, keeps {name}",
            operations.MAX_BUDGET,
            [(*select, *many)] * CALLS,
        )
    suggest = ("suggest", *HUB, operations.MAX_SAMPLE, operations.MAX_EACH, operations.MAX_SUGGESTED)
    yield "suggest", operations.MAX_SAMPLE * operations.MAX_EACH, [suggest] * CALLS
    bench.clear()
    bench.follow(user + HUB for user in users(total))
    bench.client.set(MARK, f"{EPOCH} ready - {EPOCH}")
    entries = [entry[0].decode() for entry in bench.client.xrange(JOURNAL)]
    yield "drain_journal", 400, [("drain_journal", entry, 400) for entry in entries[:CALLS]]
    places = entries[: len(entries) - 400 : 400][:CALLS]
    yield "drain_journal, dropping", 400, [("drain_journal", entry, 400, EPOCH) for entry in places]
    bench.client.delete(JOURNAL)
    bench.client.set(MARK, "step")
    keys = [key.decode() for key in bench.client.scan_iter(f"{PREFIX}uid:user:*", count=1000)][: 500 * CALLS]
    yield "clear_graph", 500, [("clear_graph", "step", "step", *batch) for batch in batched(keys, 500)]


def related_cases(bench: Bench) -> Iterator[tuple[str, int, list[tuple[Any, ...]]]]:
    """Blocks that cut, requests that are accepted, mutes beside those that have ended."""
    size, kinds = operations.MAX_BLOCKS, ["", *(f"k{number}" for number in range(16))]
    batches = list(batched(users(size * CALLS), size))
    bench.clear()
    for kind in kinds[1:]:
        bench.call("follow", *HUB, "project", "other", STAMP, kind)
    bench.follow(user + HUB for user in users(size * CALLS))
    bench.follow(HUB + user for user in users(size * CALLS))
    blocks = [("add_edges", "block", *HUB, STAMP, *NO_LIMITS, *flat(batch)) for batch in batches]
    yield "block, friends, 16 kinds", size, blocks
    blocks = [("add_edges", "block", "project", "third", STAMP, *NO_LIMITS, *flat(batch)) for batch in batches]
    yield "block, strangers, 16 kinds", size, blocks

    size = operations.MAX_EDGES
    bench.clear()
    for batch in batched(users(size * CALLS), size):
        for user in batch:
            bench.call("follow", *user, *HUB, STAMP, "", 1)
    yield "move_edges, requests to follows", size, [("move_edges", *HUB, "requests", "follow", size, STAMP)] * CALLS

    bench.clear()
    owners = [("project", f"owner {number}") for number in range(CALLS)]
    for owner in owners:
        bench.call("add_edges", "mute", *owner, STAMP, "1", "", "", "", *flat(users(20)))
    mutes = [("add_edges", "mute", *owner, STAMP, *NO_LIMITS, *flat(users(size, 20))) for owner in owners]
    yield "mute, 20 have ended", size, mutes


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.steps", description="The largest calls.")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options = parse_with_server(parser, default="redis-7.0")
    rows = []
    with running(options.server) as server, server.client() as client:
        bench = Bench(client)
        for name, size, calls in cases(bench):
            times = []
            for words in calls:
                start = cpu_of(server)
                bench.call(*words)
                times.append((cpu_of(server) - start) / 1e6)
            times.sort()
            rows.append((name, size, statistics.median(times), times[int(len(times) * 0.95)]))
    if options.json:
        fields = ("call", "size", "median_ms", "p95_ms")
        print(
            json.dumps(
                {"server": options.server, "rows": [dict(zip(fields, row, strict=True)) for row in rows]}, indent=2
            )
        )
        return
    table = Table(title=f"{options.server}: CPU of the server for one call", title_justify="left")
    for column in ("call", "size", "median ms", "95 % ms"):
        table.add_column(column, justify="left" if column == "call" else "right", no_wrap=True)
    for name, size, median, high in rows:
        table.add_row(name, str(size), f"{median:.2f}", f"{high:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
