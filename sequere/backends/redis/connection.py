"""How a script reaches a server: the clients of one connection setting, what is repeated and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from functools import cached_property, partial
from typing import Any

from asgiref.sync import sync_to_async
from redis import exceptions as redis_errors
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from . import scripts
from .client import find_node, make_async_client, make_client
from .errors import FAILURES, translate

#: A read is repeated this often when its connection broke: at once, after 10 ms, after 20 ms.
READ_RETRIES = 3
_BACKOFF = ExponentialBackoff(cap=0.2, base=0.005)

_BROKEN = (redis_errors.ConnectionError, redis_errors.TimeoutError)


class Connection:
    """The server that a setting names, and its clients: one for all threads, one for each event loop.

    ``setting`` is the name of the setting. With ``replica`` every script is run by EVALSHA_RO, which a
    replica answers itself.
    """

    def __init__(self, setting: str, *, replica: bool = False) -> None:
        self.setting = setting
        self.replica = replica
        self.loaded = False
        self.async_clients: dict[asyncio.AbstractEventLoop, tuple[Any, AsyncGenerator[None]]] = {}

    @cached_property
    def client(self) -> Any:
        """The redis-py client, which repeats no command by itself."""
        return make_client(self.setting)

    def run(self, script: scripts.Script, keys: Sequence[str], arguments: Sequence[str | int | bytes]) -> Any:
        """Run a script: one round trip, one more to load the scripts at the first call of all. Returns its reply.

        A read is repeated when the connection breaks, a write never. Raises the exceptions of the package.
        """
        try:
            client = self.client
            if not self.loaded:
                self.loaded = scripts.load(find_node(client, keys[0]))
            run = partial(scripts.run, client, script, *keys, *arguments, keys=len(keys), replica=self.replica)
            try:
                return run()
            except _BROKEN as error:
                if not script.read_only or isinstance(error, redis_errors.AuthenticationError):
                    raise
            return Retry(_BACKOFF, READ_RETRIES - 1).call_with_retry(run, lambda error: None)
        except FAILURES as error:
            raise translate(error, script) from error

    async def arun(self, script: scripts.Script, keys: Sequence[str], arguments: Sequence[str | int | bytes]) -> Any:
        """As :meth:`run`, by ``redis.asyncio``; in a thread if the project's own class makes the clients."""
        client = await self._async_client()
        if client is None:
            return await sync_to_async(self.run)(script, keys, arguments)
        run = partial(scripts.arun, client, script, *keys, *arguments, keys=len(keys), replica=self.replica)
        try:
            if not self.loaded:
                await self._aload(client)
            try:
                return await run()
            except _BROKEN as error:
                if not script.read_only or isinstance(error, redis_errors.AuthenticationError):
                    raise

            async def ignore(error: Exception) -> None:
                return None

            return await AsyncRetry(_BACKOFF, READ_RETRIES - 1).call_with_retry(run, ignore)
        except FAILURES as error:
            raise translate(error, script) from error

    async def _async_client(self) -> Any | None:
        """The running event loop's own client: a connection of redis.asyncio belongs to one loop."""
        loop = asyncio.get_running_loop()
        if loop not in self.async_clients:
            # A loop that was closed without being shut down has not ended its generator: let go of it here.
            for closed in [known for known in self.async_clients if known.is_closed()]:
                del self.async_clients[closed]
            client = make_async_client(self.setting)
            if client is None:
                return None
            lifetime = self._lifetime(loop, client)
            self.async_clients[loop] = client, lifetime
            await anext(lifetime)
        return self.async_clients[loop][0]

    async def _lifetime(self, loop: asyncio.AbstractEventLoop, client: Any) -> AsyncGenerator[None]:
        """Closes the client with its loop: asyncio ends the generators that are suspended when a loop shuts down."""
        try:
            yield
        finally:
            self.async_clients.pop(loop, None)
            await client.aclose()

    async def _aload(self, client: Any) -> None:
        self.loaded = True  # first, or every call that begins meanwhile would load them too
        try:
            self.loaded = await scripts.aload(client)
        except BaseException:  # cancelled, say
            self.loaded = False
            raise
