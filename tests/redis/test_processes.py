"""Clients of the Redis backend in many threads, event loops and processes at once."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sequere.backends import get_backend
from sequere.backends.redis import connection
from sequere.backends.redis.client import make_client
from sequere.resources import Resource
from tests.support.calls import Ask

USER, PROJECT = Resource("user", "1"), Resource("project", "7")

THREADS = 12


@pytest.fixture
def restless():
    """Threads take turns far more often than usual."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def in_threads(function):
    """What a function returns in each of many threads that begin at once."""
    barrier = threading.Barrier(THREADS)

    def run(_):
        barrier.wait(10)
        return function()

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(run, range(THREADS)))


def test_threads_that_come_first_at_once_share_one_client(library, monkeypatch):
    backend = get_backend()
    everybody = threading.Barrier(THREADS)

    def make_together(setting):
        everybody.wait(10)
        return make_client(setting)

    monkeypatch.setattr(connection, "make_client", make_together)
    clients = in_threads(lambda: (backend.client, Ask(backend).count(PROJECT, "followers"))[0])
    assert len(set(map(id, clients))) == 1
    backend.client.close()


def test_each_thread_may_have_its_event_loops(library, restless):
    Ask().follow(USER, PROJECT, timestamp=1.0)

    def run():
        return [asyncio.run(Ask().acount(PROJECT, "followers")) for _ in range(10)]

    assert in_threads(run) == [[1] * 10] * THREADS
    assert get_backend().primary.async_clients == {}


@pytest.mark.parametrize("options", [{}, {"single_connection_client": True}])
def test_a_forked_process_has_its_own_connections_and_locks(library, valkey, settings, options):
    names = ("SEQUERE_BACKEND_CLASS", "SEQUERE_REDIS_CONNECTION_CLASS")
    given = {name: getattr(settings, name) for name in names}
    given["SEQUERE_REDIS_CONNECTION"] = {**valkey.connection, **options}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.support.forking"],
        input=json.dumps({"settings": given, "threads": not options}),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "[20, 0]\n", done.stderr
