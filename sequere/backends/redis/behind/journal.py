"""The journal, the mark and the fence in Redis as Python sees them, and their ids."""

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

#: How many entries one script reads.
READ_STEP = 400

#: The steps of a rebuild, as the mark names them.
STEPS = ("clear", "copy", "replay")

#: The cursor of a mark whose step has none, or has not begun.
NO_CURSOR = "-"

#: An id has a random number below this: so no two databases, and no database before and after a restore, give out the
#: same.
_RANDOM = 10**15


class JournalEntry(NamedTuple):
    """One entry, all text as it was appended; a field that it lacks is empty."""

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
        """The SHA-1 of its fields: entries of two servers may have the same id."""
        return hashlib.sha1("\0".join(self).encode(), usedforsecurity=False).hexdigest()

    @property
    def resource(self) -> Resource:
        """The resource of an entry forget. Raises ``InvalidIdentifier`` or ``InvalidObjectId``."""
        return check_resource(Resource(self.from_identifier, self.from_object_id), "from")

    @property
    def edge(self) -> Edge:
        """The edge of an entry add or remove.

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
        """The time of its edge after it (seconds since the epoch, UTC); None if the edge does not exist.

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
        return to_seconds(seconds, end=check_relation(self.relation).end)


class Mark(NamedTuple):
    """Which state of the database the graph in Redis is a copy of.

    It is one string, which every script of a rebuild compares as a whole and sets.

    ``epoch`` is the id of the graph; ``step`` is clear, copy, replay (a rebuild fills it), adopt (it gets the writes of
    the database, before it is adopted) or ready; ``cursor`` is the progress of the step; ``seen`` is the last change of
    the database that the graph contains.
    """

    epoch: str
    step: str
    cursor: str
    seen: str

    def __str__(self) -> str:
        return " ".join(self)

    @classmethod
    def read(cls, text: str) -> Mark | None:
        """Parse its text; None if there is no mark, or one that this package did not write."""
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
    #: The entries from the requested position on, including the one there.
    entries: list[JournalEntry]

    @property
    def mark(self) -> Mark | None:
        return Mark.read(self.marked)

    def after(self, position: str) -> list[JournalEntry]:
        """The entries that are younger than the position from which they were read."""
        return self.entries[1:] if self.entries and self.entries[0].id == position else self.entries


def order_of(id_: str) -> tuple[int, int]:
    """The sort key of an id; an empty id sorts first."""
    milliseconds, _, number = (id_ or "0-0").partition("-")
    return int(milliseconds), int(number)


def make_id(after: str, now: int) -> str:
    """Return a new, unique id: later than ``after``, whatever the clock ``now`` says (milliseconds since the epoch)."""
    return f"{max(now, order_of(after)[0] + 1)}-{secrets.randbelow(_RANDOM)}"


def read_journal(unguarded: RedisBackend, position: str, *, limit: int = READ_STEP, epoch: str = "") -> Journal:
    """Read the mark, the journal, and its entries from a position on, including the one there. One round trip.

    With ``epoch`` the entries before the position are dropped if the journal is of that epoch: both must be committed.
    """
    reply = unguarded.run("drain_journal", position, limit, epoch)
    marked, last_uid, now, length, oldest, opening, last = map(decode, reply[:7])
    return Journal(marked, last_uid, int(now), int(length), oldest, opening, last, list(_entries(reply[7:])))


def fence(unguarded: RedisBackend, after: str, *, opens: bool = False) -> str:
    """Return a new id, by the clock of Redis; earlier callers can no longer open a journal. Empty: there is a journal.

    With ``opens`` the caller may open the journal with this id. One round trip.
    """
    id_: str = decode(unguarded.run("fence", after, secrets.randbelow(_RANDOM), int(opens)))
    return id_


def _entries(reply: Sequence[Any]) -> Iterator[JournalEntry]:
    texts = map(decode, reply)
    return map(JournalEntry._make, zip(*[texts] * len(JournalEntry._fields), strict=True))
