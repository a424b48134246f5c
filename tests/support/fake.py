"""Clients for SEQUERE_REDIS_CONNECTION_CLASS that need no server, as users' tests have them.

Every client of a process sees the same data; tests flush it.
"""

from __future__ import annotations

import fakeredis


class Fake(fakeredis.FakeRedis):
    """The one of redis-py."""

    def __init__(self) -> None:
        super().__init__(host="sequere-tests")


class FakeOfValkey(fakeredis.FakeValkey):
    """The one of valkey-py."""

    def __init__(self) -> None:
        super().__init__(host="sequere-tests")
