"""The one table of the database backend."""

from __future__ import annotations

import secrets
import time
import uuid

from django.db import models

from .fields import ExactCharField


def new_id() -> uuid.UUID:
    """A UUID that begins with the time (version 7 of RFC 9562), so that an index grows at its end."""
    value = (time.time_ns() // 1_000_000 << 80) | (secrets.randbits(80) & ~(0xF << 76) & ~(0x3 << 62))
    return uuid.UUID(int=value | (7 << 76) | (2 << 62))


class Follow(models.Model):
    """One edge: the from resource follows the to resource since ``created_at``."""

    # Made here and not by the database: a bulk insert that skips what stands can tell its own rows.
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    from_identifier = ExactCharField(max_length=50)
    from_object_id = ExactCharField(max_length=255)
    to_identifier = ExactCharField(max_length=50)
    to_object_id = ExactCharField(max_length=255)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "sequere_follow"
        constraints = [
            models.UniqueConstraint(
                fields=["from_identifier", "from_object_id", "to_identifier", "to_object_id"],
                name="sequere_follow_edge",
            )
        ]
        indexes = [
            models.Index(fields=["from_identifier", "from_object_id", "created_at", "id"], name="sequere_followings"),
            models.Index(
                fields=["from_identifier", "from_object_id", "to_identifier", "created_at", "id"],
                name="sequere_followings_of",
            ),
            models.Index(fields=["to_identifier", "to_object_id", "created_at", "id"], name="sequere_followers"),
            models.Index(
                fields=["to_identifier", "to_object_id", "from_identifier", "created_at", "id"],
                name="sequere_followers_of",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_identifier} {self.from_object_id} follows {self.to_identifier} {self.to_object_id}"
