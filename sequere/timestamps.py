"""Translates between datetimes and the timestamps of the graph: seconds since the epoch, UTC, with microseconds."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime

from django.conf import settings
from django.utils import timezone

from .exceptions import InvalidTimestamp

#: Timestamps are below this (the year 2242): up to it, a double distinguishes microseconds.
END = 2.0**33

MICROSECONDS = 1_000_000


def to_seconds(value: float | datetime | None) -> float:
    """Return the seconds since the epoch, UTC, of a timestamp that a caller passed.

    ``value`` is a datetime (a naive one is in the default time zone), seconds since the epoch, or None for now, by this
    machine's clock. Raises :class:`InvalidTimestamp` for anything else and for a value that is not from 0 to below
    2**33. No round trip.
    """
    if value is None:
        return time.time()
    if isinstance(value, datetime):
        if timezone.is_naive(value):
            value = timezone.make_aware(value, timezone.get_default_timezone())
        seconds = value.timestamp()
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            seconds = float(value) + 0.0  # -0.0 becomes 0.0
        except OverflowError:
            seconds = math.inf
    else:
        raise InvalidTimestamp(f"timestamp must be a datetime or seconds since the epoch; got {value!r}")
    if not math.isfinite(seconds) or not 0 <= seconds < END:
        raise InvalidTimestamp(f"timestamp must be from 0 to below {END:.0f} seconds since the epoch; got {value!r}")
    return seconds


def to_moment(seconds: float) -> datetime:
    """Return the aware datetime, in UTC, of seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC)


def to_datetime(seconds: float) -> datetime:
    """Return the datetime of seconds since the epoch: aware with ``USE_TZ``, else naive in the default time zone.

    Of two naive datetimes that are equal when clocks are set back, the later one has ``fold=1``.
    """
    moment = to_moment(seconds)
    return moment if settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())


def to_micros(moment: datetime) -> int:
    """Return the microseconds since the epoch, UTC, of an aware datetime, such as one from a table of edges."""
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * MICROSECONDS + since.microseconds


def to_text(micros: int | None) -> str:
    """Return microseconds since the epoch in the form of the scripts: seconds with six decimals; empty for None."""
    if micros is None:
        return ""
    return f"{micros // MICROSECONDS}.{micros % MICROSECONDS:06d}"
