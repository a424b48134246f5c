"""The operations that read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import router
from django.db.models import Q, QuerySet

from ...relations import Edge, check_relation, rows_in_use, split_list
from ...resources import Resource, check_ends, check_resource, check_self
from ...timestamps import MICROSECONDS, to_micros
from .. import operations as ops
from . import lists, selection
from .arguments import check_size
from .fields import COLUMNS, UTCNow, make_digest, make_edge
from .locks import find_kinds
from .rows import edges_in, find_edges, get_model

#: How many resources one query lists.
NAMES = 500


class Reads:
    """A method for each operation that reads, with the name of its script.

    One query; more for some pages, for Select and for Suggest.
    """

    @property
    def _source(self) -> str:
        return router.db_for_read(get_model())

    def is_following(self, operation: ops.IsFollowing) -> bool:
        check_ends(operation.from_resource, operation.to_resource)
        return find_edges(self._source, [Edge("follow", operation.from_resource, operation.to_resource)]).exists()

    def relationships(self, operation: ops.Relationships) -> list[int]:
        check_resource(operation.resource)
        check_size("lists", operation.lists, 1, ops.MAX_LISTS)
        check_size("others", operation.others, 1, ops.MAX_OTHERS)
        for other in operation.others:
            check_resource(other, "others")
        # The edges that must exist, for each other and list.
        wanted = [
            [
                [make_digest(edge.words) for edge in lists.edges_between(one, operation.resource, other)]
                for one in operation.lists
            ]
            for other in operation.others
        ]
        every = {digest for cells in wanted for cell in cells for digest in cell}
        rows = edges_in(self._source).filter(digest__in=every)
        expiring = {relation.name for relation, _, _ in map(split_list, operation.lists) if relation.expires}
        if expiring:
            rows = rows.filter(~Q(relation__in=expiring) | Q(timestamp__gt=UTCNow()))
        found = {bytes(digest) for digest in rows.values_list("digest", flat=True)}
        return [sum(1 << bit for bit, cell in enumerate(cells) if cell and found.issuperset(cell)) for cells in wanted]

    def count(self, operation: ops.Count) -> list[int]:
        return lists.count(self._source, operation.lists, operation.resources)

    def page(self, operation: ops.ReadPage) -> ops.Page:
        return lists.page(self._source, operation)

    def select(self, operation: ops.Select) -> ops.Selected:
        return selection.select(self, operation)

    def suggest(self, operation: ops.Suggest) -> list[ops.Suggestion]:
        return selection.suggest(operation)

    def since(self, operation: ops.Since) -> list[float | None]:
        check_size("edges", operation.edges, 1, ops.MAX_EDGES)
        for relation, one, other in operation.edges:
            check_relation(relation)
            check_ends(one, other)
            check_self(one, [other])
        rows = find_edges(self._source, operation.edges).values_list(*COLUMNS, "timestamp")
        found = {make_edge(*columns): to_micros(at) / MICROSECONDS for *columns, at in rows}
        return [found.get(Edge(*edge)) for edge in operation.edges]

    def kinds(self) -> list[str]:
        """As :meth:`~sequere.backends.base.BaseBackend.kinds` says. One query."""
        return sorted(find_kinds(self._source))

    def resources(self) -> Iterator[list[Resource]]:
        """As :meth:`~sequere.backends.base.BaseBackend.resources` says.

        One query for the kinds, and one for each 500 resources of an identifier, relation, kind and side.
        """
        rows = edges_in(self._source)
        for relation in rows_in_use(find_kinds(self._source)):
            for side in ("from", "to"):
                yield from _walk_side(rows.filter(relation=relation.name), f"{side}_identifier", f"{side}_object_id")


def _walk_side(rows: QuerySet[Any], identifier: str, object_id: str) -> Iterator[list[Resource]]:
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
