"""Connections that break, close or run out, with either library: what the caller is told, and what is repeated."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest
import redis
import valkey as valkey_py

from sequere import exceptions
from sequere.backends import get_backend
from sequere.backends.operations import MoveEdges
from sequere.backends.redis.connection import _answers_moves
from sequere.backends.redis.errors import translate
from sequere.backends.redis.scripts import catalogue
from sequere.checks import check_server, check_settings
from sequere.resources import Resource
from tests.support.calls import Ask, both_ways
from tests.support.graph import audit
from tests.support.proxy import between
from tests.support.servers import running

USER, OTHER, PROJECT = Resource("user", "1"), Resource("user", "2"), Resource("project", "7")


def persistent(library):
    """What makes the library's retries: five, at once."""
    return library.retry.Retry(library.backoff.NoBackoff(), 5)


class PersistentRedis(redis.Redis):
    """A client that insists on repeating commands."""

    def __init__(self, unix_socket_path):
        super().__init__(unix_socket_path=unix_socket_path, retry=persistent(redis))


class PersistentValkey(valkey_py.Valkey):
    """The same of the other library."""

    def __init__(self, unix_socket_path):
        super().__init__(unix_socket_path=unix_socket_path, retry=persistent(valkey_py))


def used_pool(library, path, pool_class):
    """A pool of the project's own, with retries, that has already been used."""
    connection_class = library.UnixDomainSocketConnection
    pool = getattr(library, pool_class)(
        connection_class=connection_class, path=path, retry=persistent(library), max_connections=2
    )
    getattr(library, library.__name__.capitalize())(connection_pool=pool).ping()
    return pool


#: Name -> SEQUERE_REDIS_CONNECTION for a library and a socket.
SETTINGS = {
    "dict": lambda library, path: {"unix_socket_path": path},
    "dict with retries": lambda library, path: {
        "unix_socket_path": path,
        "retry": persistent(library),
        "retry_on_error": [library.ConnectionError],
    },
    "single connection": lambda library, path: {"unix_socket_path": path, "single_connection_client": True},
    "pool": lambda library, path: {"connection_pool": used_pool(library, path, "ConnectionPool")},
    "blocking pool": lambda library, path: {"connection_pool": used_pool(library, path, "BlockingConnectionPool")},
    "url": lambda library, path: f"unix://{path}",
    "class": lambda library, path: {"unix_socket_path": path},
}


@pytest.fixture(params=SETTINGS)
def proxy(request, library, valkey, settings, tmp_path):
    """A wire to the server, and clients of both libraries built in every way that the settings allow."""
    with between(tmp_path, valkey.socket) as proxy:
        if "pool" in request.param:
            settings.SEQUERE_REDIS_CONNECTION_CLASS = None
        if request.param == "class":
            settings.SEQUERE_REDIS_CONNECTION_CLASS = f"{__name__}.Persistent{library.__name__.capitalize()}"
        settings.SEQUERE_REDIS_CONNECTION = SETTINGS[request.param](library, proxy.address)
        Ask().count(USER, "followers")
        yield proxy
        get_backend().client.close()
        get_backend().client.connection_pool.disconnect()


@pytest.fixture
def wire(library, valkey, settings, tmp_path):
    """A wire to the server, with each library."""
    with between(tmp_path, valkey.socket) as proxy:
        settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": proxy.address}
        Ask().count(USER, "followers")
        yield proxy
        get_backend().client.close()


def test_a_write_whose_reply_was_lost_is_not_repeated(proxy, valkey):
    proxy.lose, proxy.scripts_seen = 1, 0
    with pytest.raises(exceptions.OutcomeUnknown, match="may or may not have been applied; repeating the call is safe"):
        Ask().follow(USER, PROJECT, timestamp=1.0)
    assert proxy.scripts_seen == 1
    assert Ask().follow(USER, PROJECT, timestamp=2.0) is False  # it had been applied
    assert [entry.timestamp for entry in Ask().page(PROJECT, "followers").entries] == [1.0]
    proxy.lose = 1
    with pytest.raises(exceptions.OutcomeUnknown):
        Ask().unfollow(USER, PROJECT)
    assert Ask().unfollow(USER, PROJECT) is False
    with valkey.client() as client:
        assert audit(client) == []


