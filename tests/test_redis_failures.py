"""The Redis backend when something breaks: what the caller is told, and that nothing is doubled or lost."""

from __future__ import annotations

import asyncio
import gc
import io
import socket
import threading
import time
import warnings

import pytest
import redis
from asgiref.sync import async_to_sync
from django.core.management import call_command
from redis.backoff import NoBackoff
from redis.retry import Retry

from sequere import exceptions, scripts
from sequere.backends import get_backend
from sequere.checks import check_server
from sequere.resources import Resource
from tests.support.counting import round_trips
from tests.support.graph import audit, dump
from tests.support.proxy import between
from tests.support.servers import running

USER, OTHER, PROJECT = Resource("user", "1"), Resource("user", "2"), Resource("project", "7")


def both_ways(method, *arguments, **options):
    """A backend method called directly, and its asynchronous twin."""

    @async_to_sync
    async def twin():
        return await getattr(get_backend(), f"a{method}")(*arguments, **options)

    return [lambda: getattr(get_backend(), method)(*arguments, **options), twin]


class Persistent(redis.Redis):
    """A client that insists on repeating commands."""

    def __init__(self, unix_socket_path):
        super().__init__(unix_socket_path=unix_socket_path, retry=Retry(NoBackoff(), 5))


def used_pool(path, pool_class):
    """A pool of the project's own, with retries, that has already been used."""
    pool = pool_class(
        connection_class=redis.UnixDomainSocketConnection, path=path, retry=Retry(NoBackoff(), 3), max_connections=2
    )
    redis.Redis(connection_pool=pool).ping()
    return pool


CONNECTIONS = {
    "dict": lambda path: {"unix_socket_path": path},
    "dict with retries": lambda path: {
        "unix_socket_path": path,
        "retry": Retry(NoBackoff(), 5),
        "retry_on_error": [redis.ConnectionError],
    },
    "single connection": lambda path: {"unix_socket_path": path, "single_connection_client": True},
    "pool": lambda path: {"connection_pool": used_pool(path, redis.ConnectionPool)},
    "blocking pool": lambda path: {"connection_pool": used_pool(path, redis.BlockingConnectionPool)},
    "url": lambda path: f"unix://{path}",
    "class": lambda path: {"unix_socket_path": path},
}


@pytest.fixture(params=CONNECTIONS)
def proxy(request, valkey, settings, tmp_path):
    """A wire to the server, and clients built in every way that the settings allow."""
    with between(tmp_path, valkey.socket) as proxy:
        if request.param == "class":
            settings.SEQUERE_REDIS_CONNECTION_CLASS = f"{__name__}.Persistent"
        settings.SEQUERE_REDIS_CONNECTION = CONNECTIONS[request.param](str(proxy.path))
        get_backend().count(USER, "followers")
        yield proxy
        get_backend().client.close()
        get_backend().client.connection_pool.disconnect()


def test_a_write_whose_reply_was_lost_is_not_repeated(proxy, valkey):
    proxy.lose, proxy.scripts_seen = 1, 0
    with pytest.raises(exceptions.OutcomeUnknown, match="may or may not have been applied; repeating the call is safe"):
        get_backend().follow(USER, PROJECT, timestamp=1.0)
    assert proxy.scripts_seen == 1
    assert get_backend().follow(USER, PROJECT, timestamp=2.0) is False  # it had been applied
    assert [entry.timestamp for entry in get_backend().page(PROJECT, "followers").entries] == [1.0]
    proxy.lose = 1
    with pytest.raises(exceptions.OutcomeUnknown):
        get_backend().unfollow(USER, PROJECT)
    assert get_backend().unfollow(USER, PROJECT) is False
    with valkey.client() as client:
        assert audit(client) == []


def test_a_read_whose_reply_was_lost_is_repeated(proxy):
    get_backend().follow(USER, PROJECT, timestamp=1.0)
    proxy.lose, proxy.scripts_seen = 3, 0
    assert get_backend().is_following(USER, PROJECT) is True
    assert proxy.scripts_seen == 4
    proxy.lose = 4
    with pytest.raises(exceptions.BackendUnavailable, match="is_following: cannot reach the server"):
        get_backend().is_following(USER, PROJECT)


