"""Texts with characters that the database, or the connection to it, does not have: ``latin1``, ``utf8mb3``."""

from __future__ import annotations

from django.core import checks
from django.db import Error as DatabaseError
from django.db import connections

from ...exceptions import InvalidObjectId

HINT = "Use UTF-8: OPTIONS = {'charset': 'utf8mb4'} in DATABASES on MariaDB and MySQL, ENCODING 'UTF8' on PostgreSQL."

#: The codes of the databases: an incorrect string value, collations that do not mix, a string that cannot be converted
#: (MariaDB, MySQL); a character without equivalent, bytes that are not text (PostgreSQL, SQLSTATE). A text that the
#: client library cannot encode is a UnicodeEncodeError.
_CODES = {1366, 1267, 1300, 3854, 3988, "22P05", "22021"}


def is_unfit(error: Exception) -> bool:
    """Whether a statement failed because a text has characters that the database or the connection does not have."""
    if isinstance(error, UnicodeEncodeError):
        return True
    states = (getattr(error.__cause__, name, None) for name in ("sqlstate", "pgcode"))
    return isinstance(error, DatabaseError) and bool(_CODES.intersection([*error.args, *states]))


def refuse_unfit(error: Exception) -> None:
    """Raise :class:`~sequere.exceptions.InvalidObjectId` if a text does not fit; otherwise do nothing."""
    if is_unfit(error):
        raise InvalidObjectId(f"object_id has characters that the database cannot hold: {error}. {HINT}") from error


def check_charset(alias: str) -> list[checks.CheckMessage]:
    """Return a warning if a database, or the connection to it, lacks characters. One query; none on SQLite."""
    connection = connections[alias]
    if connection.vendor == "mysql":
        sql, expected = "SELECT @@character_set_connection", "utf8mb4"
    elif connection.vendor == "postgresql":
        sql, expected = "SHOW server_encoding", "UTF8"
    else:
        return []
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            (found,) = cursor.fetchone()
    except DatabaseError:
        return []  # check_tables() reports it
    if found == expected:
        return []
    return [
        checks.Warning(
            f"The character set of the database {alias!r} is {found}: object ids with other characters are refused "
            "(sequere.exceptions.InvalidObjectId), and set aside by a drain.",
            hint=HINT,
            id="sequere.W009",
        )
    ]
