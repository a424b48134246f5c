"""Translates between datetimes and the timestamps of the graph: seconds since the epoch, UTC, with microseconds."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.utils import timezone

from .exceptions import InvalidTimestamp

#: Timestamps are below this (the year 2242): up to it, a double distinguishes microseconds.
END = 2.0**33

MICROSECONDS = 1_000_000


def to_seconds(value: float | datetime | None, name: str = "timestamp", *, end: float = END) -> float:
    """Return the seconds since the epoch, UTC, of a timestamp that a caller passed as argument ``name``.

    ``value`` is a datetime (a naive one is in the default time zone), seconds since the epoch, or None for now, by this
    machine's clock. Raises :class:`InvalidTimestamp` for anything else and for a value that is not from 0 to below
    ``end``, 2**33. No round trip.
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
        raise InvalidTimestamp(f"{name} must be a datetime or seconds since the epoch; got {value!r}")
    if not math.isfinite(seconds) or not 0 <= seconds < end:
        raise InvalidTimestamp(f"{name} must be from 0 to below {end:.0f} seconds since the epoch; got {value!r}")
    return seconds


def to_end(until: datetime | timedelta | None, now: float) -> float | None:
    """Return the end that an ``until=`` argument means, in seconds since the epoch, UTC; None for never.

    A timedelta counts from ``now``, in seconds since the epoch. Raises :class:`InvalidTimestamp` for a value of another
    type, for an end that is not after ``now``, and for one that is too late.
    """
    if until is None:
        return None
    if isinstance(until, timedelta):
        end = now + until.total_seconds()
    elif isinstance(until, datetime):
        end = to_seconds(until, "until")
    else:
        raise InvalidTimestamp(f"until must be a datetime, a timedelta or None; got {until!r:.80}")
    if not now < end < END:
        raise InvalidTimestamp(f"until must be in the future and before the year 2242; got {until!r}")
    return end


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
