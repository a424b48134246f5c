"""Page cursors that go on in the other store.

Both begin with the time of the last entry shown: in Redis seconds and the entry's uid, in the database
microseconds and the row's id. The other store knows no such uid or row, so there the walk goes on with the
first entry of that very microsecond.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

_REDIS = re.compile(r"(?P<at>\d{1,10}(?:\.\d{1,16})?):\d{1,20}(?::(?P<bound>\d{1,10}(?:\.\d{1,16})?))?", re.ASCII)
_DATABASE = re.compile(r"(?P<at>\d{1,16}):[0-9a-f]{32}(?::(?P<bound>\d{1,16}))?", re.ASCII)

_MICROSECOND = Decimal("0.000001")


def for_database(options: dict[str, Any]) -> dict[str, Any]:
    """The options of ``page`` with a cursor of Redis turned into one that the database takes."""
    match = _REDIS.fullmatch(options.get("cursor", ""))
    if not match or _DATABASE.fullmatch(options["cursor"]):
        return options
    first = "f" * 32 if options.get("desc", True) else "0" * 32
    return {**options, "cursor": _join(_to_micros(match["at"]), first, match["bound"] and _to_micros(match["bound"]))}


def for_redis(options: dict[str, Any]) -> dict[str, Any]:
    """The options of ``page`` with a cursor of the database turned into one that Redis takes."""
    match = _DATABASE.fullmatch(options.get("cursor", ""))
    if not match:
        return options
    # Entries of one time are sorted by uid as text: nines come after every uid, 0 before.
    first = "9" * 20 if options.get("desc", True) else "0"
    return {**options, "cursor": _join(_to_seconds(match["at"]), first, match["bound"] and _to_seconds(match["bound"]))}


def _join(at: str, first: str, bound: str | None) -> str:
    return f"{at}:{first}" if bound is None else f"{at}:{first}:{bound}"


def _to_micros(seconds: str) -> str:
    return str(round(Decimal(seconds) / _MICROSECOND))


def _to_seconds(micros: str) -> str:
    return f"{int(micros) * _MICROSECOND:.6f}"
