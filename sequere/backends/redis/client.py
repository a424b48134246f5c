"""Clients as the settings say, which never repeat a command by themselves.

redis-py's own clients send a command again when the reply was lost, some by default and up to ten
times. For a read that is welcome; after a write the second reply says "already" of what the first try
did. So here no client repeats anything: the backend repeats reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

import redis
import redis.asyncio
from django.utils.module_loading import import_string
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from ...conf import get_setting
from ...exceptions import InvalidSettings


def make_client(setting: str) -> Any:
    """A client of ``SEQUERE_REDIS_CONNECTION_CLASS`` or else ``redis.Redis``, for the connection in ``setting``.

    No round trip, but for a cluster's client, which asks for the slots at once. Raises
    :class:`~sequere.exceptions.InvalidSettings`.
    """
    client = _make(_connection_class() or redis.Redis, setting)
    if isinstance(client, redis.asyncio.Redis) or isinstance(
        getattr(client, "connection_pool", None), redis.asyncio.ConnectionPool
    ):
        raise InvalidSettings(
            f"{setting} and SEQUERE_REDIS_CONNECTION_CLASS must give a synchronous client and pool; "
            "got one of redis.asyncio, which the asynchronous functions use by themselves."
        )
    return _without_retries(client, Retry(NoBackoff(), 0))


def make_async_client(setting: str) -> Any | None:
    """The ``redis.asyncio`` client of the same server; None if the project brings its own client class or pool."""
    connection = get_setting(setting)
    own_pool = isinstance(connection, Mapping) and "connection_pool" in connection
    if own_pool or get_setting("SEQUERE_REDIS_CONNECTION_CLASS"):
        return None
    return _without_retries(_make(redis.asyncio.Redis, setting), AsyncRetry(NoBackoff(), 0))


def _connection_class() -> Any:
    path = get_setting("SEQUERE_REDIS_CONNECTION_CLASS")
    if not path:
        return None
    try:
        return import_string(path)
    except (ImportError, AttributeError) as error:
        raise InvalidSettings(f"SEQUERE_REDIS_CONNECTION_CLASS: cannot import {path!r}: {error}") from error


def _make(client_class: Any, setting: str) -> Any:
    connection = get_setting(setting)
    try:
        if connection is None:
            return client_class()
        if isinstance(connection, str):
            client = client_class.from_url(connection)
            if not is_cluster(client):
                # A URL's options are looked at when a connection is made, which opens nothing yet.
                client.connection_pool.connection_class(**client.connection_pool.connection_kwargs)
            return client
        if isinstance(connection, Mapping):
            return client_class(**connection)
    except (TypeError, ValueError, AttributeError, redis.RedisError) as error:
        raise InvalidSettings(f"{setting}: no client can be made of it: {error}") from error
    raise InvalidSettings(
        f"{setting} must be a dictionary or a URL; got {type(connection).__name__} {connection!r:.80}"
    )


def _without_retries(client: Any, retry: Any) -> Any:
    pool = getattr(client, "connection_pool", None)
    if pool is not None:
        # Not set_retry(): some pools of redis-py fail in it, and none sees a client's single connection.
        pool.connection_kwargs["retry"] = retry
        kept = [getattr(pool, name, ()) for name in ("_available_connections", "_in_use_connections", "_connections")]
        for connection in [getattr(client, "connection", None), *chain.from_iterable(kept)]:
            if connection is not None:
                connection.retry = retry
    elif hasattr(client, "set_retry"):
        client.set_retry(retry)
        client.cluster_error_retry_attempts = 0  # what a cluster's client of redis-py 5 counts by
    else:
        raise InvalidSettings(
            f"SEQUERE_REDIS_CONNECTION_CLASS must give a redis-py client; got {type(client).__name__}, "
            "which has no connection_pool"
        )
    return client


def is_cluster(client: Any) -> bool:
    """Whether a client is that of a cluster, be its class redis-py's or one with the same methods."""
    return hasattr(client, "get_node_from_key")


def name_nodes(client: Any) -> dict[str, Any]:
    """The client of each server by the server's address: of a cluster's nodes those that its client knows.

    redis-py knows the replicas too, 5 only where it may read from them. No round trip.
    """
    if is_cluster(client):
        nodes = sorted(client.get_nodes(), key=lambda node: str(node.name))
        return {node.name: client.get_redis_connection(node) for node in nodes}
    pool = client.connection_pool
    if hasattr(pool, "service_name"):  # sentinels say where it is
        return {f"{pool.service_name}, {'primary' if pool.is_master else 'a replica'}": client}
    place = pool.connection_kwargs
    return {place.get("path") or f"{place.get('host', 'localhost')}:{place.get('port', 6379)}": client}


def find_node(client: Any, prefix: str) -> Any:
    """The client of the one server that has the graph: of a cluster's client that of a node, else the client itself."""
    if not is_cluster(client):
        return client
    return client.get_redis_connection(client.get_node_from_key(prefix))
