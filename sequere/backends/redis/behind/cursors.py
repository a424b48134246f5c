"""Translates the cursors of pages, so that a walk can continue in the other store.

Both begin with the time of the last entry shown: in Redis seconds and the entry's uid, in the database microseconds and
the row's id. The other store has no such uid or row, so there the walk continues with the first entry of that
microsecond.
"""

from __future__ import annotations

import re
from decimal import Decimal

from ...database.cursors import CURSOR

_REDIS = re.compile(r"(?P<at>\d{1,11}(?:\.\d{1,16})?):\d{1,20}(?::(?P<bound>\d{1,11}(?:\.\d{1,16})?))?", re.ASCII)

_MICROSECOND = Decimal("0.000001")


def for_database(cursor: str, desc: bool) -> str:  # noqa: FBT001 as with_cursor calls it
    """A cursor of Redis in the form that the database takes; any other as it is."""
    match = _REDIS.fullmatch(cursor)
    if not match:
        return cursor
    first = "f" * 32 if desc else "0" * 32
    return _join(_to_micros(match["at"]), first, match["bound"] and _to_micros(match["bound"]))


def for_redis(cursor: str, desc: bool) -> str:  # noqa: FBT001 as with_cursor calls it
    """A cursor of the database in the form that Redis takes; any other as it is."""
    match = CURSOR.fullmatch(cursor)
    if not match:
        return cursor
    # Entries of one time are sorted by uid as text: nines come after every uid, 0 before.
    first = "9" * 20 if desc else "0"
    return _join(_to_seconds(match["at"]), first, match["bound"] and _to_seconds(match["bound"]))


def _join(at: str, first: str, bound: str | None) -> str:
    return f"{at}:{first}" if bound is None else f"{at}:{first}:{bound}"


def _to_micros(seconds: str) -> str:
    return str(round(Decimal(seconds) / _MICROSECOND))


def _to_seconds(micros: str) -> str:
    return f"{int(micros) * _MICROSECOND:.6f}"
