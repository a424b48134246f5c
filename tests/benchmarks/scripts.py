"""What a script costs the server: CPU time of its main thread for each call, side by side with other texts.

    python -m tests.benchmarks.scripts --against HEAD~1 --server redis-7.0

``--against`` names a commit of this repository whose texts do the same work in the same run, on the same server
and a graph of their own. A follow that checks nothing (``naive.lua``) and an empty script run beside them. Calls go
out in pipelines, so that what is measured is the script and little else; the slices of all texts alternate, and
the minimum of many slices is what the machine's other load disturbs least. Linux only (``/proc``).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import redis
from rich.console import Console
from rich.table import Table

from tests.support.servers import Server, running

from .servers import parse_with_server

LUA = Path(__file__).resolve().parents[2] / "lua"
NAIVE = Path(__file__).with_name("naive.lua").read_text(encoding="utf-8")

#: Calls of one slice, and resources on each side of the graph.
CALLS = 200
RESOURCES = 1000
STAMP = "1795399900.349409"

#: The contract before there were kinds, limits and ends: the arguments of the same work then.
FORMER_CALLS: dict[str, Callable[[list[str]], list[str]]] = {
    "add_edges": lambda words: [*words[:4], *words[8:]],
    "count": lambda words: [*words[1:], words[0]],
}


@dataclass
class Texts:
    """The scripts of one state of the repository, with the calls that they take."""

    name: str
    prefix: str
    texts: dict[str, str]
    is_former: bool = False
    sums: dict[str, str] = field(default_factory=dict)

    def load(self, client: redis.Redis) -> None:
        for name, text in self.texts.items():
            self.sums[name] = client.script_load(text)

    def words(self, script: str, *arguments: str) -> tuple[str, ...]:
        """The EVALSHA of a call, given as today's contract has it."""
        words = list(arguments)
        if self.is_former and script in FORMER_CALLS:
            words = FORMER_CALLS[script](words)
        return ("EVALSHA", self.sums[script], "2", self.prefix, f"{self.prefix}global:uid", *words)


def read_texts(commit: str | None) -> Texts:
    """The texts of the working tree, or those of a commit."""
    if commit is None:
        manifest = json.loads((LUA / "manifest.json").read_text(encoding="utf-8"))
        texts = {
            entry["name"]: (LUA / entry["version"] / f"{entry['name']}.lua").read_text(encoding="utf-8")
            for entry in manifest["scripts"]
        }
        return Texts("now", "now:", texts)
    manifest = json.loads(_show(commit, "lua/manifest.json"))
    texts = {
        entry["name"]: _show(commit, f"lua/{entry['version']}/{entry['name']}.lua") for entry in manifest["scripts"]
    }
    names = {argument["name"] for entry in manifest["scripts"] for argument in entry["arguments"]}
    return Texts(commit, "then:", texts, is_former="ends" not in names)


def _show(commit: str, path: str) -> str:
    return subprocess.run(
        ["git", "show", f"{commit}:{path}"], cwd=LUA.parent, check=True, capture_output=True, text=True
    ).stdout


def cpu_of(server: Server) -> int:
    """Nanoseconds that the server's main thread has run. Waits until it sleeps: the kernel counts all only then."""
    thread = Path(f"/proc/{server.process.pid}/task/{server.process.pid}")
    while (thread / "stat").read_text().rpartition(")")[2].split()[0] != "S":
        time.sleep(0)
    return int((thread / "schedstat").read_text().split()[0])


class Meter:
    """Collects microseconds of server CPU per call, by work and by texts."""

    def __init__(self, server: Server, client: redis.Redis) -> None:
        self.server = server
        self.client = client
        self.slices: dict[str, dict[str, list[float]]] = {}

    def run(self, work: str, name: str, calls: Sequence[tuple[str, ...]], right: Callable[[object], bool]) -> None:
        """Send the calls in one pipeline; a wrong reply ends the run, for its time would mean nothing."""
        pipeline = self.client.pipeline(transaction=False)
        for words in calls:
            pipeline.execute_command(*words)
        start = cpu_of(self.server)
        replies = pipeline.execute()
        elapsed = cpu_of(self.server) - start
        for reply in replies:
            if not right(reply):
                raise RuntimeError(f"{work}, {name}: wrong reply {reply!r:.200}")
        self.slices.setdefault(work, {}).setdefault(name, []).append(elapsed / 1000 / len(calls))


def _pairs(number: int) -> list[tuple[str, str, str, str]]:
    """Pairs of a slice that do not follow each other: each slice has others."""
    first = number * CALLS
    return [
        ("user", str((first + i) % RESOURCES), "project", str((first * 7 + i * 3) % RESOURCES)) for i in range(CALLS)
    ]


def _is(expected: object) -> Callable[[object], bool]:
    return lambda reply: reply == expected


def build(client: redis.Redis, texts: Texts) -> None:
    """Every resource has a uid; all users follow project ``popular``, and user ``many`` follows all projects."""
    pipeline = client.pipeline(transaction=False)
    for number in range(RESOURCES):
        for pair in (
            ("user", str(number), "project", "popular"),
            ("user", "many", "project", str(number)),
            ("project", str(number), "project", "base"),
        ):
            pipeline.execute_command(*texts.words("follow", *pair, f"{1700000000 + number}.612067"))
    pipeline.execute()


