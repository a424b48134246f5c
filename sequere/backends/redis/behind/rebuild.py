"""Fills a Redis that has no journal from the database, while reads and writes go on in the database.

1. *Begin*, under the lock: an epoch, in the row and in the mark; the outbox is emptied.
2. *Clear*: what Redis still holds of the graph is removed.
3. *Copy*: the edges, in the order of their keys.
4. *Replay*: the outbox. It has the last state of each of its edges, whatever the copy has read of them.
5. *Finish*, under the lock: the rest of the outbox, the journal, the commit.

The mark in Redis holds the progress; each script of the rebuild compares and updates it. So a server that loses the
copied edges loses the progress too, a rebuild continues where an interrupted one stopped, and a late script of that one
is refused. The mark also names the last change of the database that the graph contains: after a restore the database
does not have it any more, and the rebuild starts over.

After a crash before the journal is created, the database still answers. After it, Redis answers, and has all that the
database had; if the commit was lost, the next drain completes it.
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

#: How many keys one script removes.
CLEAR_STEP = 500

#: Edges that one script copies, and that one query reads.
COPY_STEP = 50
READ_STEP = 2000

#: Seconds without progress after which another run takes over a rebuild.
PATIENCE = 2.0

#: An edge and its timestamp in microseconds; None: it does not exist.
EdgeState = tuple[Edge, int | None]


@dataclass(frozen=True)
class Rebuilt:
    """What this run did: how many edges it copied, how many changes it replayed, how many of both the scripts refused
    (see the log), and about how many keys it removed from Redis.
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
    """Fill Redis from the database and switch back to it. ``on_step`` is called with the number of edges copied.

    One round trip for each 50 edges, one query for each 2,000. ``by_hand`` also works after ``close``; ``replace`` also
    removes a graph that may not be a copy of the database. A row that no script accepts, written by another
    program, is logged and left out. Raises :class:`~sequere.exceptions.WriteBehindRefused`, ``BackendError`` and
    Django's database errors; call it again to continue.
    """
    return _Rebuild(unguarded, on_step).run(by_hand=by_hand, replace=replace)


def count_edges() -> int:
    """Return how many edges the database has, about as many as there are to copy. One query."""
    return Row._default_manager.using(get_alias()).count()


class Copier:
    """Copies edges to Redis, as long as the mark is the one that it set last."""

    def __init__(self, unguarded: RedisBackend, marked: str) -> None:
        self.unguarded = unguarded
        #: The text of the mark; empty: there is none.
        self.marked = marked
        self.left_out = 0

    def set(self, states: Sequence[EdgeState], reached: Mark) -> None:
        """Set the state of up to 50 edges and update the mark. One round trip.

        Raises ``WriteBehindRefused`` if the mark has changed.
        """
        try:
            arguments = (word for edge, micros in states for word in (*edge.words, to_text(micros)))
            done = self.unguarded.run("copy_edges", self.marked, str(reached), *arguments)
        except UNFIT as error:
            fit = [state for state in states if self._is_fit(*state)]
            if len(fit) == len(states):
                raise AssertionError("the scripts refuse edges without a fault") from error
            self.set(fit, reached)
            return
        if not done:
            raise overtaken()
        self.marked = str(reached)

    def _is_fit(self, edge: Edge, micros: int | None) -> bool:
        fault = fault_of(edge, micros)
        if fault:
            ends = " ".join(edge.from_resource), " ".join(edge.to_resource)
            logger.error("Left out, because the scripts refuse it: %s -> %s (%s): %s", *ends, edge.relation, fault)
            self.left_out += 1
        return not fault


