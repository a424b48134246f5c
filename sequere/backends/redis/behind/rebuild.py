"""From the database into a Redis that has no journal, while reads and writes go on in the database.

1. *Begin*, under the lock: an epoch, in the row and in the mark; the outbox begins anew.
2. *Clear*: what Redis still holds of the graph is removed.
3. *Copy*: the edges, in the order of their keys.
4. *Replay*: the outbox. Whatever the copy saw of those edges, the last word on each is here.
5. *Finish*, under the lock: the rest of the outbox, the journal, the commit.

How far it is stands in the mark in Redis, which each script of the rebuild compares and moves. So a server that forgets
what was copied forgets that it was, a rebuild goes on where one that died was, and one that wakes up late is refused.
The mark also names the last change of the database that the graph contains: after a restore the database does not know
it any more, and the rebuild begins anew.

A crash before the journal is made leaves a Redis that does not answer. After it Redis answers, and has all that the
database had; if the commit is lost, the next drain makes up for it.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Subquery, Value
from django.db.models.functions import Coalesce

from ....exceptions import ColdStore, WriteBehindRefused
from ....relations import Edge
from ....steps import in_steps
from ....timestamps import to_micros, to_text
from ...database.bulk import UNFIT, fault_of
from ...database.conflicts import despite_conflicts
from ...database.fields import COLUMNS, make_edge
from ...database.models import Edge as Row
from ..backend import RedisBackend
from ..models import OutboxEntry, State, get_alias
from ..operate.survey import find_keys
from .advice import advise
from .drain import drain
from .journal import NO_CURSOR, STEPS, JournalEntry, Mark, fence, make_id, order_of, read_journal
from .locking import locked
from .outbox import empty_outbox, find_reached, look
from .phases import Event, Phase, Verdict, move

logger = logging.getLogger("sequere")

#: Keys that one script removes.
CLEAR_STEP = 500

#: Edges that one script copies, and that one query reads.
COPY_STEP = 50
READ_STEP = 2000

#: Seconds after which a rebuild that did not move is taken over.
PATIENCE = 2.0

#: An edge and since when it exists, in microseconds; None: it does not.
EdgeState = tuple[Edge, int | None]


@dataclass(frozen=True)
class Rebuilt:
    """What this run did: edges copied, changes replayed, how many of them no script takes (see the log), and about how
    many keys that Redis held were removed.
    """

    copied: int
    replayed: int
    left_out: int = 0
    cleared: int = 0


def rebuild(
    unguarded: RedisBackend,
    *,
    by_hand: bool = False,
    replace: bool = False,
    on_step: Callable[[int], object] = lambda copied: None,
) -> Rebuilt:
    """Fill Redis from the database and switch back to it. ``on_step`` is told how many edges are copied.

    One round trip for each 50 edges, one query for each 2,000. ``by_hand`` also opens what an operator has closed,
    ``replace`` also removes a graph that is not known to be a copy of the database. A row that no script takes, left
    there by another program, is logged and left out. Raises
    :class:`~sequere.exceptions.WriteBehindRefused`, ``BackendError`` and Django's database errors; call it again to
    go on.
    """
    return _Rebuild(unguarded, on_step).run(by_hand=by_hand, replace=replace)


def count_edges() -> int:
    """How many edges the database has: about what there is to copy. One query."""
    return Row._default_manager.using(get_alias()).count()


class Copier:
    """Brings edges into Redis, as long as the mark is the one that was set last."""

    def __init__(self, unguarded: RedisBackend, marked: str) -> None:
        self.unguarded = unguarded
        #: The text of the mark; empty: there is none.
        self.marked = marked
        self.left_out = 0

    def set(self, states: Sequence[EdgeState], reached: Mark) -> None:
        """Bring up to 50 edges into states and move the mark. One round trip.

        Raises ``WriteBehindRefused`` if the mark is another.
        """
        try:
            arguments = (word for edge, micros in states for word in (*edge.words, to_text(micros)))
            done = self.unguarded.run("copy_edges", self.marked, str(reached), *arguments)
        except UNFIT as error:
            fit = [state for state in states if self._is_fit(*state)]
            if len(fit) == len(states):
                raise AssertionError("the scripts refuse what has no fault") from error
            self.set(fit, reached)
            return
        if not done:
            raise overtaken()
        self.marked = str(reached)

    def _is_fit(self, edge: Edge, micros: int | None) -> bool:
        fault = fault_of(edge, micros)
        if fault:
            ends = " ".join(edge.from_resource), " ".join(edge.to_resource)
            logger.error("Left out, since no script takes it: %s -> %s (%s): %s", *ends, edge.relation, fault)
            self.left_out += 1
        return not fault


class _Rebuild:
    def __init__(self, unguarded: RedisBackend, on_step: Callable[[int], object]) -> None:
        self.unguarded = unguarded
        self.on_step = on_step
        self.alias = get_alias()
        self.copied = self.replayed = self.cleared = 0
        self.replayed_to = 0  # the last key of the outbox; a rebuild that goes on begins with the first

    def run(self, *, by_hand: bool, replace: bool) -> Rebuilt:
        self._wait_for_another()
        if replace:
            locked(self._discard)
        try:
            drain(self.unguarded)
        except ColdStore:
            pass
        else:
            raise WriteBehindRefused("Redis is ready: there is nothing to rebuild.")
        mark = locked(lambda row, alias: self._begin(row, alias, by_hand=by_hand, replace=replace))
        self.copier = Copier(self.unguarded, str(mark))
        if self.mark.step == "clear":
            self._clear()
        if self.mark.step == "copy":
            self._copy()
        while self._replay():
            pass
        locked(self._finish)
        return Rebuilt(self.copied, self.replayed, self.copier.left_out, self.cleared)

    @property
    def mark(self) -> Mark:
        """The mark that this run has set last."""
        return Mark(*self.copier.marked.split(" "))

    def _discard(self, row: State, alias: str) -> None:
        """Discard what only Redis has. A journal is then one of an older state, which the drain deletes."""
        reached, journal, verdict = look(self.unguarded, row, alias, limit=1)
        if verdict is not Verdict.BEHIND and row.phase != Phase.ADOPTING:
            return
        move(row, Event.DISCARD)
        row.position, row.digest = max(reached, journal.last, key=order_of), ""
        row.epoch = fence(self.unguarded, reached) or make_id(row.position, journal.now)
        row.save(using=alias)
        empty_outbox(alias)

    def _wait_for_another(self) -> None:
        before = read_journal(self.unguarded, "", limit=1).mark
        if before and before.step in STEPS:
            time.sleep(PATIENCE)
            if read_journal(self.unguarded, "", limit=1).mark != before:
                raise WriteBehindRefused("Another rebuild is under way.")

    def _begin(self, row: State, alias: str, *, by_hand: bool, replace: bool) -> Mark:
        """The mark to go on from: of a rebuild that died, or of a new one."""
        reached, journal, verdict = look(self.unguarded, row, alias, limit=1)
        if verdict is not Verdict.COLD:
            raise overtaken()
        mark = journal.mark
        if mark and mark.step in STEPS and has_seen(row, alias, mark):
            return mark
        question = advise(row, verdict, journal, alias)
        if by_hand and row.phase == Phase.CLOSED:
            row.phase = Phase.COLD
        move(row, Event.BEGIN, advice=question)
        epoch = fence(self.unguarded, reached)
        begun = epoch and self.unguarded.run("begin_rebuild", journal.marked, epoch, int(replace))
        if begun == 2:
            raise WriteBehindRefused(question)
        if not begun:
            raise overtaken()
        row.epoch = row.position = epoch
        row.digest = ""
        row.save(using=alias)
        empty_outbox(alias)
        return Mark(epoch, "clear", NO_CURSOR, epoch)

    def _clear(self) -> None:
        for keys in find_keys(self.unguarded, CLEAR_STEP):
            self._clear_keys(*keys)
            self.cleared += len(keys)
        self._clear_keys(f"{self.unguarded.prefix}global:uid")
        self._move_to("copy", [], NO_CURSOR, self.mark.seen)

    def _clear_keys(self, *keys: str | bytes) -> None:
        reached = self.mark._replace(cursor=secrets.token_hex(8))  # a Redis that comes back with keys has another one
        if not self.unguarded.run("clear_graph", str(self.mark), str(reached), *keys):
            raise overtaken()
        self.copier.marked = str(reached)

    def _copy(self) -> None:
        with ThreadPoolExecutor(max_workers=1) as sender:  # the next chunk is made while Redis takes this one
            sent: tuple[Future[None], int] | None = None
            for states, cursor, seen in self._read():
                self._wait_for(sent)
                sent = sender.submit(self._move_to, "copy", states, cursor, seen), len(states)
            self._wait_for(sent)
        self._move_to("replay", [], NO_CURSOR, self.mark.seen)

    def _wait_for(self, sent: tuple[Future[None], int] | None) -> None:
        """Wait until Redis has taken a chunk, then report it: whoever is told finds no chunk on its way."""
        if sent is not None:
            future, size = sent
            future.result()
            self.copied += size
            self.on_step(self.copied)

    def _read(self) -> Iterator[tuple[list[EdgeState], str, str]]:
        """The edges that are still to be copied, in chunks, each with its last key and the last change they contain."""
        last = None if self.mark.cursor == NO_CURSOR else UUID(self.mark.cursor)
        seen = self.mark.seen
        while True:
            rows = self._query(last)
            self._check_seen(seen)  # before Redis gets what may be of another state, and forgets what it has seen
            seen = (rows[-1][-1] if rows else "") or self.mark.epoch
            for chunk in in_steps(rows, COPY_STEP):
                states: list[EdgeState] = [(make_edge(*columns), to_micros(at)) for _, *columns, at, _ in chunk]
                yield states, chunk[-1][0].hex, seen
            if len(rows) < READ_STEP:
                return  # what comes later is in the outbox
            last = rows[-1][0]

    def _query(self, last: UUID | None) -> list[tuple[UUID, str, str, str, str, str, datetime, str]]:
        # The last change in the same query as the rows: so it is of the very state that the rows are of.
        outbox = OutboxEntry._default_manager.using(self.alias).order_by("-pk").values("position")
        table = Row._default_manager.using(self.alias).order_by("pk")
        after = table if last is None else table.filter(pk__gt=last)
        seen = Coalesce(Subquery(outbox[:1]), Value(""))
        rows = after.annotate(seen=seen).values_list("pk", *COLUMNS, "timestamp", "seen")
        return despite_conflicts(self.alias, lambda: list(rows[:READ_STEP]))

    def _replay(self) -> bool:
        """Replay the next part of the outbox. Whether there was a whole one."""
        later = OutboxEntry._default_manager.using(self.alias).filter(pk__gt=self.replayed_to)
        entries = despite_conflicts(self.alias, lambda: list(later.order_by("pk")[:COPY_STEP]))
        self._check_seen(self.mark.seen)
        if entries:
            self._move_to("replay", _states_of(entries), str(entries[-1].pk), entries[-1].position)
            self.replayed_to = entries[-1].pk
            self.replayed += len(entries)
        return len(entries) == COPY_STEP

    def _finish(self, row: State, alias: str) -> None:
        self._check_seen(self.mark.seen)
        reached = find_reached(row, alias)
        entry = JournalEntry(fence(self.unguarded, reached, opens=True), "open")
        if not entry.id:
            raise overtaken()
        while self._replay():
            pass
        move(row, Event.FINISH)
        opened = self.mark._replace(step="ready", cursor=NO_CURSOR, seen=reached)
        if not self.unguarded.run("open_journal", str(self.mark), str(opened), entry.id):
            raise overtaken()
        take_for_position(row, alias, entry)

    def _check_seen(self, seen: str) -> None:
        """Raises ``WriteBehindRefused`` if the database does not have this change, which Redis has, any more."""
        mark = self.mark._replace(seen=seen)
        if not despite_conflicts(self.alias, lambda: has_seen(State.look(self.alias), self.alias, mark)):
            raise overtaken()

    def _move_to(self, step: str, states: Sequence[EdgeState], cursor: str, seen: str) -> None:
        self.copier.set(states, Mark(self.mark.epoch, step, cursor, seen))


def has_seen(row: State, alias: str, mark: Mark) -> bool:
    """Whether the database still has the last change that a rebuild has brought into Redis. At most one query."""
    if row.phase != Phase.REBUILDING or row.epoch != mark.epoch:
        return False
    known = OutboxEntry._default_manager.using(alias).filter(position=mark.seen)
    return mark.seen == mark.epoch or known.exists()


def _states_of(entries: Iterable[OutboxEntry]) -> list[EdgeState]:
    """What rows of the outbox make of a copy of the database: they name each edge that changed, also by a forget."""
    return list({entry.edge: entry.micros for entry in entries if entry.relation}.items())


def take_for_position(row: State, alias: str, entry: JournalEntry) -> None:
    """Take the first entry of a new journal for the position: the graph has all that the outbox said."""
    row.position, row.digest = entry.id, entry.digest
    row.save(using=alias)
    empty_outbox(alias)


def overtaken() -> WriteBehindRefused:
    return WriteBehindRefused(
        "Another rebuild continued or write-behind was closed meanwhile, Redis lost its data again, or the database "
        "was restored. Run the command again."
    )
