"""Begins with the graph that Redis holds: the database is brought up to it, while both are in use.

Where Redis has no journal, it first gets what the database was told meanwhile, and then a journal. Edges on which the
two do not agree are noted in the journal once more, as Redis has them, and the drain applies them: so the database
changes by the journal alone, and a restore under way is noticed as always. Until that has ended the phase is
*adopting*, so that no rebuild takes the database for the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from ....exceptions import ColdStore, DatabaseBehind, WriteBehindRefused
from ....relations import RELATIONS, Edge, settle
from ....resources import Resource
from ....steps import in_steps
from ....timestamps import MICROSECONDS
from ...database.bulk import fault_of
from ...operations import AddEdges, Forget, MoveEdges, ReadPage
from ..backend import RedisBackend
from ..models import OutboxEntry, State
from .drain import drain
from .journal import NO_CURSOR, Journal, JournalEntry, Mark, fence, order_of, read_journal
from .locking import locked
from .outbox import find_reached
from .phases import Event, Phase, Verdict, judge, move
from .rebuild import COPY_STEP, Copier, EdgeState, overtaken, take_for_position
from .verify import find_suspects, note


def adopt(unguarded: RedisBackend, *, on_step: Callable[[int], object] = lambda edges: None) -> int:
    """Make the database hold what Redis holds and nothing else; from then on it follows Redis.

    Returns how many edges it was told of. What was written into the database because Redis had no journal is brought
    into Redis first. ``on_step`` is told how many edges were looked at, those of both sides. Raises
    :class:`~sequere.exceptions.WriteBehindRefused` if the two are in step, or if Redis has no graph or has lost the one
    that was in step with this database; ``BackendError`` and Django's database errors; call it again to go on. The
    round trips of ``verify``.
    """
    with suppress(ColdStore, DatabaseBehind):
        drain(unguarded)
    epoch = locked(lambda row, alias: _begin(unguarded, row, alias))
    if not read_journal(unguarded, "", limit=1).length:
        locked(lambda row, alias: _open(unguarded, row, alias, epoch))
    told, last = 0, ""
    for suspects in find_suspects(unguarded, on_step=on_step):
        last = note(unguarded, suspects)
        told += len(suspects)
        drain(unguarded)
    drain(unguarded)
    locked(lambda row, alias: _end(unguarded, row, alias, last))
    return told


def _begin(unguarded: RedisBackend, row: State, alias: str) -> str:
    """Enter the phase; returns the epoch of the graph."""
    reached = find_reached(row, alias)
    journal = read_journal(unguarded, reached, limit=1)
    verdict = judge(row, reached, journal)
    if verdict is Verdict.COLD:
        _check_whole(row, journal)
        move(row, Event.ADOPT)
        row.epoch, row.digest = fence(unguarded, reached), ""
        if not row.epoch:
            raise overtaken()
    elif verdict is Verdict.BEHIND:
        _join(unguarded, row, alias, journal)
    elif row.phase != Phase.ADOPTING:
        raise WriteBehindRefused("Redis and the database are in step: there is nothing to adopt.")
    row.save(using=alias)
    return row.epoch


def _check_whole(row: State, journal: Journal) -> None:
    if not journal.last_uid:
        raise WriteBehindRefused(
            "Redis holds no graph. Run `manage.py sequere rebuild`: it fills Redis from the database."
        )
    if journal.mark and journal.mark.step not in ("stale", "adopt"):
        raise WriteBehindRefused(
            "Redis holds a part of the graph, or has lost its journal alone. Run `manage.py sequere rebuild`."
        )
    if row.epoch and row.phase not in (Phase.CLOSED, Phase.ADOPTING):
        raise WriteBehindRefused(
            "Redis has lost the graph that was in step with this database; to adopt what it holds now would remove the "
            "rest. Run `manage.py sequere rebuild`; if Redis is right after all, `close` first."
        )


def _join(unguarded: RedisBackend, row: State, alias: str, journal: Journal) -> None:
    """Read the journal that is there from its end on."""
    if journal.mark is None:
        raise WriteBehindRefused(
            "Redis has a journal, but no mark: something else than this package made it. If the graph in Redis is "
            f"right, remove the key {unguarded.prefix}global:journal and run this again."
        )
    if row.phase == Phase.ADOPTING and row.epoch == journal.mark.epoch:
        # What the database answered while this Redis was away, as writes of now. Should this die before its commit, it
        # is done once more.
        for entry in OutboxEntry._default_manager.using(alias).order_by("pk"):
            _write(unguarded, entry)
    OutboxEntry._default_manager.using(alias).all().delete()
    move(row, Event.ADOPT)
    last = read_journal(unguarded, journal.last, limit=1).entries[0]
    row.epoch, row.position, row.digest = journal.mark.epoch, last.id, last.digest


def _write(unguarded: RedisBackend, entry: OutboxEntry) -> None:
    """Write into Redis, which notes it, what the outbox says."""
    edge, micros = entry.edge, entry.micros
    if not edge.relation:
        while not unguarded.perform(Forget(edge.from_resource)).done:
            pass
    elif not fault_of(edge):
        forward = RELATIONS[edge.relation].forward
        unguarded.perform(MoveEdges(edge.from_resource, forward, [edge.to_resource]))
        if micros is not None:
            unguarded.perform(AddEdges(edge.relation, edge.from_resource, [edge.to_resource], micros / MICROSECONDS))


def _open(unguarded: RedisBackend, row: State, alias: str, epoch: str) -> None:
    """Bring the outbox into Redis and make the journal."""
    if row.phase != Phase.ADOPTING or row.epoch != epoch:
        raise overtaken()
    reached = find_reached(row, alias)
    entry = JournalEntry(fence(unguarded, reached, opens=True), "open")
    copier = Copier(unguarded, read_journal(unguarded, "", limit=1).marked)
    rows = list(OutboxEntry._default_manager.using(alias).order_by("pk"))
    # Redis is no copy of this database: it may have edges that exclude an added one, or are of one who was forgotten.
    for states in in_steps(settle(_read_changes(unguarded, rows)).items(), COPY_STEP):
        copier.set(states, Mark(epoch, "adopt", NO_CURSOR, reached))
    opened = Mark(epoch, "ready", NO_CURSOR, reached)
    if not (entry.id and unguarded.run("open_journal", copier.marked, str(opened), entry.id)):
        raise overtaken()
    take_for_position(row, alias, entry)


def _read_changes(unguarded: RedisBackend, rows: list[OutboxEntry]) -> Iterator[EdgeState]:
    before: list[Edge] = []
    for row in rows:
        if row.relation:
            before.append(row.edge)
            yield row.edge, row.micros
        else:
            resource = row.edge.from_resource
            gone = [edge for edge in before if resource in edge]
            yield from ((edge, None) for edge in (*gone, *_edges_around(unguarded, resource)))


def _edges_around(unguarded: RedisBackend, resource: Resource) -> Iterator[Edge]:
    """The edges in Redis that are from or to a resource. One round trip for each 500, and one for each empty list."""
    for relation in RELATIONS.values():
        for name in (relation.forward, relation.backward):
            cursor = ""
            while True:
                page = unguarded.perform(ReadPage(resource, name, cursor=cursor))
                for entry in page.entries:
                    ends = (resource, Resource(entry.identifier, entry.object_id))
                    yield Edge(relation.name, *(ends if name == relation.forward else ends[::-1]))
                cursor = page.cursor
                if not cursor:
                    break


def _end(unguarded: RedisBackend, row: State, alias: str, last: str) -> None:
    """Leave the phase, if all that was noted has arrived."""
    reached = find_reached(row, alias)
    verdict = judge(row, reached, read_journal(unguarded, reached, limit=1))
    if verdict is not Verdict.IN_STEP or order_of(reached) < order_of(last):
        raise overtaken()
    move(row, Event.ADOPTED)
    row.save(using=alias)
