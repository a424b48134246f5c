"""Conflicts with other transactions: a write is repeated here, or the conflict is reported to the caller."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.core import checks
from django.db import OperationalError, connections

from ...exceptions import WriteConflict

T = TypeVar("T")

#: How many times a write is tried.
ATTEMPTS = 10

#: The longest pause between two tries, in seconds.
LONGEST_PAUSE = 1.0

#: The codes of the databases: a serialization failure or a deadlock (PostgreSQL, SQLSTATE); a deadlock, rows that
#: changed during the transaction, a lock wait timeout (MySQL, MariaDB).
_CONFLICTS = {"40001", "40P01", 1213, 1020, 1205}


def despite_conflicts(alias: str, write: Callable[[], T]) -> T:
    """Run a write; repeat it after a pause if it conflicts with another transaction. Returns what it returns.

    Inside a transaction only its owner can begin again, so there the write runs once, and a conflict is raised as
    :class:`~sequere.exceptions.WriteConflict`. Other errors of the database, and the last conflict of ten, are raised
    unchanged.
    """
    is_nested = connections[alias].in_atomic_block
    for attempt in range(ATTEMPTS):
        try:
            return write()
        except OperationalError as error:
            if not is_conflict(error) or (is_nested and isinstance(error, WriteConflict)):
                raise
            if attempt == ATTEMPTS - 1:
                if isinstance(error, WriteConflict) and error.__cause__:
                    raise error.__cause__ from None  # not WriteConflict: the caller has no transaction to repeat
                raise
            if is_nested:
                raise WriteConflict(
                    f"Another transaction changed the follow graph at the same time ({error}). Nothing of this one is "
                    "kept: roll it back and repeat it from its beginning."
                ) from error
        time.sleep(random.uniform(0, min(LONGEST_PAUSE, 0.01 * 2**attempt)))
    raise AssertionError("unreachable")


def check_transactions(alias: str) -> list[checks.CheckMessage]:
    """Return a warning if transactions of a database cause conflicts that a setting would prevent. No query."""
    connection = connections[alias]
    mode = connection.settings_dict["OPTIONS"].get("transaction_mode") or "DEFERRED"
    if connection.vendor != "sqlite" or mode.upper() != "DEFERRED":
        return []
    return [
        checks.Warning(
            f"The database {alias!r} is SQLite, and its transactions lock at their first write: a transaction "
            "that reads first fails at once if another connection has written meanwhile "
            "(sequere.exceptions.WriteConflict).",
            hint='Set OPTIONS = {"transaction_mode": "IMMEDIATE"} in DATABASES.',
            id="sequere.W007",
        )
    ]


def is_conflict(error: OperationalError) -> bool:
    """Whether an error of the database is a conflict with another transaction, after which a write may be repeated."""
    if isinstance(error, WriteConflict):
        return True
    states = (getattr(error.__cause__, name, None) for name in ("sqlstate", "pgcode"))
    return bool(_CONFLICTS.intersection([*error.args, *states])) or "database is locked" in str(error)
