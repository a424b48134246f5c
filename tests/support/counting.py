"""Counts what really goes over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis.asyncio
import valkey.asyncio

#: What sends packets, in each of the libraries.
CONNECTIONS = [module.connection.AbstractConnection for module in (redis, redis.asyncio, valkey, valkey.asyncio)]


@contextmanager
def round_trips(monkeypatch) -> Iterator[list[str]]:
    """Within the context: the first word of every packet that redis-py and valkey-py send, sync or async."""
    sent: list[str] = []

    def word(command) -> str:
        packed = b"".join(command) if isinstance(command, list) else command
        return packed.split(b"\r\n")[2].decode()

    def counted(send):
        def counting(self, command, *arguments, **options):
            sent.append(word(command))
            return send(self, command, *arguments, **options)  # which an asynchronous connection awaits

        return counting

    with monkeypatch.context() as patch:
        for connection in CONNECTIONS:
            patch.setattr(connection, "send_packed_command", counted(connection.send_packed_command))
        yield sent
