"""Uses redis-py or valkey-py: valkey-py is a fork of redis-py, so only the names differ.

Neither is imported before it is needed, and no other module of the backend imports either.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any

from ...exceptions import InvalidSettings

#: The libraries, in the order in which they are looked for.
NAMES = ("redis", "valkey")


class Driver:
    """One of the two libraries: its clients, retries and exceptions, by the names that they have in both."""

    def __init__(self, name: str) -> None:
        self.name = name
        library, asynchronous = import_module(name), import_module(f"{name}.asyncio")
        self.client_class: Any = getattr(library, name.capitalize())
        self.async_client_class: Any = getattr(asynchronous, name.capitalize())
        self.async_pool_class: Any = asynchronous.ConnectionPool
        self.retry: Any = import_module(f"{name}.retry").Retry
        self.async_retry: Any = import_module(f"{name}.asyncio.retry").Retry
        self.backoff: Any = import_module(f"{name}.backoff")
        self.no_script: type[Exception] = import_module(f"{name}.exceptions").NoScriptError
        #: Arguments of asyncio clients, besides the settings. With maintenance notifications, which RESP3 turns on,
        #: redis-py's asyncio pool hands out connections that the server has closed.
        self.async_options: dict[str, Any] = {}
        with suppress(ImportError):
            maintenance = import_module(f"{name}.maint_notifications")
            self.async_options["maint_notifications_config"] = maintenance.MaintNotificationsConfig(enabled=False)


@cache
def get_driver(name: str) -> Driver:
    """The driver of this name. Raises ``ImportError`` if the library is not installed."""
    return Driver(name)


def find_driver(connection: object = None, *classes: type | None) -> Driver:
    """The driver that the settings choose, by a class or by the scheme of a URL; else one that is installed.

    ``connection`` is the value of a connection setting. The first of ``classes`` (of clients or pools) that comes from
    one of the libraries decides, before the scheme. Raises :class:`~sequere.exceptions.InvalidSettings` if the library
    is not installed.
    """
    wanted: tuple[str, ...] = NAMES
    if isinstance(connection, str):
        scheme = connection.partition(":")[0]
        wanted = tuple(name for name in NAMES if scheme in (name, f"{name}s")) or NAMES
    for cls in filter(None, classes):
        roots = {base.__module__.partition(".")[0] for base in cls.__mro__}
        found = tuple(name for name in NAMES if name in roots)
        if found:
            wanted = found
            break
    for name in wanted:
        with suppress(ImportError):
            return get_driver(name)
    extras = " or ".join(f"pip install 'django-sequere[{name}]'" for name in wanted)
    raise InvalidSettings(f"The Redis backend needs {' or '.join(f'{name}-py' for name in wanted)}: {extras}.")
