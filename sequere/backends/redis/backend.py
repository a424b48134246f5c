"""The backend that runs the scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from django.core.checks import CheckMessage

from ...conf import get_setting
from ...exceptions import InvalidSettings
from ...resources import Resource
from ..base import BaseBackend, GraphOperation
from ..operations import decode
from . import checks, scripts
from .connection import Connection
from .errors import translated
from .uids import walk_resources

R = TypeVar("R")


class RedisBackend(BaseBackend):
    """The graph in Redis or Valkey: every operation is one script and one round trip.

    The scripts check the arguments. When a connection breaks, reads are repeated, but writes that may have been applied
    are not: they raise :class:`~sequere.exceptions.OutcomeUnknown`, and the caller may repeat them. The first call of a
    process makes one more round trip, to load the scripts. Each event loop has its own client, which is closed when the
    loop shuts down.
    """

    def __init__(self) -> None:
        prefix = get_setting("SEQUERE_REDIS_PREFIX")
        if not isinstance(prefix, str):
            raise InvalidSettings(f"SEQUERE_REDIS_PREFIX must be text; got {prefix!r:.80}")
        self.prefix = prefix
        #: The KEYS of every script: the prefix and the guard. This guard lets every call pass.
        self.keys: tuple[str, str] = (prefix, f"{prefix}global:uid")
        self.primary = Connection("SEQUERE_REDIS_CONNECTION")
        #: The connection for operations that read; None: the primary.
        self.replica: Connection | None = None
        if get_setting("SEQUERE_REDIS_REPLICA_CONNECTION") is not None:
            self.replica = Connection("SEQUERE_REDIS_REPLICA_CONNECTION", replica=True)
        self._scripts = scripts.catalogue()

    @property
    def connections(self) -> list[Connection]:
        """The primary and, if the settings name one, the replica."""
        return [self.primary] if self.replica is None else [self.primary, self.replica]

    @property
    def client(self) -> Any:
        """The client of the primary, which repeats no command by itself."""
        return self.primary.client

    def perform(self, operation: GraphOperation[R]) -> R:
        connection = self.primary if operation.writes or self.replica is None else self.replica
        return operation.reply(connection.run(self._scripts[operation.script], self.keys, operation.arguments()))

    async def aperform(self, operation: GraphOperation[R]) -> R:
        connection = self.primary if operation.writes or self.replica is None else self.replica
        return operation.reply(await connection.arun(self._scripts[operation.script], self.keys, operation.arguments()))

    def run(self, name: str, *arguments: str | int | bytes) -> Any:
        """Run a script by name on the primary. Returns its reply, bytes or text as the client decodes."""
        return self.primary.run(self._scripts[name], self.keys, arguments)

    def resources(self) -> Iterator[list[Resource]]:
        """As the base class says. One round trip for each 500 uids that were given out."""
        return walk_resources(self.client, self.prefix)

    def kinds(self) -> list[str]:
        """As the base class says. One round trip."""
        with translated():
            return sorted(map(decode, self.client.smembers(f"{self.prefix}global:kinds")))

    def check(self) -> list[CheckMessage]:
        return checks.check_settings(self.connections, self.prefix)

    def check_server(self) -> list[CheckMessage]:
        return checks.check_server(self.connections, self.keys)
