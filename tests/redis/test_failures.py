"""The Redis backend when a server refuses or forgets: what the caller is told, and that nothing changes."""

from __future__ import annotations

import threading

import pytest

from sequere import exceptions
from sequere.backends import get_backend
from sequere.backends.redis import scripts
from sequere.backends.redis.operate.audit import audit as audit_resource
from sequere.resources import Resource
from tests.support.calls import Ask, both_ways
from tests.support.counting import round_trips
from tests.support.graph import dump

USER, OTHER, PROJECT = Resource("user", "1"), Resource("user", "2"), Resource("project", "7")


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


def test_a_script_is_sent_as_text_once_and_on_noscript_only(library, valkey, monkeypatch):
    Ask().page(USER, "followers")
    with valkey.client() as client:
        client.script_flush()
    with round_trips(monkeypatch) as sent:
        Ask().page(USER, "followers")
        Ask().page(USER, "followers")
    assert sent == ["EVALSHA", "EVAL", "EVALSHA"]
    with round_trips(monkeypatch) as sent, pytest.raises(exceptions.InvalidArgument):
        Ask().page(USER, "enemies")
    assert sent == ["EVALSHA"]


@pytest.fixture
def restricted(library, valkey, settings):
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
            {"commands": [], "keys": ["sequere:", "sequere:global:*"]},
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


def test_a_wrong_password(library, valkey, settings):
    settings.SEQUERE_REDIS_CONNECTION = {**valkey.connection, "username": "nobody", "password": "x"}
    for call in both_ways("is_following", USER, PROJECT):
        with pytest.raises(exceptions.CommandDenied, match="denies this user"):
            call()


def test_a_server_that_refuses_writes(library, valkey):
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


def test_a_key_that_belongs_to_somebody_else(library, valkey):
    with valkey.client() as admin:
        admin.rpush("sequere:uid:2:followers", "not yours")
        for call in both_ways("follow", USER, PROJECT, timestamp=1.0):
            with pytest.raises(
                exceptions.WrongType,
                match=r"ZADD sequere:uid:2:followers: the key holds .*_add_entry\.lua:\d+: if",
            ):
                call()
        assert dump(admin) == {"sequere:uid:2:followers": [b"not yours"]}
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

    # The text of a limit has details for the exception.
    assert {*CODES, "SEQUERE_FOLLOW_LIMIT"} == {code for entry in MANIFEST.values() for code in entry["errors"]}


def test_the_catalogue_is_the_manifest():
    assert {script.version for script in scripts.catalogue().values()} == {"v1"}
