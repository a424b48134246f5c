"""One of several processes that perform operations at once: ``python -m tests.support.player``.

Each line of its standard input is a list of operations, pickled and in base64. It performs them, one after another, and
prints the list of their results in the same form: the result of each, or the name of the exception. ``--settings`` has
settings as JSON; by default the backend is that of the database. With ``--nested`` each operation is in a transaction
of the caller that has read before, and is repeated from its beginning after a conflict.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from base64 import b64decode, b64encode
from contextlib import contextmanager
from pathlib import Path
from pickle import dumps, loads

ROOT = Path(__file__).resolve().parents[2]

DATABASE = {"SEQUERE_BACKEND_CLASS": "sequere.backends.database.DatabaseBackend"}

#: How many times an operation in a transaction of the caller is tried.
ATTEMPTS = 200


def perform(backend, operation, *, nested):
    from sequere.exceptions import Blocked, FollowLimitReached, InvalidArgument

    try:
        return perform_nested(backend, operation) if nested else backend.perform(operation)
    except (Blocked, FollowLimitReached, InvalidArgument) as error:
        return type(error).__name__


def perform_nested(backend, operation):
    from django.db import OperationalError, transaction

    from sequere.backends.database.conflicts import is_conflict
    from sequere.backends.database.models import Edge
    from tests.support.databases import follows_in

    for _ in range(ATTEMPTS):
        try:
            with transaction.atomic(using=follows_in.get()):
                Edge.objects.using(follows_in.get()).exists()
                return backend.perform(operation)
        except OperationalError as error:  # WriteConflict, or a serialization failure of the caller's own commit
            if not is_conflict(error):
                raise
            time.sleep(random.uniform(0, 0.03))
    raise AssertionError("always a conflict")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--nested", action="store_true")
    parser.add_argument("--settings", type=json.loads, default=DATABASE)
    options = parser.parse_args()
    import django
    from django.conf import settings

    for name, value in options.settings.items():
        setattr(settings, name, value)
    django.setup()
    from sequere.backends import get_backend

    backend = get_backend()
    print("ready", flush=True)
    for line in sys.stdin:
        results = [perform(backend, operation, nested=options.nested) for operation in loads(b64decode(line))]
        print(b64encode(dumps(results)).decode(), flush=True)


class Players:
    """Several of these processes."""

    def __init__(self, processes):
        self.processes = processes

    def play(self, *turns):
        """Let each process perform its operations, all at the same time. Returns the results of each."""
        playing = self.processes[: len(turns)]
        for process, operations in zip(playing, turns, strict=True):
            process.stdin.write(b64encode(dumps(operations)).decode() + "\n")
        for process in playing:
            process.stdin.flush()
        return [loads(b64decode(self._read(process))) for process in playing]

    @staticmethod
    def _read(process):
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        return line


@contextmanager
def players(number, environment, *options):
    """So many processes with this environment."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.player", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", **environment},
        )
        for _ in range(number)
    ]
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n", process.communicate()[1]
        yield Players(processes)
    finally:
        for process in processes:
            process.stdin.close()
        for process in processes:
            process.wait(30)
            process.stdout.close()
            process.stderr.close()


if __name__ == "__main__":
    main()
