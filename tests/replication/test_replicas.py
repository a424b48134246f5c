"""Reads from a replica, and sentinels that name another primary."""

from __future__ import annotations

import asyncio
import io
import json
import time
from importlib import import_module

import pytest
from django.core.management import call_command

from sequere import exceptions
from sequere.backends import get_backend
from sequere.backends.redis.operate.audit import audit as audit_resource
from sequere.checks import check_server, check_settings
from sequere.resources import Resource
from tests.support.calls import Ask, both_ways
from tests.support.replication import wait_until, watched

USER, PROJECT = Resource("user", "1"), Resource("project", "7")

#: Every read of the contract and what it says once user 1 follows project 7.
READS = {
    "is_following": ((USER, PROJECT), True),
    "are_following": ((USER, [PROJECT]), [True]),
    "relationship": ((USER, PROJECT), (True, False, False)),
    "count": ((PROJECT, "followers"), 1),
    "page": ((PROJECT, "followers"), ([("user", "1", 1.0)], "")),
}


def calls_of(server, command):
    with server.client() as client:
        return client.info("commandstats").get(f"cmdstat_{command}", {"calls": 0})["calls"]


@pytest.fixture(scope="module", params=["redis-8.2", "valkey-9.1"])
def group(request):
    """A primary, a replica and three sentinels."""
    with watched(request.param) as made:
        yield made


@pytest.fixture
def with_replica(group, settings):
    """The settings point to the primary for writes and to the replica for reads."""
    with group.primary.client() as client:
        client.flushall()
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_REDIS_CONNECTION = group.primary.connection
    settings.SEQUERE_REDIS_REPLICA_CONNECTION = group.replica.connection
    Ask().follow(USER, PROJECT, timestamp=1.0)
    with group.replica.client() as client:
        wait_until(lambda: client.exists("sequere:uid:2:followers"))
    for server in (group.primary, group.replica):
        with server.client() as client:
            client.script_flush()
            client.config_resetstat()
    return group


def test_reads_go_to_the_replica(with_replica):
    for name, (arguments, reply) in READS.items():
        for call in both_ways(name, *arguments):
            assert call() == reply
    assert calls_of(with_replica.replica, "evalsha_ro") == 2 * len(READS)
    assert calls_of(with_replica.primary, "evalsha_ro") == calls_of(with_replica.primary, "evalsha") == 0
    assert check_settings() == check_server() == []


def test_writes_and_what_must_know_go_to_the_primary(with_replica):
    backend = get_backend()
    assert Ask(backend).follow(USER, PROJECT, timestamp=1.0) is False
    assert asyncio.run(Ask(backend).aunfollow(USER, PROJECT)) is True
    assert backend.run("lookup", *USER) == b"1"
    assert audit_resource(backend, USER, ["project"]) == []
    assert Ask(backend).forget(USER) == 0
    assert calls_of(with_replica.primary, "evalsha") == 5
    assert calls_of(with_replica.replica, "evalsha_ro") == 0


def test_the_scripts_of_both(with_replica):
    out = io.StringIO()
    call_command("sequere", "scripts", "--load", "--json", stdout=out)
    both = {with_replica.primary.socket: True, with_replica.replica.socket: True}
    assert all(entry["loaded"] == both for entry in json.loads(out.getvalue()))


def test_a_replica_that_is_gone(with_replica, settings):
    settings.SEQUERE_REDIS_REPLICA_CONNECTION = {"unix_socket_path": "/no/such/socket"}
    for call in both_ways("count", PROJECT, "followers"):
        with pytest.raises(exceptions.BackendUnavailable, match="/no/such/socket"):
            call()
    assert Ask().unfollow(USER, PROJECT) is True
    (warning,) = check_server()
    assert warning.id == "sequere.W001"


@pytest.mark.parametrize(("connection", "words"), [(7, "must be a dictionary or a URL; got int 7"), ({"no": 1}, "no")])
def test_a_connection_that_is_none(with_replica, settings, connection, words):
    settings.SEQUERE_REDIS_REPLICA_CONNECTION = connection
    (error,) = check_settings()
    assert error.id == "sequere.E003"
    assert error.msg.startswith("SEQUERE_REDIS_REPLICA_CONNECTION")
    assert words in error.msg


def test_a_server_that_is_too_old(settings, servers):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_REDIS_CONNECTION = servers("redis-6.2").connection
    settings.SEQUERE_REDIS_REPLICA_CONNECTION = servers("redis-6.2").connection
    for call in both_ways("count", PROJECT, "followers"):
        with pytest.raises(exceptions.BackendError, match="SEQUERE_REDIS_REPLICA_CONNECTION needs a server that knows"):
            call()


@pytest.mark.parametrize("library", ["redis", "valkey"])
def test_sentinels_name_another_primary(settings, library):
    """The primary dies; who fails meanwhile is told, and calls go on with the one that the sentinels name."""
    with watched("valkey-9.1") as group:
        clients = import_module(f"{library}.sentinel")
        sentinel = clients.Sentinel(group.places)
        settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
        settings.SEQUERE_REDIS_CONNECTION = {"connection_pool": clients.SentinelConnectionPool("mymaster", sentinel)}
        settings.SEQUERE_REDIS_REPLICA_CONNECTION = {
            "connection_pool": clients.SentinelConnectionPool("mymaster", sentinel, is_master=False)
        }
        backend = get_backend()
        assert Ask(backend).follow(USER, PROJECT, timestamp=1.0) is True
        wait_until(lambda: Ask(backend).count(PROJECT, "followers") == 1)
        assert calls_of(group.replica, "evalsha_ro") > 0
        assert check_server() == []
        out = io.StringIO()
        call_command("sequere", "scripts", "--json", stdout=out)
        assert set(json.loads(out.getvalue())[0]["loaded"]) == {"mymaster, primary", "mymaster, a replica"}

        with group.replica.client() as client:
            client.script_flush()
        group.primary.kill()
        told = []
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                Ask(backend).follow(Resource("user", "2"), PROJECT, timestamp=2.0)
                break
            except exceptions.BackendError as error:
                told.append(error)
                time.sleep(0.05)
        assert {type(error) for error in told} <= {exceptions.BackendUnavailable, exceptions.OutcomeUnknown} != set()
        assert Ask(backend).count(PROJECT, "followers") == 2  # no replica is left: sentinels name the primary
        assert Ask(backend).unfollow(USER, PROJECT) is True
        call_command("sequere", "audit", stdout=io.StringIO())
        assert calls_of(group.replica, "eval") >= 2  # what the new primary had not loaded, it was sent
        for connection in backend.connections:
            connection.client.connection_pool.disconnect()
