"""A stage for RedisFallbackBackend with real processes: writers, Celery workers, commands, and what may die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

from redis.exceptions import WatchError

from sequere.backends import get_backend
from sequere.backends.database.bulk import set_edges
from sequere.backends.database.models import Edge
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.status import get_status
from sequere.backends.redis.models import SetAside, get_alias
from sequere.relations import Edge as Key
from sequere.resources import Resource
from tests.support.behind import JOURNAL, in_step

ROOT = Path(__file__).resolve().parents[2]

#: Of a crowd that only a rebuild touches: the time of its follows, and how many one of them has.
EARLY, EACH = 1.0, 200


class Runner:
    """A process that runs ``manage.py sequere`` in forks, one after another: see ``runner.py``."""

    def __init__(self, process):
        self.process = process
        assert self.outcome() == "ready"

    def begin(self, *arguments, seconds=None):
        """Begin a command, which is killed after so many seconds."""
        self.process.stdin.write(json.dumps([arguments, seconds]) + "\n")
        self.process.stdin.flush()

    def outcome(self):
        """Wait until the command has ended: ``done``, ``killed``, or the name of its error."""
        return json.loads(self.process.stdout.readline())


class Stage:
    """A Redis and a database, and processes that use them; perhaps a broker, and wires that can be cut."""

    def __init__(self, folder, server, environment, *, broker_url="", database=None, broker=None):
        self.folder, self.server = folder, server
        self.database, self.broker = database, broker
        self.backend = get_backend()
        given = {"redis": server.connection, "broker": broker_url, "queue": f"sequere-{uuid.uuid4().hex}"}
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.processes.settings",
            "SEQUERE_TEST_PROCESS": json.dumps(given),
            **environment,
        }
        self.started: list[subprocess.Popen] = []
        self.workers: list[subprocess.Popen] = []
        #: What the writers that have finished counted, all together: see ``writer.py``.
        self.counted: Counter[str] = Counter()
        self.filled: dict[tuple[str, str], float] = {}

    # Processes

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

    def manage(self, *arguments):
        """``manage.py sequere`` in a process of its own."""
        return self.start("django", "sequere", *arguments)

    def runner(self):
        return Runner(self.start("tests.processes.runner", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))

    def writers(self, operations, seconds, *, shared=True):
        """Four that do so many operations together, evenly over a time."""
        arguments = ["--operations", str(operations // 4), "--seconds", str(seconds)]
        return self._start_writers(4, *arguments, *([] if shared else ["--alone"]))

    def endless_writers(self, *arguments, number=4):
        """Those that write, as soon as this returns, until they are told to end: see ``writer.py``."""
        writers = self._start_writers(number, *arguments)
        for writer in writers:
            assert writer.stdout.readline() == "ready\n", self.log()
        return writers

    def _start_writers(self, number, *arguments):
        return [
            self.start("tests.processes.writer", str(seed), *arguments, stdout=subprocess.PIPE, text=True)
            for seed in range(number)
        ]

    def stop(self, writers, how=signal.SIGSTOP):
        """Stop writers wherever they are, or with SIGUSR1 before their next operations."""
        for writer in writers:
            writer.send_signal(how)
        for writer in writers:
            os.waitid(os.P_PID, writer.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def go_on(self, writers):
        for writer in writers:
            writer.send_signal(signal.SIGCONT)

    def end_writers(self, writers, *, least=1000):
        """As :meth:`finish`, for those that go on until they are told."""
        assert all(writer.poll() is None for writer in writers), self.log()
        for writer in writers:
            writer.send_signal(signal.SIGTERM)
        return self.finish(writers, least=least)

    def finish(self, writers, *, least=1000):
        """What must stand by what the writers were told: edges of their own with time, shared ones without."""
        own, shared = dict(self.filled), Counter()
        for seed, writer in enumerate(writers):
            output, _ = writer.communicate(timeout=120)
            assert writer.returncode == 0, self.log()
            told = json.loads(output.splitlines()[-1])
            assert told["wrong"] == []
            self.counted.update(told["counted"])
            own.update({(f"own-{seed}", other): since for other, since in told["edges"].items()})
            for one, other, count in told["balance"]:
                shared[one, other] += count
        assert set(shared.values()) <= {0, 1}
        assert self.counted["compared"] > least
        return own, {edge for edge, count in shared.items() if count}

    def end(self):
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.communicate(timeout=30)

    # Stores

    def fill(self, edges):
        """Put follows into the database, so that a rebuild takes its time."""
        pairs = [(f"own-x{number // EACH}", f"x-{number % EACH}") for number in range(edges)]
        self.filled = dict.fromkeys(pairs, EARLY)
        keys = [Key("follow", Resource("project", one), Resource("user", other)) for one, other in pairs]
        set_edges(get_alias(), dict.fromkeys(keys, EARLY))

    def forget(self):
        """Let Redis lose its memory."""
        with self.server.client() as client:
            client.flushall()

    def forget_while_cold(self):
        """Let Redis lose its memory once more, unless it has a journal. Whether it has lost it."""
        with self.server.client() as client, client.pipeline() as pipeline:
            pipeline.watch(JOURNAL)
            if pipeline.exists(JOURNAL):
                return False
            pipeline.multi()
            pipeline.flushall()
            try:
                pipeline.execute()
            except WatchError:  # a rebuild has ended at this moment
                return False
        return True

    def log(self):
        return (self.folder / "log").read_text(errors="replace")[-4000:]

    def status(self):
        return get_status(self.backend.unguarded)

    def wait(self, what, seconds=60.0):
        """Until something holds. Returns how long that took."""
        began = time.monotonic()
        while not what():
            assert time.monotonic() < began + seconds, (self.status(), self.log())
            time.sleep(0.05)
        return time.monotonic() - began

    def wait_until_drained(self):
        self.wait(lambda: self.status().state == "ready" and self.status().lag == 0)

    def check(self, own, shared):
        """That both stores hold just that, and agree."""
        assert in_step(self.backend)
        assert drain(self.backend.unguarded).entries == 0
        rows = Edge.objects.values_list("from_object_id", "to_object_id", "timestamp")
        stored = {(one, other): since.timestamp() for one, other, since in rows}
        kept = {edge: since for edge, since in stored.items() if edge[0].startswith("own")}
        assert kept.items() ^ own.items() == set()
        assert {edge for edge in stored if not edge[0].startswith("own")} == shared
        assert SetAside.objects.count() == 0
