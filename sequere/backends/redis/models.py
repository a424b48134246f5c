"""The tables of write-behind: how far the database has read the journal, and what waits for Redis."""

from __future__ import annotations

from django.db import models, router
from django.db.models import F

from ...relations import Edge
from ..database.fields import DigestField, ExactCharField, edge_of


def get_alias() -> str:
    """The database of the edges: everything here is written in one transaction with them."""
    from ..database.models import Edge as Row  # the application of RedisBackend alone has no such table

    return router.db_for_write(Row)


class Journal(models.Model):
    """The one row that says how far the database has read the journal in Redis. It is also the lock.

    Whoever moves the position, writes while Redis is cold, or makes the stream, holds this row.
    """

    #: The last entry that the edges contain; empty if this database never read a journal.
    position = models.CharField(max_length=41, default="")
    #: What that entry says, as a SHA-1: two servers may give one id to two entries. Empty once the database
    #: has changed on its own: should that journal come back, Redis lacks those changes.
    anchor = models.CharField(max_length=40, default="")
    #: The id with which a rebuild is about to begin a new journal; empty if none is.
    opening = models.CharField(max_length=41, default="")
    #: Whether an operator has put the journal away for good.
    closed = models.BooleanField(default=False)
    #: Whether the edges still lack some of a graph that is being taken over from Redis.
    incomplete = models.BooleanField(default=False)
    #: When entries were last read, even if there were none.
    drained_at = models.DateTimeField(null=True)
    #: Counts the locks: to lock the row is to update it.
    turn = models.BigIntegerField(default=0)

    class Meta:
        db_table = "sequere_journal"

    def __str__(self) -> str:
        return f"read up to {self.position or 'nothing'}"

    @classmethod
    def lock(cls, alias: str) -> Journal:
        """The row, locked until the transaction ends; made if it is not there.

        An update and not ``select_for_update``: SQLite too then waits, and a transaction that has read
        nothing yet reads what the last holder left.
        """
        rows = cls._default_manager.using(alias).filter(pk=1)
        if not rows.update(turn=F("turn") + 1):
            cls._default_manager.using(alias).bulk_create([cls(pk=1)], ignore_conflicts=True)
            rows.update(turn=F("turn") + 1)
        return rows.get()

    @classmethod
    def look(cls, alias: str) -> Journal:
        """The row as committed, not locked; one that is not there reads as new."""
        return cls._default_manager.using(alias).filter(pk=1).first() or cls(pk=1)


class OutboxEntry(models.Model):
    """A change that was made while Redis was cold: the ids are in the order of the commits."""

    relation = ExactCharField(max_length=40)
    from_identifier = ExactCharField(max_length=50)
    from_object_id = ExactCharField(max_length=255)
    to_identifier = ExactCharField(max_length=50)
    to_object_id = ExactCharField(max_length=255)
    digest = DigestField(db_index=True, editable=False)
    #: Since when the edge exists; null: it was removed.
    timestamp = models.DateTimeField(null=True)

    class Meta:
        db_table = "sequere_outbox"

    def __str__(self) -> str:
        operation = "remove" if self.timestamp is None else "add"
        ends = f"{self.from_identifier} {self.from_object_id} -> {self.to_identifier} {self.to_object_id}"
        return f"{operation} {self.relation}: {ends}"

    @property
    def edge(self) -> Edge:
        return edge_of(self)


class SetAside(models.Model):
    """An entry of the journal that the table of edges could not take, and why."""

    entry = models.CharField(max_length=41)
    content = models.JSONField()
    reason = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "sequere_set_aside"
        verbose_name = "entry set aside"
        verbose_name_plural = "entries set aside"

    def __str__(self) -> str:
        return f"{self.entry}: {self.reason}"
