"""The sub-command ``export``: the edges of the graph, or of one resource, as JSON lines."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..exceptions import InvalidArgument
from ..exporting import export_graph, export_resource
from ..resources import Resource
from .arguments import add_resource
from .console import count
from .forgetting import find_fault
from .graph import Write, progress


def add_export(commands: Any) -> None:
    """Add the parser of ``export`` to argparse's sub-parsers."""
    parser = commands.add_parser(
        "export",
        help="write the edges of the graph, or of one resource, as JSON lines",
        description="Write a JSON line for each edge of the graph, blocks first, for `python manage.py sequere import "
        "FILE`. With an identifier and a primary key: each edge from and to this resource, without the blocks and "
        "mutes by others.",
    )
    add_resource(parser, nargs="?")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write to this file instead of standard output")


def run_export(options: argparse.Namespace, resource: Resource | None, write: Write) -> None:
    """Write the lines. To a file: under another name until it is complete, then print how many they are.

    Raises ``InvalidArgument`` if no row can be the resource and it has no edges: the name is likely to be wrong.
    """
    done = 0
    with _lines_to(options.output, write) as put, progress("export", None) as on_step:
        for lines in export_graph() if resource is None else export_resource(resource):
            put("\n".join(lines))
            done += len(lines)
            on_step(done)
        fault = find_fault(resource) if resource and not done else ""
        if resource and fault:
            raise InvalidArgument(f"The graph knows no edges of {' '.join(resource)}; {fault}.")
    told = f"{count(done, 'edge')} exported."
    if options.output:
        write(told)
    else:
        print(told, file=sys.stderr)


@contextmanager
def _lines_to(path: Path | None, write: Write) -> Iterator[Callable[[str], object]]:
    """Yield a function that writes lines. Raises ``InvalidArgument`` if there is something else than a file."""
    if path is None:
        yield write
        return
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise InvalidArgument(f"--output: {path} is not a file. Leave --output out to write to standard output.")
    incomplete = path.with_name(f"{path.name}.part")
    try:
        with incomplete.open("w", encoding="utf-8", newline="\n") as file:
            yield lambda lines: file.write(f"{lines}\n")
        incomplete.replace(path)
    finally:
        incomplete.unlink(missing_ok=True)
