"""The tables of the database backend: the edges, the resources as locks, and the kinds."""

from __future__ import annotations

import secrets
import time
import uuid

from django.db import models

from .fields import DigestField, EdgeDigestField, ExactCharField, UTCDateTimeField


def new_id() -> uuid.UUID:
    """Return a UUID that begins with the time (version 7 of RFC 9562), so that an index grows at its end."""
    value = (time.time_ns() // 1_000_000 << 80) | (secrets.randbits(80) & ~(0xF << 76) & ~(0x3 << 62))
    return uuid.UUID(int=value | (7 << 76) | (2 << 62))


class Edge(models.Model):
    """One edge: the from resource is in a relation to the to resource since ``timestamp``.

    For a mute, ``timestamp`` is the time at which it ends. For one that never ends, it is after the year 2242:
    :data:`~sequere.relations.FOREVER` plus the whole seconds of the time when it was made.
    """

    # Made here and not by the database, so that a bulk insert that skips existing edges can tell which rows are its
    # own.
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    relation = ExactCharField(max_length=40)
    from_identifier = ExactCharField(max_length=50)
    from_object_id = ExactCharField(max_length=255)
    to_identifier = ExactCharField(max_length=50)
    to_object_id = ExactCharField(max_length=255)
    timestamp = UTCDateTimeField()
    digest = EdgeDigestField(unique=True, editable=False)

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


class Resource(models.Model):
    """The lock of a resource: a write holds the row of the from side of its edge, for a block those of both sides.

    The first write that locks a row makes it, and forgetting the resource removes it. It does not have the name of the
    resource, because it is only found by the digest: so the lock is one small row and one index entry.
    """

    digest = DigestField(primary_key=True)
    # Always 0. The statement that makes or locks a row must set a column, and the quota must stay as it is.
    touched = models.SmallIntegerField(default=0)
    # How many follows and requests the resource made within a window, and when the window ends. Empty unless a limit
    # counts them.
    quota_used = models.IntegerField(default=0)
    quota_until = UTCDateTimeField(null=True)

    class Meta:
        db_table = "sequere_resource"

    def __str__(self) -> str:
        return bytes(self.digest).hex()


class Kind(models.Model):
    """A kind that edges have or had, such as ``watch``; at most 16. They are never removed.

    A block ends the follows of all kinds, and finds the kinds here: the transaction that first uses a kind adds it.
    """

    name = ExactCharField(primary_key=True, max_length=30)

    class Meta:
        db_table = "sequere_kind"

    def __str__(self) -> str:
        return f"{self.name}"


# One proxy for each relation in the admin, which shows only its edges.


class Follow(Edge):
    class Meta:
        proxy = True


class FollowRequest(Edge):
    class Meta:
        proxy = True


class Block(Edge):
    class Meta:
        proxy = True


class Mute(Edge):
    class Meta:
        proxy = True
