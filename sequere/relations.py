"""The relations. Their table is in ``lua/src/include/_relations.lua`` and nowhere else.

An edge is a relation, two resources and a timestamp. A relation has a list for each of its two sides, and some
relations have a third list, for mutual edges.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files
from typing import NamedTuple, TypeVar

from .exceptions import InvalidArgument
from .resources import Resource, is_identifier

T = TypeVar("T")


class Relation(NamedTuple):
    """One row of the table: the name and the names of its lists."""

    name: str
    #: The list of the from side.
    forward: str
    #: The list of the to side.
    backward: str
    #: The list of the mutual edges, on both sides; empty if the relation has none.
    mutual: str = ""
    #: The relations into which its edges may be moved, separated by spaces.
    moves: str = ""
    #: The relations that exclude it: no edge of these may exist, in either direction, between the same two resources.
    excludes: str = ""


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
    manifest = json.loads(files("sequere.lua").joinpath("manifest.json").read_text(encoding="utf-8"))
    rows = ({field: row[field] for field in Relation._fields if field in row} for row in manifest["relations"])
    return {row["name"]: Relation(**row) for row in rows}


#: The relations by name.
RELATIONS = _read()

#: The relation of each list, by the list's name.
LISTS = {
    name: relation
    for relation in RELATIONS.values()
    for name in (relation.forward, relation.backward, relation.mutual)
    if name
}


def settle(changes: Iterable[tuple[Edge, T | None]]) -> dict[Edge, T | None]:
    """Apply changes in order and return the last state of each edge; None if the edge does not exist.

    Adding an edge also removes the edges that it excludes: the store that added it may not have had them.
    """
    states: dict[Edge, T | None] = {}
    for edge, since in changes:
        states[edge] = since
        if since is not None and (excluded := RELATIONS[edge.relation].excludes):
            ends = (edge.from_resource, edge.to_resource)
            for relation in excluded.split():
                states[Edge(relation, *ends)] = states[Edge(relation, *ends[::-1])] = None
    return states


def join_list(name: str, identifier: str) -> str:
    """Return the name of a list for operations and scripts: ``followers``, or ``followers:user`` for one identifier."""
    return f"{name}:{identifier}" if identifier else name


def split_list(list_: str) -> tuple[Relation, str, str]:
    """Split a list such as ``followers:user`` into its relation, its name and its identifier, empty if it has none.

    Raises :class:`~sequere.exceptions.InvalidArgument`. No round trip.
    """
    name, colon, identifier = list_.partition(":") if isinstance(list_, str) else ("", "", "")
    relation = LISTS.get(name)
    if relation is None or (colon and not is_identifier(identifier)):
        raise InvalidArgument(
            f"list must be one of {', '.join(LISTS)}, or one of them with an identifier, such as followers:user; "
            f"got {list_!r:.80}"
        )
    return relation, name, identifier


def check_relation(name: str) -> Relation:
    """Return the relation with this name. Raises :class:`~sequere.exceptions.InvalidArgument`. No round trip."""
    relation = RELATIONS.get(name) if isinstance(name, str) else None
    if relation is None:
        raise InvalidArgument(f"relation must be one of {', '.join(RELATIONS)}; got {name!r:.80}")
    return relation
