"""Compares Redis with the database, edge by edge, while both are in use.

Both stores are read in steps of bounded size. An edge that differs is a suspect, and is read again: in Redis, then in
the database after a drain of everything that Redis had noted by then, then in Redis once more. An edge that changes in
between is in the journal, so the database follows it: it does not count as a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import NamedTuple

from ....exceptions import InvalidArgument
from ....relations import Edge
from ....resources import Resource
from ....steps import in_steps
from ....timestamps import MICROSECONDS, to_micros, to_text
from ...database.bulk import fault_of, get_times, set_edges
from ...database.fields import COLUMNS, make_edge
from ...database.models import Edge as Row
from ...operations import decode
from ..backend import RedisBackend
from ..models import get_alias
from ..operate.survey import walk_edges
from .drain import drain
from .journal import read_journal
from .locking import locked

#: How many edges one script reads, appends or repairs.
STEP = 50

#: How many rows one query reads.
READ_STEP = 2000

#: How many times suspects are compared: each time, the two stores may agree at some moment.
LOOKS = 3

#: The sides that can be right.
SIDES = ("database", "redis")


class Difference(NamedTuple):
    """An edge that differs: its timestamp in each store (seconds; None: no edge), and whether it was repaired."""

    relation: str
    from_resource: Resource
    to_resource: Resource
    database: float | None
    redis: float | None
    mended: bool


def verify(
    unguarded: RedisBackend, *, repair: str = "", on_step: Callable[[int], object] = lambda edges: None
) -> Iterator[Difference]:
    """Yield each edge on which Redis and the database do not agree.

    ``repair`` names the side that is right, ``database`` or ``redis``: the other is repaired, unless an edge changes at
    that moment. ``on_step`` is called with the number of edges looked at, on both sides. It drains first. One round
    trip for each 50 edges of the database; for those of Redis as
    :func:`~sequere.backends.redis.operate.survey.walk_edges`. Raises :class:`~sequere.exceptions.ColdStore` if there is
    nothing to compare, ``InvalidArgument``, ``BackendError`` and Django's database errors.
    """
    if repair not in ("", *SIDES):
        raise InvalidArgument(f"repair must be database or redis, the side that is right; got {repair!r:.80}")
    drain(unguarded)
    for suspects in find_suspects(unguarded, on_step=on_step):
        yield from _decide(unguarded, suspects, repair)
    drain(unguarded)  # what was read must still be there


def find_suspects(unguarded: RedisBackend, *, on_step: Callable[[int], object]) -> Iterator[list[Edge]]:
    """The suspects, at most 50 at a time."""
    done = 0
    suspects: set[Edge] = set()
    for edges, differing in _walk(unguarded):
        done += edges
        suspects |= differing
        while len(suspects) >= STEP:
            yield [suspects.pop() for _ in range(STEP)]
        on_step(done)
    if suspects:
        yield sorted(suspects)


def note(unguarded: RedisBackend, marked: str, reached: str, edges: Collection[Edge]) -> str:
    """Append the state of up to 50 edges in Redis to the journal once more, and update the mark. One round trip.

    Returns the last entry; empty if there is no journal or the mark has changed.
    """
    last: str = decode(unguarded.run("note_edges", marked, reached, *chain.from_iterable(edge.words for edge in edges)))
    return last


def _walk(unguarded: RedisBackend) -> Iterator[tuple[int, set[Edge]]]:
    """Both stores in steps: how many edges were read, and those that differ."""
    alias = get_alias()
    table = Row._default_manager.using(alias).order_by("pk")
    last = None
    while rows := list(
        (table.filter(pk__gt=last) if last else table).values_list("pk", *COLUMNS, "timestamp")[:READ_STEP]
    ):
        last = rows[-1][0]
        for step in in_steps(rows, STEP):
            known = {make_edge(*columns): to_micros(at) for _, *columns, at in step}
            stored = _read(unguarded, known)
            yield len(known), {edge for edge in known if stored.get(edge) != known[edge]}
    for edges in walk_edges(unguarded):
        times = get_times(alias, edges)
        yield len(edges), {edge for edge in edges if times.get(edge) != edges[edge]}


def _read(unguarded: RedisBackend, edges: Collection[Edge]) -> dict[Edge, int]:
    """The timestamps of those of the edges that exist in Redis, in microseconds. One round trip for each 50."""
    found = {}
    for step in in_steps((edge for edge in edges if not fault_of(edge)), STEP):
        times = map(decode, unguarded.run("since", *chain.from_iterable(edge.words for edge in step)))
        found.update({edge: int(at.replace(".", "")) for edge, at in zip(step, times, strict=True) if at})
    return found


def _decide(unguarded: RedisBackend, suspects: list[Edge], repair: str) -> list[Difference]:
    alias = get_alias()
    for _ in range(LOOKS):
        before = _read(unguarded, suspects)
        drain(unguarded)
        known = get_times(alias, suspects)
        stored = _read(unguarded, suspects)
        suspects = [edge for edge in suspects if before.get(edge) == stored.get(edge) != known.get(edge)]
        if not suspects:
            return []
    mended = dict.fromkeys(suspects, False)
    if repair == "redis":
        mended |= _mend_database(unguarded, suspects)
    elif repair == "database":
        mended |= _mend_redis(unguarded, suspects, known, stored)
    return [
        Difference(*edge, _seconds(known.get(edge)), _seconds(stored.get(edge)), mended[edge])
        for edge in sorted(suspects)
    ]


def _mend_database(unguarded: RedisBackend, edges: list[Edge]) -> dict[Edge, bool]:
    """Set edges in the database to the state that Redis has, by appending it to the journal and draining."""
    unfit = {edge: None for edge in edges if fault_of(edge)}
    fit = [edge for edge in edges if edge not in unfit]
    is_noted = False
    if fit:
        marked = read_journal(unguarded, "", limit=1).marked
        is_noted = note(unguarded, marked, marked, fit) != ""
        drain(unguarded)
    if unfit:  # Redis can neither hold such an edge nor append it
        locked(lambda row, alias: set_edges(alias, unfit))
    return {edge: is_noted or edge in unfit for edge in edges}


def _mend_redis(
    unguarded: RedisBackend, edges: list[Edge], wanted: dict[Edge, int], seen: dict[Edge, int]
) -> dict[Edge, bool]:
    """Set edges in Redis to the state that the database has, each if it is still as seen. One round trip."""
    fit = [edge for edge in edges if not fault_of(edge, wanted.get(edge))]
    arguments: list[str] = []
    for edge in fit:
        arguments += (*edge.words, to_text(seen.get(edge)), to_text(wanted.get(edge)))
    replies = unguarded.run("mend_edges", *arguments) if fit else []
    return {edge: reply == 1 for edge, reply in zip(fit, replies, strict=True)}


def _seconds(micros: int | None) -> float | None:
    return None if micros is None else micros / MICROSECONDS
