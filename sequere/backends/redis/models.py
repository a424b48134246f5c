"""The tables of write-behind: the state of the database towards Redis, and what waits for Redis."""

from __future__ import annotations

from django.db import models, router

from ...relations import Edge
from ...timestamps import to_micros
from ..database.fields import ExactCharField, UTCDateTimeField, edge_of

#: Length of the longest id: milliseconds, a hyphen and a number, 20 digits each.
ID_LENGTH = 41


def get_alias() -> str:
    """The database of the edges: everything here is written in one transaction with them."""
    from ..database.models import Edge as Row  # the application of RedisBackend alone has no such table

    return router.db_for_write(Row)


class State(models.Model):
    """The one row that stores how the database relates to the graph in Redis. It is also the lock of ``locking.py``.

    ``behind/phases.py`` has the phases and how one follows another.
    """

    #: cold, rebuilding, ready, adopting or closed.
    phase = models.CharField(max_length=10, default="cold")
    #: The id of the graph in Redis that the database follows; empty: it never followed one, or released it.
    epoch = models.CharField(max_length=ID_LENGTH, default="")
    #: The last entry of the journal that the edges contain.
    position = models.CharField(max_length=ID_LENGTH, default="")
    #: The SHA-1 of that entry, because two servers may use one id for two entries. Empty while the database answers
    #: alone.
    digest = models.CharField(max_length=40, default="")
    #: When the journal was last read, even if it had no new entries.
    drained_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "sequere_state"

    def __str__(self) -> str:
        return f"{self.phase}, read up to {self.position or 'nothing'}"

    @classmethod
    def look(cls, alias: str) -> State:
        """The row as committed, not locked; a new one if there is none. One query."""
        return cls._default_manager.using(alias).filter(pk=1).first() or cls(pk=1)


class OutboxEntry(models.Model):
    """The state of an edge after a write while Redis was cold; the primary keys are in the order of the commits.

    A row without relation says that every edge of its from resource was removed.
    """

    #: The id of the write.
    position = models.CharField(max_length=ID_LENGTH, db_index=True)
    relation = ExactCharField(max_length=40)
    from_identifier = ExactCharField(max_length=50)
    from_object_id = ExactCharField(max_length=255)
    to_identifier = ExactCharField(max_length=50)
    to_object_id = ExactCharField(max_length=255)
    #: The timestamp of the edge; null: it does not exist.
    timestamp = UTCDateTimeField(null=True)

    class Meta:
        db_table = "sequere_outbox"

    def __str__(self) -> str:
        if not self.relation:
            return f"forget {self.from_identifier} {self.from_object_id}"
        operation = "remove" if self.timestamp is None else "add"
        ends = f"{self.from_identifier} {self.from_object_id} -> {self.to_identifier} {self.to_object_id}"
        return f"{operation} {self.relation}: {ends}"

    @property
    def edge(self) -> Edge:
        return edge_of(self)

    @property
    def micros(self) -> int | None:
        """The timestamp in microseconds since the epoch, UTC."""
        return None if self.timestamp is None else to_micros(self.timestamp)


class SetAside(models.Model):
    """An entry of the journal that the table of edges could not hold, and why, in ASCII with escapes."""

    entry = models.CharField(max_length=ID_LENGTH)
    content = models.JSONField()
    reason = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "sequere_set_aside"
        verbose_name = "entry set aside"
        verbose_name_plural = "entries set aside"

    def __str__(self) -> str:
        return f"{self.entry}: {self.reason}"
