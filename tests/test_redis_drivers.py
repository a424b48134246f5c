"""redis-py and valkey-py as equals, and what is told when a client raises something that it should not."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

import pytest
import redis
import valkey as valkey_py
from asgiref.sync import async_to_sync

from sequere import exceptions
from sequere.backends import get_backend
from sequere.backends.redis import drivers
from sequere.backends.redis.connection import Connection
from sequere.backends.redis.errors import translate
from sequere.backends.redis.scripts import catalogue
from sequere.resources import Resource
from tests.support.calls import Ask, both_ways
from tests.support.proxy import between
from tests.support.servers import running

USER, OTHER, PROJECT = Resource("user", "1"), Resource("user", "2"), Resource("project", "7")


class Custom(valkey_py.Valkey):
    """A class of the project's own."""


@pytest.mark.parametrize(
    ("connection", "client_class", "name"),
    [
        (None, None, "redis"),
        ({"host": "localhost"}, None, "redis"),
        ("redis://localhost", None, "redis"),
        ("unix:///socket", None, "redis"),
        ("valkey://localhost", None, "valkey"),
        ("valkeys://localhost", None, "valkey"),
        (None, redis.Redis, "redis"),
        ("redis://localhost", valkey_py.Valkey, "valkey"),
        (None, Custom, "valkey"),
        (None, valkey_py.ValkeyCluster, "valkey"),
        (None, dict, "redis"),
    ],
)
def test_the_settings_choose_the_library(connection, client_class, name):
    assert drivers.find_driver(connection, client_class).name == name


@pytest.mark.parametrize(("missing", "connection", "name"), [("redis", None, "valkey"), ("valkey", None, "redis")])
def test_what_is_installed_is_used(monkeypatch, missing, connection, name):
    get_driver = drivers.get_driver

    def find(wanted):
        if wanted == missing:
            raise ImportError(wanted)
        return get_driver(wanted)

    monkeypatch.setattr(drivers, "get_driver", find)
    assert drivers.find_driver(connection).name == name
    with pytest.raises(exceptions.InvalidSettings, match=rf"django-sequere\[{missing}\]"):
        drivers.find_driver(f"{missing}://localhost", {"redis": redis.Redis, "valkey": Custom}[missing])


