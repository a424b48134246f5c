"""``manage.py sequere drain``, ``rebuild``, ``verify``, ``status`` and ``close``."""

from __future__ import annotations

import io
import json
import re
import signal
import threading
import time

import pytest
import redis
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connection

from sequere.backends import get_backend
from sequere.backends.database.models import Edge
from sequere.backends.redis.behind import rebuild as rebuilding
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.models import SetAside, State
from sequere.backends.redis.operate.permissions import make_acl_line
from sequere.resources import Resource
from tests.conftest import use_fallback
from tests.support.behind import Crash, crash_at
from tests.support.calls import Ask
from tests.support.replication import wait_until

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

ADA, BOB = Resource("user", "1"), Resource("user", "2")
FLIGHT, CITY = Resource("project", "1"), Resource("project", "2")


@pytest.fixture
def backend(settings, servers, monkeypatch):
    monkeypatch.setattr(rebuilding, "PATIENCE", 0.0)
    return use_fallback("valkey-9.1", settings, servers)


def manage(*arguments):
    """Output and exit status."""
    out, status = io.StringIO(), 0
    try:
        call_command("sequere", *arguments, stdout=out)
    except SystemExit as stop:
        status = stop.code
    return out.getvalue(), status


def test_drain(backend):
    Ask(backend).follow(ADA, BOB, timestamp=1.0)
    assert manage("drain") == ("1 entry drained.\n", 0)
    assert manage("drain") == ("0 entries drained.\n", 0)
    backend.unguarded.client.xadd("sequere:global:journal", {"operation": "like"})
    assert manage("drain")[0] == "1 entry drained, 1 of them set aside: see the admin.\n"
    backend.unguarded.client.flushall()
    with pytest.raises(CommandError, match="rebuild"):
        manage("drain")


@pytest.mark.parametrize("command", ["drain", "rebuild", "verify", "close"])
def test_a_table_that_is_missing(backend, monkeypatch, command):
    tables = [table for table in connection.introspection.table_names() if table != "sequere_outbox"]
    monkeypatch.setattr(connection.introspection, "table_names", lambda: tables)
    with pytest.raises(CommandError, match=r"The database 'default' has no table sequere_outbox. .* run migrate"):
        manage(command)
    assert "sequere.W004" in [message.id for message in backend.check_server()]


def watch(later):
    """What ``drain --watch`` prints while ``later`` runs in a thread, after which it is told to end."""

    def run():
        try:
            later()
        finally:  # what it raises is reported after the test, which would wait for ever
            signal.raise_signal(signal.SIGTERM)

    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    thread = threading.Thread(target=run)
    thread.start()
    try:
        out, status = manage("drain", "--watch", "--every", "0.05")
    finally:
        thread.join()
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert status == 0
    return out.splitlines()


def test_watch_drains_rebuilds_and_ends_when_told(backend):
    Ask(backend).follow(ADA, BOB, timestamp=1.0)
    client = backend.unguarded.client

    def later():
        # Redis tells that the drain is done; to read the shared SQLite here could fail on a lock of its table.
        wait_until(lambda: client.xlen("sequere:global:journal") == 1)
        client.flushall()
        wait_until(lambda: client.exists("sequere:global:journal"))

    assert watch(later) == [
        "1 entry drained.",
        "Redis is cold: rebuilding.",
        "1 follow copied, 0 changes replayed: Redis is ready.",
    ]


def test_watch_goes_on_where_the_server_denies_a_command(backend, settings):
    server = settings.SEQUERE_REDIS_CONNECTION
    Ask(backend).follow(ADA, BOB, timestamp=1.0)
    drain(backend.unguarded)
    with redis.Redis(**server) as admin:
        admin.flushdb()
        admin.execute_command(*make_acl_line("sequere:").split(" "), "nopass")
        settings.SEQUERE_REDIS_CONNECTION = {**server, "username": "sequere", "password": "any"}
        (problem,) = [message for message in get_backend().check_server() if message.id == "sequere.W005"]
        assert "cannot rebuild" in problem.msg
        admin.acl_log_reset()

        def later():
            wait_until(lambda: any(entry["object"] == "scan" for entry in admin.acl_log()))
            admin.execute_command(*manage("acl")[0].split())
            wait_until(lambda: admin.exists("sequere:global:journal"))

        cold, refused, ready = watch(later)
        assert cold == "Redis is cold: rebuilding."
        assert re.match("CommandDenied: redis: the server denies this user: .*scan", refused)
        assert ready == "1 follow copied, 0 changes replayed: Redis is ready."
        assert "sequere.W005" not in [message.id for message in get_backend().check_server()]
        admin.acl_deluser("sequere")


def test_watch_tells_once_what_it_cannot_do(backend):
    manage("close")
    assert watch(lambda: time.sleep(0.5)) == [
        "Redis is cold: rebuilding.",
        "WriteBehindRefused: The rebuild was not started: The database answers. Write-behind is closed. Run "
        "`python manage.py sequere rebuild` to go back to Redis.",
    ]


