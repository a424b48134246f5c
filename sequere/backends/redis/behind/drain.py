"""From the journal into the database: each entry exactly once, in order.

The edges and the position change in one transaction, under the lock of the journal's row, so it does not
matter how many drains run and when they die. Entries before the position are dropped from the journal once
that is committed. The entry at the position stays in it as an anchor, by which the journal is known again:

- It is there: the two are in step.
- It is not, and the journal begins with an older one: Redis came back from an older state. The journal is put
  away, so Redis is cold at once, and what it holds beyond the position is applied: it was acknowledged.
- It is not, and the journal begins with a younger one: the database came back from an older state, or never
  read this journal. Redis has what the database lacks, so it stays as it is, and an operator is asked.
- It is there, but the database has changed on its own since: Redis was cold and came back with what it had.
  That is an older state too.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from ....exceptions import ColdStore, DatabaseBehind, SequereException
from ....relations import Edge
from ...database.backend import despite_deadlocks
from ...database.bulk import find_edges, set_edges
from ..backend import RedisBackend
from ..models import Journal, OutboxEntry, SetAside, get_alias
from .journal import READ_STEP, JournalEntry, get_state, order_of, read_entries

logger = logging.getLogger("sequere")


@dataclass(frozen=True)
class Drained:
    """What a drain did: entries read, and how many of them it had to set aside."""

    entries: int = 0
    set_aside: int = 0

    def __add__(self, other: Drained) -> Drained:
        return Drained(self.entries + other.entries, self.set_aside + other.set_aside)


class Verdict(enum.Enum):
    """What a journal is to the database."""

    IN_STEP = "the one that was read so far"
    OPENED = "made by a rebuild that died before its commit"
    OLDER = "of an older state, or none"
    YOUNGER = "it begins after what the database has"


def judge(unguarded: RedisBackend, row: Journal, alias: str, entries: Sequence[JournalEntry] | None = None) -> Verdict:
    """What the journal is. ``entries`` are those from the row's position on, if they are read already.

    One round trip to read the first of them, and one where it is not the anchor.
    """
    if entries is None:
        entries = read_entries(unguarded, row.position, limit=1, keep=True)
    first = entries[0] if entries else None
    if first and first.id == row.opening:
        # Later changes in the outbox: Redis was cold again after this journal was made.
        later = OutboxEntry._default_manager.using(alias).filter(pk__gt=first.outbox)
        return Verdict.OLDER if later.exists() else Verdict.OPENED
    if first and (first.id, first.digest) == (row.position, row.anchor):
        return Verdict.IN_STEP
    oldest = read_entries(unguarded, "", limit=1, keep=True)
    if oldest and order_of(oldest[0].id) > order_of(row.position):
        return Verdict.YOUNGER
    return Verdict.OLDER


def drain(unguarded: RedisBackend) -> Drained:
    """Bring the database up to where the journal ends now, by one transaction for each 399 entries.

    One round trip for each transaction and one more. Raises :class:`~sequere.exceptions.ColdStore` when there
    is no journal or it is of an older state: then the database, which has all that could be read, answers, and
    a rebuild is due. Raises :class:`~sequere.exceptions.DatabaseBehind`, ``BackendError`` and Django's database
    errors; what was committed stays.
    """
    alias = get_alias()
    total = Drained()
    while True:
        step, position = despite_deadlocks(alias, lambda: _step(unguarded, alias))
        if step is None:
            while despite_deadlocks(alias, lambda: _step_of_closed(unguarded, alias)).entries:
                pass
            raise ColdStore(
                "There is no journal in Redis, or not the one that was read so far. Run `manage.py sequere rebuild`."
            )
        total += step
        if step.entries < READ_STEP - 1:
            break
    if step.entries:
        read_entries(unguarded, position, limit=1)  # the others drop what the step before has committed
    return total


def _step(unguarded: RedisBackend, alias: str) -> tuple[Drained | None, str]:
    # durable: inside another transaction the position could be rolled back after entries were dropped.
    with transaction.atomic(using=alias, durable=True):
        row = Journal.lock(alias)
        return drain_step(unguarded, row, alias), row.position


def _step_of_closed(unguarded: RedisBackend, alias: str) -> Drained:
    with transaction.atomic(using=alias, durable=True):
        return replay_closed(unguarded, Journal.lock(alias), alias)


def drain_step(unguarded: RedisBackend, row: Journal, alias: str, *, until: str = "") -> Drained | None:
    """Apply the next entries, up to the id ``until`` if given, under the lock. None if Redis is cold.

    The caller holds the locked ``row``, and commits. With ``until`` nothing is dropped from the journal, so
    there may be several steps before that. What a journal that was put away holds is left to the caller
    (:func:`replay_closed`).
    """
    entries = read_entries(unguarded, row.position, keep=bool(until))
    verdict = judge(unguarded, row, alias, entries)
    if verdict is Verdict.YOUNGER:
        raise DatabaseBehind(
            "The journal in Redis begins after what this database has read: it came back from a backup, or belongs to "
            "another Redis. Run `manage.py sequere rebuild --from redis` to bring it up to what Redis holds, or "
            "`--from database` to replace that."
        )
    if verdict is Verdict.OLDER:
        if entries and entries[0].id == row.opening:  # the journal contains these changes already
            OutboxEntry._default_manager.using(alias).filter(pk__lte=entries[0].outbox).delete()
        put_away(unguarded, row, alias)
        return None
    if verdict is Verdict.OPENED:
        adopt(row, alias, entries[0])
    row.opening = ""  # cancels a rebuild of another server: it would lack these entries
    new = [entry for entry in entries[1:] if not until or order_of(entry.id) <= order_of(until)]
    return apply_entries(row, alias, new)


def put_away(unguarded: RedisBackend, row: Journal, alias: str) -> bool:
    """Put the journal away, so that Redis is cold at once. Whether there was one. Under the lock."""
    if not unguarded.run("close_journal"):
        return False
    row.anchor = row.opening = ""
    row.save(using=alias)
    return True


def replay_closed(unguarded: RedisBackend, row: Journal, alias: str) -> Drained:
    """Apply the next entries of a journal that was put away, under the lock; none: all are applied.

    They were acknowledged, whatever the server had forgotten before it took them. But an edge that the
    database has changed on its own since stays as it is.
    """
    if not row.position:
        return Drained()
    entries = read_entries(unguarded, row.position, closed=True)
    new = [entry for entry in entries if order_of(entry.id) > order_of(row.position)]
    if not new:
        return Drained()
    row.anchor = row.opening = ""
    return apply_entries(row, alias, new, closed=True)


def catch_up(unguarded: RedisBackend, row: Journal, alias: str) -> bool:
    """Whether Redis is cold; then the database has all that a closed journal held. Under the lock.

    A process may have put the journal away and died before the commit.
    """
    state = get_state(unguarded, row.position)
    if state.length:
        return False
    while order_of(state.closed) > order_of(row.position) and replay_closed(unguarded, row, alias).entries:
        pass
    return True


def adopt(row: Journal, alias: str, opening: JournalEntry) -> None:
    """Take the journal that begins with this entry for the one to read: the edges are its beginning."""
    row.position, row.anchor, row.opening = opening.id, opening.digest, ""
    row.save(using=alias)
    OutboxEntry._default_manager.using(alias).all().delete()


def apply_entries(row: Journal, alias: str, entries: Sequence[JournalEntry], *, closed: bool = False) -> Drained:
    """Apply entries and move the position to the last of them."""
    changes, poisoned = _sort(entries)
    if closed:
        changed = find_edges(OutboxEntry, alias, [edge for edge, _, _ in changes])
        changes = [change for change in changes if change[0] not in changed]
    poisoned += _apply(alias, changes)
    for entry, reason in poisoned:
        logger.error("The journal's entry %s is set aside: %s", entry.id, reason)
    SetAside._default_manager.using(alias).bulk_create(
        [SetAside(entry=entry.id, content=_shown(entry), reason=reason) for entry, reason in poisoned]
    )
    if entries:
        row.position, row.anchor = entries[-1].id, "" if closed else entries[-1].digest
    row.drained_at = timezone.now()
    row.save(using=alias)
    return Drained(len(entries), len(poisoned))


def _shown(entry: JournalEntry) -> dict[str, str]:
    """The content of an entry, without what a PostgreSQL text cannot hold."""
    return {name: text.replace("\0", "\\0") for name, text in entry._asdict().items()}


Change = tuple[Edge, JournalEntry, float | None]


def _sort(entries: Sequence[JournalEntry]) -> tuple[list[Change], list[tuple[JournalEntry, str]]]:
    """The last change of each edge, and the entries that the table cannot hold, each with the reason."""
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


def _apply(alias: str, changes: Sequence[Change]) -> list[tuple[JournalEntry, str]]:
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
