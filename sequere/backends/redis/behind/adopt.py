"""Starts write-behind with the graph in Redis: the database is brought up to date with it while both are in use.

If Redis has no journal, it first gets the writes that the database accepted meanwhile, and then a journal. Edges on
which the two do not agree are appended to the journal once more, as Redis has them, and the drain applies them. So the
database changes through the journal alone, and a restore meanwhile is noticed as always. Each of these scripts updates
the mark, so a Redis that comes back without some of these entries is noticed too. Until the end the phase is
*adopting*, so that no rebuild treats the database as complete.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain, groupby
from operator import attrgetter

from ....exceptions import ColdStore, DatabaseBehind, WriteBehindRefused
from ....relations import Edge, rows_in_use, settle
from ....resources import Resource
from ....steps import in_steps
from ..backend import RedisBackend
from ..models import OutboxEntry, State
from ..operate.survey import walk_whole_list
from .advice import advise, is_whole
from .drain import drain
from .journal import NO_CURSOR, STEPS, Journal, JournalEntry, Mark, fence, order_of, read_journal
from .locking import locked
from .outbox import empty_outbox, find_reached, look
from .phases import FOREIGN, Event, Phase, Verdict, is_unmarked, move
from .rebuild import COPY_STEP, Copier, EdgeState, overtaken, take_for_position
from .verify import find_suspects, note


def adopt(unguarded: RedisBackend, *, on_step: Callable[[int], object] = lambda edges: None) -> int:
    """Make the database hold what Redis holds and nothing else; from then on it follows Redis.

    Returns how many edges differed. What was written to the database because Redis had no journal is copied to Redis
    first. ``on_step`` is called with the number of edges looked at, on both sides. Raises
    :class:`~sequere.exceptions.WriteBehindRefused` if the two are in step, or if Redis has no graph or has lost the one
    that was in step with this database; ``BackendError`` and Django's database errors; call it again to continue. It
    makes the same round trips as ``verify``.
    """
    return _Adoption(unguarded).run(on_step)


class _Adoption:
    def __init__(self, unguarded: RedisBackend) -> None:
        self.unguarded = unguarded
        self.copier = Copier(unguarded, "")

    def run(self, on_step: Callable[[int], object]) -> int:
        with suppress(ColdStore, DatabaseBehind):
            drain(self.unguarded)
        locked(self._begin)
        if not self.mark:
            locked(self._open)
        told, last = 0, ""
        for suspects in find_suspects(self.unguarded, on_step=on_step):
            reached = self._next_mark()
            last = note(self.unguarded, self.copier.marked, str(reached), suspects)
            if not last:
                raise overtaken()
            self.copier.marked = str(reached)
            told += len(suspects)
            drain(self.unguarded)
        drain(self.unguarded)
        locked(lambda row, alias: self._end(row, alias, last))
        return told

    def _begin(self, row: State, alias: str) -> None:
        """Enter the phase. ``mark`` is empty where Redis has no journal yet."""
        reached, journal, verdict = look(self.unguarded, row, alias, limit=1)
        self.mark = journal.mark if journal.length else None
        self.copier.marked = journal.marked
        if verdict is Verdict.COLD:
            _check_whole(row, alias, journal)
            row.epoch, row.digest = fence(self.unguarded, reached), ""
            if not row.epoch:
                raise overtaken()
        elif verdict is Verdict.BEHIND:
            self._join(row, alias, journal)
        elif row.phase != Phase.ADOPTING:
            raise WriteBehindRefused("The database already follows Redis: nothing to do.")
        if self.mark:
            self.copier.set([], self._next_mark())  # this stops another run that is still adopting
        move(row, Event.ADOPT)
        row.save(using=alias)
        self.epoch = row.epoch

    def _join(self, row: State, alias: str, journal: Journal) -> None:
        """Follow the existing journal from its end on."""
        mark = journal.mark
        if mark is None:
            raise WriteBehindRefused(FOREIGN)
        if row.phase == Phase.ADOPTING and row.epoch == mark.epoch:
            # The writes to the database while this Redis was away; those that Redis has seen are not written again.
            rows = OutboxEntry._default_manager.using(alias).order_by("pk")
            later = [entry for entry in rows if order_of(entry.position) > order_of(mark.seen)]
            self._replay(later, mark)
        empty_outbox(alias)
        last = read_journal(self.unguarded, journal.last, limit=1).entries[0]
        row.epoch, row.position, row.digest = mark.epoch, last.id, last.digest

    def _open(self, row: State, alias: str) -> None:
        """Copy the outbox to Redis and create the journal."""
        if row.phase != Phase.ADOPTING or row.epoch != self.epoch:
            raise overtaken()
        reached = find_reached(row, alias)
        entry = JournalEntry(fence(self.unguarded, reached, opens=True), "open")
        if not entry.id:
            raise overtaken()
        rows = OutboxEntry._default_manager.using(alias).order_by("pk")
        self._replay(rows, Mark(self.epoch, "adopt", NO_CURSOR, self.epoch))
        marked, self.mark = self.copier.marked, Mark(self.epoch, "ready", NO_CURSOR, reached)
        opened = self._next_mark()
        if not self.unguarded.run("open_journal", marked, str(opened), entry.id):
            raise overtaken()
        self.copier.marked = str(opened)
        take_for_position(row, alias, entry)

    def _replay(self, rows: Iterable[OutboxEntry], mark: Mark) -> None:
        """Apply the outbox to Redis. Its graph is not a copy of this database: it may have edges that exclude an added
        edge, and edges of a resource that was forgotten.
        """
        kinds = self.unguarded.kinds()
        for batch in _whole_writes(rows):
            parts = list(in_steps(settle(self._read_changes(batch), kinds).items(), COPY_STEP))
            for part in parts:
                seen = batch[-1].position if part is parts[-1] else mark.seen
                mark = self.mark = mark._replace(seen=seen)
                self.copier.set(part, mark)

    def _read_changes(self, rows: list[OutboxEntry]) -> Iterator[EdgeState]:
        before: list[Edge] = []
        for row in rows:
            if row.relation:
                before.append(row.edge)
                yield row.edge, row.micros
            else:
                resource = row.edge.from_resource
                gone = [edge for edge in before if resource in edge]
                yield from ((edge, None) for edge in (*gone, *_edges_around(self.unguarded, resource)))

    def _next_mark(self) -> Mark:
        """A mark that no other run has."""
        assert self.mark is not None, "there is a journal"
        self.mark = self.mark._replace(cursor=secrets.token_hex(8))
        return self.mark

    def _end(self, row: State, alias: str, last: str) -> None:
        """Leave the phase if every entry has been drained and no other run has begun."""
        reached, journal, verdict = look(self.unguarded, row, alias, limit=1)
        is_mine = journal.marked == self.copier.marked and order_of(reached) >= order_of(last)
        if not is_mine or verdict is not Verdict.IN_STEP:
            raise overtaken()
        move(row, Event.ADOPTED)
        row.save(using=alias)


def _check_whole(row: State, alias: str, journal: Journal) -> None:
    is_lost = row.phase == Phase.ADOPTING and not is_whole(journal)
    is_after_loss = is_unmarked(journal) and row.epoch and row.phase not in (Phase.CLOSED, Phase.ADOPTING)
    if is_lost or is_after_loss:
        raise WriteBehindRefused(advise(row, Verdict.COLD, journal, alias))
    if not journal.last_uid:
        raise WriteBehindRefused(
            "Redis holds no graph. Run `python manage.py sequere rebuild`: it fills Redis from the database."
        )
    if journal.mark and journal.mark.step in STEPS:
        raise WriteBehindRefused(
            "Redis holds a part of the graph: a rebuild has begun. Run `python manage.py sequere rebuild`."
        )
    if row.epoch and row.phase not in (Phase.CLOSED, Phase.ADOPTING):
        raise WriteBehindRefused(
            "Redis has lost the graph that was in step with this database; adopting what it holds now would remove the "
            "rest from the database. Run `python manage.py sequere rebuild`; if Redis is right after all, "
            "run `python manage.py sequere close` first."
        )


def _whole_writes(rows: Iterable[OutboxEntry]) -> Iterator[list[OutboxEntry]]:
    """The rows in batches. Each batch ends where a write ends; the rows of a write have one position."""
    batch: list[OutboxEntry] = []
    for _, write in groupby(rows, attrgetter("position")):
        batch += write
        if len(batch) >= COPY_STEP:
            yield batch
            batch = []
    if batch:
        yield batch


def _edges_around(unguarded: RedisBackend, resource: Resource) -> Iterator[Edge]:
    """The edges in Redis that are from or to a resource. One round trip for each 500, and one for each empty list."""
    for relation in rows_in_use(unguarded.kinds()):
        for name in (relation.forward, relation.backward):
            for entry in chain.from_iterable(walk_whole_list(unguarded, resource, name)):
                ends = (resource, Resource(entry.identifier, entry.object_id))
                yield Edge(relation.name, *(ends if name == relation.forward else ends[::-1]))
