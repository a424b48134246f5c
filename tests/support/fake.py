"""A client for SEQUERE_REDIS_CONNECTION_CLASS that needs no server, as users' tests have it."""

from __future__ import annotations

import fakeredis


class Fake(fakeredis.FakeRedis):
    """Every client of a process sees the same data; tests flush it."""

    def __init__(self) -> None:
        super().__init__(host="sequere-tests")
