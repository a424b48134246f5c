"""Writes while Redis is cold: into the database, and into the outbox for the rebuild that replays them."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

from django.db import Error as DatabaseError

from ....exceptions import WriteBehindRefused
from ....relations import Edge
from ....resources import Resource
from ....timestamps import MICROSECONDS, to_moment
from ...base import GraphOperation
from ...database.backend import DatabaseBackend
from ...database.bulk import get_times
from ...database.fields import columns_of
from ...database.statements import delete_rows
from ...database.texts import refuse_unfit
from ...operations import Forget
from ..backend import RedisBackend
from ..models import OutboxEntry, State
from .journal import READ_STEP, Journal, fence, order_of, read_journal
from .locking import locked
from .phases import RELEASED, Event, Phase, Verdict, is_released, judge, move

R = TypeVar("R")


def find_reached(row: State, alias: str) -> str:
    """The last change that the tables contain: the later of the position and the outbox's end. At most one query."""
    if row.phase == Phase.READY:  # the first write to the outbox ends this phase
        return row.position
    last = OutboxEntry._default_manager.using(alias).order_by("-pk").values_list("position", flat=True).first()
    return max(last or "", row.position, key=order_of)


def empty_outbox(alias: str) -> None:
    """Empty the outbox: the graph in Redis contains its changes, or is about to be made again."""
    delete_rows(OutboxEntry._default_manager.using(alias).all())


class Look(NamedTuple):
    """How the database and the journal relate at a moment."""

    #: The last change that the tables contain; the journal was read from there.
    reached: str
    journal: Journal
    verdict: Verdict


def look(unguarded: RedisBackend, row: State, alias: str, *, limit: int = READ_STEP, epoch: str = "") -> Look:
    """Read the journal from the last change of the tables on, and judge it. One round trip and at most one query.

    ``epoch`` is that of :func:`~sequere.backends.redis.behind.journal.read_journal`.
    """
    reached = find_reached(row, alias)
    journal = read_journal(unguarded, reached, limit=limit, epoch=epoch)
    return Look(reached, journal, judge(row, reached, journal))


class RedisIsBackError(Exception):
    """Redis is not cold: nothing was done."""


def change_while_cold(unguarded: RedisBackend, database: DatabaseBackend, operation: GraphOperation[R]) -> R:
    """Perform a write in the database and add the state of each of its edges to the outbox, in one transaction.

    Edges that it does not change are added too: an older Redis that comes back may have another state of them. A
    journal is only created under this lock and with the last id of the fence, so none can appear before the commit. One
    round trip. Raises :class:`RedisIsBackError` if Redis is not cold, and ``WriteBehindRefused`` after a release.
    """

    def write(row: State, alias: str) -> R:
        if is_released(row):
            raise WriteBehindRefused(f"Nothing was written: {RELEASED}")
        position = fence(unguarded, find_reached(row, alias))
        if not position:
            raise RedisIsBackError
        result, edges = database.change(operation)
        times = get_times(alias, edges, lock=True)
        rows = [_row(position, edge, times.get(edge)) for edge in edges]
        if isinstance(operation, Forget) and result.done:  # type: ignore[attr-defined]  # its result
            rows.append(_row(position, Edge("", operation.resource, Resource("", "")), None))
        try:
            OutboxEntry._default_manager.using(alias).bulk_create(rows)
        except (UnicodeEncodeError, DatabaseError) as error:
            refuse_unfit(error)
            raise
        move(row, Event.COLD_WRITE)
        row.digest = ""  # if the journal comes back, it is from an older state
        # Each time: a transaction of a caller that has read before this one then fails at the lock. It would not see
        # the edges of this one, and put a wrong state of them into the outbox.
        row.save(using=alias, update_fields=["phase", "digest"])
        return result

    return locked(write, may_nest=True)


def _row(position: str, edge: Edge, micros: int | None) -> OutboxEntry:
    timestamp = None if micros is None else to_moment(micros / MICROSECONDS)
    return OutboxEntry(position=position, **columns_of(edge), timestamp=timestamp)