def test_a_read_whose_reply_was_lost_is_repeated(proxy):
    Ask().follow(USER, PROJECT, timestamp=1.0)
    proxy.lose, proxy.scripts_seen = 3, 0
    assert Ask().is_following(USER, PROJECT) is True
    assert proxy.scripts_seen == 4
    proxy.lose = 4
    with pytest.raises(exceptions.BackendUnavailable, match="is_following: cannot reach the server"):
        Ask().is_following(USER, PROJECT)


@pytest.mark.parametrize("fault", ["lose", "reset"])
def test_the_same_asynchronously(wire, library, fault):
    async def run():
        await Ask().acount(USER, "followers")
        (own,) = get_backend().primary.async_clients.values()
        assert type(own.client).__module__.startswith(f"{library.__name__}.asyncio")
        setattr(wire, fault, 1)
        wire.scripts_seen = 0
        with pytest.raises(exceptions.OutcomeUnknown):
            await Ask().afollow(USER, PROJECT, timestamp=1.0)
        assert wire.scripts_seen == 1
        assert await Ask().afollow(USER, PROJECT, timestamp=1.0) is False
        setattr(wire, fault, 3)
        wire.scripts_seen = 0
        assert await Ask().ais_following(USER, PROJECT) is True
        assert wire.scripts_seen == 4

    asyncio.run(run())


def test_a_connection_that_the_peer_resets(wire):
    wire.reset = 1
    with pytest.raises(exceptions.OutcomeUnknown, match="reset by peer"):
        Ask().follow(USER, PROJECT, timestamp=1.0)
    wire.reset = 1
    assert Ask().is_following(USER, PROJECT) is True


def test_a_write_that_is_sent_again_in_vain_is_judged_by_its_last_try(wire, settings):
    """The first one was not sent, since the connection had been closed; the reply to the second one is lost."""
    settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": wire.address, "single_connection_client": True}
    Ask().count(USER, "followers")
    wire.reset_all()
    wire.lose, wire.scripts_seen = 1, 0
    with pytest.raises(exceptions.OutcomeUnknown):
        Ask().follow(USER, PROJECT, timestamp=1.0)
    assert wire.scripts_seen == 1
    assert Ask().follow(USER, PROJECT, timestamp=1.0) is False  # it had been applied


def test_a_server_that_takes_no_more_connections(library, settings):
    """The server may close the connection before the client has said a word, or after: nothing was sent."""
    with running("valkey-9.1") as server, server.client() as admin:
        settings.SEQUERE_REDIS_CONNECTION = server.connection
        admin.config_set("maxclients", 5)
        others = [socket.socket(socket.AF_UNIX) for _ in range(5)]
        for other in others:
            other.connect(server.socket)
        for _ in range(10):
            for call in (*both_ways("follow", USER, PROJECT, timestamp=1.0), *both_ways("count", USER, "followers")):
                with pytest.raises(exceptions.BackendUnavailable, match=r"(no more connections|reach the server)"):
                    call()
        told = translate(library.ConnectionError("max number of clients reached"), FOLLOW)
        assert "Raise its maxclients" in str(told)
        for other in others:
            other.close()
        assert Ask().follow(USER, PROJECT, timestamp=1.0) is True
        get_backend().client.close()


def test_a_reply_that_was_lost_before_the_client_connects_anew_in_vain(library, valkey, settings, tmp_path):
    """redis-py does so where the server has announced its maintenance. What it raises then is of the second failure."""
    with between(tmp_path, valkey.socket) as proxy:
        settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": proxy.address}
        Ask().count(USER, "followers")
        (connection,) = get_backend().client.connection_pool._available_connections
        if hasattr(connection, "mark_for_reconnect"):
            connection.mark_for_reconnect()
            Path(proxy.address).unlink()
        proxy.lose = 1
        with pytest.raises(exceptions.OutcomeUnknown, match="may or may not have been applied"):
            Ask().follow(USER, PROJECT, timestamp=1.0)
    settings.SEQUERE_REDIS_CONNECTION = valkey.connection
    assert Ask().follow(USER, PROJECT, timestamp=1.0) is False


