"""Makes the calls, counts their round trips and queries, and measures their times."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pprint import pformat
from statistics import median
from typing import Any
from unittest.mock import patch

from django.db import connection
from django.test.utils import CaptureQueriesContext, override_settings

from ..backends.operations import Count
from ..resources import Resource
from ..results import FollowList
from .server import Held, Server
from .session import IMPORTS, PARTS, SETTING, Call, Part

#: How many times a call is repeated; its time is the median.
REPETITIONS = 25

#: Replies are broken into lines of this width.
REPLY_WIDTH = 80


@dataclass(frozen=True)
class Outcome:
    """The result of one call with one backend."""

    reply: str
    round_trips: int
    queries: int
    microseconds: float


@dataclass(frozen=True)
class Played:
    """The results of a part with each backend, and the keys in Redis at its end, if requested."""

    part: Part
    redis: list[Outcome]
    database: list[Outcome]
    keys: dict[str, Held] | None


@dataclass(frozen=True)
class Performance:
    """The whole session; ``loading`` is the round trips that connected and loaded the scripts."""

    server: str
    loading: int
    played: list[Played]

    @property
    def redis(self) -> list[Outcome]:
        """The results of all calls with RedisBackend."""
        return [outcome for played in self.played for outcome in played.redis]

    @property
    def database(self) -> list[Outcome]:
        """The results of all calls with DatabaseBackend."""
        return [outcome for played in self.played for outcome in played.database]

    @property
    def differing(self) -> int:
        """How many calls the backends answered differently."""
        return sum(one.reply != other.reply for one, other in zip(self.redis, self.database, strict=True))


def play(server: Server, *, keys: bool) -> Performance:
    """Run the session with RedisBackend on this server, then with DatabaseBackend; with ``keys``, read the keys."""
    names: dict[str, Any] = {}
    exec(IMPORTS + SETTING, names)
    # Both get the same times, so that their replies can be compared to the microsecond.
    start = time.time()

    clock = count(start, 0.01)
    with override_settings(
        SEQUERE_BACKEND_CLASS="sequere.backends.redis.RedisBackend",
        SEQUERE_REDIS_CONNECTION={"connection_pool": server.pool},
        SEQUERE_REDIS_PREFIX=server.prefix,
    ):
        Count(["followers"], [Resource("user", "0")]).perform()
        loading = server.pool.round_trips - 1
        redis = [(_play(part, names, clock, server), server.read_keys() if keys else None) for part in PARTS]

    clock = count(start, 0.01)
    with override_settings(SEQUERE_BACKEND_CLASS="sequere.backends.database.DatabaseBackend"):
        database = [_play(part, names, clock, server) for part in PARTS]

    played = [
        Played(part, outcomes, others, held)
        for part, (outcomes, held), others in zip(PARTS, redis, database, strict=True)
    ]
    return Performance(server.name, loading, played)


def _play(part: Part, names: dict[str, Any], clock: Iterator[float], server: Server) -> list[Outcome]:
    return [_make(call, names, next(clock), server) for call in part.calls]


def _make(call: Call, names: dict[str, Any], now: float, server: Server) -> Outcome:
    code = compile(call.source, "<demo>", "eval")

    def timed() -> tuple[Any, float]:
        began = time.perf_counter()
        value = eval(code, names)
        reply = list(map(tuple, value)) if isinstance(value, FollowList) else value  # pformat breaks plain tuples only
        return reply, (time.perf_counter() - began) * 1_000_000

    def repeated() -> float:
        if call.undo:
            eval(call.undo, names)
        return timed()[1]

    if call.before:
        names["before"] = eval(call.before, names)
    with patch("sequere.timestamps.time.time", lambda: now):
        trips = server.pool.round_trips
        with CaptureQueriesContext(connection) as queries:
            reply, _ = timed()
        trips = server.pool.round_trips - trips
        microseconds = median(repeated() for _ in range(REPETITIONS))
    return Outcome(pformat(reply, width=REPLY_WIDTH, sort_dicts=False), trips, len(queries), microseconds)
