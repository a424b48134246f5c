"""The journal in Redis as Python sees it: entries, their order, and what each does to an edge."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ....exceptions import InvalidArgument
from ....relations import Edge, check_relation
from ....resources import Resource, check_ends
from ....timestamps import to_seconds
from ...operations import decode
from ..backend import RedisBackend
from ..errors import translated

#: Entries that one script reads.
READ_STEP = 400


class JournalEntry(NamedTuple):
    """One entry, all text as it was noted; what it lacks is empty."""

    id: str
    operation: str
    relation: str
    from_identifier: str
    from_object_id: str
    to_identifier: str
    to_object_id: str
    timestamp: str
    progress: str

    @property
    def digest(self) -> str:
        """What it says, as a SHA-1: entries of two servers may have one id."""
        return hashlib.sha1("\0".join(self).encode(), usedforsecurity=False).hexdigest()

    @property
    def outbox(self) -> int:
        """Of an entry open: the last change of the outbox that the journal begins with."""
        progress = Progress.read(self.progress)
        return progress.outbox if progress else 0

    @property
    def edge(self) -> Edge:
        """The edge that it is about.

        Raises :class:`~sequere.exceptions.InvalidArgument` for an unknown relation, ``InvalidIdentifier`` or
        ``InvalidObjectId`` for an end that is not a resource.
        """
        check_relation(self.relation)
        from_resource = Resource(self.from_identifier, self.from_object_id)
        to_resource = Resource(self.to_identifier, self.to_object_id)
        check_ends(from_resource, to_resource)
        return Edge(self.relation, from_resource, to_resource)

    @property
    def since(self) -> float | None:
        """Since when its edge exists after it (seconds since the epoch, UTC); None if it does not.

        Raises :class:`~sequere.exceptions.InvalidArgument` for an unknown operation, ``InvalidTimestamp``.
        """
        if self.operation == "remove":
            return None
        if self.operation != "add":
            raise InvalidArgument(f"operation must be add or remove; got {self.operation!r:.80}")
        try:
            return to_seconds(float(self.timestamp))
        except ValueError as error:
            raise InvalidArgument(f"timestamp must be seconds since the epoch; got {self.timestamp!r:.80}") from error


class Progress(NamedTuple):
    """How far a rebuild is: for which journal, in which step, the outbox's id and the edge's key it has reached."""

    opening: str
    step: str
    outbox: int
    edge: str

    def __str__(self) -> str:
        return f"{self.opening} {self.step} {self.outbox} {self.edge}"

    @classmethod
    def read(cls, text: str) -> Progress | None:
        """From its text; None if that is not of ours."""
        parts = text.split(" ")
        if len(parts) != 4 or not parts[2].isdecimal():
            return None
        return cls(parts[0], parts[1], int(parts[2]), parts[3])


class State(NamedTuple):
    """The state of the journal in Redis; see ``lua/src/journal_state.lua``."""

    length: int
    last: str
    waiting: str
    now: int
    closed: str
    progress: str


def order_of(entry_id: str) -> tuple[int, int]:
    """What sorts ids of entries; nothing comes before everything."""
    milliseconds, _, number = (entry_id or "0-0").partition("-")
    return int(milliseconds), int(number)


def get_state(unguarded: RedisBackend, position: str) -> State:
    """The state of the journal, with a view from a position. One round trip."""
    length, *texts = unguarded.run("journal_state", position)
    last, waiting, now, closed, progress = map(decode, texts)
    return State(int(length), last, waiting, int(now), closed, progress)


def read_entries(
    unguarded: RedisBackend, position: str, *, limit: int = READ_STEP, keep: bool = False, closed: bool = False
) -> list[JournalEntry]:
    """The entries from a position on, itself included. One round trip.

    What is before it is dropped, so it must be committed; or pass ``keep``. ``closed`` reads the journal that
    was put away, which is kept.
    """
    return list(_entries(unguarded.run("drain_journal", position, limit, int(keep), int(closed))))


def drop_closed(unguarded: RedisBackend) -> None:
    """Remove the journal that was put away: it is read, and no sign of a lost graph any more. One round trip."""
    with translated():
        unguarded.client.delete(f"{unguarded.prefix}global:journal:closed")


def _entries(reply: Sequence[Any]) -> Iterator[JournalEntry]:
    texts = map(decode, reply)
    return map(JournalEntry._make, zip(*[texts] * len(JournalEntry._fields), strict=True))
