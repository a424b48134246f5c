"""Redis answers, the database remembers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial, wraps
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.apps import apps
from django.core import checks
from django.db import router
from redis.exceptions import NoPermissionError

from ....conf import get_setting
from ....exceptions import BackendUnavailable, ColdStore
from ....resources import Resource
from ...database.backend import DatabaseBackend, check_tables
from ..backend import ACL_HINT, FORGET_STEP, RedisBackend
from ..client import find_node
from .cursors import for_database, for_redis
from ..errors import FAILURES
from .nudge import Nudge

if TYPE_CHECKING:
    from ...database.bulk import Edge

#: How often a write is tried while Redis goes cold and comes back.
ATTEMPTS = 10


def _reading(name: str) -> Any:
    """A read: from Redis; from the database while Redis is cold or, where the settings say so, unreachable."""
    ask = getattr(RedisBackend, name)

    @wraps(ask)
    def read(self: RedisFallbackBackend, *arguments: Any, **options: Any) -> Any:
        try:
            return ask(self, *arguments, **for_redis(options))
        except (ColdStore, BackendUnavailable) as error:
            self.excuse(error)
        return getattr(self.database, name)(*arguments, **for_database(options))

    return read


def _areading(name: str) -> Any:
    ask = getattr(RedisBackend, f"a{name}")

    @wraps(ask)
    async def read(self: RedisFallbackBackend, *arguments: Any, **options: Any) -> Any:
        try:
            return await ask(self, *arguments, **for_redis(options))
        except (ColdStore, BackendUnavailable) as error:
            self.excuse(error)
        return await getattr(self.database, f"a{name}")(*arguments, **for_database(options))

    return read


def _writing(name: str) -> Any:
    """A write: into Redis, which notes it for the database; into the database while Redis is cold."""
    ask = getattr(RedisBackend, name)
    while_cold = f"_{name}_while_cold"

    @wraps(ask)
    def write(self: RedisFallbackBackend, *arguments: Any, **options: Any) -> Any:
        for _ in range(ATTEMPTS):
            try:
                reply = ask(self, *arguments, **options)
            except ColdStore:
                reply = getattr(self, while_cold)(*arguments, **options)
            self.nudge()
            if reply is not None:
                return reply
        raise ColdStore(f"{name}: Redis lost its memory {ATTEMPTS} times during this call. Nothing changed.")

    return write


def _awriting(name: str) -> Any:
    ask = getattr(RedisBackend, f"a{name}")
    while_cold = f"_{name}_while_cold"

    @wraps(ask)
    async def write(self: RedisFallbackBackend, *arguments: Any, **options: Any) -> Any:
        for _ in range(ATTEMPTS):
            try:
                reply = await ask(self, *arguments, **options)
            except ColdStore:
                reply = await sync_to_async(getattr(self, while_cold))(*arguments, **options)
            self.nudge()
            if reply is not None:
                return reply
        raise ColdStore(f"{name}: Redis lost its memory {ATTEMPTS} times during this call. Nothing changed.")

    return write


class RedisFallbackBackend(RedisBackend):
    """Follows in Redis, and behind it in the database.

    Redis answers, in one round trip as with :class:`RedisBackend`; the scripts note each change in a
    journal, from which ``drain`` brings the database up to date. Every call passes the journal as guard:
    when Redis has lost its memory (is *cold*), reads and writes go to the database, by one more round
    trip, until a rebuild has filled Redis again. A walk that this interrupts goes on in the other store
    from the same time: nobody is skipped, those of that very microsecond may come twice.

    With ``SEQUERE_REDIS_FALLBACK_READS`` reads also go to the database while Redis cannot be reached;
    they then lack what was not drained yet.
    """

    def __init__(self) -> None:
        super().__init__()
        self.keys = (self.prefix, f"{self.prefix}global:journal")
        self.database = DatabaseBackend()
        self.nudge = Nudge()

    @cached_property
    def graph(self) -> RedisBackend:
        """The same server without the guard and without a replica: for those who drain, rebuild and compare."""
        graph = RedisBackend()
        graph.replica = None
        return graph

    follow, afollow = _writing("follow"), _awriting("follow")
    unfollow, aunfollow = _writing("unfollow"), _awriting("unfollow")
    follow_many, afollow_many = _writing("follow_many"), _awriting("follow_many")
    unfollow_many, aunfollow_many = _writing("unfollow_many"), _awriting("unfollow_many")
    forget, aforget = _writing("forget"), _awriting("forget")
    is_following, ais_following = _reading("is_following"), _areading("is_following")
    are_following, aare_following = _reading("are_following"), _areading("are_following")
    relationship, arelationship = _reading("relationship"), _areading("relationship")
    count, acount = _reading("count"), _areading("count")
    page, apage = _reading("page"), _areading("page")

    def excuse(self, error: ColdStore | BackendUnavailable) -> None:
        """Raise what stopped a read, unless the database may answer in its place."""
        if isinstance(error, ColdStore):
            self.nudge()  # the drain that follows begins a rebuild
        elif not get_setting("SEQUERE_REDIS_FALLBACK_READS"):
            raise error

    def _follow_while_cold(self, from_resource: Resource, to_resource: Resource, *, timestamp: float) -> bool | None:
        replies = self._follow_many_while_cold(from_resource, [to_resource], timestamp=timestamp)
        return replies[0] if replies else None

    def _unfollow_while_cold(self, from_resource: Resource, to_resource: Resource) -> bool | None:
        replies = self._unfollow_many_while_cold(from_resource, [to_resource])
        return replies[0] if replies else None

    def _follow_many_while_cold(
        self, from_resource: Resource, to_resources: Sequence[Resource], *, timestamp: float
    ) -> list[bool] | None:
        write = partial(self.database.follow_many, from_resource, to_resources, timestamp=timestamp)
        return self._change_while_cold(write, from_resource, to_resources, timestamp)

    def _unfollow_many_while_cold(self, from_resource: Resource, to_resources: Sequence[Resource]) -> list[bool] | None:
        write = partial(self.database.unfollow_many, from_resource, to_resources)
        return self._change_while_cold(write, from_resource, to_resources, None)

    def _change_while_cold(
        self,
        write: Callable[[], list[bool]],
        from_resource: Resource,
        to_resources: Sequence[Resource],
        timestamp: float | None,
    ) -> list[bool] | None:
        def change() -> tuple[list[bool], list[Edge]]:
            replies = write()
            return replies, [(from_resource, to) for to, new in zip(to_resources, replies, strict=True) if new]

        from .outbox import change_while_cold  # models can be imported once the applications are loaded

        return change_while_cold(self.graph, change, timestamp)

    def _forget_while_cold(self, resource: Resource) -> int | None:
        from .outbox import change_while_cold, remove_some

        total = 0
        while removed := change_while_cold(self.graph, partial(remove_some, resource, FORGET_STEP), None):
            total += removed
        if removed is None:  # Redis is back; what was removed so far is replayed there
            return total + RedisBackend.forget(self, resource) if total else None
        return total

    def check(self) -> list[checks.CheckMessage]:
        missing = [
            name for name in ("sequere.backends.database", "sequere.backends.redis") if not apps.is_installed(name)
        ]
        if missing:
            return [
                checks.Error(
                    f"RedisFallbackBackend has no tables: {' and '.join(missing)} not in INSTALLED_APPS.",
                    hint="Add 'sequere.backends.database' and 'sequere.backends.redis' and run migrate.",
                    id="sequere.E004",
                )
            ]
        return [*self._check_routing(), *super().check()]

    def _check_routing(self) -> list[checks.CheckMessage]:
        from ..models import Journal, get_alias

        here, there = router.db_for_write(Journal), get_alias()
        if here == there:
            return []
        return [
            checks.Error(
                f"The database routers send the follows to {there!r}, but the journal's position to {here!r}; "
                "the two are written in one transaction.",
                hint="Let the routers treat the applications sequere_database and sequere_redis alike.",
                id="sequere.E005",
            )
        ]

    def check_server(self) -> list[checks.CheckMessage]:
        if self.check():
            return []  # check() tells
        return [
            *self.graph.check_server(),
            *self.check_tables(),
            *self._check_persistence(),
            *self._check_scan(),
        ]

    def check_tables(self) -> list[checks.CheckMessage]:
        """What is to be told of tables that are missing. One query."""
        from ...database.models import Follow
        from ..models import Journal, OutboxEntry, SetAside

        return check_tables(Follow, Journal, OutboxEntry, SetAside)

    def _check_scan(self) -> list[checks.CheckMessage]:
        try:
            find_node(self.graph.client, self.prefix).scan(count=1)
        except NoPermissionError as error:
            words = f"The server's user cannot rebuild, which goes over the keys: {error}"
            return [checks.Warning(words, hint=ACL_HINT, id="sequere.W005")]
        except FAILURES:
            pass  # the others tell
        return []

    def _check_persistence(self) -> list[checks.CheckMessage]:
        try:
            kept = find_node(self.graph.client, self.prefix).info("persistence").get("aof_enabled")
        except FAILURES as error:
            return [checks.Warning(f"The server does not tell whether it keeps an AOF: {error}", id="sequere.W003")]
        if kept in (0, "0"):
            return [
                checks.Warning(
                    "The server keeps no AOF: what was not drained when it dies is lost.",
                    hint="Set appendonly yes, and appendfsync always to lose nothing or everysec to lose a second.",
                    id="sequere.W006",
                )
            ]
        return []
