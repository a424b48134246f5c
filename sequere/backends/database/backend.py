"""The backend that keeps follows in a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.apps import apps
from django.core import checks
from django.db import Error as DatabaseError
from django.db import OperationalError, connections, router, transaction
from django.db.models import F, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Greatest

from ...exceptions import InvalidArgument, InvalidCursor, InvalidLimit
from ...resources import Resource, check_identifier, check_resource, check_self
from ...timestamps import MICROSECONDS, to_datetime, to_micros, to_seconds
from ..base import MAX_PAGE, MAX_READS, MAX_WRITES, RELATIONS, BaseBackend, Entry, Page, Relationship

if TYPE_CHECKING:
    from .models import Follow

T = TypeVar("T")

#: How often a write is tried that a deadlock with another transaction stopped.
ATTEMPTS = 10

#: How the databases call a deadlock, or rows that changed under a transaction: SQLSTATE (PostgreSQL),
#: error numbers (MySQL, MariaDB).
_DEADLOCKS = {"40P01", "40001", 1213, 1020}

_CURSOR = re.compile(r"(?P<at>\d{1,16}):(?P<id>[0-9a-f]{32})(?::(?P<bound>\d{1,16}))?")


def check_tables(*models: type[Model]) -> list[checks.CheckMessage]:
    """What is to be told of tables that are not where the routers send these models. One query for each database."""
    wanted: dict[str, set[str]] = {}
    for model in models:
        wanted.setdefault(router.db_for_write(model), set()).add(model._meta.db_table)
    problems = []
    for alias, tables in wanted.items():
        try:
            lacking = tables.difference(connections[alias].introspection.table_names())
        except DatabaseError as error:
            problems.append(f"The database {alias!r} does not answer: {error}")
        else:
            problems += [f"The database {alias!r} has no table {table}." for table in sorted(lacking)]
    return [checks.Warning(text, hint="Start the database and run migrate.", id="sequere.W004") for text in problems]


class DatabaseBackend(BaseBackend):
    """Follows as rows of ``Follow``, in the database that the routers name for that model.

    A question is one SQL query, a page two (count and entries), the first page of a list that begins with
    the oldest three; a write is a transaction of one or two statements, :meth:`unfollow_many` of one for
    each pair. Database errors come as Django raises them, so that transactions around a call behave as usual.
    """

    def check(self) -> list[checks.CheckMessage]:
        if apps.is_installed("sequere.backends.database"):
            return []
        return [
            checks.Error(
                "DatabaseBackend has no table.",
                hint="Add 'sequere.backends.database' to INSTALLED_APPS and run migrate.",
                id="sequere.E002",
            )
        ]

    def check_server(self) -> list[checks.CheckMessage]:
        if self.check():
            return []  # check() tells
        return check_tables(self._model)

    @property
    def _model(self) -> type[Follow]:
        from .models import Follow  # models can be imported once the applications are loaded

        return Follow

    def follow(self, from_resource: Resource, to_resource: Resource, *, timestamp: float) -> bool:
        return self.follow_many(from_resource, [to_resource], timestamp=timestamp)[0]

    def follow_many(self, from_resource: Resource, to_resources: Sequence[Resource], *, timestamp: float) -> list[bool]:
        _check_pairs(from_resource, to_resources, MAX_WRITES)
        model, created_at = self._model, to_datetime(to_seconds(timestamp))
        alias = router.db_for_write(model)
        rows = [model(**_edge(from_resource, to), created_at=created_at) for to in to_resources]

        def insert() -> list[bool]:
            # In a transaction: nobody can remove a new row before it has been counted.
            with transaction.atomic(using=alias, savepoint=False):
                # Sorted: two batches that meet wait for each other in the same order.
                manager = model._default_manager.using(alias)
                manager.bulk_create(sorted(rows, key=_place), ignore_conflicts=True)
                ours = set(manager.filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True))
            return [row.pk in ours for row in rows]

        return despite_deadlocks(alias, insert)

    def unfollow(self, from_resource: Resource, to_resource: Resource) -> bool:
        return self.unfollow_many(from_resource, [to_resource])[0]

    def unfollow_many(self, from_resource: Resource, to_resources: Sequence[Resource]) -> list[bool]:
        _check_pairs(from_resource, to_resources, MAX_WRITES)
        model = self._model
        alias = router.db_for_write(model)

        def delete() -> list[bool]:
            removed = set()
            with transaction.atomic(using=alias, savepoint=False):
                for to in sorted(set(to_resources)):
                    if model._default_manager.using(alias).filter(**_edge(from_resource, to)).delete()[0]:
                        removed.add(to)
            replies = []
            for to in to_resources:
                replies.append(to in removed)
                removed.discard(to)  # a pair that stands twice was there once
            return replies

        return despite_deadlocks(alias, delete)

    def is_following(self, from_resource: Resource, to_resource: Resource) -> bool:
        check_resource(from_resource, "from_resource")
        check_resource(to_resource, "to_resource")
        return self._model._default_manager.filter(**_edge(from_resource, to_resource)).exists()

    def are_following(self, from_resource: Resource, to_resources: Sequence[Resource]) -> list[bool]:
        check_resource(from_resource, "from_resource")
        _check_others(to_resources, MAX_READS)
        targets = Q()
        for identifier in {to.identifier for to in to_resources}:
            object_ids = {to.object_id for to in to_resources if to.identifier == identifier}
            targets |= Q(to_identifier=identifier, to_object_id__in=object_ids)
        followed = set(
            self._model._default_manager.filter(targets, **_side("from", from_resource)).values_list(
                "to_identifier", "to_object_id"
            )
        )
        return [tuple(to) in followed for to in to_resources]

    def relationship(self, from_resource: Resource, to_resource: Resource) -> Relationship:
        check_resource(from_resource, "from_resource")
        check_resource(to_resource, "to_resource")
        followers = set(
            self._model._default_manager.filter(
                Q(**_edge(from_resource, to_resource)) | Q(**_edge(to_resource, from_resource))
            ).values_list("from_identifier", "from_object_id")
        )
        follows, followed_by = tuple(from_resource) in followers, tuple(to_resource) in followers
        return Relationship(follows, followed_by, follows and followed_by)

    def count(self, resource: Resource, relation: str, *, identifier: str = "") -> int:
        return self._list(resource, relation, identifier).count()

    def page(
        self,
        resource: Resource,
        relation: str,
        *,
        identifier: str = "",
        desc: bool = True,
        limit: int = MAX_PAGE,
        offset: int = 0,
        cursor: str = "",
    ) -> Page:
        _check_number("limit", limit, 1, MAX_PAGE)
        _check_number("offset", offset, 0, 10**15 - 1)
        if offset and cursor:
            raise InvalidArgument(f"page takes offset or cursor, not both; got {offset!r} and {cursor!r}")
        entries = self._list(resource, relation, identifier)
        bound: int | None = None
        if cursor:
            after, bound = _after(cursor, desc=desc)
        elif not desc:
            # Before anything else is read: whoever comes later is not part of this walk.
            bound = max(map(to_micros, entries.order_by("-score").values_list("score", flat=True)[:1]), default=0)
        total = entries.count()
        wanted = entries.filter(after) if cursor else entries
        if bound is not None:
            wanted = wanted.filter(score__lte=to_datetime(bound / MICROSECONDS))
        order = ["-score", "-id"] if desc else ["score", "id"]
        other = "from" if relation == "followers" else "to"
        rows = list(
            wanted.order_by(*order).values_list(f"{other}_identifier", f"{other}_object_id", "score", "id")[
                offset : offset + limit + 1
            ]
        )
        following = ""
        if len(rows) > limit:
            rows.pop()
            following = f"{to_micros(rows[-1][2])}:{rows[-1][3].hex}"
            if bound is not None:
                following = f"{following}:{bound}"
        return Page(total, following, [Entry(row[0], row[1], to_micros(row[2]) / MICROSECONDS) for row in rows])

    def forget(self, resource: Resource) -> int:
        check_resource(resource)
        model = self._model
        alias = router.db_for_write(model)
        edges = model._default_manager.using(alias).filter(Q(**_side("from", resource)) | Q(**_side("to", resource)))
        return despite_deadlocks(alias, lambda: edges.delete()[0])

    def _list(self, resource: Resource, relation: str, identifier: str) -> QuerySet[Any]:
        """The rows behind a list, each with its ``score``: since when, as lists tell it."""
        check_resource(resource)
        if relation not in RELATIONS:
            raise InvalidArgument(f"relation must be followers, followings or friends; got {relation!r:.80}")
        own, other = ("to", "from") if relation == "followers" else ("from", "to")
        rows = self._model._default_manager.filter(**_side(own, resource))
        if identifier:
            rows = rows.filter(**{f"{other}_identifier": check_identifier(identifier)})
        if relation != "friends":
            return rows.annotate(score=F("created_at"))
        answers = self._model._default_manager.filter(
            from_identifier=OuterRef("to_identifier"),
            from_object_id=OuterRef("to_object_id"),
            **_side("to", resource),
        )
        return (
            rows.annotate(answered_at=Subquery(answers.values("created_at")[:1]))
            .filter(answered_at__isnull=False)
            .annotate(score=Greatest("created_at", "answered_at"))
        )


def _side(side: str, resource: Resource) -> dict[str, str]:
    return {f"{side}_identifier": resource.identifier, f"{side}_object_id": resource.object_id}


def around(resource: Resource) -> Q:
    """The rows from or to a resource."""
    return Q(**_side("from", resource)) | Q(**_side("to", resource))


def _edge(from_resource: Resource, to_resource: Resource) -> dict[str, str]:
    return {**_side("from", from_resource), **_side("to", to_resource)}


def _place(row: Follow) -> tuple[str, str]:
    return row.to_identifier, row.to_object_id


def _check_pairs(from_resource: Resource, to_resources: Sequence[Resource], most: int) -> None:
    check_resource(from_resource, "from_resource")
    _check_others(to_resources, most)
    check_self(from_resource, to_resources)


def _check_others(to_resources: Sequence[Resource], most: int) -> None:
    if not 1 <= len(to_resources) <= most:
        raise InvalidArgument(f"to_resources must be 1 to {most} resources; got {len(to_resources)}")
    for resource in to_resources:
        check_resource(resource, "to_resource")


def _check_number(name: str, value: object, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidLimit(f"{name} must be a whole number from {least} to {most}; got {value!r:.80}")


def _after(cursor: str, *, desc: bool) -> tuple[Q, int | None]:
    """What a cursor stands for: the rows after its entry and, going up, until when the walk goes.

    A cursor is the last entry's microseconds and row id; going up, a third part is the newest score
    when the walk began, or it would meet those who came meanwhile.
    """
    match = _CURSOR.fullmatch(cursor) if isinstance(cursor, str) else None
    if not match or (match["bound"] is None) != desc:
        raise InvalidCursor(f"cursor must be what the last page in this order gave; got {cursor!r:.80}")
    at, row = to_datetime(int(match["at"]) / MICROSECONDS), UUID(match["id"])
    if desc:
        return Q(score__lte=at) & (Q(score__lt=at) | Q(id__lt=row)), None
    return Q(score__gte=at) & (Q(score__gt=at) | Q(id__gt=row)), int(match["bound"])


def despite_deadlocks(alias: str, write: Callable[[], T]) -> T:
    """Run a write, again if a deadlock stopped it. Inside a transaction only its owner can begin again."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return write()
        except OperationalError as error:
            states = (getattr(error.__cause__, name, None) for name in ("sqlstate", "pgcode"))
            deadlock = _DEADLOCKS.intersection([*error.args, *states])
            if attempt == ATTEMPTS or not deadlock or connections[alias].in_atomic_block:
                raise
    raise AssertionError("unreachable")
