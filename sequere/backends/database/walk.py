"""Walks over the whole table of edges, in steps."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import router
from django.db.models import Q

from ...relations import Edge
from ...timestamps import to_micros
from .fields import COLUMNS, make_edge
from .models import Edge as Row

#: How many rows one query reads.
STEP = 2000


def walk_edges(condition: Q) -> Iterator[dict[Edge, int]]:
    """Yield the edges whose rows fulfil a condition, each with its timestamp in microseconds, in the order of the keys.

    One query for each 2,000. Edges that are added meanwhile may or may not be yielded.
    """
    rows = Row._default_manager.using(router.db_for_read(Row)).filter(condition).order_by("pk")
    found = rows.values_list("pk", *COLUMNS, "timestamp")
    step = list(found[:STEP])
    while step:
        yield {make_edge(*columns): to_micros(at) for _, *columns, at in step}
        step = list(found.filter(pk__gt=step[-1][0])[:STEP])
