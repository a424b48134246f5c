"""The one table of the database backend."""

from __future__ import annotations

import secrets
import time
import uuid

from django.db import models

from .fields import DigestField, ExactCharField, UTCDateTimeField


def new_id() -> uuid.UUID:
    """Return a UUID that begins with the time (version 7 of RFC 9562), so that an index grows at its end."""
    value = (time.time_ns() // 1_000_000 << 80) | (secrets.randbits(80) & ~(0xF << 76) & ~(0x3 << 62))
    return uuid.UUID(int=value | (7 << 76) | (2 << 62))


class Edge(models.Model):
    """One edge: the from resource is in a relation to the to resource since ``timestamp``."""

    # Made here and not by the database, so that a bulk insert that skips existing edges can tell which rows are its
    # own.
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    relation = ExactCharField(max_length=40)
    from_identifier = ExactCharField(max_length=50)
    from_object_id = ExactCharField(max_length=255)
    to_identifier = ExactCharField(max_length=50)
    to_object_id = ExactCharField(max_length=255)
    timestamp = UTCDateTimeField()
    digest = DigestField(unique=True, editable=False)

    class Meta:
        db_table = "sequere_edge"
        indexes = [
            models.Index(
                fields=["relation", "from_identifier", "from_object_id", "timestamp", "id"], name="sequere_forward"
            ),
            models.Index(
                fields=["relation", "from_identifier", "from_object_id", "to_identifier", "timestamp", "id"],
                name="sequere_forward_of",
            ),
            models.Index(
                fields=["relation", "to_identifier", "to_object_id", "timestamp", "id"], name="sequere_backward"
            ),
            models.Index(
                fields=["relation", "to_identifier", "to_object_id", "from_identifier", "timestamp", "id"],
                name="sequere_backward_of",
            ),
        ]

    def __str__(self) -> str:
        ends = f"{self.from_identifier} {self.from_object_id}", f"{self.to_identifier} {self.to_object_id}"
        return f"{ends[0]} -> {ends[1]} ({self.relation})"
