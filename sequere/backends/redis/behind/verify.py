"""Compares Redis with the database, edge by edge.

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
from ....relations import RELATIONS, Edge, Relation
from ....resources import Resource
from ....timestamps import MICROSECONDS, to_micros, to_text
from ...database.bulk import UNFIT, fault_of, get_times, set_edges
from ...database.fields import COLUMNS, make_edge
from ...database.models import Edge as Row
from ...operations import MAX_PAGE, ReadPage, decode
from ..backend import RedisBackend
from ..models import Journal, get_alias
from ..operate.survey import walk_resources
from .drain import drain, drain_step
from .journal import get_state

#: Edges that one script reads or mends, and that one query reads.
STEP = 50
READ_STEP = 2000

#: The sides that can be right.
SIDES = ("database", "redis")


class Difference(NamedTuple):
    """An edge that the two do not agree on: since when it exists in each (seconds; None: not), and if it was mended."""

    relation: str
    from_resource: Resource
    to_resource: Resource
    database: float | None
    redis: float | None
    mended: bool


def verify(
    unguarded: RedisBackend, *, repair: str = "", on_step: Callable[[int], object] = lambda edges: None
) -> Iterator[Difference]:
    """Everything on which Redis and the database do not agree.

    ``repair`` names the side that is right, ``database`` or ``redis``: the other is mended, unless an edge
    changes at that moment. ``on_step`` is told how many edges were looked at, those of both sides. It drains
    first. One round trip for each 50 edges of the database, one for each 500 of Redis, and one for each
    resource and relation. Raises :class:`~sequere.exceptions.ColdStore` where there is nothing to compare,
    ``InvalidArgument``, ``BackendError`` and Django's database errors.
    """
    if repair not in ("", *SIDES):
        raise InvalidArgument(f"repair must be database or redis, the side that is right; got {repair!r:.80}")
    drain(unguarded)
    alias = get_alias()
    done = 0
    suspects: set[Edge] = set()
    for edges, differing in _walk(unguarded, alias):
        done += edges
        suspects |= differing
        if len(suspects) >= STEP:
            yield from _decide_all(unguarded, alias, suspects, repair)
            suspects = set()
        on_step(done)
    yield from _decide_all(unguarded, alias, suspects, repair)
    drain(unguarded)  # what was walked through must still be there


def _walk(unguarded: RedisBackend, alias: str) -> Iterator[tuple[int, set[Edge]]]:
    """Both stores in steps: how many edges were looked at, and those that differ at first sight."""
    for known in _walk_table(alias):
        stored = dict(zip(known, _read(unguarded, known)[1], strict=True))
        yield len(known), {edge for edge in known if stored[edge] != known[edge]}
    for edges in _walk_graph(unguarded):
        times = get_times(alias, edges)
        yield len(edges), {edge for edge in edges if times.get(edge) != edges[edge]}


def _walk_table(alias: str) -> Iterator[dict[Edge, int]]:
    table = Row._default_manager.using(alias).order_by("pk")
    last = None
    while rows := list(
        (table.filter(pk__gt=last) if last else table).values_list("pk", *COLUMNS, "timestamp")[:READ_STEP]
    ):
        last = rows[-1][0]
        for start in range(0, len(rows), STEP):
            yield {make_edge(*columns): to_micros(at) for _, *columns, at in rows[start : start + STEP]}


def _walk_graph(unguarded: RedisBackend) -> Iterator[dict[Edge, int]]:
    for resource in walk_resources(unguarded):
        for relation in RELATIONS.values():
            yield from _walk_list(unguarded, resource, relation)


def _walk_list(unguarded: RedisBackend, resource: Resource, relation: Relation) -> Iterator[dict[Edge, int]]:
    cursor = ""
    while True:
        page = unguarded.perform(ReadPage(resource, relation.forward, limit=MAX_PAGE, cursor=cursor))
        if page.entries:
            yield {
                Edge(relation.name, resource, Resource(*other)): round(at * MICROSECONDS) for *other, at in page.entries
            }
        cursor = page.cursor
        if not cursor:
            return


def _read(unguarded: RedisBackend, edges: Collection[Edge]) -> tuple[str, list[int | None]]:
    """The journal's last entry, and since when edges exist in Redis at that moment, in microseconds."""
    try:
        last, *times = map(decode, unguarded.run("read_edges", *_flat(edges)))
    except UNFIT as error:
        fit = [edge for edge in edges if not fault_of(edge)]
        if len(fit) == len(edges):
            raise AssertionError("the scripts refuse what has no fault") from error
        last, known = _read(unguarded, fit) if fit else (get_state(unguarded, "").last, [])
        stored = dict(zip(fit, known, strict=True))
        return last, [stored.get(edge) for edge in edges]
    return last, [_micros(since) for since in times]


def _decide_all(unguarded: RedisBackend, alias: str, suspects: Collection[Edge], repair: str) -> Iterator[Difference]:
    remaining = iter(sorted(suspects))
    while edges := list(islice(remaining, STEP)):
        yield from _decide(unguarded, alias, edges, repair)


def _decide(unguarded: RedisBackend, alias: str, edges: list[Edge], repair: str) -> list[Difference]:
    with transaction.atomic(using=alias, durable=True):
        row = Journal.lock(alias)
        last, stored = _read(unguarded, edges)
        while (step := drain_step(unguarded, row, alias, until=last)) and step.entries:
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
            mended = _mend_redis(unguarded, differing)
        elif differing and repair == "redis":
            set_edges(alias, {edge: _seconds(since) for edge, _, since in differing})
            mended = [True] * len(differing)
    return [
        Difference(*edge, _seconds(here), _seconds(there), done)
        for (edge, here, there), done in zip(differing, mended, strict=True)
    ]


def _mend_redis(unguarded: RedisBackend, differing: list[tuple[Edge, int | None, int | None]]) -> list[bool]:
    fit = {edge: (wanted, seen) for edge, wanted, seen in differing if not fault_of(edge, wanted)}
    arguments: list[str] = []
    for edge, (wanted, seen) in fit.items():
        arguments += (*_words(edge), _as_argument(seen), _as_argument(wanted))
    mended = dict(zip(fit, unguarded.run("mend_edges", *arguments) if fit else [], strict=True))
    return [mended.get(edge) == 1 for edge, _, _ in differing]


def _flat(edges: Collection[Edge]) -> Iterator[str]:
    for edge in edges:
        yield from _words(edge)


def _words(edge: Edge) -> tuple[str, ...]:
    """An edge as the scripts take it."""
    return (edge.relation, *edge.from_resource, *edge.to_resource)


def _micros(since: str) -> int | None:
    return int(since.replace(".", "")) if since else None


def _seconds(micros: int | None) -> float | None:
    return None if micros is None else micros / MICROSECONDS


def _as_argument(micros: int | None) -> str:
    return "" if micros is None else to_text(micros)
