"""The columns of an edge, the same on every database: texts that are compared byte for byte, and a digest of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BinaryField, CharField, DateTimeField, Func, Model
from django.utils import timezone

from ...relations import Edge
from ...resources import Resource

#: The columns that identify the edge of a row.
COLUMNS = ("relation", "from_identifier", "from_object_id", "to_identifier", "to_object_id")


def make_edge(relation: str, *ends: str) -> Edge:
    """Return the edge for the values of these columns."""
    return Edge(relation, Resource(*ends[:2]), Resource(*ends[2:]))


def edge_of(row: Any) -> Edge:
    """Return the edge of a row, of any model with these columns."""
    return make_edge(*(getattr(row, column) for column in COLUMNS))


def columns_of(edge: Edge) -> dict[str, str]:
    """Return the columns of a row for an edge."""
    return dict(zip(COLUMNS, edge.words, strict=True))


class ExactCharField(CharField):  # type: ignore[type-arg]
    """A ``CharField`` that distinguishes ``a`` from ``A`` and from ``a`` with a trailing space.

    SQLite and PostgreSQL do so by default. MySQL and MariaDB need a collation for it: those below compare case and
    trailing spaces.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        parameters: dict[str, Any] = super().db_parameters(connection)
        if connection.vendor == "mysql":
            mariadb = getattr(connection, "mysql_is_mariadb", False)
            parameters["collation"] = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
        return parameters


class UTCDateTimeField(DateTimeField):  # type: ignore[type-arg]
    """A ``DateTimeField`` that stores UTC and returns aware datetimes in UTC, with any ``USE_TZ`` and ``TIME_ZONE``.

    Without ``USE_TZ`` Django stores local time. In it, the hour after clocks are set back looks like the hour
    before, and the rows of these hours would lose their order.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        # PostgreSQL would return a timestamp with time zone in the time zone of the connection.
        return "timestamp" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:  # noqa: FBT001, FBT002 Django's signature
        value = value if prepared else self.get_prep_value(value)
        if isinstance(value, datetime):
            if timezone.is_naive(value):
                value = timezone.make_aware(value, timezone.get_default_timezone())
            value = value.astimezone(UTC).replace(tzinfo=None)
        return connection.ops.adapt_datetimefield_value(value)

    def from_db_value(self, value: datetime | None, expression: object, connection: object) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class UTCNow(Func):
    """The time by the server's clock, when the statement begins, as a :class:`UTCDateTimeField` stores it."""

    output_field = UTCDateTimeField()

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "(STATEMENT_TIMESTAMP() AT TIME ZONE 'UTC')"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW')"
        return self.as_sql(compiler, connection, template=template, **context)


def make_digest(words: Iterable[str]) -> bytes:
    """The 16 bytes by which a table finds an edge (by its ``words``) or a resource: BLAKE2b of them, joined by NUL."""
    return hashlib.blake2b("\0".join(words).encode(), digest_size=16).digest()


class DigestField(BinaryField):  # type: ignore[type-arg]
    """A digest, 16 bytes: one short column for look-ups.

    MariaDB compares each row with a whole list of rows, and a unique index of several texts is large on every database.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        return "binary(16)" if connection.vendor == "mysql" else super().db_type(connection)


class EdgeDigestField(DigestField):
    """The digest of the edge of a row, computed when the row is saved."""

    def pre_save(self, model_instance: Model, add: bool) -> bytes:  # noqa: FBT001 Django's signature
        digest = make_digest(edge_of(model_instance).words)
        setattr(model_instance, self.attname, digest)
        return digest
