"""From the journal into the database: each entry exactly once, in order.

The follows and the position move in one transaction, under the lock of the journal's row, so it does not
matter how many drains run and when they die. Entries before the position are dropped from the journal once
that is committed. The entry at the position stays in it as an anchor: where it is missing, the journal is
not the one that was read so far (Redis came back from an older state), and Redis is declared cold.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from ...exceptions import ColdStore, SequereException
from ..database.backend import despite_deadlocks
from ..database.bulk import Edge, set_edges
from .backend import RedisBackend
from .journal import READ_STEP, Entry, get_state, order_of, read_entries
from .models import Journal, OutboxEntry, SetAside, get_alias

logger = logging.getLogger("sequere")


@dataclass(frozen=True)
class Drained:
    """What a drain did: entries read, and how many of them it had to set aside."""

    entries: int = 0
    set_aside: int = 0

    def __add__(self, other: Drained) -> Drained:
        return Drained(self.entries + other.entries, self.set_aside + other.set_aside)


def drain(graph: RedisBackend) -> Drained:
    """Bring the database up to where the journal ends now, by one transaction for each 999 entries.

    One round trip for each transaction and one more. Raises :class:`~sequere.exceptions.ColdStore` when there
    is no journal or it is not the one that was read so far: then the database, which has all that could be
    read, answers, and a rebuild is due. Raises ``BackendError`` and Django's database errors; what was
    committed stays.
    """
    alias = get_alias()
    total = Drained()
    while True:
        step, position = despite_deadlocks(alias, lambda: _step(graph, alias))
        if step is None:
            raise ColdStore(
                "There is no journal in Redis, or not the one that was read so far. Run `manage.py sequere rebuild`."
            )
        total += step
        if step.entries < READ_STEP - 1:
            break
    if step.entries:
        read_entries(graph, position, limit=1)  # the others drop what the step before has committed
    return total


def _step(graph: RedisBackend, alias: str) -> tuple[Drained | None, str]:
    # durable: inside another transaction the position could be rolled back after entries were dropped.
    with transaction.atomic(using=alias, durable=True):
        row = Journal.lock(alias)
        return drain_step(graph, row, alias), row.position


def drain_step(graph: RedisBackend, row: Journal, alias: str, *, until: str = "") -> Drained | None:
    """Apply the next entries, up to the id ``until`` if given, under the lock. None if Redis is cold.

    The caller holds the locked ``row``, and commits. With ``until`` nothing is dropped from the journal, so
    there may be several steps before that.
    """
    entries = read_entries(graph, row.position, keep=bool(until))
    if row.opening and entries and entries[0].id == row.opening:
        # A rebuild made this journal and died before its commit. All of the outbox is in it.
        adopt(row, alias)
    elif not entries or entries[0].id != row.position or entries[0].digest != row.anchor:
        consume_closed(graph, row, alias)
        return None
    new = [entry for entry in entries[1:] if not until or order_of(entry.id) <= order_of(until)]
    return _take(row, alias, new)


def consume_closed(graph: RedisBackend, row: Journal, alias: str) -> Drained:
    """Put the journal away, so that Redis is cold at once, and apply what it holds beyond the position.

    Those entries were acknowledged, whatever the server had forgotten before it took them. A database that
    never read a journal leaves it alone: it lacks what came before.
    """
    if not row.position:
        return Drained()
    graph.run("close_journal")
    return _take_closed(graph, row, alias)


def close(graph: RedisBackend) -> Drained:
    """Leave Redis: put the journal away, if there is one, and bring the database up to its end.

    From here on the database answers, and no task rebuilds; ``rebuild`` by hand goes back. Raises
    ``BackendError`` and Django's database errors; call it again then.
    """
    total = Drained()
    with suppress(ColdStore):
        total += drain(graph)
    alias = get_alias()
    with transaction.atomic(using=alias, durable=True):
        row = Journal.lock(alias)
        total += consume_closed(graph, row, alias)
        row.closed = True
        row.save(using=alias)
    return total


def _take_closed(graph: RedisBackend, row: Journal, alias: str) -> Drained:
    total = Drained()
    while True:
        entries = read_entries(graph, row.position, closed=True)
        new = [entry for entry in entries if order_of(entry.id) > order_of(row.position)]
        if not new:
            return total
        total += _take(row, alias, new)


def catch_up(graph: RedisBackend, row: Journal, alias: str) -> bool:
    """Whether Redis is cold; then the database has all that a closed journal held. Under the lock.

    Somebody may have put the journal away and died before the commit.
    """
    state = get_state(graph, row.position)
    if state.length:
        return False
    if row.position and order_of(state.closed) > order_of(row.position):
        _take_closed(graph, row, alias)
    return True


def adopt(row: Journal, alias: str) -> None:
    """Take the journal that begins with ``row.opening`` for the one to read: the follows are its beginning."""
    row.position, row.anchor = row.opening, Entry(row.opening, "open", "", "", "", "", "").digest
    row.opening = ""
    row.save(using=alias)
    OutboxEntry._default_manager.using(alias).all().delete()


def _take(row: Journal, alias: str, entries: Sequence[Entry]) -> Drained:
    """Apply entries and move the position to the last of them."""
    changes, poisoned = _sort(entries)
    poisoned += _apply(alias, changes)
    for entry, reason in poisoned:
        logger.error("The journal's entry %s is set aside: %s", entry.id, reason)
    SetAside._default_manager.using(alias).bulk_create(
        [SetAside(entry=entry.id, content=entry._asdict(), reason=reason) for entry, reason in poisoned]
    )
    if entries:
        row.position, row.anchor = entries[-1].id, entries[-1].digest
    row.drained_at = timezone.now()
    row.save(using=alias)
    return Drained(len(entries), len(poisoned))


Change = tuple[Edge, Entry, float | None]


def _sort(entries: Sequence[Entry]) -> tuple[list[Change], list[tuple[Entry, str]]]:
    """The last change of each edge, and the entries that say nothing that the follows could hold."""
    last: dict[Edge, Change] = {}
    poisoned = []
    for entry in entries:
        if entry.operation != "open":
            try:
                edge, since = entry.edge, entry.since
            except SequereException as error:
                poisoned.append((entry, str(error)))
            else:
                last[edge] = edge, entry, since
    return list(last.values()), poisoned


def _apply(alias: str, changes: Sequence[Change]) -> list[tuple[Entry, str]]:
    """Apply changes of different edges. Those that the database refuses are found by halves, and come back."""
    if not changes:
        return []
    try:
        with transaction.atomic(using=alias):
            set_edges(alias, {edge: since for edge, _, since in changes})
    except (DataError, IntegrityError) as error:
        if len(changes) == 1:
            return [(changes[0][1], str(error))]
        middle = len(changes) // 2
        return [*_apply(alias, changes[:middle]), *_apply(alias, changes[middle:])]
    return []
