"""``manage.py sequere drain``, ``rebuild``, ``verify``, ``status`` and ``close``."""

from __future__ import annotations

import io
import json
import signal
import threading
import time

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from sequere.backends.database.models import Follow
from sequere.backends.redis import rebuild as rebuilding
from sequere.backends.redis.drain import drain
from sequere.backends.redis.models import SetAside
from sequere.resources import Resource
from tests.conftest import use_fallback

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

ADA, BOB = Resource("user", "1"), Resource("user", "2")


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
    backend.follow(ADA, BOB, timestamp=1.0)
    assert manage("drain") == ("1 entries drained.\n", 0)
    assert manage("drain") == ("0 entries drained.\n", 0)
    backend.graph.client.xadd("sequere:global:journal", {"operation": "like"})
    assert manage("drain")[0] == "1 entries drained, 1 of them set aside: see the admin.\n"
    backend.graph.client.flushall()
    with pytest.raises(CommandError, match="rebuild"):
        manage("drain")


@pytest.mark.parametrize("command", ["drain", "rebuild", "verify", "status", "close"])
def test_a_table_that_is_missing(backend, monkeypatch, command):
    tables = [table for table in connection.introspection.table_names() if table != "sequere_outbox"]
    monkeypatch.setattr(connection.introspection, "table_names", lambda: tables)
    with pytest.raises(CommandError, match=r"The database 'default' has no table sequere_outbox. .* run migrate"):
        manage(command)
    assert "sequere.W004" in [message.id for message in backend.check_server()]


def test_watch_drains_rebuilds_and_ends_when_told(backend):
    backend.follow(ADA, BOB, timestamp=1.0)
    client = backend.graph.client

    def later():
        deadline = time.monotonic() + 20
        while not Follow.objects.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        client.flushall()
        while not client.exists("sequere:global:journal") and time.monotonic() < deadline:
            time.sleep(0.05)
        signal.raise_signal(signal.SIGTERM)

    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    thread = threading.Thread(target=later)
    thread.start()
    try:
        out, status = manage("drain", "--watch", "--every", "0.05")
    finally:
        thread.join()
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert status == 0
    assert out.splitlines() == [
        "1 entries drained.",
        "Redis is cold: rebuilding.",
        "1 follows copied, 0 changes replayed: Redis is ready.",
    ]


def test_rebuild(backend):
    backend.follow(ADA, BOB, timestamp=1.0)
    drain(backend.graph)
    with pytest.raises(CommandError, match="nothing to rebuild"):
        manage("rebuild")
    backend.graph.client.flushall()
    backend.follow(BOB, ADA, timestamp=1.0)
    assert manage("rebuild") == ("2 follows copied, 0 changes replayed: Redis is ready.\n", 0)
    assert backend.graph.is_following(BOB, ADA)


def test_rebuild_from_redis(settings, servers):
    backend = use_fallback("valkey-9.1", settings, servers, ready=False)
    backend.graph.follow(ADA, BOB, timestamp=1.0)
    backend.graph.follow(BOB, ADA, timestamp=1.0)
    told = "2 follows of Redis brought into the database: the two are in step.\n"
    assert manage("rebuild", "--from", "redis") == (told, 0)
    assert Follow.objects.count() == 2
    with pytest.raises(CommandError, match="nothing to take over"):
        manage("rebuild", "--from", "redis")


def test_verify(backend):
    backend.follow(ADA, BOB, timestamp=1.5)
    assert manage("verify") == ("0 differences: all is well.\n", 0)
    drain(backend.graph)
    Follow.objects.all().delete()
    line = "user 1 -> user 2: database without, redis since 1.500000"
    told = "1 differences: mend them with --repair, naming the side that is right.\n"
    assert manage("verify") == (f"{line}\n{told}", 1)
    out, _ = manage("verify", "--json")
    assert [json.loads(text) for text in out.splitlines()] == [
        {"from_resource": list(ADA), "to_resource": list(BOB), "database": None, "redis": 1.5, "mended": False},
        {"differences": 1, "left": 1},
    ]
    assert manage("verify", "--repair", "redis") == (f"{line}, mended\n1 differences: 0 left.\n", 0)
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
        "outbox": 0,
        "set_aside": 0,
    }
    assert state == ready
    backend.follow(ADA, BOB, timestamp=1.0)
    backend.follow(BOB, ADA, timestamp=1.0)
    time.sleep(0.05)
    out, status = manage("status", "--json", "--max-lag", "0.01")
    assert status == 1
    state = json.loads(out)
    assert (state["journal"], state["lag"]) == (3, 2)
    assert 0.04 < state["lag_seconds"] < 30
    out, status = manage("status", "--max-lag", "60")
    assert status == 0
    assert out.splitlines()[1] == "journal     3 entries"
    drain(backend.graph)
    SetAside.objects.create(entry="1-1", content={}, reason="none")
    assert manage("status")[1] == 1
    assert json.loads(manage("status", "--json")[0])["drained_at"]
    SetAside.objects.all().delete()
    assert manage("status")[1] == 0


def test_status_of_a_redis_that_does_not_answer(backend, settings):
    backend.graph.client.flushall()
    backend.follow(ADA, BOB, timestamp=1.0)
    out, status = manage("status", "--json")
    assert status == 2
    assert json.loads(out)["state"] == "cold"
    assert json.loads(out)["outbox"] == 1
    backend.graph.run("move_rebuild", "", "begun")
    out, status = manage("status")
    assert status == 1
    assert out.startswith("state       rebuilding\n")
    settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": "/nowhere"}
    with pytest.raises(CommandError) as caught:
        manage("status")
    assert caught.value.returncode == 2


def test_close(backend):
    backend.follow(ADA, BOB, timestamp=1.0)
    out, status = manage("close")
    assert status == 0
    assert out.startswith("1 entries drained.\nThe database answers now.")
    assert backend.is_following(ADA, BOB)
    out, status = manage("status", "--json")
    assert status == 2
    assert json.loads(out)["state"] == "closed"


def test_another_backend(settings):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    for name in ("drain", "rebuild", "verify", "status", "close"):
        with pytest.raises(CommandError, match="RedisFallbackBackend; the settings say RedisBackend"):
            manage(name)


@pytest.mark.parametrize("value", ["-1", "86400", "soon"])
def test_a_pause_that_is_none(backend, value):
    with pytest.raises(CommandError, match="--every"):
        manage("drain", "--watch", "--every", value)
