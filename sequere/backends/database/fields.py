"""A text column that is compared byte for byte on every database."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField


class ExactCharField(CharField):  # type: ignore[type-arg]
    """A ``CharField`` that tells ``a`` from ``A`` and from ``a`` with a space behind it.

    SQLite and PostgreSQL do so anyhow. MySQL and MariaDB do not with their usual collations; these
    two are the ones that neither fold nor pad.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        parameters: dict[str, Any] = super().db_parameters(connection)
        if connection.vendor == "mysql":
            mariadb = getattr(connection, "mysql_is_mariadb", False)
            parameters["collation"] = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
        return parameters
