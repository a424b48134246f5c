"""Exports edges as JSON lines, from every backend: all of a graph, or those of one resource.

The blocks come first. Mutes that have ended are left out.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from django.db.models import Q

from .backends import get_backend
from .backends.base import BaseBackend
from .backends.database import DatabaseBackend
from .backends.redis import RedisBackend, RedisFallbackBackend
from .backends.redis.operate.survey import walk_edges, walk_list
from .exceptions import ColdStore, InvalidSettings
from .importing.lines import make_line
from .relations import RELATIONS, Edge, rows_in_use
from .resources import Resource
from .timestamps import MICROSECONDS

BLOCK = RELATIONS["block"]

#: The relations whose edges end.
EXPIRING = tuple(name for name, row in RELATIONS.items() if row.expires)

#: The relations that are private to the from side: the export of one resource leaves them out if they come from
#: others.
PRIVATE = ("archive", "block", "mute")


def export_graph() -> Iterator[list[str]]:
    """Yield a line for each edge of the configured backend, some hundreds at a time.

    Edges that are added or removed meanwhile may or may not be yielded. Round trips or queries: those of
    :func:`~sequere.backends.redis.operate.survey.walk_edges` or of :func:`~sequere.backends.database.walk.walk_edges`,
    once for the blocks and once for the rest. Raises :class:`~sequere.exceptions.ColdStore` if Redis loses its data
    meanwhile.
    """
    return _lines(_walk(get_backend()))


def export_resource(resource: Resource) -> Iterator[list[str]]:
    """Yield a line for each edge from and to a resource, except blocks and mutes by others. At most 500 at a time.

    One round trip or query for the kinds, one for each list, and one more for each 500 edges of a list.
    """
    return _lines(_walk_around(get_backend(), resource))


def _lines(steps: Iterable[dict[Edge, int]]) -> Iterator[list[str]]:
    for edges in steps:
        now = time.time() * MICROSECONDS
        ended = [edge for edge, micros in edges.items() if edge.relation.startswith(EXPIRING) and micros <= now]
        for edge in ended:
            del edges[edge]
        if edges:
            yield [make_line(edge, micros) for edge, micros in edges.items()]


def _walk(backend: BaseBackend) -> Iterator[dict[Edge, int]]:
    if isinstance(backend, RedisFallbackBackend):
        try:
            backend.run("lookup", "sequere", "check")
        except ColdStore:
            yield from _walk_table()
        else:
            yield from _walk_redis(backend.unguarded)
            backend.run("lookup", "sequere", "check")  # if it was lost meanwhile, edges are missing
    elif isinstance(backend, RedisBackend):
        yield from _walk_redis(backend)
    elif isinstance(backend, DatabaseBackend):
        yield from _walk_table()
    else:
        raise InvalidSettings(f"export does not know {type(backend).__name__}, the backend of SEQUERE_BACKEND_CLASS.")


def _walk_table() -> Iterator[dict[Edge, int]]:
    from .backends.database.walk import walk_edges as walk_rows  # models can be imported once applications are loaded

    yield from walk_rows(Q(relation=BLOCK.name))
    yield from walk_rows(~Q(relation=BLOCK.name))


def _walk_redis(backend: RedisBackend) -> Iterator[dict[Edge, int]]:
    yield from walk_edges(backend, [BLOCK])
    yield from walk_edges(backend, [row for row in rows_in_use(backend.kinds()) if row != BLOCK])


def _walk_around(backend: BaseBackend, resource: Resource) -> Iterator[dict[Edge, int]]:
    for row in sorted(rows_in_use(backend.kinds()), key=lambda row: row != BLOCK):
        for list_ in (row.forward,) if row.base in PRIVATE else (row.forward, row.backward):
            for entries in walk_list(backend, resource, list_):
                others = [(Resource(*other), round(at * MICROSECONDS)) for *other, at in entries]
                if list_ == row.forward:
                    yield {Edge(row.name, resource, other): micros for other, micros in others}
                else:
                    yield {Edge(row.name, other, resource): micros for other, micros in others}
