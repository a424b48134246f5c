"""The lists: the rows behind them, and their pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connections
from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Greatest

from ...exceptions import InvalidArgument
from ...relations import Edge, Relation, split_list
from ...resources import Resource, check_resource
from ...timestamps import MICROSECONDS, to_micros, to_moment
from .. import operations as ops
from .arguments import check_number, check_size
from .cursors import read_cursor
from .fields import UTCNow
from .rows import edges_in, side


def other_side(relation: Relation, name: str) -> str:
    """Return the side of the others in a list: "from" or "to"."""
    return "from" if name == relation.backward else "to"


def edge_between(relation: Relation, name: str, owner: Resource, other: Resource) -> Edge:
    """Return the edge that puts ``other`` into a list of ``owner``; for a mutual list, the owner's edge."""
    ends = (other, owner) if name == relation.backward else (owner, other)
    return Edge(relation.name, *ends)


def edges_between(list_: str, owner: Resource, other: Resource) -> list[Edge]:
    """Return the edges that must exist for a list of ``owner`` to hold ``other``; none if it cannot hold it."""
    relation, name, identifier = split_list(list_)
    if identifier not in ("", other.identifier):
        return []
    edge = edge_between(relation, name, owner, other)
    return [edge, Edge(edge.relation, other, owner)] if name == relation.mutual else [edge]


def listed(alias: str, owner: Resource, list_: str, *, live: bool) -> QuerySet[Any]:
    """Return the rows behind a list, with their ``score``, the time that lists show. ``live``: only those not ended."""
    relation, name, _ = split_list(list_)
    rows = _rows_of(alias, list_, Q(**side(_own_side(relation, name), owner)), live=live)
    if name != relation.mutual:
        scored: QuerySet[Any] = rows.annotate(score=F("timestamp"))
        return scored
    answers = edges_in(alias).filter(
        relation=relation.name,
        from_identifier=OuterRef("to_identifier"),
        from_object_id=OuterRef("to_object_id"),
        **side("to", owner),
    )
    answered = rows.annotate(answered_at=Subquery(answers.values("timestamp")[:1]))
    later = Greatest("timestamp", "answered_at")
    mutual: QuerySet[Any] = answered.filter(answered_at__isnull=False).annotate(score=later)
    return mutual


def _own_side(relation: Relation, name: str) -> str:
    return "to" if other_side(relation, name) == "from" else "from"


def _rows_of(alias: str, list_: str, owners: Q, *, live: bool) -> QuerySet[Any]:
    """Return the rows of the edges behind a list of any of the owners; for a mutual list, all edges from them."""
    relation, name, identifier = split_list(list_)
    rows = edges_in(alias).filter(owners, relation=relation.name)
    if identifier:
        rows = rows.filter(**{f"{other_side(relation, name)}_identifier": identifier})
    if live and relation.expires:
        rows = rows.filter(timestamp__gt=UTCNow())
    return rows


def count(alias: str, lists: Sequence[str], resources: Sequence[Resource]) -> list[int]:
    """Return the number of entries of each list: for each resource in turn, one for each list. One query."""
    check_size("lists", lists, 1, ops.MAX_LISTS)
    check_size("resources", resources, 1, ops.MAX_COUNTED)
    for resource in resources:
        check_resource(resource)
    if len(lists) == len(resources) == 1:  # on MariaDB and MySQL a GROUP BY would take twice as long
        return [listed(alias, resources[0], lists[0], live=True).count()]
    parts = [_counts(alias, number, list_, resources) for number, list_ in enumerate(lists)]
    rows = parts[0].union(*parts[1:], all=True) if parts[1:] else parts[0]
    found = {(number, Resource(identifier, object_id)): size for number, identifier, object_id, size in rows}
    return [found.get((number, resource), 0) for resource in resources for number in range(len(lists))]


def _counts(alias: str, number: int, list_: str, resources: Iterable[Resource]) -> QuerySet[Any]:
    """Return a row for each resource whose list has entries: the number of the list, the resource, how many."""
    relation, name, _ = split_list(list_)
    own = _own_side(relation, name)
    object_ids = defaultdict(set)
    for resource in resources:
        object_ids[resource.identifier].add(resource.object_id)
    owners = Q()
    for identifier, found in object_ids.items():
        owners |= Q(**{f"{own}_identifier": identifier, f"{own}_object_id__in": sorted(found)})
    rows = _rows_of(alias, list_, owners, live=True)
    if name == relation.mutual:
        names = [f"{part}_{field}" for part in ("from", "to") for field in Resource._fields]
        answers = dict(zip(names, map(OuterRef, names[2:] + names[:2]), strict=True))
        rows = rows.filter(Exists(edges_in(alias).filter(relation=relation.name, **answers)))
    columns = [f"{own}_{part}" for part in Resource._fields]
    sizes = rows.order_by().values(*columns).annotate(size=Count("*"))
    numbered: QuerySet[Any] = sizes.values_list(Value(number, output_field=IntegerField()), *columns, "size")
    return numbered


def page(alias: str, operation: ops.ReadPage) -> ops.Page:
    """Return one page. One query, but two for the first page of a walk that begins with the oldest entries.

    On MariaDB and MySQL, also two for a page by cursor.
    """
    limit, offset, cursor, desc = operation.limit, operation.offset, operation.cursor, operation.desc
    check_resource(operation.resource)
    entries = listed(alias, operation.resource, operation.list, live=True)
    check_number("limit", limit, 1, ops.MAX_PAGE)
    check_number("offset", offset, 0, 10**15 - 1)
    bound: int | None = None
    if cursor:
        after, bound = read_cursor(cursor, desc=desc)
        if offset:
            raise InvalidArgument(f"page takes offset or cursor, not both; got {offset!r} and {cursor!r}")
        entries = entries.filter(after)
    elif not desc:
        # Before anything else is read: entries that are added later are not part of this walk.
        bound = max(map(to_micros, entries.order_by("-score").values_list("score", flat=True)[:1]), default=0)
    if bound is not None:
        entries = entries.filter(score__lte=to_moment(bound / MICROSECONDS))
    relation, name, _ = split_list(operation.list)
    names = [f"{other_side(relation, name)}_{part}" for part in Resource._fields]
    # MariaDB and MySQL start reading at the cursor only if the index has all columns; otherwise they read the list
    # from its beginning up to the cursor.
    is_split = cursor and name != relation.mutual and connections[alias].vendor == "mysql"
    ordered = entries.order_by(*(["-score", "-id"] if desc else ["score", "id"]))
    rows = list(ordered.values_list("score", "id", *([] if is_split else names))[offset : offset + limit + 1])
    following = ""
    if len(rows) > limit:
        rows.pop()
        following = f"{to_micros(rows[-1][0])}:{rows[-1][1].hex}"
        if bound is not None:
            following = f"{following}:{bound}"
    if is_split:
        found = edges_in(alias).filter(pk__in=[row[1] for row in rows])
        others = {row[0]: row[1:] for row in found.values_list("id", *names)}
        rows = [(*row, *others[row[1]]) for row in rows if row[1] in others]
    return ops.Page([ops.Entry(row[2], row[3], to_micros(row[0]) / MICROSECONDS) for row in rows], following)
