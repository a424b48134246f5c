"""From the database back into a Redis that has lost its memory, while reads and writes go on in the database.

1. *Begin*, under the lock: the id with which the new journal will begin is written down in the row, and how
   far the rebuild is in Redis. The outbox's end is part of that.
2. *Clear*: what Redis still holds of the graph is removed.
3. *Copy*: the edges, in the order of their keys.
4. *Replay*: what the outbox got since. Whatever the copy saw of those edges, the last word on each is here.
5. *Finish*, under the lock: the rest of the outbox, then the journal, then position and empty outbox, commit.

How far it is stands in Redis, moved by the very script that does the step, and only from where the caller
thinks it is. So a server that forgets (or goes back to an older state) forgets both, a rebuild goes on where
one that died was, and one that wakes up late is refused.

A crash in 1 to 4 leaves a cold Redis, and so does one in 5 before the journal; the next rebuild goes on from
there. After it Redis is ready, and holds all that the database had; should the commit be lost, the next drain
finds a journal that begins with the id in the row, and makes up for it.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from ....exceptions import ColdStore, DatabaseBehind, WriteBehindRefused
from ....relations import Edge
from ....timestamps import to_micros, to_text
from ...database.bulk import UNFIT, fault_of
from ...database.fields import COLUMNS, make_edge
from ...database.models import Edge as Row
from ..backend import RedisBackend
from ..models import Journal, OutboxEntry, get_alias
from ..operate.survey import count_uids, find_keys
from .drain import adopt, catch_up, drain
from .journal import JournalEntry, Progress, State, get_state, order_of

logger = logging.getLogger("sequere")

#: Keys that one script removes.
CLEAR_STEP = 500

#: Edges that one script copies, and that one query reads.
COPY_STEP = 50
READ_STEP = 2000

#: Seconds after which a rebuild that did not move is taken over.
PATIENCE = 2.0


@dataclass(frozen=True)
class Rebuilt:
    """What this run did: edges copied, changes replayed, and how many of them no script takes (see the log)."""

    copied: int
    replayed: int
    left_out: int = 0


def rebuild(
    unguarded: RedisBackend,
    *,
    by_hand: bool = False,
    discard: bool = False,
    on_step: Callable[[int], object] = lambda copied: None,
) -> Rebuilt:
    """Fill Redis from the database and switch back to it. ``on_step`` is told how many edges are copied.

    One round trip for each 50 edges, one query for each 2,000. ``by_hand`` also opens what an operator has
    closed, ``discard`` also removes a graph that the database may not have seen. A row that no script takes, left
    there by something else than this package, is logged and left out. Raises
    :class:`~sequere.exceptions.WriteBehindRefused`, ``BackendError`` and Django's database errors; call it again
    to go on.
    """
    return _Rebuild(unguarded, on_step).run(by_hand=by_hand, discard=discard)


def count_edges() -> int:
    """How many edges the database has: about what there is to copy. One query."""
    return Row._default_manager.using(get_alias()).count()


class _Rebuild:
    def __init__(self, unguarded: RedisBackend, on_step: Callable[[int], object]) -> None:
        self.unguarded = unguarded
        self.on_step = on_step
        self.alias = get_alias()
        self.copied = self.replayed = self.left_out = 0

    def run(self, *, by_hand: bool, discard: bool) -> Rebuilt:
        self._wait_for_another()
        try:
            drain(self.unguarded)
        except ColdStore:
            pass
        except DatabaseBehind:
            if not discard:
                raise
            self._discard()
        else:
            raise WriteBehindRefused("Redis is ready: there is nothing to rebuild.")
        self.progress = self._begin(by_hand=by_hand, discard=discard)
        if self.progress.step == "clear":
            self._clear()
        if self.progress.step == "copy":
            self._copy()
        while self._replay():
            pass
        self._finish()
        return Rebuilt(self.copied, self.replayed, self.left_out)

    def _discard(self) -> None:
        """Take nothing of a journal that the database lacks the beginning of."""
        with transaction.atomic(using=self.alias, durable=True):
            row = Journal.lock(self.alias)
            row.position = get_state(self.unguarded, row.position).last or row.position
            row.anchor = row.opening = ""
            row.save(using=self.alias)
        with suppress(ColdStore):
            drain(self.unguarded)  # it is of an older state now, and is put away

    def _wait_for_another(self) -> None:
        row = Journal.look(self.alias)
        before = get_state(self.unguarded, row.position).progress
        if before:
            time.sleep(PATIENCE)
            if get_state(self.unguarded, row.position).progress != before:
                raise WriteBehindRefused("Another rebuild is under way.")

    def _begin(self, *, by_hand: bool, discard: bool) -> Progress:
        with transaction.atomic(using=self.alias, durable=True):
            row = Journal.lock(self.alias)
            if row.closed and not by_hand:
                raise WriteBehindRefused("An operator has closed the journal; `manage.py sequere rebuild` opens it.")
            if not catch_up(self.unguarded, row, self.alias):
                raise _overtaken()
            state = get_state(self.unguarded, row.position)
            found = Progress.read(state.progress)
            if found and row.opening and found.opening == row.opening:
                return found
            loss = find_loss(self.unguarded, row, state)
            if loss and not discard:
                raise WriteBehindRefused(loss)
            row.incomplete = False
            return self._start(row, state)

    def _start(self, row: Journal, state: State) -> Progress:
        row.opening, row.closed = make_opening_id(row, state), False
        # From here on Redis holds what this database gives it; 0-1 is before every entry.
        row.position = row.position or "0-1"
        row.save(using=self.alias)
        end = OutboxEntry._default_manager.using(self.alias).aggregate(end=Max("pk"))["end"] or 0
        progress = Progress(row.opening, "clear", end, "-")
        if not self.unguarded.run("move_rebuild", state.progress, str(progress)):
            raise _overtaken()
        return progress

    def _clear(self) -> None:
        for keys in find_keys(self.unguarded, CLEAR_STEP):
            self._clear_keys(*keys)
        self._clear_keys(f"{self.unguarded.prefix}global:uid", f"{self.unguarded.prefix}global:journal:closed")
        self._move(self.progress._replace(step="copy"))

    def _clear_keys(self, *keys: str | bytes) -> None:
        if not self.unguarded.run("clear_graph", str(self.progress), *keys):
            raise _overtaken()

    def _copy(self) -> None:
        with ThreadPoolExecutor(max_workers=1) as sender:  # the next chunk is made while Redis takes this one
            sent: tuple[Future[None], int] | None = None
            for chunk in self._read():
                states = [(edge, to_micros(at)) for _, edge, at in chunk]
                self._wait_for(sent)
                reached = self.progress._replace(edge=chunk[-1][0].hex)
                sent = sender.submit(self._set, states, reached), len(chunk)
            self._wait_for(sent)
        self._move(self.progress._replace(step="replay"))

    def _wait_for(self, sent: tuple[Future[None], int] | None) -> None:
        """Wait until Redis has taken a chunk, then report it: whoever is told finds no chunk on its way."""
        if sent is not None:
            future, size = sent
            future.result()
            self.copied += size
            self.on_step(self.copied)

    def _read(self) -> Iterator[list[tuple[UUID, Edge, datetime]]]:
        """The edges that are still to be copied, in chunks."""
        table = Row._default_manager.using(self.alias).order_by("pk")
        last = None if self.progress.edge == "-" else UUID(self.progress.edge)
        while True:
            after = table if last is None else table.filter(pk__gt=last)
            rows = [
                (pk, make_edge(*columns), at)
                for pk, *columns, at in after.values_list("pk", *COLUMNS, "timestamp")[:READ_STEP]
            ]
            for start in range(0, len(rows), COPY_STEP):
                yield rows[start : start + COPY_STEP]
            if len(rows) < READ_STEP:
                return
            last = rows[-1][0]

    def _replay(self) -> bool:
        """Replay the next part of the outbox. Whether there was a whole one."""
        entries = list(
            OutboxEntry._default_manager.using(self.alias)
            .filter(pk__gt=self.progress.outbox)
            .order_by("pk")[:COPY_STEP]
        )
        if entries:
            states = {entry.edge: None if entry.timestamp is None else to_micros(entry.timestamp) for entry in entries}
            self._set(list(states.items()), self.progress._replace(outbox=entries[-1].pk))
            self.replayed += len(entries)
        return len(entries) == COPY_STEP

    def _finish(self) -> None:
        with transaction.atomic(using=self.alias, durable=True):
            row = Journal.lock(self.alias)
            if row.opening != self.progress.opening:
                raise _overtaken()
            while self._replay():
                pass
            if not open_journal(self.unguarded, row, self.alias, row.opening, str(self.progress)):
                raise _overtaken()

    def _set(self, states: Sequence[tuple[Edge, int | None]], reached: Progress) -> None:
        if not states:
            self._move(reached)
            return
        try:
            done = self.unguarded.run("copy_edges", str(self.progress), str(reached), *_flat(states))
        except UNFIT as error:
            fit = [state for state in states if self._is_fit(*state)]
            if len(fit) == len(states):
                raise AssertionError("the scripts refuse what has no fault") from error
            self._set(fit, reached)
            return
        if not done:
            raise _overtaken()
        self.progress = reached

    def _is_fit(self, edge: Edge, micros: int | None) -> bool:
        fault = fault_of(edge, micros)
        if fault:
            ends = " ".join(edge.from_resource), " ".join(edge.to_resource)
            logger.error("Left out, since no script takes it: %s -> %s (%s): %s", *ends, edge.relation, fault)
            self.left_out += 1
        return not fault

    def _move(self, reached: Progress) -> None:
        if not self.unguarded.run("move_rebuild", str(self.progress), str(reached)):
            raise _overtaken()
        self.progress = reached


def find_loss(unguarded: RedisBackend, row: Journal, state: State) -> str:
    """What to tell an operator if a rebuild might remove what only Redis has; else an empty text. One round trip."""
    if row.incomplete:
        return (
            "The database lacks follows: `manage.py sequere rebuild --from redis` was begun and did not end. Run "
            "it again, or `--from database` if Redis has nothing any more."
        )
    if not count_uids(unguarded):
        return ""
    if not row.position:
        return (
            "Redis holds a graph that this database never saw. Run `manage.py sequere rebuild --from redis` "
            "to take it over, or `--from database` to replace it."
        )
    if not (state.progress or state.closed or row.closed):
        return (
            "Redis holds a graph without a journal, which may be younger than the database. Run `manage.py sequere "
            "rebuild --from database` to replace it; or, if Redis is right, `close` and `rebuild --from redis`."
        )
    return ""


def make_opening_id(row: Journal, state: State) -> str:
    """The id of a new journal's first entry: younger than all that was read, whatever clocks say, and no other's."""
    return f"{max(state.now, order_of(row.position)[0] + 1)}-{secrets.randbits(32)}"


def open_journal(unguarded: RedisBackend, row: Journal, alias: str, opening: str, progress: str) -> bool:
    """Make the journal, if the rebuild is there, and begin to read it. Under the lock, which ends with this."""
    if not unguarded.run("open_journal", progress, opening):
        return False
    adopt(row, alias, JournalEntry(opening, "open", "", "", "", "", "", "", progress))
    return True


def _overtaken() -> WriteBehindRefused:
    return WriteBehindRefused("Another rebuild went on in the meantime, or Redis lost its memory again.")


def _flat(states: Iterable[tuple[Edge, int | None]]) -> Iterator[str]:
    for edge, micros in states:
        yield edge.relation
        yield from edge.from_resource
        yield from edge.to_resource
        yield "" if micros is None else to_text(micros)
