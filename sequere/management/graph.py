"""The sub-commands ``audit`` and ``stats``: their progress and what they print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

from ..backends.redis.backend import RedisBackend
from ..backends.redis.operate.audit import audit
from ..backends.redis.operate.survey import Checked, Stats, audit_graph, find_identifiers, get_stats
from ..backends.redis.uids import count_uids
from ..exceptions import CorruptGraph
from ..resources import Resource, quote
from .console import count

#: How many resources between two lines of progress, if no bar can be drawn.
LINE_EVERY = 10_000

#: Prints one line.
Write = Callable[[str], object]


def run_audit(
    backend: RedisBackend,
    resource: Resource | None,
    identifiers: Iterable[str],
    write: Write,
    *,
    repair: bool,
    as_json: bool,
) -> bool:
    """Audit one resource or the whole graph and print what is found. Returns whether all is well now.

    After a repair, a second audit, which only reports, counts what is left.
    """
    checked, found = 0, 0
    damaged: list[Checked] = []
    for item in _audit(backend, resource, identifiers, repair=repair):
        checked += item.resource is not None
        found += len(item.findings)
        if item.findings:
            damaged.append(item)
    left = found
    if repair and found:
        left = sum(len(item.findings) for item in _audit(backend, resource, identifiers, repair=False))
    if as_json:
        findings = [{"resource": item.resource, **finding._asdict()} for item in damaged for finding in item.findings]
        write(json.dumps({"checked": checked, "findings": findings, "left": left}, indent=2))
        return not left
    for item in damaged:
        for finding in item.findings:
            whose = f"{item.resource.identifier} {item.resource.object_id}: " if item.resource else ""
            write(f"{whose}{finding.kind} {finding.key}: {finding.detail}")
    told = f"{left:,} left after the repair" if repair and found else _advise(resource) if found else "all is well"
    write(f"{count(checked, 'resource')}, {count(found, 'finding')}: {told}.")
    return not left


def _advise(resource: Resource | None) -> str:
    words = ["--repair", quote(resource)] if resource else ["--repair"]
    return f"run `python manage.py sequere audit {' '.join(words)}`"


def _audit(
    backend: RedisBackend, resource: Resource | None, identifiers: Iterable[str], *, repair: bool
) -> Iterator[Checked]:
    if resource:
        wanted = {*identifiers, *find_identifiers(backend)}
        yield Checked(resource, audit(backend, resource, wanted, repair=repair))
        return
    with progress("audit", estimate_uids(backend)) as on_step:
        done = 0
        for item in audit_graph(backend, identifiers, repair=repair):
            done += item.resource is not None
            on_step(done)
            yield item


def estimate_uids(backend: RedisBackend) -> int | None:
    """About how many resources there are; None if the last uid is not a uid, which an audit repairs."""
    try:
        return count_uids(backend.client, backend.prefix)
    except CorruptGraph:
        return None


def run_stats(backend: RedisBackend, write: Write, *, as_json: bool) -> None:
    """Count what the graph holds and print it."""
    with progress("stats", count_uids(backend.client, backend.prefix)) as on_step:
        stats = get_stats(backend, on_step=on_step)
    for line in _stats_as_json(stats) if as_json else _stats_as_text(stats):
        write(line)


def _stats_as_json(stats: Stats) -> Iterator[str]:
    largest = [entry._asdict() for entry in stats.largest]
    yield json.dumps(
        {"resources": stats.resources, "edges": stats.edges, "pairs": stats.pairs, "largest": largest}, indent=2
    )


def _stats_as_text(stats: Stats) -> Iterator[str]:
    for identifier, number in stats.resources.items():
        yield f"{number:>12,}  {identifier}"
    yield f"{sum(stats.resources.values()):>12,}  resources"
    for relation, number in stats.edges.items():
        yield f"{number:>12,}  edges of {relation}"
    for mutual, number in stats.pairs.items():
        yield f"{number:>12,}  pairs of {mutual}"
    if stats.largest:
        yield "Largest lists:"
    for size, name, resource in stats.largest:
        whose = " ".join(resource) if resource else f"an unknown resource; {_advise(None)}"
        yield f"{size:>12,}  {name} of {whose}"


@contextmanager
def progress(title: str, total: int | None, stream: TextIO | None = None) -> Iterator[Callable[[int], None]]:
    """Yield a function to call with the number of items done; it shows the number on ``stream`` (standard error).

    On a terminal it is a bar if rich is installed (``django-sequere[demo]``), else a line for each 10,000. ``total`` is
    an estimate, or None; once more than that is done, no total is shown. At the end, the number done is the total.
    """
    stream = stream or sys.stderr
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    except ImportError:
        terminal = False
    else:
        terminal = stream.isatty()
    if not terminal:
        last = 0

        def print_line(done: int) -> None:
            nonlocal last
            if done // LINE_EVERY > last // LINE_EVERY:
                of = f" of about {total:,}" if total is not None and done <= total else ""
                print(f"{title}: {done:,}{of}", file=stream, flush=True)
            last = done

        yield print_line
        if last >= LINE_EVERY:
            print(f"{title}: {last:,} of {last:,}", file=stream, flush=True)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream)) as bar:
        task = bar.add_task(title, total=total)

        def move(done: int) -> None:
            if total is not None and done > total:
                bar.tasks[task].total = None  # a bar without an end
            bar.update(task, completed=done)

        yield move
        bar.update(task, total=bar.tasks[task].completed)
