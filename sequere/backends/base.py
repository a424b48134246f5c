"""What a backend is, what an operation on the graph is, and which backend is configured.

A backend knows resources, not instances. ``perform()``, and ``aperform()`` for asynchronous code, runs one of the
operations of :mod:`sequere.backends.operations`. Every backend raises the same ``sequere.exceptions`` for the same
misuse, before it writes. When the store fails, the Redis backends raise ``BackendError``, and the database backend
raises Django's database errors. One test suite runs against all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any, ClassVar, Generic, Self, TypeVar

from asgiref.sync import sync_to_async
from django.core.checks import CheckMessage
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from ..conf import get_setting
from ..exceptions import InvalidSettings
from ..resources import Resource
from ..twins import Operation

R = TypeVar("R")

#: The backends of this package, for ``SEQUERE_BACKEND_CLASS``.
BACKENDS = (
    "sequere.backends.database.DatabaseBackend",
    "sequere.backends.redis.RedisBackend",
    "sequere.backends.redis.RedisFallbackBackend",
)


class GraphOperation(Operation[R], Generic[R]):
    """An operation on the follow graph as a value: its fields are the arguments of its script.

    Awaiting it, or calling :meth:`perform`, uses the configured backend.
    """

    __slots__ = ()

    #: The name of its script, and of the method of ``DatabaseBackend``.
    script: ClassVar[str]
    #: Whether it may change the graph.
    writes: ClassVar[bool] = False

    def arguments(self) -> Sequence[str | int]:
        """Return the ARGV of the script."""
        raise NotImplementedError

    def reply(self, reply: Any) -> R:
        """Return the result in Python for a reply of the script, with texts as the client decodes them."""
        raise NotImplementedError

    def with_cursor(self, translate: Callable[[str, bool], str]) -> Self:
        """Return the same operation with its cursor, if it has one, in the form of another backend.

        ``translate`` takes the cursor and whether the page is newest first.
        """
        return self

    def perform(self) -> R:
        return get_backend().perform(self)

    async def aperform(self) -> R:
        return await get_backend().aperform(self)


class BaseBackend(ABC):
    """A store of the graph, which performs operations."""

    @abstractmethod
    def perform(self, operation: GraphOperation[R]) -> R:
        """Perform an operation and return its result. Raises ``sequere.exceptions``."""

    async def aperform(self, operation: GraphOperation[R]) -> R:
        """As :meth:`perform`, for asynchronous code; in a thread, unless the backend has an asynchronous client."""
        return await sync_to_async(self.perform)(operation)

    def resources(self) -> Iterator[list[Resource]]:
        """Yield all resources in the graph, some hundreds at a time, in no order and possibly more than once.

        One that is added or removed meanwhile may or may not be yielded.
        """
        raise NotImplementedError(f"{type(self).__name__} does not list its resources")

    def kinds(self) -> list[str]:
        """Return the kinds that edges have or had, such as ``watch``, at most 16. One query or round trip."""
        raise NotImplementedError(f"{type(self).__name__} does not list its kinds")

    def check(self) -> list[CheckMessage]:
        """Return what is wrong with this backend's settings. No round trip."""
        return []

    def check_server(self) -> list[CheckMessage]:
        """Return what is wrong with the store behind this backend; run by ``check --deploy``."""
        return []


@cache
def get_backend() -> BaseBackend:
    """Return the configured backend, the same object until a setting of this package changes. No round trip.

    Raises :class:`~sequere.exceptions.InvalidSettings`.
    """
    path = get_setting("SEQUERE_BACKEND_CLASS")
    if not isinstance(path, str):
        raise InvalidSettings(f"SEQUERE_BACKEND_CLASS must be the dotted path of a class; got {path!r:.80}")
    try:
        backend_class = import_string(path)
    except ImportError as error:
        similar = get_close_matches(path, BACKENDS, n=1)
        hint = f"Did you mean {similar[0]!r}?" if similar else f"The backends are {', '.join(BACKENDS)}."
        raise InvalidSettings(f"SEQUERE_BACKEND_CLASS: cannot import {path!r}: {error}. {hint}") from error
    if not (isinstance(backend_class, type) and issubclass(backend_class, BaseBackend)):
        raise InvalidSettings(f"SEQUERE_BACKEND_CLASS: {path!r} is not a subclass of sequere.backends.base.BaseBackend")
    return backend_class()


def _on_setting_changed(*, setting: str, **kwargs: Any) -> None:
    if setting.startswith("SEQUERE_"):
        get_backend.cache_clear()


setting_changed.connect(_on_setting_changed)