def test_the_same_asynchronously(valkey, settings, tmp_path):
    with between(tmp_path, valkey.socket) as proxy:
        settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": str(proxy.path)}

        @async_to_sync
        async def run():
            backend = get_backend()
            await backend.acount(USER, "followers")
            proxy.lose, proxy.scripts_seen = 1, 0
            with pytest.raises(exceptions.OutcomeUnknown):
                await backend.afollow(USER, PROJECT, timestamp=1.0)
            assert proxy.scripts_seen == 1
            assert await backend.afollow(USER, PROJECT, timestamp=1.0) is False
            proxy.lose, proxy.scripts_seen = 3, 0
            assert await backend.ais_following(USER, PROJECT) is True
            assert proxy.scripts_seen == 4

        run()


def connections(client):
    return int(client.info("clients")["connected_clients"])


@pytest.mark.parametrize(
    "start",
    [lambda function, *arguments: asyncio.run(function(*arguments)), lambda function, *a: async_to_sync(function)(*a)],
    ids=["asyncio.run", "async_to_sync"],
)
def test_an_event_loop_takes_its_connection_with_it(valkey, monkeypatch, start):
    get_backend().count(USER, "followers")
    with valkey.client() as client:
        before = connections(client)
        with round_trips(monkeypatch) as sent:
            for _ in range(20):
                assert start(get_backend().acount, USER, "followers") == 0
        assert sent.count("EVALSHA") == 20
        assert "SCRIPT" not in sent
        assert connections(client) <= before + 1


def test_a_loop_that_is_closed_without_being_shut_down_is_let_go(valkey):
    get_backend().count(USER, "followers")
    with warnings.catch_warnings(), valkey.client() as client:
        warnings.simplefilter("ignore", ResourceWarning)  # of connections that nobody could close
        before = connections(client)
        for _ in range(5):
            loop = asyncio.new_event_loop()
            loop.run_until_complete(get_backend().acount(USER, "followers"))
            loop.close()
        assert len(get_backend()._async_clients) == 1
        asyncio.run(get_backend().acount(USER, "followers"))
        del loop
        gc.collect()
        assert get_backend()._async_clients == {}
        assert connections(client) <= before + 1


