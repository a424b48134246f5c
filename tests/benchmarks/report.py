"""Shows the timings: as a table for people, as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from .rounds import Operation, Timing


def show(operations: Iterable[Operation], timings: dict[str, Timing], *, title: str) -> None:
    """Prints one line for each operation; a line begins a group unless it is part of the call above it."""
    table = Table(title=title, title_justify="left")
    table.add_column("operation", no_wrap=True)
    table.add_column("median µs", justify="right", no_wrap=True)
    table.add_column("quartiles µs", justify="right", no_wrap=True)
    table.add_column("times bare", justify="right", no_wrap=True, style="bold")
    for operation in operations:
        timing = timings[operation.name]
        call, _, part = operation.name.partition(": ")
        table.add_row(
            f"  {part}" if part else call,
            _micro(timing.median),
            f"{_micro(timing.low)} - {_micro(timing.high)}",
            f"{timing.median / timings[operation.base].median:.2f}" if operation.base else "",
        )
    Console().print(table)


def show_json(operations: Iterable[Operation], timings: dict[str, Timing], **about: object) -> None:
    """Prints the same as one JSON object, times in microseconds."""
    rows = [
        {
            "operation": operation.name,
            "low": timings[operation.name].low / 1000,
            "median": timings[operation.name].median / 1000,
            "high": timings[operation.name].high / 1000,
            "base": operation.base or None,
            "times_base": timings[operation.name].median / timings[operation.base].median if operation.base else None,
        }
        for operation in operations
    ]
    print(json.dumps({**about, "rows": rows}, indent=2))


def _micro(nanoseconds: float) -> str:
    return f"{nanoseconds / 1000:,.1f}"
