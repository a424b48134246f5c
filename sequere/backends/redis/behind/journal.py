"""The journal, the mark and the fence in Redis as Python sees them, and the ids that all of them are told apart by."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ....exceptions import InvalidArgument
from ....relations import Edge, check_relation
from ....resources import Resource, check_ends, check_resource
from ....timestamps import to_seconds
from ...operations import decode
from ..backend import RedisBackend

#: Entries that one script reads.
READ_STEP = 400

#: The steps of a rebuild that is under way, as the mark names them.
STEPS = ("clear", "copy", "replay")

#: The cursor of a mark whose step has none, or has not begun.
NO_CURSOR = "-"

#: An id has a random number below this: so no two databases, and no database before and after a restore, give out the
#: same.
_RANDOM = 10**15


class JournalEntry(NamedTuple):
    """One entry, all text as it was noted; what it lacks is empty."""

    id: str
    operation: str
    relation: str = ""
    from_identifier: str = ""
    from_object_id: str = ""
    to_identifier: str = ""
    to_object_id: str = ""
    timestamp: str = ""
    payload: str = ""

    @property
    def digest(self) -> str:
        """What it says, as a SHA-1: entries of two servers may have one id."""
        return hashlib.sha1("\0".join(self).encode(), usedforsecurity=False).hexdigest()

    @property
    def resource(self) -> Resource:
        """Of an entry forget: whose edges were removed. Raises ``InvalidIdentifier`` or ``InvalidObjectId``."""
        return check_resource(Resource(self.from_identifier, self.from_object_id), "from")

    @property
    def edge(self) -> Edge:
        """Of an entry add or remove: the edge that it is about.

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
            raise InvalidArgument(f"operation must be add, remove, forget or open; got {self.operation!r:.80}")
        try:
            seconds = float(self.timestamp)
        except ValueError as error:
            raise InvalidArgument(f"timestamp must be seconds since the epoch; got {self.timestamp!r:.80}") from error
        return to_seconds(seconds)


class Mark(NamedTuple):
    """What the graph in Redis is a copy of. One string, compared whole and set by every script of a rebuild.

    ``epoch`` is the id of the graph; ``step`` is clear, copy, replay (a rebuild fills it), adopt (it gets what the
    database was told, before it is adopted) or ready; ``cursor`` says how far the step is; ``seen`` is the last change
    of the database that the graph contains.
    """

    epoch: str
    step: str
    cursor: str
    seen: str

    def __str__(self) -> str:
        return " ".join(self)

    @classmethod
    def read(cls, text: str) -> Mark | None:
        """From its text; None where there is none, or one that this package did not write."""
        parts = text.split(" ")
        return cls(*parts) if len(parts) == len(cls._fields) else None


class Journal(NamedTuple):
    """One look at the journal and the mark; see ``lua/src/drain_journal.lua``."""

    #: The text of the mark; empty: none.
    marked: str
    #: The last uid given out; empty: there is no graph.
    last_uid: str
    #: The server's clock, milliseconds since the epoch.
    now: int
    length: int
    oldest: str
    #: The operation of the oldest entry.
    opening: str
    last: str
    #: From the position on that was asked for, the entry there included.
    entries: list[JournalEntry]

    @property
    def mark(self) -> Mark | None:
        return Mark.read(self.marked)

    def after(self, position: str) -> list[JournalEntry]:
        """The entries that are younger than the position from which they were read."""
        return self.entries[1:] if self.entries and self.entries[0].id == position else self.entries


def order_of(id_: str) -> tuple[int, int]:
    """What sorts ids; an empty one comes before all others."""
    milliseconds, _, number = (id_ or "0-0").partition("-")
    return int(milliseconds), int(number)


def make_id(after: str, now: int) -> str:
    """A new id: younger than ``after``, whatever the clock ``now`` says (milliseconds since the epoch), and unique."""
    return f"{max(now, order_of(after)[0] + 1)}-{secrets.randbelow(_RANDOM)}"


def read_journal(unguarded: RedisBackend, position: str, *, limit: int = READ_STEP, epoch: str = "") -> Journal:
    """The mark, the journal, and its entries from a position on, itself included. One round trip.

    With ``epoch`` the entries before the position are dropped if the journal is of that epoch: both must be committed.
    """
    reply = unguarded.run("drain_journal", position, limit, epoch)
    marked, last_uid, now, length, oldest, opening, last = map(decode, reply[:7])
    return Journal(marked, last_uid, int(now), int(length), oldest, opening, last, list(_entries(reply[7:])))


def fence(unguarded: RedisBackend, after: str, *, opens: bool = False) -> str:
    """A new id, by the clock of Redis; who got one before can open no journal any more. Empty: there is a journal.

    With ``opens`` the caller may open the journal with this id. One round trip.
    """
    id_: str = decode(unguarded.run("fence", after, secrets.randbelow(_RANDOM), int(opens)))
    return id_


def _entries(reply: Sequence[Any]) -> Iterator[JournalEntry]:
    texts = map(decode, reply)
    return map(JournalEntry._make, zip(*[texts] * len(JournalEntry._fields), strict=True))
