"""Many edges at once, each with ends of its own: what the backend's calls do not need, but a replay does."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any

from django.db import connections
from django.db.models import BooleanField, Model, QuerySet
from django.db.models.expressions import RawSQL

from ...exceptions import InvalidIdentifier, InvalidObjectId, InvalidTimestamp, SelfFollow
from ...resources import Resource, check_ends, check_self
from ...timestamps import MICROSECONDS, to_datetime, to_micros, to_seconds
from .models import Follow

#: One resource and the one that it follows.
Edge = tuple[Resource, Resource]

#: Edges that one statement is about.
STEP = 500

#: What is raised for an edge that cannot be in Redis. The table may have got such from elsewhere.
UNFIT = (InvalidIdentifier, InvalidObjectId, InvalidTimestamp, SelfFollow)

COLUMNS = ("from_identifier", "from_object_id", "to_identifier", "to_object_id")


def set_edges(alias: str, states: Mapping[Edge, float | None]) -> None:
    """Bring edges into states, whatever they were: since when each stands (seconds), None for not at all.

    One statement for each 500 that go and each 500 that stand. Call it in a transaction.
    """
    manager = Follow._default_manager.using(alias)
    gone = [edge for edge, since in states.items() if since is None]
    for edges in _steps(gone):
        _find(Follow, alias, edges).delete()
    rows = [
        Follow(**dict(zip(COLUMNS, (*edge[0], *edge[1]), strict=True)), created_at=to_datetime(since))
        for edge, since in states.items()
        if since is not None
    ]
    targeted = connections[alias].features.supports_update_conflicts_with_target
    manager.bulk_create(
        rows,
        batch_size=STEP,
        update_conflicts=True,
        update_fields=["created_at"],
        unique_fields=COLUMNS if targeted else None,
    )


def get_times(alias: str, edges: Collection[Edge]) -> dict[Edge, int]:
    """Since when those of the edges that stand do, in microseconds. One query for each 500."""
    found: dict[Edge, int] = {}
    for step in _steps(edges):
        for row in _find(Follow, alias, step).values_list(*COLUMNS, "created_at"):
            found[Resource(*row[:2]), Resource(*row[2:4])] = to_micros(row[4])
    return found


def find_edges(model: type[Model], alias: str, edges: Collection[Edge]) -> set[Edge]:
    """Those of the edges that a table with the same columns has rows about. One query for each 500."""
    return {
        (Resource(*row[:2]), Resource(*row[2:]))
        for step in _steps(edges)
        for row in _find(model, alias, step).values_list(*COLUMNS)
    }


def fault_of(edge: Edge, micros: int | None = None) -> str:
    """Why the scripts do not take an edge, or its time; empty if they do."""
    try:
        check_ends(*edge)
        check_self(edge[0], edge[1:])
        if micros is not None:
            to_seconds(micros / MICROSECONDS)
    except UNFIT as error:
        return str(error)
    return ""


def _find(model: type[Model], alias: str, edges: Collection[Edge]) -> QuerySet[Any]:
    connection = connections[alias]
    columns = ", ".join(connection.ops.quote_name(column) for column in COLUMNS)
    rows = ", ".join(["(%s, %s, %s, %s)"] * len(edges))
    # SQLite takes no bare list of rows; PostgreSQL plans a table of values better than a long OR.
    values = "" if connection.vendor == "mysql" else "VALUES "
    parameters = [text for edge in edges for resource in edge for text in resource]
    among = RawSQL(f"({columns}) IN ({values}{rows})", parameters, output_field=BooleanField())
    return model._default_manager.using(alias).filter(among)


def _steps(edges: Collection[Edge]) -> Any:
    remaining = iter(edges)
    while step := list(islice(remaining, STEP)):
        yield step
