"""Queries on the table of edges: the rows of a list, those after a cursor, and those of a resource."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Greatest

from ... import relations
from ...exceptions import InvalidCursor
from ...relations import Edge, Relation, split_list
from ...resources import Resource, check_resource
from ...timestamps import MICROSECONDS, to_moment
from .fields import make_digest

#: A cursor: microseconds and row id of the last entry and, oldest first, the time at which the walk ends.
CURSOR = re.compile(r"(?P<at>\d{1,16}):(?P<id>[0-9a-f]{32})(?::(?P<bound>\d{1,16}))?", re.ASCII)

#: How many resources one query lists.
NAMES = 500


def rows_of_list(edges: QuerySet[Any], resource: Resource, list_: str) -> QuerySet[Any]:
    """The rows, of all in ``edges``, that are in a list, each with its ``score``: the timestamp that lists show."""
    check_resource(resource)
    relation, name, identifier = split_list(list_)
    other = other_side(relation, name)
    own = "to" if other == "from" else "from"
    edges = edges.filter(relation=relation.name)
    rows = edges.filter(**_side(own, resource))
    if identifier:
        rows = rows.filter(**{f"{other}_identifier": identifier})
    if name != relation.mutual:
        listed: QuerySet[Any] = rows.annotate(score=F("timestamp"))
        return listed
    answers = edges.filter(
        from_identifier=OuterRef("to_identifier"), from_object_id=OuterRef("to_object_id"), **_side("to", resource)
    )
    answered = rows.annotate(answered_at=Subquery(answers.values("timestamp")[:1]))
    mutual: QuerySet[Any] = answered.filter(answered_at__isnull=False).annotate(
        score=Greatest("timestamp", "answered_at")
    )
    return mutual


def edges_around(rows: Any, resource: Resource) -> QuerySet[Any]:
    """The rows, of a manager of ``Edge``, whose edges are from or to a resource."""
    around = Q(**_side("from", resource)) | Q(**_side("to", resource))
    found: QuerySet[Any] = rows.filter(around, relation__in=relations.RELATIONS)
    return found


def _side(side: str, resource: Resource) -> dict[str, str]:
    return {f"{side}_identifier": resource.identifier, f"{side}_object_id": resource.object_id}


def other_side(relation: Relation, name: str) -> str:
    """The side of the others in a list: "from" or "to"."""
    return "from" if name == relation.backward else "to"


def edge_between(relation: Relation, name: str, owner: Resource, other: Resource) -> Edge:
    """The edge because of which a list of ``owner`` holds ``other``; for a mutual list, the owner's edge."""
    ends = (other, owner) if name == relation.backward else (owner, other)
    return Edge(relation.name, *ends)


def digests_between(relation: Relation, name: str, owner: Resource, other: Resource) -> list[bytes]:
    """The digests of the edges that must exist for a list of ``owner`` to hold ``other``."""
    edge = edge_between(relation, name, owner, other)
    edges = [edge, Edge(edge.relation, other, owner)] if name == relation.mutual else [edge]
    return [make_digest(edge) for edge in edges]


def after_cursor(cursor: str, *, desc: bool) -> tuple[Q, int | None]:
    """The condition for the rows after a cursor and, oldest first, the time at which the walk ends.

    A cursor is the last entry's microseconds and row id. Oldest first, a third part is the newest score when the walk
    began; without it, the walk would reach entries that were added meanwhile.
    """
    match = CURSOR.fullmatch(cursor) if isinstance(cursor, str) else None
    if not match or (match["bound"] is None) != desc:
        raise InvalidCursor(f"cursor must be one that a page in the same order returned; got {cursor!r:.80}")
    at, row = to_moment(int(match["at"]) / MICROSECONDS), UUID(match["id"])
    if desc:
        return Q(score__lte=at) & (Q(score__lt=at) | Q(id__lt=row)), None
    return Q(score__gte=at) & (Q(score__gt=at) | Q(id__gt=row)), int(match["bound"])


def walk_side(rows: QuerySet[Any], identifier: str, object_id: str) -> Iterator[list[Resource]]:
    """The resources in two columns. Each query starts in an index where the previous one ended."""

    def take(rows: QuerySet[Any], column: str, after: str, most: int) -> list[str]:
        values = rows.filter(**{f"{column}__gt": after}).order_by(column).values_list(column, flat=True)
        return list(values.distinct()[:most])

    names = [""]
    while names := take(rows, identifier, names[0], 1):
        same = rows.filter(**{identifier: names[0]})
        found = [""]
        while found := take(same, object_id, found[-1], NAMES):
            yield [Resource(names[0], one) for one in found]
