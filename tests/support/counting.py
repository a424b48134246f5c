"""Counts what really goes over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis.asyncio
from redis.connection import AbstractConnection


@contextmanager
def round_trips(monkeypatch) -> Iterator[list[str]]:
    """Within the context: the first word of every packet that redis-py sends, sync or async."""
    sent: list[str] = []

    def word(command) -> str:
        packed = b"".join(command) if isinstance(command, list) else command
        return packed.split(b"\r\n")[2].decode()

    send, asend = (
        AbstractConnection.send_packed_command,
        redis.asyncio.connection.AbstractConnection.send_packed_command,
    )

    def counted(self, command, *arguments, **options):
        sent.append(word(command))
        return send(self, command, *arguments, **options)

    async def acounted(self, command, *arguments, **options):
        sent.append(word(command))
        return await asend(self, command, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(AbstractConnection, "send_packed_command", counted)
        patch.setattr(redis.asyncio.connection.AbstractConnection, "send_packed_command", acounted)
        yield sent
