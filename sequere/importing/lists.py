"""A source whose edges are the entries of sorted sets in Redis."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..backends.redis.errors import translated
from ..backends.redis.operate.permissions import escape
from ..exceptions import InvalidSettings
from ..steps import in_steps
from .sources import STEP, Batch
from .state import State


class Part(NamedTuple):
    """A part of a list: the entries from ``start`` to ``end``."""

    name: str
    start: int
    end: int


class ListSource(ABC):
    """The lists under a prefix (with its last colon), read by a client of redis-py or valkey-py.

    The name of a list is the rest of its key. Lists are read in the order of their names.
    """

    unit = "entry"
    note = ""
    #: The end of the keys of its lists.
    suffix = ""

    def __init__(self, client: Any, prefix: str) -> None:
        self.client = client
        self.prefix = prefix
        options = client.connection_pool.connection_kwargs
        place = options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
        self.name = f"{prefix}* in Redis at {place}/{options.get('db') or 0}"

    @abstractmethod
    def is_list(self, name: str) -> bool:
        """Whether this is the name of a list."""

    @abstractmethod
    def explain_none(self) -> str:
        """What to do if there are no lists."""

    @abstractmethod
    def read(self, parts: Sequence[Part], batch: Batch) -> None:
        """Put the entries of some parts into the batch."""

    def prepare(self, state: State) -> int:
        """Find the lists. One round trip for each 1,000 keys of the server, and one for each 1,000 lists.

        An unfinished search starts again.
        """
        if not state.progress.place:
            state.clear_lists()
            with translated():
                keys = self.client.scan_iter(match=f"{escape(self.prefix)}*{self.suffix}", count=STEP)
                for step in in_steps(keys, STEP):
                    names = [name for key in step if self.is_list(name := to_text(key)[len(self.prefix) :])]
                    pipeline = self.client.pipeline(transaction=False)
                    for name in names:
                        pipeline.zcard(f"{self.prefix}{name}")
                    sizes = pipeline.execute(raise_on_error=False)
                    state.add_lists((name, _count(size)) for name, size in zip(names, sizes, strict=True))
        total = state.count()
        if not total:
            raise InvalidSettings(self.explain_none())
        return total

    def batches(self, state: State, place: str) -> Iterator[Batch]:
        """Yield the edges after a place. One round trip for each batch, and those that find the names of members."""
        for parts in self._parts(state, place):
            batch = Batch(f"{parts[-1].name}:{parts[-1].end}")
            self.read(parts, batch)
            yield batch

    @staticmethod
    def _parts(state: State, place: str) -> Iterator[list[Part]]:
        """All lists after a place, in groups of 1,000 entries; long ones in several parts."""
        first, _, begin = place.rpartition(":")
        parts: list[Part] = []
        room = STEP
        for name, size in state.lists(first):
            start = int(begin) if name == first else 0
            while start < size:
                parts.append(Part(name, start, min(size, start + room)))
                room -= parts[-1].end - start
                start = parts[-1].end
                if not room:
                    yield parts
                    parts, room = [], STEP
        if parts:
            yield parts

    def read_entries(self, parts: Sequence[Part], batch: Batch) -> Iterator[tuple[str, list[tuple[Any, float]]]]:
        """The entries of each part, with the name of its list. A key of another type is a fault of the batch."""
        questions = self.client.pipeline(transaction=False)
        for name, start, end in parts:
            questions.zrange(f"{self.prefix}{name}", start, end - 1, withscores=True)
        for (name, start, end), entries in zip(parts, ask(questions), strict=True):
            if isinstance(entries, list):
                yield name, entries
            else:
                batch.faults.append((f"{self.prefix}{name}: {entries}", end - start))


def ask(pipeline: Any) -> list[Any]:
    """Return the replies to a pipeline; for a key of another type, an exception instead of a reply."""
    with translated():
        replies: list[Any] = pipeline.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception) and not str(reply).startswith("WRONGTYPE"):
                raise reply
    return replies


def to_text(word: Any) -> str:
    return word.decode(errors="surrogateescape") if isinstance(word, bytes) else word


def _count(size: Any) -> int:
    """The size of a list; 1 for a key of another type, so that it is read and reported."""
    return size if isinstance(size, int) else 1
