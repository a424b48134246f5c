"""Leaves write-behind: for the database, or for Redis alone."""

from __future__ import annotations

from contextlib import suppress

from django.db import transaction

from ....exceptions import ColdStore, DatabaseBehind, WriteBehindRefused
from ..backend import RedisBackend
from ..models import Journal, get_alias
from .drain import Drained, drain, drain_step, put_away, replay_closed
from .journal import drop_closed, get_state


def close(unguarded: RedisBackend) -> Drained:
    """Leave Redis: put the journal away, if there is one, and bring the database up to its end.

    From here on the database answers, and no task rebuilds; ``rebuild`` by hand goes back. Raises
    :class:`~sequere.exceptions.DatabaseBehind`, ``BackendError`` and Django's database errors; call it again then.
    """
    total = Drained()
    with suppress(ColdStore):
        total += drain(unguarded)
    alias = get_alias()
    with transaction.atomic(using=alias, durable=True):
        row = Journal.lock(alias)
        put_away(unguarded, row, alias)
        total += replay_all(unguarded, row, alias)
        row.closed = True
        row.anchor = row.opening = ""  # a rebuild that is under way is overtaken
        row.save(using=alias)
    return total


def release(unguarded: RedisBackend) -> Drained:
    """Leave the database: bring it up to date for the last time and remove the journal.

    To the database this Redis is then one that it never saw, so nothing will overwrite what changes there from
    now on. Processes that still use RedisFallbackBackend find a cold Redis. Raises
    :class:`~sequere.exceptions.WriteBehindRefused` where Redis is cold, and else as :func:`close`; call it again
    to go on.
    """
    alias = get_alias()
    total = Drained()
    try:
        total += drain(unguarded)
        with transaction.atomic(using=alias, durable=True):
            row = Journal.lock(alias)
            end = get_state(unguarded, row.position).last
            while (step := drain_step(unguarded, row, alias, until=end)) and step.entries:
                total += step
            if step is None:
                raise ColdStore("Redis lost its memory during this call.")
            # Committed before the journal is removed: if the process dies in between, the journal counts as YOUNGER
            # and is left alone.
            row.position = row.anchor = row.opening = ""
            row.incomplete, row.closed = False, True
            row.save(using=alias)
    except (ColdStore, DatabaseBehind) as error:
        row = Journal.look(alias)
        if not row.closed or row.position:  # else an earlier call has come this far
            if isinstance(error, DatabaseBehind):
                raise
            raise WriteBehindRefused(
                "Redis is cold: it does not hold the graph. Run `manage.py sequere rebuild` first."
            ) from error
    unguarded.run("close_journal")
    drop_closed(unguarded)
    return total


def replay_all(unguarded: RedisBackend, row: Journal, alias: str) -> Drained:
    total = Drained()
    while (step := replay_closed(unguarded, row, alias)).entries:
        total += step
    return total
