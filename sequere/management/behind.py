"""The sub-commands of write-behind: ``drain``, ``rebuild``, ``verify``, ``status`` and ``close``."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from dataclasses import asdict
from types import FrameType

from django.db import Error as DatabaseError
from django.db import close_old_connections

from ..backends.redis import drain as draining
from ..backends.redis import rebuild as rebuilding
from ..backends.redis.backend import RedisBackend
from ..backends.redis.status import get_status
from ..backends.redis.survey import count_uids
from ..backends.redis.verify import Difference, verify
from ..exceptions import BackendError, ColdStore
from .graph import Write, progress

#: Exit statuses of ``status``, as monitoring systems have them.
OK, WARNING, CRITICAL = 0, 1, 2


def run(graph: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    """Do what the options say and print it; returns the exit status."""
    subcommands = {
        "drain": _watch if options.subcommand == "drain" and options.watch else _drain,
        "rebuild": _take_over if options.subcommand == "rebuild" and options.side == "redis" else _rebuild,
        "verify": _verify,
        "status": _status,
        "close": _close,
    }
    return subcommands[options.subcommand](graph, options, write)


def _drain(graph: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    _tell(draining.drain(graph), write)
    return 0


def _tell(drained: draining.Drained, write: Write) -> None:
    aside = f", {drained.set_aside} of them set aside: see the admin" if drained.set_aside else ""
    write(f"{drained.entries} entries drained{aside}.")


def _watch(graph: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    """Drain again and again. What fails is told once, and tried again."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    told = ""
    while not stopped.is_set():
        close_old_connections()
        try:
            try:
                drained = draining.drain(graph)
            except ColdStore:
                write("Redis is cold: rebuilding.")
                rebuilt = rebuilding.rebuild(graph)
                write(f"{rebuilt.copied} follows copied, {rebuilt.replayed} changes replayed: Redis is ready.")
            else:
                if drained.entries:
                    _tell(drained, write)
            told = ""
        except (BackendError, DatabaseError, rebuilding.RebuildRefused) as error:
            if str(error) != told:
                told = str(error)
                write(f"{type(error).__name__}: {told}")
        stopped.wait(options.every)
    return 0


def _rebuild(graph: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    with progress("rebuild", rebuilding.count_follows()) as on_step:
        rebuilt = rebuilding.rebuild(graph, by_hand=True, discard=options.side == "database", on_step=on_step)
    write(f"{rebuilt.copied} follows copied, {rebuilt.replayed} changes replayed: Redis is ready.")
    return 0


def _take_over(graph: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    rebuilding.take_over(graph)
    with progress("verify", rebuilding.count_follows() + count_uids(graph)) as on_step:
        mended = sum(1 for _ in verify(graph, repair="redis", on_step=on_step))
    write(f"{mended} follows of Redis brought into the database: the two are in step.")
    return 0


def _verify(graph: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    found = left = 0
    with progress("verify", 2 * rebuilding.count_follows()) as on_step:
        for difference in verify(graph, repair=options.repair, on_step=on_step):
            found += 1
            left += not difference.mended
            write(json.dumps(difference._asdict()) if options.json else _as_line(difference))
    if options.json:
        write(json.dumps({"differences": found, "left": left}))
    else:
        told = f"{left} left" if options.repair else "mend them with --repair, naming the side that is right"
        write(f"{found} differences: {told if found else 'all is well'}.")
    return 1 if left else 0


def _as_line(difference: Difference) -> str:
    edge = f"{' '.join(difference.from_resource)} -> {' '.join(difference.to_resource)}"
    sides = (
        f"{name} {'without' if at is None else f'since {at:.6f}'}"
        for name, at in (("database", difference.database), ("redis", difference.redis))
    )
    return f"{edge}: {', '.join(sides)}{', mended' if difference.mended else ''}"


def _status(graph: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    status = get_status(graph)
    if options.json:
        write(json.dumps(asdict(status), default=str, indent=2))
    else:
        write(f"state       {status.state}")
        write(f"journal     {status.journal:,} entries")
        write(f"lag         {status.lag:,} entries, {status.lag_seconds:.1f} seconds")
        write(f"last drain  {status.drained_at or 'never'}")
        write(f"outbox      {status.outbox:,} changes")
        write(f"set aside   {status.set_aside:,} entries")
    if status.state in ("cold", "closed"):
        return CRITICAL
    late = options.max_lag is not None and status.lag_seconds > options.max_lag
    return WARNING if late or status.set_aside or status.state == "rebuilding" else OK


def _close(graph: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    _tell(draining.close(graph), write)
    write("The database answers now. To go back to Redis: manage.py sequere rebuild.")
    return 0
