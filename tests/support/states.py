"""States in which a server answers but does not serve; each gives a word of what it then says."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress

from .replication import wait_until


@contextmanager
def busy(server, admin):
    """While somebody's script never ends."""

    def run():
        with server.client() as client, suppress(Exception):
            client.execute_command("EVAL", "while true do end", 0)

    admin.config_set("lua-time-limit", 1)
    thread = threading.Thread(target=run)
    thread.start()

    def is_busy():
        try:
            return not admin.ping()
        except Exception as error:  # noqa: BLE001
            return "BUSY" in str(error)

    wait_until(is_busy)
    try:
        yield "BUSY"
    finally:
        admin.script_kill()
        thread.join(10)


@contextmanager
def loading(server, admin):
    """While the server reads its file: a key in ten milliseconds, and a look at its clients after each.

    It needs ``--enable-debug-command yes``.
    """

    def reload():
        with server.client() as client:
            client.execute_command("DEBUG", "RELOAD", "NOSAVE")

    with server.client() as other:
        pipeline = other.pipeline()
        for number in range(1000):
            pipeline.set(f"other:{number}", os.urandom(1024))  # which cannot be compressed
        pipeline.execute()
    admin.save()
    admin.config_set("loading-process-events-interval-bytes", 1024)
    admin.config_set("key-load-delay", 10000)
    thread = threading.Thread(target=reload)
    thread.start()
    try:
        wait_until(lambda: admin.info("persistence")["loading"] == 1)
        yield "loading the dataset"
    finally:
        admin.config_set("key-load-delay", 0)
        thread.join(10)


@contextmanager
def without_primary(server, admin):
    """While a replica has lost its primary, and shall not answer from what it remembers."""
    admin.config_set("replica-serve-stale-data", "no")
    admin.replicaof("127.0.0.1", "1")
    try:
        yield "Link with MASTER is down"
    finally:
        admin.replicaof("no", "one")
