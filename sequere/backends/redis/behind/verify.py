"""Holds Redis against the database, edge by edge.

Both stores are walked through in steps of bounded size; whatever differs at first sight is a suspect. A
batch of suspects is decided under the lock: one script tells their state in Redis and the journal's last
entry at that moment, the database is drained up to just that entry, and then both must agree. So neither
what the journal still holds nor what changes meanwhile is ever taken for a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import islice
from typing import NamedTuple

from django.db import transaction

from ....exceptions import ColdStore, InvalidArgument
from ....resources import Resource
from ..scripts import decode
from ....timestamps import MICROSECONDS, to_micros, to_text
from ...base import MAX_PAGE
from ...database.bulk import COLUMNS, UNFIT, Edge, fault_of, get_times, set_edges
from ...database.models import Follow
from ..backend import RedisBackend
from .drain import drain, drain_step
from .journal import get_state
from ..models import Journal, get_alias
from ..operate.survey import walk_resources

#: Edges that one script reads, that one mends, and that one query reads.
STEP = 200
MEND_STEP = 100
READ_STEP = 2000

#: The sides that can be right.
SIDES = ("database", "redis")


class Difference(NamedTuple):
    """An edge that the two do not agree on: since when it stands in each (seconds; None: not), and if it was mended."""

    from_resource: Resource
    to_resource: Resource
    database: float | None
    redis: float | None
    mended: bool


def verify(
    graph: RedisBackend, *, repair: str = "", on_step: Callable[[int], object] = lambda edges: None
) -> Iterator[Difference]:
    """Everything on which Redis and the database do not agree.

    ``repair`` names the side that is right, ``database`` or ``redis``: the other is mended, unless an edge
    changes at that moment. ``on_step`` is told how many edges were looked at, those of both sides. It drains
    first. One round trip for each 200 follows of the database, one for each 1,000 of Redis and one for each
    resource. Raises :class:`~sequere.exceptions.ColdStore` where there is nothing to compare,
    ``InvalidArgument``, ``BackendError`` and Django's database errors.
    """
    if repair not in ("", *SIDES):
        raise InvalidArgument(f"repair must be database or redis, the side that is right; got {repair!r:.80}")
    drain(graph)
    alias = get_alias()
    done = 0
    suspects: set[Edge] = set()
    for edges, differing in _walk(graph, alias):
        done += edges
        suspects |= differing
        if len(suspects) >= STEP:
            yield from _decide_all(graph, alias, suspects, repair)
            suspects = set()
        on_step(done)
    yield from _decide_all(graph, alias, suspects, repair)
    drain(graph)  # what was walked through must still be there


def _walk(graph: RedisBackend, alias: str) -> Iterator[tuple[int, set[Edge]]]:
    """Both stores in steps: how many edges were looked at, and those that differ at first sight."""
    for follows in _walk_follows(alias):
        stored = dict(zip(follows, _read(graph, follows)[1], strict=True))
        yield len(follows), {edge for edge in follows if stored[edge] != follows[edge]}
    for edges in _walk_graph(graph):
        known = get_times(alias, edges)
        yield len(edges), {edge for edge in edges if known.get(edge) != edges[edge]}


def _walk_follows(alias: str) -> Iterator[dict[Edge, int]]:
    follows = Follow._default_manager.using(alias).order_by("pk")
    last = None
    while rows := list(
        (follows.filter(pk__gt=last) if last else follows).values_list("pk", *COLUMNS, "created_at")[:READ_STEP]
    ):
        last = rows[-1][0]
        for start in range(0, len(rows), STEP):
            yield {(Resource(*row[1:3]), Resource(*row[3:5])): to_micros(row[5]) for row in rows[start : start + STEP]}


def _walk_graph(graph: RedisBackend) -> Iterator[dict[Edge, int]]:
    for resource in walk_resources(graph):
        cursor = ""
        while True:
            page = graph.page(resource, "followings", limit=MAX_PAGE, cursor=cursor)
            if page.entries:
                yield {
                    (resource, Resource(entry.identifier, entry.object_id)): round(entry.timestamp * MICROSECONDS)
                    for entry in page.entries
                }
            cursor = page.cursor
            if not cursor:
                break


def _read(graph: RedisBackend, edges: Collection[Edge]) -> tuple[str, list[int | None]]:
    """The journal's last entry, and since when edges stand in Redis at that moment, in microseconds."""
    try:
        last, *times = map(decode, graph.run("read_edges", *_flat(edges)))
    except UNFIT:
        fit = [edge for edge in edges if not fault_of(edge)]
        last, known = _read(graph, fit) if fit else (get_state(graph, "").last, [])
        stored = dict(zip(fit, known, strict=True))
        return last, [stored.get(edge) for edge in edges]
    return last, [_micros(since) for since in times]


def _decide_all(graph: RedisBackend, alias: str, suspects: Collection[Edge], repair: str) -> Iterator[Difference]:
    remaining = iter(sorted(suspects))
    while edges := list(islice(remaining, MEND_STEP)):
        yield from _decide(graph, alias, edges, repair)


def _decide(graph: RedisBackend, alias: str, edges: list[Edge], repair: str) -> list[Difference]:
    with transaction.atomic(using=alias, durable=True):
        row = Journal.lock(alias)
        last, stored = _read(graph, edges)
        while (step := drain_step(graph, row, alias, until=last)) and step.entries:
            pass
        if step is None or row.position != last:
            raise ColdStore("Redis lost entries or went cold during the comparison: drain, then verify again.")
        known = get_times(alias, edges)
        differing = [
            (edge, known.get(edge), since)
            for edge, since in zip(edges, stored, strict=True)
            if known.get(edge) != since
        ]
        mended = [False] * len(differing)
        if differing and repair == "database":
            mended = _mend_redis(graph, differing)
        elif differing and repair == "redis":
            set_edges(alias, {edge: _seconds(since) for edge, _, since in differing})
            mended = [True] * len(differing)
    return [
        Difference(*edge, _seconds(here), _seconds(there), done)
        for (edge, here, there), done in zip(differing, mended, strict=True)
    ]


def _mend_redis(graph: RedisBackend, differing: list[tuple[Edge, int | None, int | None]]) -> list[bool]:
    fit = {edge: (wanted, seen) for edge, wanted, seen in differing if not fault_of(edge, wanted)}
    arguments: list[str] = []
    for edge, (wanted, seen) in fit.items():
        arguments += (*edge[0], *edge[1], _as_argument(seen), _as_argument(wanted))
    mended = dict(zip(fit, graph.run("mend_edges", *arguments) if fit else [], strict=True))
    return [mended.get(edge) == 1 for edge, _, _ in differing]


def _flat(edges: Collection[Edge]) -> Iterator[str]:
    for from_resource, to_resource in edges:
        yield from (*from_resource, *to_resource)


def _micros(since: str) -> int | None:
    return int(since.replace(".", "")) if since else None


def _seconds(micros: int | None) -> float | None:
    return None if micros is None else micros / MICROSECONDS


def _as_argument(micros: int | None) -> str:
    return "" if micros is None else to_text(micros)