def test_a_reply_that_the_client_cannot_read(library, valkey, settings):
    project = Resource("project", "\N{SNOWMAN}")
    Ask().follow(USER, project, timestamp=1.0)
    settings.SEQUERE_REDIS_CONNECTION = {**valkey.connection, "decode_responses": True, "encoding": "ascii"}
    with valkey.client() as admin:
        for call in both_ways("page", USER, "followings"):
            before = admin.info("commandstats")["cmdstat_evalsha"]["calls"]
            with pytest.raises(exceptions.BackendError, match=r"the client cannot read the reply: .*'ascii'") as caught:
                call()
            assert type(caught.value) is exceptions.BackendError
            assert admin.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 1
    with pytest.raises(
        exceptions.OutcomeUnknown, match="cannot read the reply, so it may or may not have been applied"
    ):
        MoveEdges(USER, "followings").perform()
    assert Ask().count(USER, "followings") == 0


class Careless:
    """What a client does that raises, the next so many times, what no client should: after the server has answered."""

    error: Exception
    times = 0

    def evalsha(self, *words):
        reply = super().evalsha(*words)
        if Careless.times:
            Careless.times -= 1
            raise Careless.error
        return reply


class CarelessRedis(Careless, redis.Redis):
    pass


class CarelessValkey(Careless, valkey_py.Valkey):
    pass


#: The last is what the libraries make of bytes that are no reply.
ERRORS = [AttributeError("'NoneType' object has no attribute '_add_writer'"), RuntimeError("x"), OSError(104, "reset")]
ERRORS += [ssl.SSLError(1, "[SSL] internal error"), EOFError(), "InvalidResponse"]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error if isinstance(error, str) else type(error).__name__)
def test_an_error_that_no_client_should_raise(library, settings, monkeypatch, error):
    if isinstance(error, str):
        error = getattr(library.exceptions, error)("InvalidResponse")
    settings.SEQUERE_REDIS_CONNECTION_CLASS = f"{__name__}.Careless{library.__name__.capitalize()}"
    monkeypatch.setattr(Careless, "error", error, raising=False)
    for write, is_following in zip(
        both_ways("follow", USER, PROJECT, timestamp=1.0), both_ways("is_following", USER, PROJECT), strict=True
    ):
        monkeypatch.setattr(Careless, "times", 1)
        with pytest.raises(
            exceptions.OutcomeUnknown, match=rf"may or may not have been applied.*{type(error).__name__}"
        ):
            write()
        assert write() is False
        monkeypatch.setattr(Careless, "times", 3)
        assert is_following() is True
        monkeypatch.setattr(Careless, "times", 4)
        with pytest.raises(exceptions.BackendUnavailable, match="cannot reach the server: "):
            is_following()


def test_an_error_that_no_client_for_asyncio_should_raise(library, monkeypatch):
    async def run():
        await Ask().acount(USER, "followers")
        (own,) = get_backend().primary.async_clients.values()
        evalsha, times = own.client.evalsha, 1

        async def careless(*words):
            nonlocal times
            reply = await evalsha(*words)
            times -= 1
            if times >= 0:
                raise ERRORS[0]
            return reply

        monkeypatch.setattr(own.client, "evalsha", careless)
        with pytest.raises(exceptions.OutcomeUnknown, match="AttributeError"):
            await Ask().afollow(USER, PROJECT, timestamp=1.0)
        times = 3
        assert await Ask().ais_following(USER, PROJECT) is True
        times = 4
        with pytest.raises(exceptions.BackendUnavailable, match="AttributeError"):
            await Ask().ais_following(USER, PROJECT)

    asyncio.run(run())