def test_rebuild(backend):
    Ask(backend).follow(ADA, BOB, timestamp=1.0)
    drain(backend.unguarded)
    with pytest.raises(CommandError, match="nothing to rebuild"):
        manage("rebuild")
    backend.unguarded.client.flushall()
    Ask(backend).follow(BOB, ADA, timestamp=1.0)
    assert manage("rebuild") == ("2 follows copied, 0 changes replayed: Redis is ready.\n", 0)
    assert Ask(backend.unguarded).is_following(BOB, ADA)


def test_rebuild_from_redis(settings, servers):
    backend = use_fallback("valkey-9.1", settings, servers, ready=False)
    Ask(backend.unguarded).follow(ADA, BOB, timestamp=1.0)
    Ask(backend.unguarded).follow(BOB, ADA, timestamp=1.0)
    Ask(backend.database).follow_many(ADA, [BOB, FLIGHT, CITY], timestamp=9.0)
    told = "The database differed in 4 follows. It now holds what Redis holds, and follows Redis.\n"
    assert manage("rebuild", "--from", "redis") == (told, 0)
    assert Edge.objects.count() == 2
    with pytest.raises(CommandError, match="The database already follows Redis"):
        manage("rebuild", "--from", "redis")


def test_verify(backend):
    Ask(backend).follow(ADA, BOB, timestamp=1.5)
    assert manage("verify") == ("0 differences: all is well.\n", 0)
    drain(backend.unguarded)
    Edge.objects.all().delete()
    line = "follow user 1 -> user 2: database without, redis since 1.500000"
    told = (
        "1 difference: repair them with `python manage.py sequere verify --repair redis` if Redis is right, with "
        "`python manage.py sequere verify --repair database` if the database is.\n"
    )
    assert manage("verify") == (f"{line}\n{told}", 1)
    out, _ = manage("verify", "--json")
    assert [json.loads(text) for text in out.splitlines()] == [
        {
            "relation": "follow",
            "from_resource": list(ADA),
            "to_resource": list(BOB),
            "database": None,
            "redis": 1.5,
            "mended": False,
        },
        {"differences": 1, "left": 1},
    ]
    assert manage("verify", "--repair", "redis") == (f"{line}, repaired\n1 difference: 0 left.\n", 0)
    assert manage("verify") == ("0 differences: all is well.\n", 0)
    with pytest.raises(CommandError, match="invalid choice: 'mine'"):
        manage("verify", "--repair", "mine")


def test_status(backend):
    out, status = manage("status", "--json")
    assert status == 0
    state = json.loads(out)
    ready = {
        "state": "ready",
        "drained_at": None,
        "journal": 1,
        "lag": 0,
        "lag_seconds": 0.0,
        "step": None,
        "outbox": 0,
        "set_aside": 0,
        "problems": [],
        "meaning": "Redis answers.",
    }
    assert state == ready
    Ask(backend).follow(ADA, BOB, timestamp=1.0)
    Ask(backend).follow(BOB, ADA, timestamp=1.0)
    time.sleep(0.05)
    out, status = manage("status", "--json", "--max-lag", "0.01")
    assert status == 1
    state = json.loads(out)
    assert (state["journal"], state["lag"]) == (3, 2)
    assert 0.04 < state["lag_seconds"] < 30
    out, status = manage("status", "--max-lag", "60")
    assert status == 0
    assert out.splitlines()[1] == "journal     3 entries"
    drain(backend.unguarded)
    SetAside.objects.create(entry="1-1", content={}, reason="none")
    assert manage("status")[1] == 1
    assert json.loads(manage("status", "--json")[0])["drained_at"]
    SetAside.objects.all().delete()
    assert manage("status")[1] == 0


def test_status_of_a_redis_that_does_not_answer(backend, settings, monkeypatch):
    backend.unguarded.client.flushall()
    Ask(backend).follow(ADA, BOB, timestamp=1.0)
    out, status = manage("status", "--json")
    assert status == 2
    assert json.loads(out)["state"] == "cold"
    assert json.loads(out)["outbox"] == 1
    monkeypatch.setattr(rebuilding, "COPY_STEP", 1)
    Ask(backend).follow(BOB, ADA, timestamp=1.0)
    Ask(backend).follow(BOB, FLIGHT, timestamp=1.0)
    with monkeypatch.context() as patch:
        crash_at(patch, backend.unguarded, "copy_edges", 4)
        with pytest.raises(Crash):
            rebuilding.rebuild(backend.unguarded)
    out, status = manage("status")
    assert status == 2
    assert (
        out.splitlines()[0] == "state       rebuilding: The database answers while Redis is filled: copy, 2 of 3 edges."
    )
    settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": "/nowhere"}
    out, status = manage("status")
    assert status == 2
    assert out.splitlines()[:-1] == [
        "state       unreachable: Redis does not answer.",
        "journal     unknown",
        "lag         unknown",
        "last drain  never",
        "outbox      0 changes",
        "set aside   0 entries",
    ]
    assert re.fullmatch(r"Redis does not answer: .*/nowhere.*", out.splitlines()[-1])


