"""The JSON lines of an export, one edge each, written and read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ..exceptions import InvalidArgument, InvalidIdentifier, InvalidObjectId
from ..relations import FOREVER, Edge, check_relation
from ..resources import Resource, check_ends
from ..steps import in_steps
from ..timestamps import to_text
from .sources import STEP, Batch, Found
from .state import State

#: The keys of the object in a line, in this order.
FIELDS = ("relation", "from", "to", "at")

EXAMPLE = '{"relation": "follow", "from": ["user", "1"], "to": ["project", "7"], "at": "1382676091.612067"}'

_TIME = re.compile(r"\d{1,11}(\.\d{1,6})?", re.ASCII)


def make_line(edge: Edge, micros: int) -> str:
    """Return the line of an edge, without a newline. It is ASCII, whatever the encoding of the output is."""
    return json.dumps(dict(zip(FIELDS, (*edge, to_text(micros)), strict=True)))


def parse_line(line: bytes) -> Found:
    """Return the edge of a line. Raises :class:`~sequere.exceptions.InvalidArgument`."""
    try:
        value = json.loads(line.decode())
    except (ValueError, RecursionError) as error:  # also a text that is not UTF-8
        raise InvalidArgument(f"is not JSON in UTF-8 ({error})") from error
    if not isinstance(value, dict) or sorted(value) != sorted(FIELDS):
        raise InvalidArgument(f"must be an object with {', '.join(FIELDS)} and nothing else")
    try:
        relation = check_relation(value["relation"])
        ends = _parse_resource("from", value["from"]), _parse_resource("to", value["to"])
        check_ends(*ends)
    except (InvalidArgument, InvalidIdentifier, InvalidObjectId) as error:
        raise InvalidArgument(str(error).rstrip(".")) from error
    return Found(relation.name, *ends, _parse_time(value["at"], 2 * FOREVER if relation.expires else FOREVER))


def _parse_resource(name: str, value: Any) -> Resource:
    if not (isinstance(value, list) and len(value) == 2 and all(isinstance(word, str) for word in value)):
        raise InvalidArgument(f"{name} must be an identifier and an object id, two texts in a list; got {value!r:.80}")
    return Resource(*value)


def _parse_time(value: Any, end: int) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number or (isinstance(value, str) and _TIME.fullmatch(value)):
        seconds = float(value) if isinstance(value, str) else value
        if 0 <= seconds < end:
            return float(seconds)
    raise InvalidArgument(f"at must be seconds since the epoch, from 0 to below {end}; got {value!r:.80}")


class FileSource:
    """A file of such JSON lines; empty lines are ignored."""

    unit = "line"
    note = ""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = f"the file {path.resolve()}"

    def prepare(self, state: State) -> int:
        """Count the lines."""
        if self.path.exists() and not self.path.is_file():
            raise InvalidArgument(f"{self.path} is not a file: save the lines in one, in which an import can continue.")
        with self.path.open("rb") as lines:
            total = sum(1 for _ in lines)
        if total < int(state.progress.place or 0):
            raise InvalidArgument(
                f"{self.path} has {total:,} lines, fewer than the {int(state.progress.place):,} that were imported "
                "before. Pass the same file, or another --state to begin anew."
            )
        return total

    def batches(self, state: State, place: str) -> Iterator[Batch]:
        """Yield the edges after a place. Raises ``InvalidArgument`` for an invalid line, before it yields the batch."""
        done = int(place or 0)
        with self.path.open("rb") as file:
            for step in in_steps(islice(file, done, None), STEP):
                batch = Batch(str(done + len(step)))
                for number, line in enumerate(step, done + 1):
                    if not line.strip():
                        continue
                    try:
                        batch.edges.append(parse_line(line))
                    except InvalidArgument as error:
                        raise InvalidArgument(
                            f"{self.path}, line {number}: {error}. A line looks like this: {EXAMPLE}. Correct the line "
                            f"and run the same command again; no line after {done} was imported."
                        ) from error
                yield batch
                done += len(step)
