"""The sub-commands that look at a graph: ``audit`` and ``stats``, how they go on and what they print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TextIO

from ..backends.redis.backend import RedisBackend
from ..backends.redis.operate.audit import audit
from ..backends.redis.operate.survey import Checked, Stats, audit_graph, count_uids, find_identifiers, get_stats
from ..resources import Resource

#: Resources between two lines of progress, where no bar can be drawn.
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
    """Audit one resource or the whole graph and print what is found; returns whether nothing (more) is wrong.

    What was found and mended is found out by a second audit, which only reports.
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
    told = f"{left} left after the repair" if repair and found else "run it with --repair" if found else "all is well"
    write(f"{checked} resources, {found} findings: {told}.")
    return not left


def _audit(
    backend: RedisBackend, resource: Resource | None, identifiers: Iterable[str], *, repair: bool
) -> Iterator[Checked]:
    if resource:
        wanted = {*identifiers, *find_identifiers(backend)}
        yield Checked(resource, audit(backend, resource, wanted, repair=repair))
        return
    with progress("audit", count_uids(backend)) as on_step:
        done = 0
        for item in audit_graph(backend, identifiers, repair=repair):
            done += item.resource is not None
            on_step(done)
            yield item


def run_stats(backend: RedisBackend, write: Write, *, as_json: bool) -> None:
    """Count what the graph holds and print it."""
    with progress("stats", count_uids(backend)) as on_step:
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
        yield f"{size:>12,}  {name} of {' '.join(resource) if resource else 'nobody known; run audit'}"


@contextmanager
def progress(title: str, total: int, stream: TextIO | None = None) -> Iterator[Callable[[int], None]]:
    """Gives a function that is told how many are done, and shows it on ``stream`` (standard error).

    A bar on a terminal where rich is installed (``django-sequere[demo]``), else a line for each 10,000. ``total`` is an
    estimate: what is done in the end is all.
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
                print(f"{title}: {done:,} of about {total:,}", file=stream, flush=True)
            last = done

        yield print_line
        if last >= LINE_EVERY:
            print(f"{title}: {last:,} of {last:,}", file=stream, flush=True)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=stream)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.update(task, completed=done)
        bar.update(task, total=bar.tasks[task].completed)
