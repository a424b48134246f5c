"""A stage for RedisFallbackBackend with real processes: writers, Celery workers with beat, and what may die."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connections

from sequere.backends import get_backend
from sequere.backends.database.models import Edge
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.status import get_status
from sequere.backends.redis.models import SetAside
from tests.support.behind import in_step
from tests.support.databases import ENGINES, follows_in
from tests.support.servers import missing, running
from tests.support.wire import wire

ROOT = Path(__file__).resolve().parents[2]
BROKERS = ("rabbitmq", "redis")


class Stage:
    """PostgreSQL and a broker behind wires that can be cut, and a Redis; processes that use them."""

    def __init__(self, folder, server, database, database_url, broker, broker_url):
        self.folder, self.server = folder, server
        self.database, self.broker = database, broker
        self.backend = get_backend()
        given = {"redis": server.connection, "broker": broker_url, "queue": f"sequere-{uuid.uuid4().hex}"}
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.processes.settings",
            "SEQUERE_TEST_FOLLOWS": "postgresql",
            ENGINES["postgresql"][0]: database_url,
            "SEQUERE_TEST_PROCESS": json.dumps(given),
        }
        self.started: list[subprocess.Popen] = []
        self.workers: list[subprocess.Popen] = []

    def start(self, *arguments, **options):
        with open(self.folder / "log", "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env=self.environment,
                stderr=log,
                **{"stdout": log, **options},
            )
        self.started.append(process)
        return process

    def worker(self):
        """A Celery worker that is one process, with beat in a thread; without Python's buffering."""
        number = len(self.started)
        worker = self.start(
            *("celery", "-A", "tests.processes.celery", "worker", "--pool", "solo", "--loglevel", "warning"),
            *("--hostname", f"worker{number}@localhost", "--without-gossip", "--without-mingle"),
        )
        self.workers.append(worker)
        return worker

    def beat(self):
        return self.start(
            *("celery", "-A", "tests.processes.celery", "beat", "--loglevel", "warning"),
            *("--schedule", str(self.folder / "schedule"), "--pidfile", ""),
        )

    def writers(self, operations, seconds, *, shared=True):
        return [
            self.start(
                *("tests.processes.writer", str(seed), str(operations // 4), str(seconds), str(int(shared))),
                stdout=subprocess.PIPE,
                text=True,
            )
            for seed in range(4)
        ]

    def finish(self, writers):
        """What must stand by what the writers were told: edges of their own with time, shared ones without."""
        own, shared, compared = {}, Counter(), 0
        for seed, writer in enumerate(writers):
            output, _ = writer.communicate(timeout=120)
            assert writer.returncode == 0, self.log()
            told = json.loads(output)
            assert told["wrong"] == []
            compared += told["compared"]
            own.update({(f"own-{seed}", other): since for other, since in told["edges"].items()})
            for one, other, count in told["balance"]:
                shared[one, other] += count
        assert set(shared.values()) <= {0, 1}
        assert compared > 1000
        return own, {edge for edge, count in shared.items() if count}

    def log(self):
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def status(self):
        return get_status(self.backend.unguarded)

    def wait(self, what, seconds=60.0):
        """Until something holds."""
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def wait_until_drained(self):
        self.wait(lambda: self.status().state == "ready" and self.status().lag == 0)

    def check(self, own, shared):
        """That both stores hold just that, and agree."""
        assert in_step(self.backend)
        assert drain(self.backend.unguarded).entries == 0
        rows = Edge.objects.values_list("from_object_id", "to_object_id", "timestamp")
        stored = {(one, other): since.timestamp() for one, other, since in rows}
        assert {edge: since for edge, since in stored.items() if edge[0].startswith("own")} == own
        assert {edge for edge in stored if not edge[0].startswith("own")} == shared
        assert SetAside.objects.count() == 0

    def end(self):
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.communicate(timeout=30)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _at(url, port, path):
    """A URL with its place changed to a port of this machine."""
    parts = urlsplit(url)
    user = f"{parts.username}:{parts.password}@" if parts.username else ""
    return f"{parts.scheme}://{user}127.0.0.1:{port}{path}"


@pytest.fixture
def make_stage(tmp_path, settings, transactional_db):
    """A function that sets a stage with the options of its Redis and a broker."""
    url = os.environ.get(ENGINES["postgresql"][0]) or missing(f"postgresql: set {ENGINES['postgresql'][0]} to its URL")
    token = follows_in.set("postgresql")
    with ExitStack() as stack:
        stages = []

        def make(*options, broker=""):
            rabbitmq = os.environ.get("SEQUERE_TEST_RABBITMQ")
            if broker == "rabbitmq" or (not broker and rabbitmq):
                rabbitmq = rabbitmq or missing("rabbitmq: set SEQUERE_TEST_RABBITMQ to its URL")
                parts = urlsplit(rabbitmq)
                to_broker = stack.enter_context(wire(parts.hostname, parts.port or 5672))
                broker_url = _at(rabbitmq, to_broker.port, parts.path or "//")
            else:
                port = _free_port()
                stack.enter_context(running("valkey-9.1", "--port", str(port)))
                to_broker = stack.enter_context(wire("127.0.0.1", port))
                broker_url = f"redis://127.0.0.1:{to_broker.port}/0"
            parts = urlsplit(url)
            to_database = stack.enter_context(wire(parts.hostname, parts.port or 5432))
            name = connections["postgresql"].settings_dict["NAME"]
            server = stack.enter_context(running("valkey-9.1", *options))
            settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisFallbackBackend"
            settings.SEQUERE_REDIS_CONNECTION = server.connection
            database_url = _at(url, to_database.port, f"/{name}")
            stage = Stage(tmp_path, server, to_database, database_url, to_broker, broker_url)
            stages.append(stage)
            rebuild(stage.backend.unguarded)
            return stage

        yield make
        for stage in stages:
            stage.end()
    follows_in.reset(token)
    shutil.rmtree(tmp_path, ignore_errors=True)
