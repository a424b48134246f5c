"""What a call of the package sends, so that the same can be sent without the package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import redis
from redis.connection import AbstractConnection


def sent_by(call: Callable[[], Any]) -> list[str]:
    """The words of the EVALSHA that a call sends: the SHA, the number of keys, keys and arguments.

    Read from the packets themselves, whatever way the package takes to redis-py.
    """
    packets: list[bytes] = []
    send = AbstractConnection.send_packed_command

    def record(self: AbstractConnection, command: bytes | list[bytes], *arguments: Any, **options: Any) -> Any:
        packets.append(b"".join(command) if isinstance(command, list) else command)
        return send(self, command, *arguments, **options)

    call()  # the first call of a process may load the scripts; a call after a pause may open a connection
    with mock.patch.object(AbstractConnection, "send_packed_command", record):
        call()
    words = [packet.decode().split("\r\n")[2::2] for packet in packets]
    if len(words) != 1 or words[0][0] != "EVALSHA":
        raise RuntimeError(f"expected one EVALSHA, but this was sent: {words!r:.500}")
    return words[0][1:]


def replay(client: redis.Redis, words: list[str], *, sha1: str | None = None) -> Callable[[], Any]:
    """Sends these words by a plain redis-py client; with ``sha1``, to another script."""
    name, keys, *rest = words
    return lambda: client.evalsha(sha1 or name, int(keys), *rest)
