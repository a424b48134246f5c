"""Starts a server of its own, times every public call on it, prints what each costs.

    python -m tests.benchmarks --rounds 2000 --server valkey-9.1 --json

The unit is a bare round trip: ``evalsha`` of ``return 1`` with as many arguments, by a plain redis-py
client, in the same rounds. "Script alone" is what the call sends, sent by that client too: from bare to
there it is Lua, from there to the call it is Python. TCP on the loopback, SQL in SQLite in memory, one
receiver connected to each signal.

Which processors the two processes run on decides what a round trip takes: on one and the same it may be
a third of what it is on two. The kernel chooses anew now and then, so it is not left the choice.
"""

from __future__ import annotations

import argparse
import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"


def main() -> None:
    import django
    import redis
    from django.conf import settings
    from django.core.management import call_command

    from tests.support.servers import running

    from .servers import free_port, parse_with_server

    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="What each public call costs.")
    parser.add_argument("--rounds", type=int, default=2000, help="how often each operation runs (default: 2000)")
    parser.add_argument(
        "--cpus",
        choices=["apart", "same", "any"],
        default="apart",
        help="server and client on a processor each, as on two machines (default); on the same; as the kernel likes",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    options = parse_with_server(parser, default="valkey-9.1")
    if options.rounds < 2:
        parser.error("--rounds must be at least 2")

    port = free_port()
    connection = {"host": "127.0.0.1", "port": port}
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_REDIS_CONNECTION = connection
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    # Only now: these import models.
    from .operations import Operations, add_reads, add_writes, build
    from .report import show, show_json
    from .rounds import measure

    server_cpus, own_cpus = choose_cpus(options.cpus)
    set_cpus(server_cpus)  # the server inherits them
    with running(options.server, "--port", str(port), "--bind", "127.0.0.1"), redis.Redis(**connection) as plain:
        set_cpus(own_cpus)
        build(plain)
        operations = Operations(plain)
        add_writes(operations)
        add_reads(operations)
        timings = measure(operations.all.values(), rounds=options.rounds)
    about = {"server": options.server, "cpus": options.cpus, "rounds": options.rounds, "redis_py": redis.__version__}
    if options.json:
        show_json(operations.all.values(), timings, **about)
    else:
        title = f"{options.server}, redis-py {redis.__version__}, cpus {options.cpus}, {options.rounds} rounds"
        show(operations.all.values(), timings, title=title)


def choose_cpus(how: str) -> tuple[set[int], set[int]]:
    """The processors for the server and for this process."""
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if how == "any" or len(cpus) < 2:
        return set(cpus), set(cpus)
    return {cpus[0] if how == "same" else cpus[1]}, {cpus[0]}


def set_cpus(cpus: set[int]) -> None:
    """Keep this process, and those that it starts, on these processors; not everywhere is that possible."""
    if cpus:
        os.sched_setaffinity(0, cpus)


if __name__ == "__main__":
    main()
