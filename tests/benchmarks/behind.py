"""How fast write-behind is: ``python -m tests.benchmarks.behind --database postgresql``.

Drains (follows that are all new; changes of few pairs), a rebuild, and how late the database is while
2,000 changes a second come in and one ``manage.py sequere drain --watch`` runs in a process of its own. Each
figure is the median of several runs; the database is a test database that is removed at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from tests.support.calls import Ask

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

#: Changes a second while the lag is measured, and for how long.
RATE, SECONDS = 2000, 10.0


def main() -> None:
    import django
    from django.conf import settings
    from django.db import connections

    from tests.support.databases import ENGINES, follows_in
    from tests.support.servers import running

    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.behind", description="How fast write-behind is.")
    parser.add_argument("--database", choices=["sqlite", *ENGINES], default="postgresql")
    parser.add_argument("--entries", type=int, default=50_000, help="changes, or follows, of each run (50,000)")
    parser.add_argument("--runs", type=int, default=3, help="runs of which the median counts (3)")
    options = parser.parse_args()
    alias = "default" if options.database == "sqlite" else options.database
    if alias not in settings.DATABASES:
        parser.error(f"set {ENGINES[alias][0]} to the URL of a {alias}")
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisFallbackBackend"
    follows_in.set(alias)
    with running("valkey-9.1") as server:
        settings.SEQUERE_REDIS_CONNECTION = server.connection
        django.setup()
        creation, name = connections[alias].creation, connections[alias].settings_dict["NAME"]
        creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            run(options.entries, options.runs, server, alias)
        finally:
            creation.destroy_test_db(name, verbosity=0)


def run(entries: int, runs: int, server, alias: str) -> None:
    from sequere.backends import get_backend
    from sequere.backends.redis.behind.drain import drain
    from sequere.backends.redis.behind.rebuild import rebuild
    from tests.support.behind import start_anew

    backend = get_backend()

    def drained(change: Callable[[int], object]) -> float:
        start_anew(backend)
        for number in range(0, entries, 200):
            change(number)
        began = time.perf_counter()
        count = drain(backend.unguarded).entries
        return count / (time.perf_counter() - began)

    def rebuilt() -> float:
        backend.unguarded.client.flushall()
        began = time.perf_counter()
        count = rebuild(backend.unguarded).copied
        return count / (time.perf_counter() - began)

    figures = [
        ("drain, new follows", lambda: drained(lambda number: follow_new(backend, number))),
        ("drain, few pairs", lambda: drained(lambda number: change_few(backend, number))),
    ]
    for title, measure in figures:
        show(title, [measure() for _ in range(runs)], "entries a second")
    start_anew(backend)
    for number in range(0, entries, 200):
        follow_new(backend, number)
    drain(backend.unguarded)
    show("rebuild", [rebuilt() for _ in range(runs)], "edges a second")
    if alias != "default":
        measure_lag(backend, server, alias)


def follow_new(backend, number: int) -> None:
    """200 follows of resources that are followed by others too."""
    from sequere.resources import Resource

    chance = random.Random(number)
    others = [Resource("project", str(other)) for other in chance.sample(range(20_000), 200)]
    Ask(backend.unguarded).follow_many(Resource("user", str(number)), others, timestamp=1e9 + number)


def change_few(backend, number: int) -> None:
    from sequere.resources import Resource

    others = [Resource("project", str(other)) for other in range(100)]
    Ask(backend.unguarded).follow_many(Resource("user", "1"), others, timestamp=1e9 + number)
    Ask(backend.unguarded).unfollow_many(Resource("user", "1"), others)


def measure_lag(backend, server, alias: str) -> None:
    from django.db import connections

    from sequere.backends.redis.behind.status import get_status
    from sequere.resources import Resource
    from tests.support.behind import start_anew
    from tests.support.databases import ENGINES

    start_anew(backend)
    variable = ENGINES[alias][0]
    url = f"{os.environ[variable].rpartition('/')[0]}/{connections[alias].settings_dict['NAME']}"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.processes.settings",
        "SEQUERE_TEST_FOLLOWS": alias,
        "SEQUERE_TEST_PROCESS": json.dumps({"redis": server.connection, "broker": "", "queue": "none"}),
        variable: url,
    }
    command = [sys.executable, "-m", "django", "sequere", "drain", "--watch", "--every", "0.1"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as watch:
        late, lags, wait, number = [], [], 0.01, 0
        began = time.perf_counter()
        chance = random.Random(1)
        looked = began + 2.0  # the command has started by then
        while (now := time.perf_counter()) < began + SECONDS:
            while number < RATE * (now - began):
                one, other = (
                    Resource("user", str(chance.randrange(5000))),
                    Resource("project", str(chance.randrange(5000))),
                )
                Ask(backend.unguarded).follow(one, other, timestamp=1e9 + number)
                number += 1
            if now > looked:
                status = get_status(backend.unguarded)
                late.append(status.lag_seconds)
                lags.append(status.lag)
                looked = now + 0.05
            time.sleep(wait)
        watch.terminate()
        watch.wait(30)
    title = f"lag, {number / SECONDS:,.0f} changes a second"
    print(f"{title:<36}{statistics.median(late):>12.3f}  seconds (median), {max(late):.3f} at most")
    print(f"{'':<36}{statistics.median(lags):>12,.0f}  entries (median), {max(lags):,} at most")


def show(title: str, rates: list[float], unit: str) -> None:
    print(f"{title:<36}{statistics.median(rates):>12,.0f}  {unit} ({min(rates):,.0f} to {max(rates):,.0f})")


if __name__ == "__main__":
    main()
