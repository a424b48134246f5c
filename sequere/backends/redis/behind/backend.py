"""Redis answers, the database follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.core.checks import CheckMessage
from django.utils.functional import cached_property

from ....conf import get_setting
from ....exceptions import BackendUnavailable, ColdStore
from ....resources import Resource
from ...base import GraphOperation
from ...database import DatabaseBackend
from ..backend import RedisBackend
from . import checks
from .cursors import for_database, for_redis
from .nudge import Nudge

R = TypeVar("R")

#: How many times an operation is tried while Redis goes cold and comes back.
ATTEMPTS = 10


class RedisFallbackBackend(RedisBackend):
    """The graph in Redis, and a copy in the database that follows it.

    Redis answers, in one round trip as with :class:`RedisBackend`; the scripts append each change to a journal, from
    which ``drain`` brings the database up to date. Every call passes the journal as guard. When Redis has lost its data
    (is *cold*), reads and writes go to the database, writes with one more round trip, until a rebuild has filled Redis
    again. A walk that this interrupts continues in the other store at the same time: no entry is skipped, and entries
    of that microsecond may be returned twice.

    With ``SEQUERE_REDIS_FALLBACK_READS`` reads also go to the database while Redis cannot be reached;
    they then lack what was not drained yet.
    """

    def __init__(self) -> None:
        super().__init__()
        self.keys = (self.prefix, f"{self.prefix}global:journal")
        self.database = DatabaseBackend()
        self.nudge = Nudge()

    @cached_property
    def unguarded(self) -> RedisBackend:
        """The same server without the guard and without a replica, for functions that drain, rebuild or compare."""
        unguarded = RedisBackend()
        unguarded.replica = None
        return unguarded

    def perform(self, operation: GraphOperation[R]) -> R:
        for _ in range(ATTEMPTS):
            try:
                result = super().perform(operation.with_cursor(for_redis))
            except (ColdStore, BackendUnavailable) as error:
                self.check_tolerable(operation, error)
            else:
                self._nudge_after(operation)
                return result
            replies = self.perform_while_cold(operation)
            if replies:
                return replies[0]
        raise self._restless(operation)

    async def aperform(self, operation: GraphOperation[R]) -> R:
        for _ in range(ATTEMPTS):
            try:
                result = await super().aperform(operation.with_cursor(for_redis))
            except (ColdStore, BackendUnavailable) as error:
                self.check_tolerable(operation, error)
            else:
                self._nudge_after(operation)
                return result
            replies = await sync_to_async(self.perform_while_cold)(operation)
            if replies:
                return replies[0]
        raise self._restless(operation)

    def resources(self) -> Iterator[list[Resource]]:
        """As the base class says, from the database while Redis is cold."""
        try:
            self.run("lookup", "sequere", "check")
        except ColdStore:
            return self.database.resources()
        return super().resources()

    def kinds(self) -> list[str]:
        """As the base class says, with one more round trip; from the database while Redis is cold."""
        try:
            self.run("lookup", "sequere", "check")
        except ColdStore:
            return self.database.kinds()
        return super().kinds()

    def check_tolerable(self, operation: GraphOperation[R], error: ColdStore | BackendUnavailable) -> None:
        """Raise the error that stopped an operation, unless the database may answer instead of Redis."""
        if isinstance(error, ColdStore):
            self.nudge()  # the drain that follows begins a rebuild
        elif operation.writes or not get_setting("SEQUERE_REDIS_FALLBACK_READS"):
            raise error

    def perform_while_cold(self, operation: GraphOperation[R]) -> list[R]:
        """Perform an operation in the database. Returns an empty list, and does nothing, if Redis answers again."""
        if not operation.writes:
            return [self.database.perform(operation.with_cursor(for_database))]
        from .outbox import RedisIsBackError, change_while_cold  # models need their applications loaded

        try:
            return [change_while_cold(self.unguarded, self.database, operation)]
        except RedisIsBackError:
            return []

    def _nudge_after(self, operation: GraphOperation[R]) -> None:
        if operation.writes:
            self.nudge()

    def _restless(self, operation: GraphOperation[R]) -> ColdStore:
        effect = " Nothing changed." if operation.writes else ""
        return ColdStore(
            f"{operation.script}: Redis lost its data and came back {ATTEMPTS} times during this call.{effect}"
        )

    def check(self) -> list[CheckMessage]:
        return checks.check_settings() or super().check()

    def check_server(self) -> list[CheckMessage]:
        if self.check():
            return []  # check() reports it
        problems = self.unguarded.check_server()
        answers = all(problem.id != "sequere.W001" for problem in problems)
        return [*problems, *checks.check_server(self.unguarded, answers=answers)]
