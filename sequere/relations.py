"""The relations. Their table is in ``lua/src/include/_relations.lua`` and nowhere else.

An edge is a relation, two resources and a timestamp. A relation has a list for each of its two sides, and some
relations have a third list, for mutual edges.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from .exceptions import InvalidArgument
from .lua_folder import LUA
from .resources import Resource, is_identifier

T = TypeVar("T")


class Relation(NamedTuple):
    """One row of the table, or its form for one kind: the name and the names of its lists."""

    #: ``follow``, or ``follow@watch`` for one kind.
    name: str
    #: The list of the from side.
    forward: str
    #: The list of the to side.
    backward: str
    #: The list of the mutual edges, on both sides; empty if the relation has none.
    mutual: str = ""
    #: Whether there may be several graphs of it, each with a kind.
    kinds: bool = False
    #: Whether the timestamp of an edge is the time at which it ends.
    expires: bool = False
    #: The relations into which its edges may be moved, separated by spaces.
    moves: str = ""
    #: The relations of which, in the same direction and of the same kind, no edge may exist beside it.
    replaces: str = ""
    #: The relations of which no edge of any kind may exist, in either direction, between the same two resources.
    excludes: str = ""

    @property
    def lists(self) -> tuple[str, ...]:
        """The names of its lists."""
        return tuple(name for name in (self.forward, self.backward, self.mutual) if name)

    @property
    def end(self) -> float:
        """The times of its edges are below this."""
        return 2.0**34 if self.expires else 2.0**33

    @property
    def base(self) -> str:
        """Its name without the kind."""
        return self.name.partition("@")[0]

    @property
    def kind(self) -> str:
        """Its kind; empty if it has none."""
        return self.name.partition("@")[2]

    def of_kind(self, kind: str) -> Relation:
        """This row for a kind: its name and the names of its lists with ``@`` and the kind after them."""
        if not kind:
            return self
        name, forward, backward, mutual = (one and f"{one}@{kind}" for one in self[:4])
        return self._replace(name=name, forward=forward, backward=backward, mutual=mutual)


class Edge(NamedTuple):
    """One resource in a relation to another."""

    relation: str
    from_resource: Resource
    to_resource: Resource

    @property
    def words(self) -> tuple[str, ...]:
        """The relation and both ends in one flat tuple, as scripts take an edge and as tables store it."""
        return (self.relation, *self.from_resource, *self.to_resource)


def _read() -> dict[str, Relation]:
    manifest = json.loads(LUA.joinpath("manifest.json").read_text(encoding="utf-8"))
    rows = ({field: row[field] for field in Relation._fields if field in row} for row in manifest["relations"])
    return {row["name"]: Relation(**row) for row in rows}


#: The relations by name.
RELATIONS = _read()

#: The row of each list, by the list's name.
LISTS = {name: relation for relation in RELATIONS.values() for name in relation.lists}

#: The time of an edge that never ends, in a relation that expires: this and the whole seconds since when.
FOREVER = 2**33


def rows_in_use(kinds: Iterable[str]) -> list[Relation]:
    """Return every row of the table and, where it has kinds, its form for each of these kinds."""
    every = ["", *sorted(kinds)]
    return [row.of_kind(kind) for row in RELATIONS.values() for kind in (every if row.kinds else [""])]


_KIND = re.compile(r"[a-z][a-z0-9_]{0,29}", re.ASCII)


def settle(changes: Iterable[tuple[Edge, T | None]], kinds: Iterable[str] = ()) -> dict[Edge, T | None]:
    """Apply changes in order and return the last state of each edge; None if the edge does not exist.

    Adding an edge also removes those that it replaces or excludes: the store that added it may not have had them.
    ``kinds`` names the kinds in use that the changes may not name.
    """
    states: dict[Edge, T | None] = {}
    changes = list(changes)
    rows = rows_in_use({*kinds, *(check_relation(edge.relation).kind for edge, _ in changes)} - {""})
    for edge, since in changes:
        states[edge] = since
        if since is None:
            continue
        relation = check_relation(edge.relation)
        ends = (edge.from_resource, edge.to_resource)
        for replaced in relation.replaces.split():
            states[Edge(RELATIONS[replaced].of_kind(relation.kind).name, *ends)] = None
        for row in rows:
            if row.base in relation.excludes.split():
                states[Edge(row.name, *ends)] = states[Edge(row.name, *ends[::-1])] = None
    return states


def is_kind(kind: object) -> bool:
    """Return whether a value is a kind: 1 to 30 characters of ``a-z 0-9 _``, the first of them a letter."""
    return isinstance(kind, str) and _KIND.fullmatch(kind) is not None


def check_kind(kind: object, name: str = "kind") -> str:
    """Return the kind itself; '' for None. Raises :class:`~sequere.exceptions.InvalidArgument`. No round trip."""
    if kind is None or kind == "":
        return ""
    if not isinstance(kind, str) or not is_kind(kind):
        raise InvalidArgument(
            f"{name} must be 1 to 30 characters of a-z 0-9 _, the first of them a letter; got {kind!r:.80}"
        )
    return kind


def join_list(name: str, identifier: str = "", kind: str = "") -> str:
    """Return the name of a list for operations and scripts.

    ``followers``; ``followers@watch`` of a kind; ``followers@watch:user`` also of one identifier.
    """
    return f"{name}{'@' if kind else ''}{kind}{':' if identifier else ''}{identifier}"


def split_list(list_: str) -> tuple[Relation, str, str]:
    """Split a list such as ``followers@watch:user`` into its relation, its name and its identifier, '' if it has none.

    The relation and the name are those of the kind. Raises :class:`~sequere.exceptions.InvalidArgument`. No round trip.
    """
    name, colon, identifier = list_.partition(":") if isinstance(list_, str) else ("", "", "")
    base, at, kind = name.partition("@")
    relation = LISTS.get(base)
    if relation is None or (at and not (relation.kinds and is_kind(kind))) or (colon and not is_identifier(identifier)):
        raise InvalidArgument(
            f"list must be one of {', '.join(LISTS)}, also with a kind or an identifier, such as followers@watch:user; "
            f"got {list_!r:.80}"
        )
    return relation.of_kind(kind), name, identifier


def check_relation(name: str) -> Relation:
    """Return the relation of this name, such as ``follow`` or ``follow@watch``, with the lists of its kind.

    Raises :class:`~sequere.exceptions.InvalidArgument`. No round trip.
    """
    base, at, kind = name.partition("@") if isinstance(name, str) else ("", "", "")
    relation = RELATIONS.get(base)
    if relation is None or (at and not (relation.kinds and is_kind(kind))):
        raise InvalidArgument(
            f"relation must be one of {', '.join(RELATIONS)}, also with a kind, such as follow@watch; got {name!r:.80}"
        )
    return relation.of_kind(kind)
