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


def make_client() -> Any:
    """A client for ``SEQUERE_REDIS_CONNECTION_CLASS`` or else ``redis.Redis``. No round trip.

    Raises :class:`~sequere.exceptions.InvalidSettings`.
    """
    client = _make(_connection_class() or redis.Redis)
    if isinstance(client, redis.asyncio.Redis) or isinstance(
        getattr(client, "connection_pool", None), redis.asyncio.ConnectionPool
    ):
        raise InvalidSettings(
            "SEQUERE_REDIS_CONNECTION and SEQUERE_REDIS_CONNECTION_CLASS must give a synchronous client and pool; "
            "got one of redis.asyncio, which the asynchronous functions use by themselves."
        )
    return _without_retries(client, Retry(NoBackoff(), 0))


def make_async_client() -> Any | None:
    """The ``redis.asyncio`` client of the same server; None if the project brings its own client class or pool."""
    connection = get_setting("SEQUERE_REDIS_CONNECTION")
    own_pool = isinstance(connection, Mapping) and "connection_pool" in connection
    if own_pool or get_setting("SEQUERE_REDIS_CONNECTION_CLASS"):
        return None
    return _without_retries(_make(redis.asyncio.Redis), AsyncRetry(NoBackoff(), 0))


def _connection_class() -> Any:
    path = get_setting("SEQUERE_REDIS_CONNECTION_CLASS")
    if not path:
        return None
    try:
        return import_string(path)
    except (ImportError, AttributeError) as error:
        raise InvalidSettings(f"SEQUERE_REDIS_CONNECTION_CLASS: cannot import {path!r}: {error}") from error


def _make(client_class: Any) -> Any:
    connection = get_setting("SEQUERE_REDIS_CONNECTION")
    try:
        if connection is None:
            return client_class()
        if isinstance(connection, str):
            client = client_class.from_url(connection)
            # A URL's options are looked at when a connection is made, which opens nothing yet.
            client.connection_pool.connection_class(**client.connection_pool.connection_kwargs)
            return client
        if isinstance(connection, Mapping):
            return client_class(**connection)
    except (TypeError, ValueError, AttributeError, redis.RedisError) as error:
        raise InvalidSettings(f"SEQUERE_REDIS_CONNECTION: no client can be made of it: {error}") from error
    raise InvalidSettings(
        f"SEQUERE_REDIS_CONNECTION must be a dictionary or a URL; got {type(connection).__name__} {connection!r:.80}"
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
    else:
        raise InvalidSettings(
            f"SEQUERE_REDIS_CONNECTION_CLASS must give a redis-py client; got {type(client).__name__}, "
            "which has no connection_pool"
        )
    return client