class _Rebuild:
    def __init__(self, unguarded: RedisBackend, on_step: Callable[[int], object]) -> None:
        self.unguarded = unguarded
        self.on_step = on_step
        self.alias = get_alias()
        self.copied = self.replayed = self.cleared = 0
        self.replayed_to = 0  # the last key of the outbox; a rebuild that continues begins with the first

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
        """The mark to continue from: that of an interrupted rebuild, or of a new one."""
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
        self._clear_keys(*(f"{self.unguarded.prefix}global:{name}" for name in ("kinds", "uid")))
        self._move_to("copy", [], NO_CURSOR, self.mark.seen)

    def _clear_keys(self, *keys: str | bytes) -> None:
        reached = self.mark._replace(cursor=secrets.token_hex(8))  # a Redis that comes back with keys has another one
        if not self.unguarded.run("clear_graph", str(self.mark), str(reached), *keys):
            raise overtaken()
        self.copier.marked = str(reached)

    def _copy(self) -> None:
        with ThreadPoolExecutor(max_workers=1) as sender:  # the next chunk is prepared while Redis applies this one
            sent: tuple[Future[None], int] | None = None
            for states, cursor, seen in self._read():
                self._wait_for(sent)
                sent = sender.submit(self._move_to, "copy", states, cursor, seen), len(states)
            self._wait_for(sent)
        self._move_to("replay", [], NO_CURSOR, self.mark.seen)

    def _wait_for(self, sent: tuple[Future[None], int] | None) -> None:
        """Wait until Redis has applied a chunk, then report it: no chunk is on its way when ``on_step`` runs."""
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
            self._check_seen(seen)  # before Redis gets edges that may be from another state, and the mark is updated
            seen = (rows[-1][-1] if rows else "") or self.mark.epoch
            for chunk in in_steps(rows, COPY_STEP):
                states: list[EdgeState] = [(make_edge(*columns), to_micros(at)) for _, *columns, at, _ in chunk]
                yield states, chunk[-1][0].hex, seen
            if len(rows) < READ_STEP:
                return  # later changes are in the outbox
            last = rows[-1][0]

    def _query(self, last: UUID | None) -> list[tuple[UUID, str, str, str, str, str, datetime, str]]:
        # The last change is read in the same query as the rows, so both are from the same state.
        outbox = OutboxEntry._default_manager.using(self.alias).order_by("-pk").values("position")
        table = Row._default_manager.using(self.alias).order_by("pk")
        after = table if last is None else table.filter(pk__gt=last)
        seen = Coalesce(Subquery(outbox[:1]), Value(""))
        rows = after.annotate(seen=seen).values_list("pk", *COLUMNS, "timestamp", "seen")
        return despite_conflicts(self.alias, lambda: list(rows[:READ_STEP]))

    def _replay(self) -> bool:
        """Replay the next part of the outbox. Returns whether it was a full one."""
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
        """Raise ``WriteBehindRefused`` if the database no longer has this change, which Redis has."""
        mark = self.mark._replace(seen=seen)
        if not despite_conflicts(self.alias, lambda: has_seen(State.look(self.alias), self.alias, mark)):
            raise overtaken()

    def _move_to(self, step: str, states: Sequence[EdgeState], cursor: str, seen: str) -> None:
        self.copier.set(states, Mark(self.mark.epoch, step, cursor, seen))


def has_seen(row: State, alias: str, mark: Mark) -> bool:
    """Whether the database still has the last change that a rebuild has copied to Redis. At most one query."""
    if row.phase != Phase.REBUILDING or row.epoch != mark.epoch:
        return False
    known = OutboxEntry._default_manager.using(alias).filter(position=mark.seen)
    return mark.seen == mark.epoch or known.exists()


def _states_of(entries: Iterable[OutboxEntry]) -> list[EdgeState]:
    """The states of edges after rows of the outbox, which name each edge that changed, also through a forget."""
    return list({entry.edge: entry.micros for entry in entries if entry.relation}.items())


def take_for_position(row: State, alias: str, entry: JournalEntry) -> None:
    """Set the position to the first entry of a new journal: the graph has all changes of the outbox."""
    row.position, row.digest = entry.id, entry.digest
    row.save(using=alias)
    empty_outbox(alias)


def overtaken() -> WriteBehindRefused:
    return WriteBehindRefused(
        "Another rebuild continued or write-behind was closed meanwhile, Redis lost its data again, or the database "
        "was restored. Run the command again."
    )
