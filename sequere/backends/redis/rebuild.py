"""From the database back into a Redis that has lost its memory, while reads and writes go on in the database.

1. *Begin*, under the lock: the id with which the new journal will begin is written down in the row, and how
   far the rebuild is in Redis. The outbox's end is part of that.
2. *Clear*: what Redis still holds of the graph is removed.
3. *Copy*: the follows, in the order of their keys.
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

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from ...exceptions import ColdStore, SequereException
from ...resources import Resource
from ...timestamps import to_micros, to_text
from ..database.bulk import COLUMNS, Edge
from ..database.models import Follow
from .backend import RedisBackend
from .drain import adopt, catch_up, drain
from .journal import State, get_state, order_of
from .models import Journal, OutboxEntry, get_alias
from .survey import count_uids, find_keys

#: Keys that one script removes.
CLEAR_STEP = 500

#: Edges that one script copies, and that one query reads.
COPY_STEP = 200
READ_STEP = 2000

#: Seconds after which a rebuild that did not move is taken over.
PATIENCE = 2.0


class RebuildRefused(SequereException):
    """A rebuild is not needed, under way elsewhere, or would destroy something. Nothing changed."""


class Progress(NamedTuple):
    """How far a rebuild is: for which journal, in which step, the outbox's id and the follow's key it has reached."""

    opening: str
    step: str
    outbox: int
    follow: str

    def __str__(self) -> str:
        return f"{self.opening} {self.step} {self.outbox} {self.follow}"

    @classmethod
    def read(cls, text: str) -> Progress | None:
        """From its text; None if that is not of ours."""
        parts = text.split(" ")
        if len(parts) != 4 or not parts[2].isdigit():
            return None
        return cls(parts[0], parts[1], int(parts[2]), parts[3])


@dataclass(frozen=True)
class Rebuilt:
    """What this run did: follows copied, changes replayed."""

    copied: int
    replayed: int


def rebuild(
    graph: RedisBackend,
    *,
    by_hand: bool = False,
    discard: bool = False,
    on_step: Callable[[int], object] = lambda copied: None,
) -> Rebuilt:
    """Fill Redis from the database and switch back to it. ``on_step`` is told how many follows are copied.

    One round trip for each 200 follows, one query for each 2,000. ``by_hand`` also opens what an operator has
    closed, ``discard`` also removes a graph that the database never saw. Raises :class:`RebuildRefused`,
    ``BackendError`` and Django's database errors; call it again to go on.
    """
    return _Rebuild(graph, on_step).run(by_hand=by_hand, discard=discard)


def take_over(graph: RedisBackend) -> None:
    """Begin with the graph that Redis holds: make the journal, so that from here on its changes are noted.

    The database is then to be mended from Redis (``verify``), so it will hold nothing that Redis does not hold.
    Raises :class:`RebuildRefused` if there is a journal, if Redis has no graph or has lost the one that was in
    step with this database, or if the database holds changes that were never in Redis. Four round trips.
    """
    alias = get_alias()
    with transaction.atomic(using=alias, durable=True):
        row = Journal.lock(alias)
        state = get_state(graph, row.position)
        if state.length:
            raise RebuildRefused("Redis has a journal already: there is nothing to take over.")
        if not count_uids(graph):
            raise RebuildRefused(
                "Redis holds no graph. Run `manage.py sequere rebuild`: it fills Redis from the database."
            )
        if state.progress:
            raise RebuildRefused(
                "Redis holds a part of the graph: a rebuild has begun. Run `manage.py sequere rebuild`."
            )
        if (row.position or row.opening) and not row.closed:
            raise RebuildRefused(
                "Redis has lost the graph that was in step with this database; to take over what it holds now would "
                "remove the rest. Run `manage.py sequere rebuild`; if Redis is right after all, `close` first."
            )
        waiting = OutboxEntry._default_manager.using(alias).count()
        if waiting:
            raise RebuildRefused(
                f"{waiting} changes were made in the database and never in Redis; they would be lost. "
                "Run `manage.py sequere rebuild --from database` instead."
            )
        open_journal(graph, row, alias, begin(graph, row, alias, state))


def count_follows() -> int:
    """How many follows the database has: about what there is to copy. One query."""
    return Follow._default_manager.using(get_alias()).count()


class _Rebuild:
    def __init__(self, graph: RedisBackend, on_step: Callable[[int], object]) -> None:
        self.graph = graph
        self.on_step = on_step
        self.alias = get_alias()
        self.copied = self.replayed = 0

    def run(self, *, by_hand: bool, discard: bool) -> Rebuilt:
        self._wait_for_another()
        try:
            drain(self.graph)
        except ColdStore:
            pass
        else:
            raise RebuildRefused("Redis is ready: there is nothing to rebuild.")
        self.progress = self._begin(by_hand=by_hand, discard=discard)
        if self.progress.step == "clear":
            self._clear()
        if self.progress.step == "copy":
            self._copy()
        while self._replay():
            pass
        self._finish()
        return Rebuilt(self.copied, self.replayed)

    def _wait_for_another(self) -> None:
        row = Journal.look(self.alias)
        before = get_state(self.graph, row.position).progress
        if before:
            time.sleep(PATIENCE)
            if get_state(self.graph, row.position).progress != before:
                raise RebuildRefused("Another rebuild is under way.")

    def _begin(self, *, by_hand: bool, discard: bool) -> Progress:
        with transaction.atomic(using=self.alias, durable=True):
            row = Journal.lock(self.alias)
            if row.closed and not by_hand:
                raise RebuildRefused("An operator has closed the journal; `manage.py sequere rebuild` opens it.")
            if not catch_up(self.graph, row, self.alias):
                raise RebuildRefused(
                    "Redis has a journal that this database never read: it may belong to another one. Take over what "
                    "Redis holds (rebuild --from redis), or remove the journal."
                )
            state = get_state(self.graph, row.position)
            found = Progress.read(state.progress)
            if found and row.opening and found.opening == row.opening:
                return found
            if not (row.position or row.opening or discard) and count_uids(self.graph):
                raise RebuildRefused(
                    "Redis holds a graph that this database never saw. Run `manage.py sequere rebuild --from redis` "
                    "to take it over, or `--from database` to replace it."
                )
            return begin(self.graph, row, self.alias, state)

    def _clear(self) -> None:
        for keys in find_keys(self.graph, CLEAR_STEP):
            self._clear_keys(*keys)
        self._clear_keys(f"{self.graph.prefix}global:uid", f"{self.graph.prefix}global:journal:closed")
        self._move(self.progress._replace(step="copy"))

    def _clear_keys(self, *keys: str | bytes) -> None:
        if not self.graph.run("clear_graph", str(self.progress), *keys):
            raise _overtaken()

    def _copy(self) -> None:
        with ThreadPoolExecutor(max_workers=1) as sender:  # the next chunk is made while Redis takes this one
            sent: Future[None] | None = None
            for chunk in self._read():
                states = list(_flat(((edge, to_text(to_micros(at))) for _, edge, at in chunk)))
                if sent is not None:
                    sent.result()
                sent = sender.submit(self._set, states, self.progress._replace(follow=chunk[-1][0].hex))
                self.copied += len(chunk)
                self.on_step(self.copied)
            if sent is not None:
                sent.result()
        self._move(self.progress._replace(step="replay"))

    def _read(self) -> Iterator[list[tuple[UUID, Edge, datetime]]]:
        """The follows that are still to be copied, in chunks."""
        follows = Follow._default_manager.using(self.alias).order_by("pk")
        last = None if self.progress.follow == "-" else UUID(self.progress.follow)
        while True:
            after = follows if last is None else follows.filter(pk__gt=last)
            rows = [
                (pk, (Resource(*names[:2]), Resource(*names[2:])), at)
                for pk, *names, at in after.values_list("pk", *COLUMNS, "created_at")[:READ_STEP]
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
            states = {
                entry.edge: "" if entry.created_at is None else to_text(to_micros(entry.created_at))
                for entry in entries
            }
            self._set(_flat(states.items()), self.progress._replace(outbox=entries[-1].pk))
            self.replayed += len(entries)
        return len(entries) == COPY_STEP

    def _finish(self) -> None:
        with transaction.atomic(using=self.alias, durable=True):
            row = Journal.lock(self.alias)
            if row.opening != self.progress.opening:
                raise _overtaken()
            while self._replay():
                pass
            open_journal(self.graph, row, self.alias, self.progress)

    def _set(self, states: Iterable[str], reached: Progress) -> None:
        if not self.graph.run("copy_edges", str(self.progress), str(reached), *states):
            raise _overtaken()
        self.progress = reached

    def _move(self, reached: Progress) -> None:
        if not self.graph.run("move_rebuild", str(self.progress), str(reached)):
            raise _overtaken()
        self.progress = reached


def begin(graph: RedisBackend, row: Journal, alias: str, state: State) -> Progress:
    """Write down that a rebuild begins, here and there. Under the lock."""
    # Younger than all that was read, whatever the clocks say, and nobody else's.
    milliseconds = max(state.now, order_of(row.position)[0] + 1)
    row.opening, row.closed = f"{milliseconds}-{secrets.randbits(32)}", False
    row.save(using=alias)
    end = OutboxEntry._default_manager.using(alias).aggregate(end=Max("pk"))["end"] or 0
    progress = Progress(row.opening, "clear", end, "-")
    if not graph.run("move_rebuild", state.progress, str(progress)):
        raise _overtaken()
    return progress


def open_journal(graph: RedisBackend, row: Journal, alias: str, progress: Progress) -> None:
    """Make the journal and begin to read it. Under the lock, which the caller gives up next."""
    if not graph.run("open_journal", str(progress), progress.opening):
        raise _overtaken()
    adopt(row, alias)


def _overtaken() -> RebuildRefused:
    return RebuildRefused("Another rebuild went on in the meantime, or Redis lost its memory again.")


def _flat(states: Iterable[tuple[Edge, str]]) -> Iterator[str]:
    for (from_resource, to_resource), since in states:
        yield from from_resource
        yield from to_resource
        yield since
