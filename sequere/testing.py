"""An empty graph for each test, in the memory of the process: no server, and no data left behind for the next test.

It needs ``fakeredis[lua]``. With pytest, put ``pytest_plugins = ["sequere.pytest_plugin"]`` into the conftest.py at the
root and use the fixture ``empty_graph``; otherwise inherit from :class:`EmptyGraphMixin`.

The backend remains the configured one. The Redis backend keeps the graph in fakeredis. With the write-behind backend
the graph is also in the database, whose changes Django's ``TestCase`` rolls back, and no message is sent to a broker.
The database backend needs nothing: its graph is empty when the table is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar
from unittest import TestCase, mock

from django.test import override_settings

from .backends import get_backend
from .backends.redis import RedisBackend, RedisFallbackBackend
from .backends.redis.behind.nudge import Nudge

try:
    import fakeredis
    import lupa  # noqa: F401 fakeredis runs scripts with it
except ImportError as error:
    raise ImportError("sequere.testing needs fakeredis with Lua: pip install 'fakeredis[lua]'") from error

if TYPE_CHECKING:
    from django.test import SimpleTestCase as _Base
else:
    _Base = object


@contextmanager
def empty_graph() -> Iterator[None]:
    """In this context the settings point to an empty graph.

    With the write-behind backend Redis is filled from the database. So the graph is what the table holds, which is
    empty at the beginning of a test, and the caller needs access to the database.
    """
    with _fake_server():
        backend = get_backend()
        if isinstance(backend, RedisFallbackBackend):
            from .backends.redis.behind.rebuild import rebuild  # models need their applications loaded

            rebuild(backend.unguarded)
        yield


class EmptyGraphMixin(_Base):
    """Put it before ``TestCase``, or any other class of ``django.test``: each test begins with an empty graph.

    Follows made in ``setUpTestData`` exist at the beginning of each test. If you override ``setUp`` or ``setUpClass``,
    call ``super()`` first. A class that puts the mixin after ``TestCase`` raises ``TypeError``.
    """

    #: The class whose ``setUpClass`` has run here: a subclass that overrides ``setUpClass`` may not have called it.
    _prepared_class: ClassVar[type | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        order = cls.__mro__
        if TestCase in order and order.index(TestCase) < order.index(EmptyGraphMixin):
            raise TypeError(
                f"{cls.__qualname__} would use the store of the settings: put EmptyGraphMixin before the test class, "
                f"as in class {cls.__name__}(EmptyGraphMixin, TestCase)."
            )

    @classmethod
    def setUpClass(cls) -> None:
        cls._prepared_class = cls
        # Not a context: super() applies the @override_settings of the class over it before it runs setUpTestData.
        override_settings(**_fake_settings())(cls)
        cls.enterClassContext(mock.patch.object(Nudge, "__call__"))
        super().setUpClass()

    def setUp(self) -> None:
        if self._prepared_class is not type(self):
            raise TypeError(f"{type(self).__qualname__}.setUpClass() must call super().setUpClass() first.")
        shared = _dump_keys()
        self.enterContext(empty_graph())
        _restore_keys(shared)
        super().setUp()


def _fake_settings() -> dict[str, Any]:
    return {
        "SEQUERE_REDIS_CONNECTION": {"server": fakeredis.FakeServer()},
        "SEQUERE_REDIS_CONNECTION_CLASS": "fakeredis.FakeRedis",
        "SEQUERE_REDIS_REPLICA_CONNECTION": None,
    }


@contextmanager
def _fake_server() -> Iterator[None]:
    """In this context the settings point to a new, empty server. With write-behind it is still cold."""
    with override_settings(**_fake_settings()), mock.patch.object(Nudge, "__call__"):
        yield


def _dump_keys() -> dict[bytes, bytes]:
    """The keys of the configured backend in Redis, in the form that RESTORE takes."""
    backend = get_backend()
    if not isinstance(backend, RedisBackend):
        return {}
    return {key: backend.client.dump(key) for key in backend.client.scan_iter()}


def _restore_keys(dumped: dict[bytes, bytes]) -> None:
    backend = get_backend()
    if isinstance(backend, RedisBackend):
        for key, value in dumped.items():
            backend.client.restore(key, 0, value)
