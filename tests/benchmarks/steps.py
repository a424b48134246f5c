"""How long one call keeps the server busy at the largest size that its header allows, with a journal.

    python -m tests.benchmarks.steps --server redis-7.0

Milliseconds of CPU of the server's main thread, one call at a time, each on fresh work. The aim is a median of
about 2 ms: while a script runs nobody else is served. Linux only (``/proc``).
"""

from __future__ import annotations

import argparse
import json
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
    yield "add_edges, new uids", size, [("add_edges", "follow", *HUB, STAMP, *batch) for batch in batches]
    yield (
        "add_edges, known uids",
        size,
        [("add_edges", "follow", "project", "other", STAMP, *batch) for batch in batches],
    )
    bench.follow((*user, "project", "friend") for user in users(size * CALLS))
    yield "add_edges, friends", size, [("add_edges", "follow", "project", "friend", STAMP, *batch) for batch in batches]
    yield (
        "move_edges, friends",
        size,
        [("move_edges", "project", "friend", "followings", "", size, "", *b) for b in batches],
    )
    yield "move_edges, oldest", size, [("move_edges", *HUB, "followings", "", size, "")] * CALLS

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
    bench.client.set(MARK, f"{EPOCH} ready - {EPOCH}")
    entries = [entry[0].decode() for entry in bench.client.xrange(JOURNAL)]
    yield "drain_journal", 400, [("drain_journal", entry, 400) for entry in entries[:CALLS]]
    places = entries[: len(entries) - 400 : 400][:CALLS]
    yield "drain_journal, dropping", 400, [("drain_journal", entry, 400, EPOCH) for entry in places]
    bench.client.delete(JOURNAL)
    bench.client.set(MARK, "step")
    keys = [key.decode() for key in bench.client.scan_iter(f"{PREFIX}uid:user:*", count=1000)][: 500 * CALLS]
    yield "clear_graph", 500, [("clear_graph", "step", "step", *batch) for batch in batched(keys, 500)]


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
