"""What a graph takes of a server: bytes for each edge, CPU for each call, and how both grow.

    python -m tests.benchmarks.scale --full --server redis-8.2

``docs/scale.rst`` has the figures of ``--full``; without it the sizes are small, to see that it runs. The server is one
of its own, on TCP, with its default configuration. Each figure is the median of the runs. Linux only (``/proc``).
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rich.console import Console
from rich.table import Table

from sequere.backends import operations
from tests.support.servers import Server, running

from .scripts import EMPTY, Texts, _is, cpu_of, read_texts
from .servers import free_port, parse_with_server
from .steps import batched

PREFIX = "sequere:"
HUB = ("project", "hub")
FIRST_ID = 1_000_000

Edge = tuple[str, str, str, str]


@dataclass(frozen=True)
class Sizes:
    """Edges of each graph, calls of each kind, and the followers of the resource that grows."""

    edges: int
    calls: int
    followers: tuple[int, ...]


SMALL = Sizes(edges=50_000, calls=200, followers=(1_000, 10_000))
FULL = Sizes(edges=500_000, calls=2_000, followers=(1_000, 10_000, 100_000, 1_000_000))


class Bench:
    """A server, and the scripts of the working tree in it."""

    def __init__(self, server: Server, port: int) -> None:
        self.server = server
        # Nothing is sent twice, however long the server takes to remove a graph.
        once = Retry(NoBackoff(), 0)
        self.client = redis.Redis(host="127.0.0.1", port=port, socket_timeout=None, retry=once)
        self.texts: Texts = read_texts(None)
        self.texts.prefix = PREFIX
        self.clear()

    def clear(self) -> None:
        self.client.flushall()
        self.texts.load(self.client)
        self.texts.sums["empty"] = self.client.script_load(EMPTY)

    def words(self, script: str, *arguments: object) -> tuple[str, ...]:
        return self.texts.words(script, *map(str, arguments))

    def fill(self, edges: Iterable[Edge], first: int = 0) -> int:
        """Add edges as a rebuild does, 50 a call, the first with that stamp. Returns how many."""
        mark, number = "", 0
        for chunk in batched(batched(edges, operations.MAX_EDGES), 100):
            pipeline = self.client.pipeline(transaction=False)
            for batch in chunk:
                stamps = map(stamp, range(first + number, first + number + len(batch)))
                words = [word for edge in batch for word in ("follow", *edge, next(stamps))]
                pipeline.execute_command(*self.words("copy_edges", mark, "step", *words))
                mark, number = "step", number + len(batch)
            if set(pipeline.execute()) != {1}:
                raise RuntimeError("copy_edges refused a mark that nobody else moves")
        self.client.delete(f"{PREFIX}global:mark")
        return number

    def memory(self) -> int:
        """``used_memory``, without the buffers of the connection that filled the graph, once it has settled."""
        self.client.connection_pool.disconnect()
        before, now = 0, self.client.info("memory")["used_memory"]
        while abs(now - before) > 1000:
            time.sleep(0.3)
            before, now = now, self.client.info("memory")["used_memory"]
        return now

    def cpu(self, calls: Sequence[tuple[str, ...]], right: Callable[[Any], bool]) -> float:
        """Microseconds of the server's main thread for a call, one at a time, reading and answering included: the
        minimum of slices, which whatever else the machine runs disturbs least."""
        slices = []
        for batch in batched(calls, 100):
            start = cpu_of(self.server)
            replies = [self.client.execute_command(*words) for words in batch]
            slices.append((cpu_of(self.server) - start) / 1000 / len(batch))
            for words, reply in zip(batch, replies, strict=True):
                if not right(reply):
                    raise RuntimeError(f"wrong reply {reply!r:.200} to {words!r:.200}")
        return min(slices)


def stamp(number: int) -> str:
    """The time of an edge. A list keeps a time with microseconds in more bytes than a whole number."""
    return f"{1_700_000_000 + number * 7.612067:.6f}"


def users(number: int) -> list[tuple[str, str]]:
    return [("user", str(FIRST_ID + i)) for i in range(number)]


def edges_to_projects(number: int, follows: int) -> Iterator[Edge]:
    """Users who follow so many of 100 projects: each project has a long list."""
    for user in users(number // follows):
        for project in random.sample(range(100), follows):
            yield (*user, "project", str(FIRST_ID + project))


def edges_to_users(number: int, follows: int) -> Iterator[Edge]:
    """Users who follow so many other users: each has about as many followers."""
    everybody = users(number // follows)
    for user in everybody:
        others = [other for other in random.sample(everybody, follows + 1) if other != user]
        for other in others[:follows]:
            yield (*user, *other)


def measure_memory(bench: Bench, sizes: Sizes) -> Iterator[tuple[str, str, float]]:
    """What an edge takes in each graph: bytes, and CPU to copy it; bytes of an entry of the journal."""
    graphs = {
        "1 follow each, of 100 projects": (128, edges_to_projects(sizes.edges, 1)),
        "20 follows each, of 100 projects": (128, edges_to_projects(sizes.edges, 20)),
        "20 follows each, of users": (128, edges_to_users(sizes.edges, 20)),
        "170 follows each, of users": (128, edges_to_users(sizes.edges, 170)),
        "the same, zset-max-listpack-entries 256": (256, edges_to_users(sizes.edges, 170)),
    }
    for title, (entries, graph) in graphs.items():
        bench.clear()
        bench.client.config_set("zset-max-ziplist-entries", entries)  # the older of its two names; 128 is the default
        empty, start = bench.memory(), cpu_of(bench.server)
        number = bench.fill(graph)
        yield title, "copy, µs", (cpu_of(bench.server) - start) / 1000 / number
        yield title, "bytes", (bench.memory() - empty) / number
    bench.clear()
    bench.client.config_set("zset-max-ziplist-entries", 128)
    followers, rounds = users(100), sizes.edges // 1_000
    bench.fill((*user, "project", "other") for user in followers)
    before = bench.memory()
    bench.client.xadd(f"{PREFIX}global:journal", {"operation": "open"})
    for turn in range(rounds):
        pipeline = bench.client.pipeline(transaction=False)
        for user in followers:
            pipeline.execute_command(*bench.words("follow", *user, *HUB, stamp(turn)))
            pipeline.execute_command(*bench.words("unfollow", *user, *HUB))
        pipeline.execute()
    changes = bench.client.xlen(f"{PREFIX}global:journal")
    yield "a change in the journal", "bytes", (bench.memory() - before) / changes


def measure_calls(bench: Bench, sizes: Sizes) -> Iterator[tuple[str, str, float]]:
    """CPU of each call about one resource, with more and more followers."""
    bench.clear()
    number = sizes.calls
    newcomers = [("newcomer", str(FIRST_ID + i)) for i in range(number)]
    bench.fill((*newcomer, "project", "other") for newcomer in newcomers)  # they have uids
    reached = 0
    for size in sizes.followers:
        followers = users(size)
        bench.fill(((*user, *HUB) for user in followers[reached:]), reached)
        reached = size
        middle = size // 2
        known = [random.choice(followers) for _ in range(number)]
        work: dict[str, tuple[list[tuple[str, ...]], Callable[[Any], bool]]] = {
            "an empty script": ([bench.words("empty")] * number, _is(1)),
            "follow": ([bench.words("follow", *one, *HUB, stamp(size)) for one in newcomers], _is(1)),
            "unfollow": ([bench.words("unfollow", *one, *HUB) for one in newcomers], _is(1)),
            "is_following": ([bench.words("is_following", *one, *HUB) for one in known], _is(1)),
            "count": ([bench.words("count", "followers", *HUB)] * number, _is([size])),
            "page of 20": ([bench.words("page", *HUB, "followers", "desc", 20)] * number, _is_page),
            "page in the middle": ([bench.words("page", *HUB, "followers", "desc", 20, middle)] * number, _is_page),
        }
        for name, (calls, right) in work.items():
            yield name, f"{size:,}", bench.cpu(calls, right)
        limit, steps = operations.MAX_FORGET, 5  # the oldest, who then return
        calls = [bench.words("forget", *HUB, limit)] * steps
        yield "forget of 100 followers", f"{size:,}", bench.cpu(calls, lambda reply: reply[0] == 100)
        bench.fill((*user, *HUB) for user in followers[: steps * limit])


def _is_page(reply: Any) -> bool:
    return len(reply) == 1 + 3 * 20


def show(title: str, figures: dict[tuple[str, str], list[float]]) -> None:
    """One line for each name, one column for each thing that was measured of it: medians."""
    columns = list(dict.fromkeys(column for _, column in figures))
    table = Table(title=title, title_justify="left")
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for name in dict.fromkeys(name for name, _ in figures):
        medians = [
            statistics.median(figures[name, column]) if (name, column) in figures else None for column in columns
        ]
        table.add_row(name, *("" if median is None else f"{median:,.1f}" for median in medians))
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale", description="What a graph takes.")
    parser.add_argument("--full", action="store_true", help="the sizes of docs/scale.rst; takes minutes")
    parser.add_argument("--runs", type=int, default=3, help="runs of which the median counts (default: 3)")
    options = parse_with_server(parser, default="valkey-9.1")
    if options.runs < 1:
        parser.error("--runs must be at least 1")
    sizes, port = FULL if options.full else SMALL, free_port()
    memory: dict[tuple[str, str], list[float]] = defaultdict(list)
    calls: dict[tuple[str, str], list[float]] = defaultdict(list)
    with running(options.server, "--port", str(port), "--bind", "127.0.0.1") as server:
        bench = Bench(server, port)
        allocator = bench.client.info("memory")["mem_allocator"]
        for _ in range(options.runs):
            for name, column, figure in measure_memory(bench, sizes):
                memory[name, column].append(figure)
            for name, column, figure in measure_calls(bench, sizes):
                calls[name, column].append(figure)
    show(f"{options.server}, {allocator}: what an edge takes, {sizes.edges:,} edges (runs: {options.runs})", memory)
    show(f"{options.server}: µs of the server for a call, by followers of the resource (runs: {options.runs})", calls)


if __name__ == "__main__":
    main()