def test_status_tells_no_lag_where_the_database_does_not_follow_a_journal(backend):
    """Without a journal "0 entries" would say that the database lacks nothing."""
    client = backend.unguarded.client
    manage("close")
    assert manage("status")[0].splitlines()[1:3] == ["journal     none", "lag         unknown"]
    manage("rebuild")
    client.flushall()
    Ask(backend.unguarded).follow(ADA, BOB, timestamp=1.0)
    out = manage("status")[0].splitlines()
    assert out[0].startswith("state       unmarked: Redis holds a graph")
    assert out[1:3] == ["journal     none", "lag         unknown"]


def test_status_of_a_database_that_does_not_answer(backend, monkeypatch):
    """That is when an operator must know how long the journal is."""
    Ask(backend).follow(ADA, BOB, timestamp=1.0)

    def refuse(alias):
        raise OperationalError("connection refused")

    monkeypatch.setattr(State, "look", refuse)
    out, status = manage("status", "--json", "--max-lag", "0")
    assert status == 1
    state = json.loads(out)
    assert (state["state"], state["journal"], state["lag"], state["outbox"]) == ("ready", 2, None, None)
    assert state["problems"] == ["The database does not answer: connection refused"]
    assert manage("status")[0].splitlines()[1:4] == [
        "journal     2 entries",
        "lag         unknown",
        "last drain  unknown",
    ]


@pytest.mark.parametrize("command", ["audit", "stats"])
def test_there_is_nothing_to_look_at_in_a_cold_redis(backend, command):
    assert manage(command)[1] == 0
    backend.unguarded.client.flushall()
    with pytest.raises(CommandError, match=r"has lost its data.* Run `python manage\.py sequere status`\."):
        manage(command)


def test_a_rebuild_that_replaces_a_graph_says_how_much_it_removed(settings, servers):
    backend = use_fallback("valkey-9.1", settings, servers, ready=False)
    Ask(backend.unguarded).follow(ADA, BOB, timestamp=1.0)
    keys = backend.unguarded.client.keys("sequere:uid:*")
    assert manage("rebuild", "--from", "database")[0].splitlines() == [
        f"{len(keys)} keys of the graph in Redis removed.",
        "0 follows copied, 0 changes replayed: Redis is ready.",
    ]


def test_a_pause_without_watch_is_refused(backend):
    with pytest.raises(CommandError, match="--every is the pause of --watch") as refusal:
        manage("drain", "--every", "1")
    assert refusal.value.returncode == 2


def test_status_before_migrate_says_what_to_run(backend, monkeypatch):
    backend.unguarded.client.flushall()
    Ask(backend.unguarded).follow(ADA, BOB, timestamp=1.0)

    def refuse(alias):
        raise OperationalError("no such table: sequere_state")

    monkeypatch.setattr(State, "look", refuse)
    tables = [table for table in connection.introspection.table_names() if table != "sequere_state"]
    monkeypatch.setattr(connection.introspection, "table_names", lambda: tables)
    out, status = manage("status")
    assert status == 2
    assert out.startswith("state       unmarked: Redis holds a graph without a journal")
    assert "has no table sequere_state. Start the database and run migrate." in out


def test_a_user_that_the_server_refuses_is_reported_once(backend, settings):
    settings.SEQUERE_REDIS_CONNECTION = {**settings.SEQUERE_REDIS_CONNECTION, "username": "ada", "password": "wrong"}
    found = [message.id for message in get_backend().check_server()]
    assert "sequere.W001" in found
    assert {"sequere.W003", "sequere.W005"}.isdisjoint(found)


def test_close(backend):
    Ask(backend).follow(ADA, BOB, timestamp=1.0)
    out, status = manage("close")
    assert status == 0
    assert out.startswith("1 entry drained.\nThe database answers.")
    assert Ask(backend).is_following(ADA, BOB)
    out, status = manage("status", "--json")
    assert status == 2
    assert json.loads(out)["state"] == "closed"


def test_close_for_redis(backend):
    Ask(backend).follow(ADA, BOB, timestamp=1.0)
    out, status = manage("close", "--for", "redis")
    assert status == 0
    assert out.startswith("1 entry drained.\nRedis no longer has a journal")
    assert not backend.unguarded.client.exists("sequere:global:journal")


def test_another_backend(settings):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    for name in ("drain", "rebuild", "verify", "status", "close"):
        with pytest.raises(CommandError, match="RedisFallbackBackend; the settings name RedisBackend"):
            manage(name)


@pytest.mark.parametrize("value", ["-1", "86400", "soon"])
def test_a_pause_that_is_none(backend, value):
    with pytest.raises(CommandError, match="--every"):
        manage("drain", "--watch", "--every", value)