def test_scripts_that_could_not_be_loaded_are_loaded_later(valkey, monkeypatch):
    async def cancelled():
        task = asyncio.ensure_future(get_backend().acount(USER, "followers"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancelled())
    with round_trips(monkeypatch) as sent:
        get_backend().count(USER, "followers")
        get_backend().count(USER, "followers")
    assert sent.count("SCRIPT") == 1


def test_many_first_calls_at_once_share_one_client(valkey, monkeypatch):
    async def run():
        calls = [get_backend().afollow(Resource("user", str(n)), PROJECT, timestamp=1.0) for n in range(30)]
        return await asyncio.gather(*calls)

    with round_trips(monkeypatch) as sent:
        assert asyncio.run(run()) == [True] * 30
    assert sent.count("SCRIPT") == 1
    assert get_backend().count(PROJECT, "followers") == 30


def test_a_pool_that_is_exhausted(valkey, settings):
    settings.SEQUERE_REDIS_CONNECTION = {**valkey.connection, "max_connections": 5}

    async def run():
        await get_backend().acount(PROJECT, "followers")
        return await asyncio.gather(
            *[get_backend().acount(PROJECT, "followers") for _ in range(50)], return_exceptions=True
        )

    failures = [reply for reply in asyncio.run(run()) if reply != 0]
    assert failures
    assert {type(failure) for failure in failures} == {exceptions.BackendUnavailable}
    assert "Raise max_connections in SEQUERE_REDIS_CONNECTION" in str(failures[0])


class Blocking(redis.Redis):
    """A client with a pool that waits for a free connection."""

    def __init__(self, unix_socket_path):
        pool = redis.BlockingConnectionPool(
            connection_class=redis.UnixDomainSocketConnection, path=unix_socket_path, max_connections=2
        )
        super().__init__(connection_pool=pool)


def test_a_pool_of_another_kind(valkey, settings):
    taken = redis.BlockingConnectionPool(
        connection_class=redis.UnixDomainSocketConnection, path=valkey.socket, max_connections=1, timeout=0.05
    )
    settings.SEQUERE_REDIS_CONNECTION = {"connection_pool": taken}
    with redis.Redis(connection_pool=taken, single_connection_client=True) as greedy:
        greedy.ping()
        with pytest.raises(exceptions.BackendUnavailable, match="all connections are in use; nothing changed"):
            get_backend().follow(USER, PROJECT, timestamp=1.0)
    taken.disconnect()
    settings.SEQUERE_REDIS_CONNECTION = valkey.connection
    settings.SEQUERE_REDIS_CONNECTION_CLASS = f"{__name__}.Blocking"
    assert get_backend().follow(USER, PROJECT, timestamp=1.0) is True
    for call in both_ways("is_following", USER, PROJECT):
        assert call() is True
    get_backend().client.close()


def test_a_cluster_of_one(settings):
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, bus = one.getsockname()[1], other.getsockname()[1]
    options = ["--cluster-enabled", "yes", "--port", str(port), "--cluster-port", str(bus)]
    with running("valkey-9.1", *options) as server:
        with server.client() as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            while client.execute_command("CLUSTER", "INFO").count(b"cluster_state:ok") == 0:
                time.sleep(0.05)
        settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
        settings.SEQUERE_REDIS_CONNECTION = {"host": "127.0.0.1", "port": port}
        settings.SEQUERE_REDIS_CONNECTION_CLASS = "redis.RedisCluster"
        settings.SEQUERE_REDIS_PREFIX = "{sequere}:"
        for call in both_ways("follow", USER, PROJECT, timestamp=1.0):
            call()
        for call in both_ways("page", PROJECT, "followers"):
            assert call().entries == [("user", "1", 1.0)]
        for arguments in (["scripts", "--load"], ["stats"], ["audit"]):
            call_command("sequere", *arguments, stdout=io.StringIO())
        assert check_server() == []
        get_backend().client.close()


def test_a_server_that_is_down(settings, tmp_path):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": str(tmp_path / "nothing")}
    for call in [
        *both_ways("follow", USER, PROJECT, timestamp=1.0),
        *both_ways("is_following", USER, PROJECT),
        *both_ways("page", USER, "followers"),
    ]:
        with pytest.raises(exceptions.BackendUnavailable, match=r"cannot reach the server; nothing changed: .*nothing"):
            call()


def test_a_server_that_comes_back(settings):
    with running("valkey-9.1", "--appendonly", "yes", "--appendfsync", "always") as server:
        settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
        settings.SEQUERE_REDIS_CONNECTION = server.connection
        backend = get_backend()
        backend.follow(USER, PROJECT, timestamp=1.0)
        server.kill()
        with pytest.raises(exceptions.BackendUnavailable):
            backend.follow(OTHER, PROJECT, timestamp=2.0)
        server.restart()
        assert backend.follow(OTHER, PROJECT, timestamp=2.0) is True  # its scripts are gone: sent as text
        assert backend.count(PROJECT, "followers") == 2
        backend.client.close()


def test_flushing_the_script_cache_in_a_loop_fails_no_call(server):
    get_backend().count(USER, "followers")
    stop, flushes = threading.Event(), 0

    def flush():
        nonlocal flushes
        with server.client() as client:
            while not stop.is_set():
                client.script_flush()
                flushes += 1

    thread = threading.Thread(target=flush)
    thread.start()
    try:
        for number in range(1000):
            follower = Resource("user", str(number))
            assert get_backend().follow(follower, PROJECT, timestamp=1.0) is True
            assert get_backend().is_following(follower, PROJECT) is True
            assert get_backend().count(PROJECT, "followers") == number + 1
    finally:
        stop.set()
        thread.join()
    assert flushes > 100


def test_a_script_is_sent_as_text_once_and_on_noscript_only(valkey, monkeypatch):
    get_backend().count(USER, "followers")
    with valkey.client() as client:
        client.script_flush()
    with round_trips(monkeypatch) as sent:
        get_backend().count(USER, "followers")
        get_backend().count(USER, "followers")
    assert sent == ["EVALSHA", "EVAL", "EVALSHA"]
    with round_trips(monkeypatch) as sent, pytest.raises(exceptions.InvalidArgument):
        get_backend().count(USER, "enemies")
    assert sent == ["EVALSHA"]


@pytest.fixture
def restricted(valkey, settings):
    """A function that points the settings at a user with these rights."""
    with valkey.client() as admin:

        def restrict(*commands, keys=("*",)):
            admin.acl_setuser("app", enabled=True, nopass=True, keys=keys, categories=["+@all"], commands=commands)
            settings.SEQUERE_REDIS_CONNECTION = {**valkey.connection, "username": "app", "password": "any"}
            return admin

        yield restrict
        admin.acl_deluser("app")


def test_a_proxy_or_user_that_may_not_load_scripts(restricted):
    restricted("-script")
    assert get_backend().follow(USER, PROJECT, timestamp=1.0) is True
    assert get_backend().is_following(USER, PROJECT) is True


@pytest.mark.parametrize(
    ("rights", "message"),
    [
        (
            {"commands": ["-zadd"]},
            r"follow line \d+: ZADD sequere:uid:1:followings: grant .*\[lua/src/include/_add_entry",
        ),
        ({"commands": ["-incr"]}, r"follow line \d+: INCR sequere:global:uid: grant .*\[lua/src/include/_allocate"),
        ({"commands": ["-evalsha"]}, "follow: the server denies this user; nothing changed: .*evalsha"),
        (
            {"commands": [], "keys": ["sequere:", "sequere:uid:*"]},
            r"sequere:global:uid: grant this user the command and the key",
        ),
    ],
)
def test_a_user_without_a_right(restricted, rights, message):
    admin = restricted(*rights["commands"], keys=rights.get("keys", ["*"]))
    for call in both_ways("follow", USER, PROJECT, timestamp=1.0):
        with pytest.raises(exceptions.CommandDenied, match=message):
            call()
    assert dump(admin) == {}


def test_a_wrong_password(valkey, settings):
    settings.SEQUERE_REDIS_CONNECTION = {**valkey.connection, "username": "nobody", "password": "x"}
    for call in both_ways("is_following", USER, PROJECT):
        with pytest.raises(exceptions.CommandDenied, match="denies this user"):
            call()


def test_a_server_that_refuses_writes(valkey):
    get_backend().follow(USER, PROJECT, timestamp=1.0)
    with valkey.client() as admin:
        before = dump(admin)
        try:
            admin.config_set("maxmemory", 1)
            for call in both_ways("follow", OTHER, PROJECT, timestamp=1.0):
                with pytest.raises(exceptions.WriteRefused, match="follow: the server refuses writes; nothing changed"):
                    call()
            admin.config_set("maxmemory", 0)
            admin.replicaof("127.0.0.1", "1")
            for call in both_ways("unfollow", USER, PROJECT):
                with pytest.raises(exceptions.WriteRefused, match="unfollow: the server refuses writes"):
                    call()
            assert get_backend().is_following(USER, PROJECT) is True
        finally:
            admin.config_set("maxmemory", 0)
            admin.replicaof("no", "one")
        assert dump(admin) == before


def test_a_key_that_belongs_to_somebody_else(valkey):
    with valkey.client() as admin:
        admin.rpush("sequere:uid:2:followers", "not yours")
        for call in both_ways("follow", USER, PROJECT, timestamp=1.0):
            with pytest.raises(
                exceptions.WrongType,
                match=r"ZADD sequere:uid:2:followers: the key holds .*_add_entry\.lua:\d+: if",
            ):
                call()
        assert dump(admin) == {"sequere:uid:2:followers": "list"}
        admin.delete("sequere:uid:2:followers")
        get_backend().follow(USER, PROJECT, timestamp=1.0)
        admin.delete("sequere:uid:2:followers")
        admin.rpush("sequere:uid:2:followers", "not yours")
        findings = get_backend().audit(PROJECT, ["user", "project"])
        assert [(finding.kind, finding.key) for finding in findings] == [
            ("wrongtype", "sequere:uid:2:followers"),
        ]


def test_audit_goes_through_a_long_list_and_repairs(valkey):
    for start in range(0, 600, 200):
        get_backend().follow_many(
            USER, [Resource("country", f"c{n}") for n in range(start, start + 200)], timestamp=1.0
        )
    names = ["user", "country"]
    assert get_backend().audit(USER, names) == []
    with valkey.client() as admin:
        admin.zremrangebyrank("sequere:uid:1:followings:country", 0, 99)
    kinds = [finding.kind for finding in get_backend().audit(USER, names, repair=True)]
    assert kinds.count("missing") == 100
    assert get_backend().audit(USER, names) == []


def test_clients_that_decode(valkey, settings):
    settings.SEQUERE_REDIS_CONNECTION = {**valkey.connection, "decode_responses": True, "protocol": 3}
    get_backend().follow(USER, PROJECT, timestamp=1.5)
    for call in both_ways("page", PROJECT, "followers"):
        assert call().entries == [("user", "1", 1.5)]


def test_every_code_has_its_exception():
    from sequere.backends.redis.errors import CODES
    from tests.support.manifest import MANIFEST

    assert set(CODES) == {code for entry in MANIFEST.values() for code in entry["errors"]}


def test_the_catalogue_is_the_manifest():
    assert {script.version for script in scripts.catalogue().values()} == {"v1"}
