"""Applies the journal to the database: each entry exactly once, in order.

The tables and the position change in one transaction, under the lock, so it does not matter how many drains run and
when they stop. Entries before the position are dropped from the journal once the position is committed. The entry at
the position stays, so that the journal can be recognized.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.utils import timezone

from ....exceptions import ColdStore, DatabaseBehind
from ..backend import RedisBackend
from ..models import SetAside, State, get_alias
from .advice import advise
from .journal import READ_STEP, JournalEntry, order_of, read_journal
from .locking import locked
from .outbox import empty_outbox, look
from .phases import Event, Verdict, move
from .tables import apply

logger = logging.getLogger("sequere")


@dataclass(frozen=True)
class Drained:
    """The result of a drain: entries read, and how many of them it had to set aside."""

    entries: int = 0
    set_aside: int = 0

    def __add__(self, other: Drained) -> Drained:
        return Drained(self.entries + other.entries, self.set_aside + other.set_aside)


class Step(NamedTuple):
    """The result of one transaction: the entries that it read, and how many of them it had to set aside.

    ``last`` is the journal's last entry at that moment, and ``is_end`` whether it has been read.
    """

    verdict: Verdict
    read: list[JournalEntry]
    set_aside: int
    last: str
    is_end: bool


def drain(unguarded: RedisBackend) -> Drained:
    """Bring the database up to the current end of the journal, with one transaction for each 399 entries.

    One round trip for each transaction and one more. Raises :class:`~sequere.exceptions.ColdStore` if there is no
    journal, or if it is from an older state: then it is deleted, so that the database, which has applied all that could
    be read, answers until a rebuild. Raises :class:`~sequere.exceptions.DatabaseBehind`, ``BackendError`` and Django's
    database errors; what was committed stays.
    """
    total, end = Drained(), ""
    while True:
        step = locked(lambda row, alias: drain_step(unguarded, row, alias))
        total += Drained(len(step.read), step.set_aside)
        is_older = step.verdict is Verdict.OLDER
        # After the commit. It is refused if an entry was added meanwhile; the next step reads that.
        if is_older and step.is_end and unguarded.run("delete_journal", step.last, 0):
            alias = get_alias()
            row = State.look(alias)
            _, journal, verdict = look(unguarded, row, alias, limit=1)
            told = "Redis came back with an older state. The database has applied its journal."
            raise ColdStore(f"{told} {advise(row, verdict, journal, alias)}")
        end = end or step.last  # entries may be added after this moment without end
        if not is_older and (step.is_end or order_of(step.read[-1].id) >= order_of(end)):
            break
    if total.entries:
        row = State.look(get_alias())
        read_journal(
            unguarded, row.position, limit=1, epoch=row.epoch
        )  # drops the entries that the last step has committed
    return total


def drain_step(unguarded: RedisBackend, row: State, alias: str) -> Step:
    """Apply the next entries, under the lock. The caller holds the locked ``row`` and commits."""
    reached, journal, verdict = look(unguarded, row, alias, epoch=row.epoch)
    if verdict is Verdict.COLD:
        raise ColdStore(f"Nothing was drained: {advise(row, verdict, journal, alias)}")
    if verdict is Verdict.BEHIND:
        raise DatabaseBehind(advise(row, verdict, journal, alias))
    if verdict is Verdict.OPENED:
        move(row, Event.OPENED)
        empty_outbox(alias)  # the graph contains it
    new = journal.after(reached)
    row.position = new[-1].id if new else reached
    if verdict is Verdict.OLDER:
        move(row, Event.OLDER)
        row.digest = ""
    elif new:
        row.digest = new[-1].digest
    set_aside = _apply(alias, new)
    row.drained_at = timezone.now()
    row.save(using=alias)
    return Step(verdict, new, set_aside, journal.last, is_end=len(journal.entries) < READ_STEP)


def _apply(alias: str, entries: Sequence[JournalEntry]) -> int:
    """Apply entries to the tables, and set aside those that no table can hold. Returns how many were set aside."""
    refused = sorted(apply(alias, entries), key=lambda item: order_of(item[0].id))
    for entry, reason in refused:
        logger.error("The journal's entry %s is set aside: %s", entry.id, reason)
    SetAside._default_manager.using(alias).bulk_create(
        [SetAside(entry=entry.id, content=_content_of(entry), reason=_as_ascii(reason)) for entry, reason in refused]
    )
    return len(refused)


def _content_of(entry: JournalEntry) -> dict[str, str]:
    return {name: _as_ascii(text) for name, text in entry._asdict().items()}


def _as_ascii(text: str) -> str:
    """A text that every database can hold, with escapes instead of other characters."""
    return text.replace("\0", "\\0").encode("ascii", "backslashreplace").decode()