@pytest.mark.parametrize("single", [False, True])
def test_a_server_that_is_down(library, settings, tmp_path, single):
    # A client with a single connection connects when it is made, with the library's own retries: 20 seconds.
    once = library.retry.Retry(library.backoff.NoBackoff(), 0)
    options = {"single_connection_client": True, "retry": once} if single else {}
    settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": str(tmp_path / "nothing"), **options}
    assert check_settings() == []
    for calls, effect in [
        # A synchronous client with a single connection fails when it is made, before the call is known.
        (both_ways("follow", USER, PROJECT, timestamp=1.0), "(; nothing changed)?" if options else "; nothing changed"),
        (both_ways("is_following", USER, PROJECT), ""),  # a read never changes anything
        (both_ways("page", USER, "followers"), ""),
    ]:
        for call in calls:
            with pytest.raises(exceptions.BackendUnavailable, match=f"cannot reach the server{effect}: .*/nothing"):
                call()
    assert [message.id for message in check_server()] == ["sequere.W001"]


def test_a_server_that_comes_back(library, settings):
    with running("valkey-9.1", "--appendonly", "yes", "--appendfsync", "always") as server:
        settings.SEQUERE_REDIS_CONNECTION = server.connection
        backend = get_backend()
        Ask(backend).follow(USER, PROJECT, timestamp=1.0)
        server.kill()
        with pytest.raises(exceptions.BackendUnavailable):
            Ask(backend).follow(OTHER, PROJECT, timestamp=2.0)
        server.restart()
        assert Ask(backend).follow(OTHER, PROJECT, timestamp=2.0) is True  # its scripts are gone: sent as text
        assert Ask(backend).count(PROJECT, "followers") == 2
        backend.client.close()


FOLLOW, COUNT = catalogue()["follow"], catalogue()["count"]


@pytest.mark.parametrize("library", [redis, valkey_py])
@pytest.mark.parametrize(
    ("name", "text", "written", "read"),
    [
        (
            "TryAgainError",
            "TRYAGAIN Multiple keys request during rehashing of slot",
            "is being moved",
            "is being moved",
        ),
        ("ClusterError", "TTL exhausted.", "is being moved", "is being moved"),
        ("AskError", "3999 127.0.0.1:6381", "is being moved", "is being moved"),
        ("ClusterDownError", "CLUSTERDOWN The cluster is down", "no server can answer", "no server can answer"),
        ("BusyLoadingError", "Redis is loading the dataset in memory", "no server can answer", "no server can answer"),
        ("ConnectionError", "The previous master is now a slave", "no server can answer", "no server can answer"),
        ("ConnectionError", "Too many connections", "Raise max_connections in", "Raise max_connections in"),
        ("ConnectionError", "Connection closed by server.", None, "cannot reach"),
        ("TimeoutError", "Timeout reading from socket", None, "cannot reach"),
    ],
)
def test_what_is_told_of_a_call(library, name, text, written, read):
    error = getattr(library.exceptions, name)(text)
    told = translate(error, COUNT)
    assert isinstance(told, exceptions.BackendUnavailable)
    assert read in str(told)
    told = translate(error, FOLLOW)
    assert isinstance(told, exceptions.BackendUnavailable if written else exceptions.OutcomeUnknown)
    assert (written or "may or may not") in str(told)


@pytest.mark.parametrize("library", [redis, valkey_py])
def test_a_node_of_a_cluster_that_does_not_have_the_graph(library):
    told = translate(library.exceptions.MovedError("3999 127.0.0.1:6381"), FOLLOW)
    assert type(told) is exceptions.BackendError
    assert "SEQUERE_REDIS_CONNECTION_CLASS must be a cluster client class" in str(told)


class Node:
    """A server that tells its version."""

    def __init__(self, **version):
        self.version = version

    def info(self, section):
        return self.version


@pytest.mark.parametrize(
    ("node", "answers"),
    [
        (Node(redis_version="8.2.0"), False),
        (Node(redis_version="7.2.4", valkey_version="8.1.0"), False),
        (Node(redis_version="7.2.4", valkey_version="9.0.0"), True),
        (Node(redis_version="7.2.4", valkey_version="10.1.0"), True),
    ],
)
def test_which_servers_answer_for_a_slot_that_moves(node, answers):
    assert _answers_moves(node) is answers