def measure_round(meter: Meter, all_texts: Sequence[Texts], number: int) -> None:
    """One slice of every piece of work by every text. What ran before warms the caches, so the order changes."""
    pairs = _pairs(number)
    if number % 2:
        all_texts = all_texts[::-1]
    for texts in all_texts:
        words = [texts.words("follow", *pair, STAMP) for pair in pairs]
        meter.run("follow, new edge", texts.name, words, _is(1))
        meter.run("follow, edge exists", texts.name, words, _is(0))
        words = [texts.words("unfollow", *pair) for pair in pairs]
        meter.run("unfollow", texts.name, words, _is(1))
    _measure_yardsticks(meter, pairs)
    known = [("user", str(i), "project", "popular") for i in range(CALLS)]
    others = [word for i in range(50) for word in ("project", str((number * 50 + i) % RESOURCES))]
    newcomer = f"newcomer {number}"
    for texts in all_texts:
        words = [texts.words("is_following", *pair) for pair in known]
        meter.run("is_following", texts.name, words, _is(1))
        words = [texts.words("count", "followers", "project", "popular")] * CALLS
        meter.run("count", texts.name, words, lambda reply: reply in (RESOURCES, [RESOURCES]))
        words = [texts.words("page", "project", "popular", "followers", "desc", "20")] * (CALLS // 4)
        meter.run("page of 20", texts.name, words, lambda reply: isinstance(reply, list) and len(reply) in (61, 62))
        words = [texts.words("relationships", "user", "many", "followings", *others)] * (CALLS // 8)
        meter.run("relationships of 50", texts.name, words, _is([1] * 50))
        lists = "followings followers friends followings:project followers:project friends:project"
        words = [texts.words("relationships", "user", "many", lists, *others)] * (CALLS // 8)
        meter.run("relationships of 50, 6 lists", texts.name, words, _is([1 + 8] * 50))
        words = [texts.words("add_edges", "follow", "user", newcomer, STAMP, "", "", "", "", *others)]
        meter.run("add_edges of 50", texts.name, words, _is([1] * 50))
        words = [texts.words("move_edges", "user", newcomer, "followings", "", "50", "", *others)]
        meter.run("move_edges of 50", texts.name, words, lambda reply: isinstance(reply, list))


def _measure_yardsticks(meter: Meter, pairs: Sequence[tuple[str, ...]]) -> None:
    sums = {name: hashlib.sha1(text.encode()).hexdigest() for name, text in {"naive": NAIVE, "empty": EMPTY}.items()}
    keys = ("2", "naive:", "naive:global:uid")
    words = [("EVALSHA", sums["empty"], *keys, *pair, STAMP) for pair in pairs]
    meter.run("follow, new edge", "empty", words, _is(1))
    words = [("EVALSHA", sums["naive"], *keys, *pair, STAMP) for pair in pairs]
    meter.run("follow, new edge", "naive", words, _is(1))
    meter.run("follow, edge exists", "naive", words, _is(0))
    for key in meter.client.scan_iter("naive:uid:[0-9]*", count=1000):
        meter.client.delete(key)  # the lists only: the uids stay


EMPTY = "return 1"


def rows_of(meter: Meter, now: str) -> Iterator[dict[str, object]]:
    """For each work and text the minimum and the median of its slices, and the ratio of today's minimum to its own."""
    for work, slices in meter.slices.items():
        for name, values in slices.items():
            yield {
                "work": work,
                "texts": name,
                "minimum": min(values),
                "median": statistics.median(values),
                "now_by_this": min(slices[now]) / min(values) if now in slices else None,
            }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.scripts", description="Server CPU of the scripts."
    )
    parser.add_argument("--against", metavar="COMMIT", help="also the texts of this commit")
    parser.add_argument("--rounds", type=int, default=40, help="slices of each work (default: 40)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options = parse_with_server(parser, default="redis-7.0")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    all_texts = [read_texts(None), *([read_texts(options.against)] if options.against else [])]
    with running(options.server) as server, server.client() as client:
        for texts in all_texts:
            texts.load(client)
            build(client, texts)
        client.script_load(NAIVE)
        client.script_load(EMPTY)
        meter = Meter(server, client)
        for number in range(options.rounds):
            measure_round(meter, all_texts, number)
    rows = list(rows_of(meter, all_texts[0].name))
    if options.json:
        print(json.dumps({"server": options.server, "rounds": options.rounds, "rows": rows}, indent=2))
        return
    table = Table(title=f"{options.server}: CPU of the server per call, {options.rounds} slices", title_justify="left")
    for column, justify in [
        ("work", "left"),
        ("texts", "left"),
        *((name, "right") for name in ("minimum µs", "median µs", "now / this")),
    ]:
        table.add_column(column, justify=justify, no_wrap=True)
    work = ""
    for row in rows:
        ratio = row["now_by_this"]
        table.add_row(
            "" if row["work"] == work else str(row["work"]),
            str(row["texts"]),
            f"{row['minimum']:.2f}",
            f"{row['median']:.2f}",
            f"{ratio:.2f}" if ratio else "",
        )
        work = str(row["work"])
    Console().print(table)


if __name__ == "__main__":
    main()
