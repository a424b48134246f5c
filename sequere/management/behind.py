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

from ..backends.redis.backend import RedisBackend
from ..backends.redis.behind import drain as draining
from ..backends.redis.behind import rebuild as rebuilding
from ..backends.redis.behind.adopt import adopt
from ..backends.redis.behind.closing import close, release
from ..backends.redis.behind.status import WARNING, get_status
from ..backends.redis.behind.verify import Difference, verify
from ..backends.redis.uids import count_uids
from ..exceptions import ColdStore, SequereException
from .console import count
from .graph import Write, progress

#: Seconds between two drains of ``drain --watch``.
EVERY = 1.0


def run(unguarded: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    """Do what the options say and print it; returns the exit status."""
    subcommands = {
        "drain": _watch if options.subcommand == "drain" and options.watch else _drain,
        "rebuild": _adopt if options.subcommand == "rebuild" and options.side == "redis" else _rebuild,
        "verify": _verify,
        "status": _status,
        "close": _close,
    }
    return subcommands[options.subcommand](unguarded, options, write)


def _drain(unguarded: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    _tell(draining.drain(unguarded), write)
    return 0


def _tell(drained: draining.Drained, write: Write) -> None:
    aside = f", {drained.set_aside:,} of them set aside: see the admin" if drained.set_aside else ""
    write(f"{count(drained.entries, 'entry', 'entries')} drained{aside}.")


def _watch(unguarded: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    """Drain again and again. An error is printed once, and the drain is tried again."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    told: set[str] = set()

    def tell_once(text: str) -> None:
        if text not in told:
            told.add(text)
            write(text)

    while not stopped.is_set():
        close_old_connections()
        try:
            try:
                drained = draining.drain(unguarded)
            except ColdStore:
                tell_once("Redis is cold: rebuilding.")
                rebuilt = rebuilding.rebuild(unguarded)
                _tell_rebuilt(rebuilt, write)
            else:
                if drained.entries:
                    _tell(drained, write)
            told.clear()
        except (SequereException, DatabaseError) as error:
            tell_once(f"{type(error).__name__}: {error}")
        stopped.wait(EVERY if options.every is None else options.every)
    return 0


def _rebuild(unguarded: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    with progress("rebuild", rebuilding.count_edges()) as on_step:
        rebuilt = rebuilding.rebuild(unguarded, by_hand=True, replace=options.side == "database", on_step=on_step)
    if options.side == "database":
        write(f"{rebuilt.cleared:,} keys of the graph in Redis removed.")
    _tell_rebuilt(rebuilt, write)
    return 0


def _tell_rebuilt(rebuilt: rebuilding.Rebuilt, write: Write) -> None:
    left_out = (
        f", {rebuilt.left_out:,} left out because the scripts refuse them: see the log" if rebuilt.left_out else ""
    )
    copied, replayed = count(rebuilt.copied, "follow"), count(rebuilt.replayed, "change")
    write(f"{copied} copied, {replayed} replayed{left_out}: Redis is ready.")


def _adopt(unguarded: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    with progress("adopt", rebuilding.count_edges() + count_uids(unguarded.client, unguarded.prefix)) as on_step:
        told = adopt(unguarded, on_step=on_step)
    write(f"The database differed in {count(told, 'follow')}. It now holds what Redis holds, and follows Redis.")
    return 0


def _verify(unguarded: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    found = left = 0
    with progress("verify", 2 * rebuilding.count_edges()) as on_step:
        for difference in verify(unguarded, repair=options.repair, on_step=on_step):
            found += 1
            left += not difference.mended
            write(json.dumps(difference._asdict()) if options.json else _as_line(difference))
    if options.json:
        write(json.dumps({"differences": found, "left": left}))
    else:
        told = f"{left:,} left" if options.repair else _ADVICE
        write(f"{count(found, 'difference')}: {told if found else 'all is well'}.")
    return 1 if left else 0


_ADVICE = (
    "repair them with `python manage.py sequere verify --repair redis` if Redis is right, with "
    "`python manage.py sequere verify --repair database` if the database is"
)


def _as_line(difference: Difference) -> str:
    ends = f"{' '.join(difference.from_resource)} -> {' '.join(difference.to_resource)}"
    edge = f"{difference.relation} {ends}"
    sides = (
        f"{name} {'without' if at is None else f'since {at:.6f}'}"
        for name, at in (("database", difference.database), ("redis", difference.redis))
    )
    return f"{edge}: {', '.join(sides)}{', repaired' if difference.mended else ''}"


def _status(unguarded: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    status = get_status(unguarded)
    if options.json:
        write(json.dumps(asdict(status), default=str, indent=2))
    else:
        lag = None if status.lag is None else count(status.lag, "entry", "entries")
        lines = {
            "state": f"{status.state}: {status.meaning}",
            "journal": None
            if status.journal is None
            else count(status.journal, "entry", "entries")
            if status.journal
            else "none",
            "lag": lag and f"{lag}, {status.lag_seconds:.1f} seconds",
            "last drain": None if status.outbox is None else status.drained_at or "never",
            "outbox": None if status.outbox is None else count(status.outbox, "change"),
            "set aside": None if status.set_aside is None else count(status.set_aside, "entry", "entries"),
        }
        for name, told in lines.items():
            write(f"{name:<12}{told or 'unknown'}")
        for problem in status.problems:
            write(problem)
    late = options.max_lag is not None and (status.lag_seconds or 0) > options.max_lag
    return max(status.severity, WARNING if late else 0)


def _close(unguarded: RedisBackend, options: argparse.Namespace, write: Write) -> int:
    if options.side == "redis":
        _tell(release(unguarded), write)
        write("Redis no longer has a journal, and this database no longer follows Redis.")
    else:
        _tell(close(unguarded), write)
        write(get_status(unguarded).meaning)
    return 0
