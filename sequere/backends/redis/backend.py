"""The backend that runs the scripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from asgiref.sync import sync_to_async
from django.core import checks
from redis import exceptions as redis_errors
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from ... import scripts
from ...conf import get_setting
from ...exceptions import InvalidSettings, SequereException
from ...resources import Resource
from ..base import MAX_PAGE, BaseBackend, Entry, Page, Relationship
from .client import make_async_client, make_client
from .errors import translate
from .permissions import find_missing

#: A read is repeated this often when its connection broke: at once, after 10 ms, after 20 ms.
READ_RETRIES = 3
_BACKOFF = ExponentialBackoff(cap=0.2, base=0.005)

FAILURES = (redis_errors.RedisError, redis_errors.RedisClusterException, UnicodeEncodeError)
_BROKEN = (redis_errors.ConnectionError, redis_errors.TimeoutError)

#: Edges that one call of forget removes: about 10 ms of the server's time.
FORGET_STEP = 500

#: Entries that one step of audit looks at.
AUDIT_STEP = 100


class Finding(NamedTuple):
    """Something that ``audit`` found: count, missing, surplus, score, orphan, mapping or wrongtype."""

    kind: str
    key: str
    detail: str


class RedisBackend(BaseBackend):
    """Follows in Redis or Valkey: every call is one script and one round trip.

    Misuse is found by the scripts. Reads are repeated when a connection breaks, writes never:
    :class:`~sequere.exceptions.OutcomeUnknown` tells the caller, who may repeat them. The first call
    of a process makes one more round trip, to load the scripts; :meth:`forget` makes one for each 500
    edges, :meth:`audit` one for each 100 entries. An event loop has a client of its own, which is closed
    when the loop shuts down.
    """

    def __init__(self) -> None:
        prefix = get_setting("SEQUERE_REDIS_PREFIX")
        if not isinstance(prefix, str):
            raise InvalidSettings(f"SEQUERE_REDIS_PREFIX must be text; got {prefix!r:.80}")
        self.prefix = prefix
        #: What every script gets as KEYS.
        self.keys: tuple[str, ...] = (prefix,)
        self._scripts = scripts.catalogue()
        self._loaded = False
        self._async_clients: dict[asyncio.AbstractEventLoop, tuple[Any, AsyncGenerator[None]]] = {}

    @cached_property
    def client(self) -> Any:
        """The redis-py client, which repeats no command by itself."""
        return make_client()

    def run(self, name: str, *arguments: str | int | bytes) -> Any:
        """Run a script by name, with this backend's prefix. Returns its reply, bytes or text as the client decodes."""
        script = self._scripts[name]
        client = self.client
        try:
            if not self._loaded:
                self._loaded = scripts.load(client)
            try:
                return scripts.run(client, script, *self.keys, *arguments, keys=len(self.keys))
            except _BROKEN as error:
                if not script.read_only or isinstance(error, redis_errors.AuthenticationError):
                    raise
            return Retry(_BACKOFF, READ_RETRIES - 1).call_with_retry(
                lambda: scripts.run(client, script, *self.keys, *arguments, keys=len(self.keys)), lambda error: None
            )
        except FAILURES as error:
            raise translate(error, script) from error

    async def arun(self, name: str, *arguments: str | int | bytes) -> Any:
        """As :meth:`run`, by ``redis.asyncio``; in a thread if the project's own class makes the clients."""
        script = self._scripts[name]
        client = await self._async_client()
        if client is None:
            return await sync_to_async(self.run)(name, *arguments)
        try:
            if not self._loaded:
                await self._aload(client)
            try:
                return await scripts.arun(client, script, *self.keys, *arguments, keys=len(self.keys))
            except _BROKEN as error:
                if not script.read_only or isinstance(error, redis_errors.AuthenticationError):
                    raise

            async def again() -> Any:
                return await scripts.arun(client, script, *self.keys, *arguments, keys=len(self.keys))

            async def ignore(error: Exception) -> None:
                return None

            return await AsyncRetry(_BACKOFF, READ_RETRIES - 1).call_with_retry(again, ignore)
        except FAILURES as error:
            raise translate(error, script) from error

    async def _async_client(self) -> Any | None:
        """The running event loop's own client: a connection of redis.asyncio belongs to one loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._async_clients:
            # A loop that was closed without being shut down has not ended its generator: let go of it here.
            for closed in [known for known in self._async_clients if known.is_closed()]:
                del self._async_clients[closed]
            client = make_async_client()
            if client is None:
                return None
            lifetime = self._lifetime(loop, client)
            self._async_clients[loop] = client, lifetime
            await anext(lifetime)
        return self._async_clients[loop][0]

    async def _lifetime(self, loop: asyncio.AbstractEventLoop, client: Any) -> AsyncGenerator[None]:
        """Closes the client with its loop: asyncio ends the generators that are suspended when a loop shuts down."""
        try:
            yield
        finally:
            self._async_clients.pop(loop, None)
            await client.aclose()

    async def _aload(self, client: Any) -> None:
        self._loaded = True  # first, or every call that begins meanwhile would load them too
        try:
            self._loaded = await scripts.aload(client)
        except BaseException:  # cancelled, say
            self._loaded = False
            raise

    def follow(self, from_resource: Resource, to_resource: Resource, *, timestamp: float) -> bool:
        return bool(self.run("follow", *from_resource, *to_resource, f"{timestamp:.6f}"))

    async def afollow(self, from_resource: Resource, to_resource: Resource, *, timestamp: float) -> bool:
        return bool(await self.arun("follow", *from_resource, *to_resource, f"{timestamp:.6f}"))

    def unfollow(self, from_resource: Resource, to_resource: Resource) -> bool:
        return bool(self.run("unfollow", *from_resource, *to_resource))

    async def aunfollow(self, from_resource: Resource, to_resource: Resource) -> bool:
        return bool(await self.arun("unfollow", *from_resource, *to_resource))

    def follow_many(self, from_resource: Resource, to_resources: Sequence[Resource], *, timestamp: float) -> list[bool]:
        return _flags(self.run("follow_many", *from_resource, f"{timestamp:.6f}", *_flat(to_resources)))

    async def afollow_many(
        self, from_resource: Resource, to_resources: Sequence[Resource], *, timestamp: float
    ) -> list[bool]:
        return _flags(await self.arun("follow_many", *from_resource, f"{timestamp:.6f}", *_flat(to_resources)))

    def unfollow_many(self, from_resource: Resource, to_resources: Sequence[Resource]) -> list[bool]:
        return _flags(self.run("unfollow_many", *from_resource, *_flat(to_resources)))

    async def aunfollow_many(self, from_resource: Resource, to_resources: Sequence[Resource]) -> list[bool]:
        return _flags(await self.arun("unfollow_many", *from_resource, *_flat(to_resources)))

    def is_following(self, from_resource: Resource, to_resource: Resource) -> bool:
        return bool(self.run("is_following", *from_resource, *to_resource))

    async def ais_following(self, from_resource: Resource, to_resource: Resource) -> bool:
        return bool(await self.arun("is_following", *from_resource, *to_resource))

    def are_following(self, from_resource: Resource, to_resources: Sequence[Resource]) -> list[bool]:
        return _flags(self.run("are_following", *from_resource, *_flat(to_resources)))

    async def aare_following(self, from_resource: Resource, to_resources: Sequence[Resource]) -> list[bool]:
        return _flags(await self.arun("are_following", *from_resource, *_flat(to_resources)))

    def relationship(self, from_resource: Resource, to_resource: Resource) -> Relationship:
        return Relationship(*_flags(self.run("relationship", *from_resource, *to_resource)))

    async def arelationship(self, from_resource: Resource, to_resource: Resource) -> Relationship:
        return Relationship(*_flags(await self.arun("relationship", *from_resource, *to_resource)))

    def count(self, resource: Resource, relation: str, *, identifier: str = "") -> int:
        return int(self.run("count", *resource, relation, identifier))

    async def acount(self, resource: Resource, relation: str, *, identifier: str = "") -> int:
        return int(await self.arun("count", *resource, relation, identifier))

    def page(
        self,
        resource: Resource,
        relation: str,
        *,
        identifier: str = "",
        desc: bool = True,
        limit: int = MAX_PAGE,
        offset: int = 0,
        cursor: str = "",
    ) -> Page:
        return _page(self.run("page", *resource, relation, *_where(identifier, limit, offset, cursor, desc=desc)))

    async def apage(
        self,
        resource: Resource,
        relation: str,
        *,
        identifier: str = "",
        desc: bool = True,
        limit: int = MAX_PAGE,
        offset: int = 0,
        cursor: str = "",
    ) -> Page:
        return _page(
            await self.arun("page", *resource, relation, *_where(identifier, limit, offset, cursor, desc=desc))
        )

    def forget(self, resource: Resource) -> int:
        total: int = 0
        while True:
            removed, left = self.run("forget", *resource, FORGET_STEP)
            total += removed
            if not left:
                return total

    async def aforget(self, resource: Resource) -> int:
        total: int = 0
        while True:
            removed, left = await self.arun("forget", *resource, FORGET_STEP)
            total += removed
            if not left:
                return total

    def audit(self, resource: Resource, identifiers: Sequence[str], *, repair: bool = False) -> list[Finding]:
        """Hold a resource's part of the graph against itself, and with ``repair`` mend it.

        ``identifiers`` (1 to 100) are those whose lists are looked into. Nothing found means that counts,
        lists, both halves of each edge and friendships agree.
        """
        findings: list[Finding] = []
        cursor = ""
        while True:
            reply = self.run("audit", *resource, cursor, AUDIT_STEP, int(repair), *identifiers)
            fields = [scripts.decode(field) for field in reply[2:]]
            findings += map(Finding, fields[::3], fields[1::3], fields[2::3])
            cursor = scripts.decode(reply[0])
            if not cursor:
                return findings

    def check(self) -> list[checks.CheckMessage]:
        try:
            _ = self.client
        except InvalidSettings as error:
            return [checks.Error(str(error), id="sequere.E003")]
        return []

    def check_server(self) -> list[checks.CheckMessage]:
        try:
            self.run("count", "sequere", "check", "followers")
        except InvalidSettings:
            return []  # check() tells
        except SequereException as error:
            return [
                checks.Warning(
                    f"The Redis backend does not work: {error}",
                    hint="Start the server, or correct SEQUERE_REDIS_CONNECTION; the server must run Lua scripts.",
                    id="sequere.W001",
                )
            ]
        return [*self._check_policy(), *self._check_permissions()]

    def _check_policy(self) -> list[checks.CheckMessage]:
        try:
            policy = self.client.info("memory").get("maxmemory_policy", "")
        except FAILURES as error:
            return [checks.Warning(f"The server does not tell its eviction policy: {error}", id="sequere.W003")]
        if str(policy).startswith("allkeys"):
            return [
                checks.Warning(
                    f"The server may drop keys of the follow graph: its maxmemory-policy is {policy}.",
                    hint="Set maxmemory-policy to noeviction.",
                    id="sequere.W002",
                )
            ]
        return []

    def _check_permissions(self) -> list[checks.CheckMessage]:
        hint = "Run the line that `python -m sequere acl` prints, with this backend's prefix and user."
        try:
            missing = find_missing(self.client, self.prefix)
        except FAILURES as error:
            words = f"The server does not tell whether its user may do all that the scripts do: {error}"
            return [checks.Warning(words, hint=hint, id="sequere.W005")]
        if not missing:
            return []
        told = "; ".join(f"{permission} (for {', '.join(names)})" for permission, names in missing.items())
        return [checks.Warning(f"The server's user lacks permissions: {told}", hint=hint, id="sequere.W005")]


def _flags(reply: Sequence[int]) -> list[bool]:
    return [flag == 1 for flag in reply]


def _flat(resources: Sequence[Resource]) -> Iterator[str]:
    for resource in resources:
        yield from resource


def _where(identifier: str, limit: int, offset: int, cursor: str, *, desc: bool) -> tuple[str, ...]:
    """The arguments of the page script after the relation."""
    return identifier, "desc" if desc else "asc", str(limit), str(offset) if offset else "", cursor or ""


def _page(reply: Sequence[Any]) -> Page:
    fields = [scripts.decode(field) for field in reply]
    entries = list(map(Entry, fields[2::3], fields[3::3], map(float, fields[4::3])))
    return Page(reply[0], fields[1], entries)