def test_neither_library_is_imported_before_it_is_needed():
    code = (
        "import sys, django; from django.conf import settings;"
        "settings.configure(INSTALLED_APPS=['django.contrib.contenttypes', 'django.contrib.auth', 'sequere', "
        "'sequere.backends.database']);"
        "django.setup(); import sequere.models, sequere.mixin, sequere.views, sequere.backends.redis.backend;"
        "print([name for name in ('redis', 'valkey') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


@pytest.fixture(params=["redis", "valkey"])
def library(request, valkey, settings):
    """One of the two libraries, to which the settings point on an empty server."""
    settings.SEQUERE_REDIS_CONNECTION_CLASS = None
    if request.param == "valkey":
        settings.SEQUERE_REDIS_CONNECTION_CLASS = "valkey.Valkey"
    assert get_backend().primary.driver.name == request.param
    return request.param


def test_both_perform_operations(library):
    for call, reply in zip(both_ways("follow", USER, PROJECT, timestamp=1.0), [True, False], strict=True):
        assert call() is reply
    for call in both_ways("page", PROJECT, "followers"):
        assert call().entries == [("user", "1", 1.0)]
    for call in both_ways("follow", USER, USER, timestamp=1.0):
        with pytest.raises(exceptions.SelfFollow):
            call()


def test_valkey_by_url_is_asynchronous_too(settings):
    with running("valkey-9.1", "--port", str(port := free_port()), "--bind", "127.0.0.1"):
        settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
        settings.SEQUERE_REDIS_CONNECTION = f"valkey://127.0.0.1:{port}/0"

        async def run():
            assert await Ask().afollow(USER, PROJECT, timestamp=1.0) is True
            (own,) = get_backend().primary.async_clients.values()
            assert type(own.client).__module__.startswith("valkey.asyncio")
            return await asyncio.gather(*[Ask().acount(PROJECT, "followers") for _ in range(300)])

        assert asyncio.run(run()) == [1] * 300


def free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_write_whose_reply_was_lost_is_not_repeated(library, valkey, settings, tmp_path):
    with between(tmp_path, valkey.socket) as proxy:
        settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": str(proxy.path)}
        Ask().count(USER, "followers")
        proxy.lose = 1
        with pytest.raises(exceptions.OutcomeUnknown, match="repeating the call is safe"):
            Ask().follow(USER, PROJECT, timestamp=1.0)
        assert Ask().follow(USER, PROJECT, timestamp=1.0) is False
        proxy.lose = 3
        assert Ask().is_following(USER, PROJECT) is True


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_connection_that_the_server_closed_is_noticed_before_a_write(settings, protocol):
    with running("redis-7.0", "--timeout", "1") as server:
        settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
        settings.SEQUERE_REDIS_CONNECTION = {**server.connection, "protocol": protocol}

        async def run():
            replies = [await Ask().afollow(USER, PROJECT, timestamp=1.0)]
            with server.client() as client:
                deadline = time.monotonic() + 10
                while client.info("clients")["connected_clients"] > 1 and time.monotonic() < deadline:
                    await asyncio.sleep(0.1)
            return [*replies, await Ask().afollow(OTHER, PROJECT, timestamp=1.0)]

        assert asyncio.run(run()) == [True, True]


class Breaking:
    """A client that raises what no client should, the first so many times."""

    def __init__(self, client, error, times):
        self.client, self.error, self.times = client, error, times

    def __getattr__(self, name):
        return getattr(self.client, name)

    def evalsha(self, *words):
        if self.times:
            self.times -= 1
            raise self.error
        return self.client.evalsha(*words)


@pytest.mark.parametrize(
    "error",
    [AttributeError("'NoneType' object has no attribute '_add_writer'"), RuntimeError("x"), OSError(104, "reset")],
)
def test_an_error_that_no_client_should_raise(valkey, error):
    connection = get_backend().primary
    Ask().count(USER, "followers")
    for own, perform in ((connection, lambda operation, *args: getattr(Ask(), operation)(*args)),):
        own.__dict__["client"] = Breaking(own.client, error, 3)
        assert perform("is_following", USER, PROJECT) is False  # a read is repeated
        own.client.times = 4
        with pytest.raises(exceptions.BackendUnavailable, match="cannot reach the server"):
            perform("is_following", USER, PROJECT)
        own.client.times = 1
        with pytest.raises(exceptions.OutcomeUnknown, match="may or may not have been applied") as told:
            Ask().follow(USER, PROJECT, timestamp=1.0)
        assert type(error).__name__ in str(told.value)
        own.__dict__["client"] = own.client.client


def test_the_same_asynchronously(valkey):
    @async_to_sync
    async def run():
        connection = get_backend().primary
        await Ask().acount(USER, "followers")
        own = await connection._loop_client()

        class AsyncBreaking(Breaking):
            async def evalsha(self, *words):
                if self.times:
                    self.times -= 1
                    raise self.error
                return await self.client.evalsha(*words)

        own.client = AsyncBreaking(own.client, AttributeError("_add_writer"), 2)
        assert await Ask().ais_following(USER, PROJECT) is False
        own.client.times = 1
        with pytest.raises(exceptions.OutcomeUnknown, match="AttributeError"):
            await Ask().afollow(USER, PROJECT, timestamp=1.0)
        own.client = own.client.client

    run()


FOLLOW, COUNT = catalogue()["follow"], catalogue()["count"]


@pytest.mark.parametrize("library", [redis, valkey_py])
@pytest.mark.parametrize(
    ("make", "written", "read"),
    [
        (lambda e: e.TryAgainError("TRYAGAIN Multiple keys request during rehashing of slot"), "moved", "moved"),
        (lambda e: e.ClusterError("TTL exhausted."), "moved", "moved"),
        (lambda e: e.ClusterDownError("CLUSTERDOWN The cluster is down"), "no node can answer", "no node can answer"),
        (lambda e: e.BusyLoadingError("LOADING Redis is loading"), "cannot reach", "cannot reach"),
        (lambda e: e.ConnectionError("Error 111 connecting to localhost:1."), "cannot reach", "cannot reach"),
        (lambda e: e.ConnectionError("Connection closed by server."), None, "cannot reach"),
        (lambda e: e.TimeoutError("Timeout reading from socket"), None, "cannot reach"),
    ],
)
def test_what_is_told_of_a_call(library, make, written, read):
    error = make(library.exceptions)
    assert isinstance(translate(error, COUNT), exceptions.BackendUnavailable)
    assert read in str(translate(error, COUNT))
    told = translate(error, FOLLOW)
    assert isinstance(told, exceptions.BackendUnavailable if written else exceptions.OutcomeUnknown)
    assert (written or "may or may not") in str(told)


def test_a_replica_of_a_cluster_is_refused_unless_its_server_answers_moves(monkeypatch, settings):
    class Node:
        def __init__(self, info):
            self.details = info

        def info(self, section):
            return self.details

    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    for details, is_refused in [
        ({"redis_version": "7.0.15"}, True),
        ({"redis_version": "7.2.4", "valkey_version": "8.1.0"}, True),
        ({"redis_version": "7.2.4", "valkey_version": "9.1.2"}, False),
    ]:
        connection = Connection("SEQUERE_REDIS_REPLICA_CONNECTION", replica=True)
        monkeypatch.setattr("sequere.backends.redis.connection.find_node", lambda client, prefix, d=details: Node(d))
        monkeypatch.setattr("sequere.backends.redis.connection.is_cluster", lambda client: True)
        monkeypatch.setattr("sequere.backends.redis.scripts.load", lambda node: None)
        if is_refused:
            with pytest.raises(exceptions.InvalidSettings, match="REPLICA_CONNECTION must not be a cluster, unless of"):
                connection._prepare(object(), "sequere:", COUNT)
        else:
            connection._prepare(object(), "sequere:", COUNT)
        assert connection.loaded is not is_refused


def test_what_settings_cannot_be_used_without_a_library():
    environment = {**os.environ, "PYTHONPATH": ""}
    code = (
        "import sys; sys.modules['redis'] = sys.modules['valkey'] = None\n"
        "from django.conf import settings; import django\n"
        "settings.configure(INSTALLED_APPS=['sequere'], SEQUERE_BACKEND_CLASS='sequere.backends.redis.RedisBackend')\n"
        "django.setup()\n"
        "from sequere.checks import check_settings\n"
        "print(check_settings()[0].msg)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert "needs redis-py or valkey-py: pip install 'django-sequere[redis]' or" in done.stdout
