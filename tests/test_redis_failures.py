"""The Redis backend when something breaks: what the caller is told, and that nothing is doubled or lost."""

from __future__ import annotations

import threading

import pytest
import redis
from asgiref.sync import async_to_sync
from redis.backoff import NoBackoff
from redis.retry import Retry

from sequere import exceptions
from sequere.backends import get_backend
from sequere.backends.redis import scripts
from sequere.backends.redis.operate.audit import audit as audit_resource
from sequere.resources import Resource
from tests.support.calls import Ask, both_ways
from tests.support.counting import round_trips
from tests.support.graph import audit, dump
from tests.support.proxy import between
from tests.support.servers import running

USER, OTHER, PROJECT = Resource("user", "1"), Resource("user", "2"), Resource("project", "7")


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
        Ask().count(USER, "followers")
        yield proxy
        get_backend().client.close()
        get_backend().client.connection_pool.disconnect()


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


def test_the_same_asynchronously(valkey, settings, tmp_path):
    with between(tmp_path, valkey.socket) as proxy:
        settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": str(proxy.path)}

        @async_to_sync
        async def run():
            backend = get_backend()
            await Ask(backend).acount(USER, "followers")
            proxy.lose, proxy.scripts_seen = 1, 0
            with pytest.raises(exceptions.OutcomeUnknown):
                await Ask(backend).afollow(USER, PROJECT, timestamp=1.0)
            assert proxy.scripts_seen == 1
            assert await Ask(backend).afollow(USER, PROJECT, timestamp=1.0) is False
            proxy.lose, proxy.scripts_seen = 3, 0
            assert await Ask(backend).ais_following(USER, PROJECT) is True
            assert proxy.scripts_seen == 4

        run()


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
        Ask(backend).follow(USER, PROJECT, timestamp=1.0)
        server.kill()
        with pytest.raises(exceptions.BackendUnavailable):
            Ask(backend).follow(OTHER, PROJECT, timestamp=2.0)
        server.restart()
        assert Ask(backend).follow(OTHER, PROJECT, timestamp=2.0) is True  # its scripts are gone: sent as text
        assert Ask(backend).count(PROJECT, "followers") == 2
        backend.client.close()


def test_flushing_the_script_cache_in_a_loop_fails_no_call(server):
    Ask().count(USER, "followers")
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
            assert Ask().follow(follower, PROJECT, timestamp=1.0) is True
            assert Ask().is_following(follower, PROJECT) is True
            assert Ask().count(PROJECT, "followers") == number + 1
    finally:
        stop.set()
        thread.join()
    assert flushes > 100


def test_a_script_is_sent_as_text_once_and_on_noscript_only(valkey, monkeypatch):
    Ask().count(USER, "followers")
    with valkey.client() as client:
        client.script_flush()
    with round_trips(monkeypatch) as sent:
        Ask().count(USER, "followers")
        Ask().count(USER, "followers")
    assert sent == ["EVALSHA", "EVAL", "EVALSHA"]
    with round_trips(monkeypatch) as sent, pytest.raises(exceptions.InvalidArgument):
        Ask().count(USER, "enemies")
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
    assert Ask().follow(USER, PROJECT, timestamp=1.0) is True
    assert Ask().is_following(USER, PROJECT) is True


@pytest.mark.parametrize(
    ("rights", "message"),
    [
        (
            {"commands": ["-zadd"]},
            r"follow line \d+: ZADD sequere:uid:1:followings: grant .*\[lua/src/include/_add_entry",
        ),
        ({"commands": ["-incr"]}, r"follow line \d+: INCR sequere:global:uid: grant .*\[lua/src/include/_obtain_uid"),
        ({"commands": ["-evalsha"]}, "follow: the server denies this user; nothing changed: .*evalsha"),
        (
            {"commands": [], "keys": ["sequere:", "sequere:global:uid"]},
            r"GET sequere:uid:user:1: grant this user the command and the key",
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
    Ask().follow(USER, PROJECT, timestamp=1.0)
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
            assert Ask().is_following(USER, PROJECT) is True
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
        Ask().follow(USER, PROJECT, timestamp=1.0)
        admin.delete("sequere:uid:2:followers")
        admin.rpush("sequere:uid:2:followers", "not yours")
        findings = audit_resource(get_backend(), PROJECT, ["user", "project"])
        assert [(finding.kind, finding.key) for finding in findings] == [
            ("wrongtype", "sequere:uid:2:followers"),
        ]


def test_audit_goes_through_a_long_list_and_repairs(valkey):
    for start in range(0, 600, 50):
        Ask().follow_many(USER, [Resource("country", f"c{n}") for n in range(start, start + 50)], timestamp=1.0)
    names = ["user", "country"]
    assert audit_resource(get_backend(), USER, names) == []
    with valkey.client() as admin:
        admin.zremrangebyrank("sequere:uid:1:followings:country", 0, 99)
    kinds = [finding.kind for finding in audit_resource(get_backend(), USER, names, repair=True)]
    assert kinds.count("missing") == 100
    assert audit_resource(get_backend(), USER, names) == []


def test_every_code_has_its_exception():
    from sequere.backends.redis.errors import CODES
    from tests.support.manifest import MANIFEST

    assert set(CODES) == {code for entry in MANIFEST.values() for code in entry["errors"]}


def test_the_catalogue_is_the_manifest():
    assert {script.version for script in scripts.catalogue().values()} == {"v1"}
