"""Runs scripts on a server: the clients of one connection setting, what is repeated and what is not."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async

from ...exceptions import BackendUnavailable, InvalidSettings
from . import scripts
from .client import find_node, get_driver_of, is_cluster, make_async_client, make_client
from .drivers import Driver
from .errors import is_broken, may_be_repeated, translate, unchanged

#: Seconds to wait before a call whose connection broke is repeated, if it may be repeated.
PAUSES = (0.0, 0.01, 0.02)

#: Seconds for which an event loop that has checked its connections need not check them again before a write.
FRESH = 0.001

#: Iterations that an event loop needs to close a connection that was reset, with TLS too: it asks the system, fails to
#: read, closes the connection, and notifies the reader. Python 3.12 and 3.13 must not write in between.
LOOKS = 4

#: Seconds that a call of an event loop waits for a free connection.
ASYNC_WAIT = 20.0


@dataclass(frozen=True)
class ProcessClient:
    """The client that all threads of one process share."""

    client: Any
    driver: Driver


@dataclass
class LoopClient:
    """The client of one event loop. At most ``max_connections`` calls use it at a time.

    Further calls wait: the client itself would refuse them, or open a connection for each. ``looked`` is when the loop
    last received a reply, and so knew the state of every connection.
    """

    client: Any
    driver: Driver
    turns: asyncio.Semaphore
    lifetime: AsyncGenerator[None]
    looked: float = 0.0


class Connection:
    """The server that a setting names, and its clients: one for all threads of a process, one for each event loop.

    ``setting`` is the name of the setting. With ``replica`` every script is run by EVALSHA_RO, which a
    replica answers itself.
    """

    def __init__(self, setting: str, *, replica: bool = False) -> None:
        self.setting = setting
        self.replica = replica
        self.loaded = False
        #: By process id: what a forked process inherits may be in use, or locked forever.
        self.clients: dict[int, ProcessClient] = {}
        self.async_clients: dict[asyncio.AbstractEventLoop, LoopClient] = {}

    @property
    def client(self) -> Any:
        """The client for all threads of this process, which repeats no command by itself.

        Raises :class:`~sequere.exceptions.InvalidSettings`, and ``BackendError`` where it connects at once, as the
        client of a cluster does, and reaches no server.
        """
        return self._process_client().client

    @property
    def driver(self) -> Driver:
        """The library of the client."""
        return self._process_client().driver

    def _process_client(self) -> ProcessClient:
        own = self.clients.get(os.getpid())
        if own is None:
            client = make_client(self.setting)
            # If several threads get here at once, one of them sets it for all.
            own = self.clients.setdefault(os.getpid(), ProcessClient(client, get_driver_of(client)))
        return own

    def run(self, script: scripts.Script, keys: Sequence[str], arguments: Sequence[str | int | bytes]) -> Any:
        """Run a script: one round trip, and one more at the first call, to load the scripts. Returns its reply.

        A read is repeated when the connection breaks, a write only if nothing of it can have reached the server. Raises
        the exceptions of the package.
        """
        own = self._process_client()
        if not self.loaded:
            self._prepare(own.client, keys[0], script)
        try:
            run = partial(
                scripts.run, own.driver, own.client, script, len(keys), *keys, *arguments, replica=self.replica
            )
            try:
                return run()
            except Exception as error:
                if not may_be_repeated(error, script):
                    raise
                return _repeat(run, error, script)
        except Exception as error:
            raise translate(error, script) from error

    async def arun(self, script: scripts.Script, keys: Sequence[str], arguments: Sequence[str | int | bytes]) -> Any:
        """As :meth:`run`, with an asyncio client; in a thread if the project has its own client class.

        The calls of an event loop share 50 connections, or as many as ``max_connections`` in the setting says; a call
        that finds none free waits, for 20 seconds at most.
        """
        own = await self._loop_client()
        if own is None:
            return await sync_to_async(self.run)(script, keys, arguments)
        run = partial(scripts.arun, own.driver, own.client, script, len(keys), *keys, *arguments, replica=self.replica)
        await self._take_turn(own, script)
        try:
            if not self.loaded:
                await self._aload(own.client)
            if not script.read_only and time.monotonic() - own.looked > FRESH:
                for _ in range(LOOKS):
                    await asyncio.sleep(0)
            try:
                return await run()
            except Exception as error:
                if not may_be_repeated(error, script):
                    raise
                return await _arepeat(run, error, script)
        except Exception as error:
            raise translate(error, script) from error
        finally:
            own.looked = time.monotonic()
            own.turns.release()

    async def _take_turn(self, own: LoopClient, script: scripts.Script) -> None:
        if not own.turns.locked():
            await own.turns.acquire()  # at once
            return
        try:
            async with asyncio.timeout(ASYNC_WAIT):
                await own.turns.acquire()
        except TimeoutError:
            raise BackendUnavailable(
                f"{script.name}: all {own.client.connection_pool.max_connections} connections of this event loop are "
                f"in use, and none became free within {ASYNC_WAIT:.0f} seconds{unchanged(script)}. Raise "
                f"max_connections in {self.setting}, unless the server is slow or does not answer."
            ) from None

    async def _loop_client(self) -> LoopClient | None:
        """The client of the running event loop; None if there is no asyncio client."""
        loop = asyncio.get_running_loop()
        own = self.async_clients.get(loop)
        if own is None:
            # A loop that was closed without being shut down has not ended its generator: drop it here. Other threads do
            # the same for their loops.
            for known in list(self.async_clients):
                if known.is_closed():
                    self.async_clients.pop(known, None)
            client = make_async_client(self.setting)
            if client is None:
                return None
            turns = asyncio.Semaphore(client.connection_pool.max_connections)
            own = LoopClient(client, get_driver_of(client), turns, self._lifetime(loop, client))
            self.async_clients[loop] = own
            await anext(own.lifetime)
        return own

    async def _lifetime(self, loop: asyncio.AbstractEventLoop, client: Any) -> AsyncGenerator[None]:
        """Closes the client with its loop: asyncio ends the generators that are suspended when a loop shuts down."""
        try:
            yield
        finally:
            self.async_clients.pop(loop, None)
            await client.aclose()

    def _prepare(self, client: Any, prefix: str, script: scripts.Script) -> None:
        """Check the server and load the scripts, before the first call."""
        is_guarded = self.replica and is_cluster(client)
        try:
            node = find_node(client, prefix)
            answers_moves = not is_guarded or _answers_moves(node)
            refusals = scripts.load(node)
        except Exception as error:
            if is_guarded or not is_broken(error):  # a replica that was not checked may answer wrongly
                raise translate(error, script) from error
            return  # the call that follows reports it, and the next one tries again
        if not answers_moves:
            raise InvalidSettings(
                f"{self.setting} must not name a cluster unless its server is Valkey 9 or newer: while a slot is being "
                "moved, replicas of other servers answer wrongly. Read from the primary, or from replicas without a "
                "cluster."
            )
        self.loaded = not _are_temporary(refusals)

    async def _aload(self, client: Any) -> None:
        self.loaded = True  # first, otherwise every call that begins meanwhile would load them too
        try:
            self.loaded = not _are_temporary(await scripts.aload(client))
        except BaseException as error:  # such as a cancellation
            self.loaded = False
            if not (isinstance(error, Exception) and is_broken(error)):
                raise


def _are_temporary(refusals: list[Exception]) -> bool:
    """Whether a server refused only because it is not ready yet, so that a later attempt may succeed."""
    return any(isinstance(translate(refusal), BackendUnavailable) for refusal in refusals)


def _answers_moves(node: Any) -> bool:
    """Whether a cluster's replica of this server refuses to answer while its slot is being moved. One round trip."""
    version = str(node.info("server").get("valkey_version", "0"))
    return int(version.partition(".")[0]) >= 9


def _repeat(run: partial[Any], error: Exception, script: scripts.Script) -> Any:
    for pause in PAUSES:
        time.sleep(pause)
        try:
            return run()
        except Exception as another:
            if not may_be_repeated(another, script):
                raise
            error = another
    raise error


async def _arepeat(run: partial[Any], error: Exception, script: scripts.Script) -> Any:
    for pause in PAUSES:
        await asyncio.sleep(pause)
        try:
            return await run()
        except Exception as another:
            if not may_be_repeated(another, script):
                raise
            error = another
    raise error
