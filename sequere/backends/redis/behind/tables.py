"""Applies entries to the tables: which table has the changes of which relation, and how it applies them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from django.db import DataError, IntegrityError, transaction
from django.db import Error as DatabaseError

from ....exceptions import SequereException
from ....relations import RELATIONS, Edge, settle
from ....resources import Resource
from ...database.bulk import forget, set_edges
from ...database.locks import find_kinds
from ...database.texts import HINT, is_unfit
from .journal import JournalEntry

#: Entries that the tables cannot hold, each with the reason.
Refused = list[tuple[JournalEntry, str]]


class Table(Protocol):
    """The table for the changes of some relations."""

    def apply(self, alias: str, entries: Sequence[JournalEntry]) -> Refused:
        """Apply entries, in their order and in a transaction of the caller. Returns those that it cannot hold."""


class EdgeTable:
    """The table of edges. Of the entries about one edge only the last one counts."""

    def apply(self, alias: str, entries: Sequence[JournalEntry]) -> Refused:
        last: dict[Edge, JournalEntry] = {}
        known: dict[tuple[str, ...], Edge] = {}  # by relation and ends: many entries are about few edges
        changes: list[tuple[Edge, float | None]] = []
        forgotten: dict[Resource, JournalEntry] = {}
        refused: Refused = []
        for entry in entries:
            try:
                if entry.operation == "forget":
                    forgotten[entry.resource] = entry
                    changes = [change for change in changes if entry.resource not in change[0]]
                else:
                    words = entry[2:7]
                    edge = known.get(words) or known.setdefault(words, entry.edge)
                    changes.append((edge, entry.since))
                    last[edge] = entry
            except SequereException as error:
                refused.append((entry, str(error)))
        for resource, entry in forgotten.items():
            try:
                with transaction.atomic(using=alias):
                    forget(alias, resource)
            except (UnicodeEncodeError, DatabaseError) as error:
                refused.append((entry, _reason_of(error)))
        # A block removes the follows of all kinds, also of those that these entries do not name.
        kinds = find_kinds(alias) if any(edge.relation == "block" for edge, _ in changes) else ()
        return refused + self._set(alias, settle(changes, kinds), last)

    def _set(self, alias: str, states: Mapping[Edge, float | None], last: Mapping[Edge, JournalEntry]) -> Refused:
        """Set states. Those that the database refuses are found by bisection."""
        if not states:
            return []
        try:
            with transaction.atomic(using=alias):
                set_edges(alias, states)
        except (UnicodeEncodeError, DatabaseError) as error:
            reason = _reason_of(error)
            if len(states) == 1:
                (edge,) = states
                # What an added edge excludes has no entry of its own, and its removal is never refused.
                return [(last[edge], reason)] if edge in last else []
            items = list(states.items())
            middle = len(items) // 2
            return self._set(alias, dict(items[:middle]), last) + self._set(alias, dict(items[middle:]), last)
        return []


def _reason_of(error: Exception) -> str:
    """Why the database refuses the data of a statement. Raises the error again if it has another cause."""
    if is_unfit(error):
        return f"{error}. {HINT}"
    if not isinstance(error, (DataError, IntegrityError)):
        raise error
    return str(error)


_EDGES = EdgeTable()

#: The table of each relation, of all its kinds; entries about all edges of a resource have no relation.
TABLES: dict[str, Table] = {"": _EDGES, **dict.fromkeys(RELATIONS, _EDGES)}


def apply(alias: str, entries: Sequence[JournalEntry]) -> Refused:
    """Apply entries to the tables of their relations, in a transaction of the caller. Returns what none can hold."""
    refused: Refused = []
    parts: dict[Table, list[JournalEntry]] = {}
    for entry in entries:
        table = TABLES.get(entry.relation.partition("@")[0])
        if entry.operation == "open":
            continue
        if table is None:
            known = ", ".join(filter(None, TABLES))
            refused.append((entry, f"relation must be one of {known}; got {entry.relation!r:.80}"))
        else:
            parts.setdefault(table, []).append(entry)
    for table, part in parts.items():
        refused += table.apply(alias, part)
    return refused
