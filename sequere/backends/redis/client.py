"""Makes clients from the settings. They never repeat a command by themselves.

The libraries' own clients send a command again when the reply was lost, some by default and up to ten times. For a read
that does no harm. After a write, the second reply would say "exists already" about what the first try did. So no client
repeats anything here: the backend repeats reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

from django.utils.module_loading import import_string

from ...conf import get_setting
from ...exceptions import InvalidSettings
from .drivers import Driver, find_driver
from .errors import BROKEN, CLUSTER, kinds, translate, translated

#: Connections of one event loop, unless the settings say ``max_connections``.
ASYNC_CONNECTIONS = 50


def get_driver_of(client: Any) -> Driver:
    """The driver that a client belongs to. Raises :class:`~sequere.exceptions.InvalidSettings`."""
    return find_driver(None, type(client), type(getattr(client, "connection_pool", None)))


def make_client(setting: str) -> Any:
    """Make a client of ``SEQUERE_REDIS_CONNECTION_CLASS``, or else of the driver, for the connection in ``setting``.

    No round trip, except for a client that connects at once, such as a cluster's, which asks for the slots. Raises
    :class:`~sequere.exceptions.InvalidSettings`, and ``BackendError`` if it reaches no server.
    """
    client = _make(_connection_class() or find_driver(*_hints(setting)).client_class, setting, {})
    driver = get_driver_of(client)
    if isinstance(client, driver.async_client_class) or isinstance(
        getattr(client, "connection_pool", None), driver.async_pool_class
    ):
        raise InvalidSettings(
            f"{setting} and SEQUERE_REDIS_CONNECTION_CLASS must use a synchronous client and pool; "
            f"got one of {driver.name}.asyncio, which the asynchronous functions use by themselves."
        )
    return _without_retries(client, driver.retry(driver.backoff.NoBackoff(), 0))


def make_async_client(setting: str) -> Any | None:
    """Make the asyncio client for the same server; None if the project has its own client class or pool."""
    connection, client_class, pool_class = _hints(setting)
    driver = find_driver(connection, client_class, pool_class)
    if pool_class is not None or _connection_class() not in (None, driver.client_class):
        return None
    options = {"max_connections": ASYNC_CONNECTIONS, **driver.async_options}
    client = _make(driver.async_client_class, setting, options)
    return _without_retries(client, driver.async_retry(driver.backoff.NoBackoff(), 0))


def connect(name: str, url: str) -> Any:
    """A client of the server at a URL, after a PING. One round trip.

    Raises :class:`~sequere.exceptions.InvalidSettings`, which names ``name``, for a wrong URL, and ``BackendError``.
    """
    try:
        client = _from_url(find_driver(url).client_class, url, {})
    except (TypeError, ValueError) as error:
        raise InvalidSettings(f"{name}: {error}") from error
    with translated():
        client.ping()
    return client


def _hints(setting: str) -> tuple[object, type | None, type | None]:
    """What decides the driver of a setting: its value, the class of its clients, the class of its pool."""
    connection, client_class = get_setting(setting), _connection_class()
    pool = connection.get("connection_pool") if isinstance(connection, Mapping) else None
    return connection, client_class if isinstance(client_class, type) else None, type(pool) if pool else None


def _connection_class() -> Any:
    path = get_setting("SEQUERE_REDIS_CONNECTION_CLASS")
    if not path:
        return None
    try:
        return import_string(path)
    except (ImportError, AttributeError) as error:
        raise InvalidSettings(f"SEQUERE_REDIS_CONNECTION_CLASS: cannot import {path!r}: {error}") from error


def _make(client_class: Any, setting: str, options: Mapping[str, Any]) -> Any:
    connection = get_setting(setting)
    if connection is not None and not isinstance(connection, (str, Mapping)):
        raise InvalidSettings(
            f"{setting} must be a dictionary or a URL; got {type(connection).__name__} {connection!r:.80}"
        )
    path = get_setting("SEQUERE_REDIS_CONNECTION_CLASS")
    if isinstance(connection, str) and not hasattr(client_class, "from_url"):
        raise InvalidSettings(
            f"SEQUERE_REDIS_CONNECTION_CLASS: {path!r} has no from_url(), which makes the client where {setting} is a "
            "URL; name the class of a client, such as 'redis.Redis'."
        )
    try:
        if isinstance(connection, str):
            return _from_url(client_class, connection, options)
        return _from_arguments(client_class, {**options, **(connection or {})})
    except Exception as error:  # a class of the project may raise anything
        # Some clients connect at once: a cluster's, one with a single connection.
        if kinds(error) & {*CLUSTER, *BROKEN}:
            raise translate(error) from error
        if not hasattr(client_class, "execute_command"):
            raise InvalidSettings(
                f"SEQUERE_REDIS_CONNECTION_CLASS: {path!r} cannot make a client from {setting}: {error}. Name the "
                "class of a client, such as 'redis.Redis'."
            ) from error
        raise InvalidSettings(f"{setting}: cannot create a client: {error}") from error


def _from_arguments(client_class: Any, arguments: dict[str, Any]) -> Any:
    if is_cluster(client_class):  # it connects at once
        _check_numbers(arguments)
    client = client_class(**arguments)
    _check_numbers(getattr(getattr(client, "connection_pool", None), "connection_kwargs", {}))
    return client


def _from_url(client_class: Any, url: str, options: Mapping[str, Any]) -> Any:
    client = client_class.from_url(url, **options)
    if not is_cluster(client):
        place, parts = client.connection_pool.connection_kwargs, urlsplit(url)
        # The libraries ignore a path that is not a number. In a URL of another kind, such as for sentinels, it may be
        # one.
        if "db" not in place and "path" not in place and place.get("host") == parts.hostname and parts.path.strip("/"):
            raise ValueError(f"the database in a URL must be a whole number, as in /0; got {parts.path!r:.80}")
        _check_numbers(place)
        # The options of a URL are checked when a connection object is made, which does not connect yet.
        client.connection_pool.connection_class(**place)
    return client


def _check_numbers(place: Mapping[str, Any]) -> None:
    """Check the port, which the libraries only use when they connect. The server refuses a wrong database."""
    for name, greatest in (("port", 65535), ("db", None)):
        value = place.get(name, 0)
        if name == "db" and value is None:  # then the libraries select no database
            continue
        text = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
        if not text.isdecimal() or (greatest is not None and int(text) > greatest):
            wanted = "from 0" if greatest is None else f"from 0 to {greatest}"
            raise ValueError(f"{name} must be a whole number {wanted}; got {value!r:.80}")


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
        client.cluster_error_retry_attempts = 0  # the number of retries of a cluster's client in older versions
    else:
        raise InvalidSettings(
            "SEQUERE_REDIS_CONNECTION_CLASS must return a client of redis-py or valkey-py; got "
            f"{type(client).__name__}, which has no connection_pool"
        )
    return client


def is_cluster(client: Any) -> bool:
    """Whether a client is for a cluster: its class is the library's, or one with the same methods."""
    return hasattr(client, "get_node_from_key")


def name_nodes(client: Any) -> dict[str, Any]:
    """The client of each server, by the server's address: for a cluster, the nodes that its client knows.

    A client of redis-py 5 knows a cluster's replicas only if it may read from them. No round trip.
    """
    if is_cluster(client):
        nodes = sorted(client.get_nodes(), key=lambda node: str(node.name))
        return {node.name: _of_node(client, node) for node in nodes}
    pool = client.connection_pool
    if hasattr(pool, "service_name"):  # sentinels know the address
        return {f"{pool.service_name}, {'primary' if pool.is_master else 'a replica'}": client}
    place = pool.connection_kwargs
    return {place.get("path") or f"{place.get('host', 'localhost')}:{place.get('port', 6379)}": client}


def find_node(client: Any, prefix: str) -> Any:
    """The client of the one server that has the graph: for a cluster, the client of a node, else the client itself."""
    if not is_cluster(client):
        return client
    return _of_node(client, client.get_node_from_key(prefix))


def _of_node(client: Any, node: Any) -> Any:
    get = getattr(client, "get_redis_connection", None) or client.get_valkey_connection
    return get(node)
