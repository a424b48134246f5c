"""The backend that stores the graph in a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from django.apps import apps
from django.core import checks
from django.db import Error as DatabaseError
from django.db import connections, router, transaction
from django.db.models import QuerySet

from ... import relations
from ...exceptions import InvalidArgument, InvalidLimit
from ...relations import Edge, check_relation, split_list
from ...resources import Resource, check_ends, check_resource, check_self
from ...timestamps import MICROSECONDS, to_micros, to_moment, to_seconds
from .. import operations as ops
from ..base import BaseBackend, GraphOperation
from .checks import check_tables
from .conflicts import check_transactions, despite_conflicts
from .fields import columns_of, edge_of, make_digest
from .queries import after_cursor, digests_between, edge_between, edges_around, other_side, rows_of_list, walk_side
from .statements import begin_writing, delete_rows
from .texts import check_charset, refuse_unfit

if TYPE_CHECKING:
    from .models import Edge as Row

R = TypeVar("R")


class DatabaseBackend(BaseBackend):
    """The graph as rows of ``Edge``, in the database that the routers name for that model.

    There is a method for each operation, with the name of its script. One that reads makes one SQL query, but two for
    the first page of a list that begins with the oldest and, on MariaDB and MySQL, for each later page. A write is a
    transaction of at most six statements. Database errors are raised as Django raises them, so that transactions around
    a call behave as usual. The exception is a text with characters that the database does not have:
    ``InvalidObjectId``.
    """

    def perform(self, operation: GraphOperation[R]) -> R:
        if operation.writes:
            return self.change(operation)[0]
        try:
            return cast(R, getattr(self, operation.script)(operation))
        except (UnicodeEncodeError, DatabaseError) as error:
            refuse_unfit(error)
            raise

    def change(self, operation: GraphOperation[R]) -> tuple[R, list[Edge]]:
        """Perform an operation that writes. Returns its result and the edges that it concerns, changed or not."""
        try:
            return cast("tuple[R, list[Edge]]", getattr(self, operation.script)(operation))
        except (UnicodeEncodeError, DatabaseError) as error:
            refuse_unfit(error)
            raise

    def resources(self) -> Iterator[list[Resource]]:
        """As the base class says. One query for each 500 resources of an identifier, relation and side."""
        rows = self._model._default_manager.using(router.db_for_read(self._model))
        for relation in relations.RELATIONS:
            for side in ("from", "to"):
                yield from walk_side(rows.filter(relation=relation), f"{side}_identifier", f"{side}_object_id")

    def check(self) -> list[checks.CheckMessage]:
        if apps.is_installed("sequere.backends.database"):
            return []
        return [
            checks.Error(
                "The application of DatabaseBackend is not installed.",
                hint="Add 'sequere.backends.database' to INSTALLED_APPS and run migrate.",
                id="sequere.E002",
            )
        ]

    def check_server(self) -> list[checks.CheckMessage]:
        if self.check():
            return []  # check() reports it
        alias = router.db_for_write(self._model)
        return [*check_tables(self._model), *check_transactions(alias), *check_charset(alias)]

    @property
    def _model(self) -> type[Row]:
        from .models import Edge as Row  # models can be imported once the applications are loaded

        return Row

    # Methods that write: each returns the result and the edges that it concerns.

    def follow(self, operation: ops.Follow) -> tuple[bool, list[Edge]]:
        flags, edges = self._add("follow", operation.from_resource, [operation.to_resource], operation.timestamp)
        return flags[0], edges

    def add_edges(self, operation: ops.AddEdges) -> tuple[list[bool], list[Edge]]:
        check_relation(operation.relation)
        _check_size("others", operation.others, 1, ops.MAX_EDGES)
        return self._add(operation.relation, operation.from_resource, operation.others, operation.timestamp)

    def _add(
        self, relation: str, from_resource: Resource, others: Sequence[Resource], timestamp: float
    ) -> tuple[list[bool], list[Edge]]:
        for other in others:
            check_ends(from_resource, other)
        check_self(from_resource, others)
        seconds = to_seconds(timestamp)
        edges = [Edge(relation, from_resource, other) for other in others]
        return self._add_rows([self._row(edge, seconds) for edge in edges]), edges

    def add_many(self, edges: Sequence[tuple[Edge, float]]) -> list[bool]:
        """Add up to 1,000 edges between any resources, each with its timestamp (seconds), in one transaction.

        For an import. Returns, for each edge in order, whether it is new; one that exists keeps its timestamp. The
        caller has checked the edges. Raises :class:`~sequere.exceptions.InvalidObjectId` if the database cannot hold
        one: then none is added.
        """
        try:
            return self._add_rows([self._row(edge, seconds) for edge, seconds in edges])
        except (UnicodeEncodeError, DatabaseError) as error:
            refuse_unfit(error)
            raise

    def _add_rows(self, rows: Sequence[Row]) -> list[bool]:
        alias = router.db_for_write(self._model)

        def insert() -> list[bool]:
            # In a transaction, so that no other call removes a new row before it is counted.
            with transaction.atomic(using=alias, savepoint=False):
                ours = self._insert(alias, rows)
            return [row.pk in ours for row in rows]

        return despite_conflicts(alias, insert)

    def unfollow(self, operation: ops.Unfollow) -> tuple[bool, list[Edge]]:
        check_ends(operation.from_resource, operation.to_resource)
        check_self(operation.from_resource, [operation.to_resource])
        edge = Edge("follow", operation.from_resource, operation.to_resource)
        alias = router.db_for_write(self._model)
        rows = self._model._default_manager.using(alias).filter(digest=make_digest(edge))
        return despite_conflicts(alias, lambda: delete_rows(rows) > 0), [edge]

    def move_edges(self, operation: ops.MoveEdges) -> tuple[ops.Moved, list[Edge]]:
        owner, others = operation.resource, list(dict.fromkeys(operation.others))
        check_resource(owner)
        _check_size("others", operation.others, 0, ops.MAX_EDGES)
        for other in others:
            check_resource(other, "others")
        check_self(owner, others)
        relation, name, _ = split_list(operation.list)
        _check_number("limit", operation.limit, 1, ops.MAX_EDGES)
        seconds = None if operation.timestamp is None else to_seconds(operation.timestamp)
        if operation.target and operation.target not in relation.moves.split():
            raise InvalidArgument(
                f"target must be empty or a relation that edges of {relation.name} can move to; "
                f"got {operation.target!r:.80}"
            )
        alias = router.db_for_write(self._model)
        listed = rows_of_list(self._model._default_manager.using(alias), owner, operation.list)
        wanted = listed.order_by("score", "id")
        edges = [edge_between(relation, name, owner, other) for other in others]
        if others:
            wanted = wanted.filter(digest__in=[make_digest(edge) for edge in edges])
        side = other_side(relation, name)

        def move() -> tuple[ops.Moved, list[Edge]]:
            with transaction.atomic(using=alias, savepoint=False):
                rows = self._lock(wanted)[: None if others else operation.limit]
                found = {Resource(*(getattr(row, f"{side}_{part}") for part in Resource._fields)): row for row in rows}
                found = {other: found[other] for other in others or found if other in found}
                self._delete(alias, found.values())
                about = list(dict.fromkeys([*edges, *map(edge_of, found.values())]))
                times = {other: to_micros(row.timestamp) / MICROSECONDS for other, row in found.items()}
                if operation.target:
                    times = times if seconds is None else dict.fromkeys(times, seconds)
                    edges_there = (edge_of(row)._replace(relation=operation.target) for row in found.values())
                    targets = dict(zip(edges_there, times.values(), strict=True))
                    self._insert(alias, [self._row(edge, at) for edge, at in targets.items()])
                    about += targets
                return ops.Moved([ops.Entry(*other, at) for other, at in times.items()], listed.count()), about

        return despite_conflicts(alias, move)

    def forget(self, operation: ops.Forget) -> tuple[ops.Forgotten, list[Edge]]:
        check_resource(operation.resource)
        _check_number("limit", operation.limit, 1, ops.MAX_FORGET)
        alias = router.db_for_write(self._model)
        edges = edges_around(self._model._default_manager.using(alias), operation.resource)

        def remove() -> tuple[ops.Forgotten, list[Edge]]:
            with transaction.atomic(using=alias, savepoint=False):
                rows = self._lock(edges)[: operation.limit + 1]
                gone = list(rows)[: operation.limit]
                self._delete(alias, gone)
            return ops.Forgotten(len(gone), done=len(rows) == len(gone)), list(map(edge_of, gone))

        return despite_conflicts(alias, remove)

    # Methods that read.

    def is_following(self, operation: ops.IsFollowing) -> bool:
        check_ends(operation.from_resource, operation.to_resource)
        edge = Edge("follow", operation.from_resource, operation.to_resource)
        return self._model._default_manager.filter(digest=make_digest(edge)).exists()

    def relationships(self, operation: ops.Relationships) -> list[int]:
        owner, others = operation.resource, operation.others
        check_resource(owner)
        _check_size("lists", operation.lists, 1, 10)
        _check_size("others", others, 1, ops.MAX_OTHERS)
        for other in others:
            check_resource(other, "others")
        wanted: list[list[list[bytes]]] = []  # the edges that must exist, for each list and other
        for one in operation.lists:
            relation, name, identifier = split_list(one)
            wanted.append(
                [
                    digests_between(relation, name, owner, other) if identifier in ("", other.identifier) else []
                    for other in others
                ]
            )
        every = {digest for column in wanted for cell in column for digest in cell}
        rows = self._model._default_manager.filter(digest__in=every).values_list("digest", flat=True)
        found = {bytes(digest) for digest in rows}
        return [
            sum(1 << bit for bit, column in enumerate(wanted) if column[i] and found.issuperset(column[i]))
            for i in range(len(others))
        ]

    def count(self, operation: ops.Count) -> int:
        return rows_of_list(self._model._default_manager.all(), operation.resource, operation.list).count()

    def page(self, operation: ops.ReadPage) -> ops.Page:
        limit, offset, cursor, desc = operation.limit, operation.offset, operation.cursor, operation.desc
        alias = router.db_for_read(self._model)
        entries = rows_of_list(self._model._default_manager.using(alias), operation.resource, operation.list)
        _check_number("limit", limit, 1, ops.MAX_PAGE)
        _check_number("offset", offset, 0, 10**15 - 1)
        bound: int | None = None
        if cursor:
            after, bound = after_cursor(cursor, desc=desc)
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
            found = self._model._default_manager.using(alias).filter(pk__in=[row[1] for row in rows])
            others = {row[0]: row[1:] for row in found.values_list("id", *names)}
            rows = [(*row, *others[row[1]]) for row in rows if row[1] in others]
        return ops.Page([ops.Entry(row[2], row[3], to_micros(row[0]) / MICROSECONDS) for row in rows], following)

    # The table.

    def _row(self, edge: Edge, seconds: float) -> Row:
        return self._model(timestamp=to_moment(seconds), **columns_of(edge))

    def _insert(self, alias: str, rows: Iterable[Row]) -> set[UUID]:
        """Insert the rows whose edges do not exist; returns their primary keys."""
        manager = self._model._default_manager.using(alias)
        # MariaDB and MySQL would also ignore that a text does not fit, and store a different one.
        keep: dict[str, Any] = {"ignore_conflicts": True}
        if connections[alias].vendor == "mysql":
            keep = {"update_conflicts": True, "update_fields": ["digest"]}
        # Sorted, so that two batches at once lock rows in the same order.
        manager.bulk_create(sorted(rows, key=lambda row: make_digest(edge_of(row))), **keep)
        return set(manager.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))

    def _delete(self, alias: str, rows: Iterable[Row]) -> None:
        delete_rows(self._model._default_manager.using(alias).filter(pk__in=[row.pk for row in rows]))

    @staticmethod
    def _lock(rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows, locked until the transaction ends, so that what is read here is what is removed."""
        begin_writing(rows.db, rows.model)
        return rows.select_for_update() if connections[rows.db].features.has_select_for_update else rows


def _check_size(name: str, items: Sequence[object], least: int, most: int) -> None:
    if not least <= len(items) <= most:
        raise InvalidArgument(f"{name} must be {least} to {most}; got {len(items)}")


def _check_number(name: str, value: object, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidLimit(f"{name} must be a whole number from {least} to {most}; got {value!r:.80}")
