"""The backend that runs the scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.core import checks

from . import scripts
from ...conf import get_setting
from ...exceptions import InvalidSettings, SequereException
from ...resources import Resource
from ..base import MAX_PAGE, BaseBackend, Entry, Page, Relationship
from .client import find_node, is_cluster
from .connection import Connection
from .errors import FAILURES
from .operate.permissions import find_missing

#: What a replica may answer: the questions of applications. Others must know what stands at this moment.
REPLICATED = frozenset({"are_following", "count", "is_following", "page", "relationship"})

#: Edges that one call of forget removes: about 10 ms of the server's time.
FORGET_STEP = 500

#: Entries that one step of audit looks at.
AUDIT_STEP = 100

ACL_HINT = "Run the line that `manage.py sequere acl` prints, with --user for another name."


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
        self.primary = Connection("SEQUERE_REDIS_CONNECTION")
        #: Where reads go; None: to the primary.
        self.replica: Connection | None = None
        if get_setting("SEQUERE_REDIS_REPLICA_CONNECTION") is not None:
            self.replica = Connection("SEQUERE_REDIS_REPLICA_CONNECTION", replica=True)
        self._scripts = scripts.catalogue()

    @property
    def connections(self) -> list[Connection]:
        """The primary and, where the settings name one, the replica."""
        return [self.primary] if self.replica is None else [self.primary, self.replica]

    @property
    def client(self) -> Any:
        """The redis-py client of the primary, which repeats no command by itself."""
        return self.primary.client

    def run(self, name: str, *arguments: str | int | bytes) -> Any:
        """Run a script by name, with this backend's prefix. Returns its reply, bytes or text as the client decodes."""
        return self._connection(name).run(self._scripts[name], self.keys, arguments)

    async def arun(self, name: str, *arguments: str | int | bytes) -> Any:
        """As :meth:`run`, by ``redis.asyncio``; in a thread if the project's own class makes the clients."""
        return await self._connection(name).arun(self._scripts[name], self.keys, arguments)

    def _connection(self, name: str) -> Connection:
        return self.replica if self.replica is not None and name in REPLICATED else self.primary

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
            for connection in self.connections:
                _ = connection.client
        except InvalidSettings as error:
            return [checks.Error(str(error), id="sequere.E003")]
        except FAILURES:
            return []  # a cluster's client connects at once; check_server() tells
        if is_cluster(self.client) and not re.search(r"^[^{]*\{[^}]+\}", self.prefix):
            return [
                checks.Error(
                    f"On a cluster the keys of a graph must share a hash tag; SEQUERE_REDIS_PREFIX is {self.prefix!r}.",
                    hint="Set SEQUERE_REDIS_PREFIX to a text with a tag in braces, such as '{sequere}:'.",
                    id="sequere.E006",
                )
            ]
        return []

    def check_server(self) -> list[checks.CheckMessage]:
        try:
            for name in ("lookup", "count"):  # one that the primary answers, one that a replica may
                self.run(name, "sequere", "check", *["followers"][: name == "count"])
        except InvalidSettings:
            return []  # check() tells
        except SequereException as error:
            return [
                checks.Warning(
                    f"The Redis backend does not work: {error}",
                    hint="Start the server, or correct SEQUERE_REDIS_CONNECTION (address, user, password).",
                    id="sequere.W001",
                )
            ]
        return [*self._check_policy(), *self._check_permissions()]

    def _check_policy(self) -> list[checks.CheckMessage]:
        try:
            policy = find_node(self.client, self.prefix).info("memory").get("maxmemory_policy", "")
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
        try:
            missing = find_missing(self.client, self.prefix)
        except FAILURES as error:
            words = f"The server does not tell whether its user may do all that the scripts do: {error}"
            return [checks.Warning(words, hint=ACL_HINT, id="sequere.W005")]
        if not missing:
            return []
        told = "; ".join(f"{permission} (for {', '.join(names)})" for permission, names in missing.items())
        return [checks.Warning(f"The server's user lacks permissions: {told}", hint=ACL_HINT, id="sequere.W005")]


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
