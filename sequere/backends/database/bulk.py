"""Reads and writes many edges at once, between any resources, for write-behind."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.db import connections

from ...exceptions import InvalidArgument, InvalidIdentifier, InvalidObjectId, InvalidTimestamp, SelfFollow
from ...relations import Edge, check_relation
from ...resources import Resource, check_ends, check_self
from ...steps import in_steps
from ...timestamps import MICROSECONDS, to_micros, to_moment, to_seconds
from .fields import COLUMNS, columns_of, make_edge
from .locks import use_kinds
from .models import Edge as Row
from .rows import STEP, edges_around, find_edges
from .statements import delete_rows

#: What is raised for an edge that cannot be in Redis. Such rows may have been written without this package.
UNFIT = (InvalidArgument, InvalidIdentifier, InvalidObjectId, InvalidTimestamp, SelfFollow)


def set_edges(alias: str, states: Mapping[Edge, float | None]) -> None:
    """Set the state of edges, whatever it was: the timestamp of each (seconds), or None if it does not exist.

    One statement for each 500 that are removed and each 500 that exist, and up to four more for the kinds of those that
    exist. Call it in a transaction.
    """
    use_kinds(alias, [edge for edge, since in states.items() if since is not None], most=None)
    gone = [edge for edge, since in states.items() if since is None]
    for edges in in_steps(gone, STEP):
        delete_rows(find_edges(alias, edges))
    rows = [Row(**columns_of(edge), timestamp=to_moment(since)) for edge, since in states.items() if since is not None]
    targeted = connections[alias].features.supports_update_conflicts_with_target
    Row._default_manager.using(alias).bulk_create(
        rows,
        batch_size=STEP,
        update_conflicts=True,
        update_fields=["timestamp"],
        unique_fields=["digest"] if targeted else None,
    )


def get_times(alias: str, edges: Collection[Edge], *, lock: bool = False) -> dict[Edge, int]:
    """Return the timestamps of the edges that exist, in microseconds. One query for each 500.

    With ``lock``, which needs a transaction, reads what is committed now, even if the transaction has read before, and
    locks these rows.
    """
    locks = lock and connections[alias].features.has_select_for_update
    found = (find_edges(alias, step).values_list(*COLUMNS, "timestamp") for step in in_steps(edges, STEP))
    return {
        make_edge(*columns): to_micros(at)
        for rows in found
        for *columns, at in (rows.select_for_update() if locks else rows)
    }


def forget(alias: str, resource: Resource) -> None:
    """Remove every edge of a resource, of every relation and kind. One query and one statement."""
    delete_rows(edges_around(alias, resource))


def fault_of(edge: Edge, micros: int | None = None) -> str:
    """Return why the scripts do not accept an edge, or its timestamp in microseconds; empty if they do."""
    try:
        relation = check_relation(edge.relation)
        check_ends(edge.from_resource, edge.to_resource)
        check_self(edge.from_resource, [edge.to_resource])
        if micros is not None:
            to_seconds(micros / MICROSECONDS, end=relation.end)
    except UNFIT as error:
        return str(error)
    return ""
