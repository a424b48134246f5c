"""The sub-command ``import``: the follows of django-sequere 0.x."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backends import get_backend
from ..backends.base import BaseBackend
from ..exceptions import InvalidSettings
from ..importing.follows import Source
from ..importing.keys import KeySource
from ..importing.run import import_follows
from ..importing.state import State
from ..importing.table import TableSource
from .console import count
from .graph import Write, progress

if TYPE_CHECKING:
    from ..backends.redis import RedisBackend

#: The file that stores the position of an import.
STATE = Path("sequere-import.state")


def add_import(commands: Any) -> None:
    """Add the parser of ``import`` to argparse's sub-parsers."""
    parser = commands.add_parser(
        "import",
        help="import the follows of django-sequere 0.x",
        description="Import the follows of django-sequere 0.x, with their times, into the backend of the settings. The "
        "old data is only read. An interrupted import continues where it stopped. The exit status is 1 if "
        "follows were left out.",
    )
    parser.add_argument(
        "--from", choices=("sequere",), required=True, dest="package", help="import from django-sequere 0.x"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--url", help="the Redis that has the old keys (the one of SEQUERE_REDIS_CONNECTION)")
    where.add_argument("--database", metavar="ALIAS", help="read the table sequere_follow in this database, no keys")
    parser.add_argument(
        "--prefix", default="sequere:", help="the text before 'uid:' in the names of the old keys (sequere:)"
    )
    parser.add_argument(
        "--state", type=Path, default=STATE, metavar="FILE", help=f"file that stores the position ({STATE})"
    )
    parser.add_argument("--dry-run", action="store_true", help="read and report, write nothing")


def run_import(options: argparse.Namespace, write: Write) -> int:
    """Do what the options say and print it; returns the exit status. Raises ``SequereException``."""
    backend = get_backend()
    source = _find_source(options, backend)
    path = None if options.dry_run else options.state
    with State(path, source.name, _name_of(backend)) as state:
        if state.progress.done:
            write(f"{path} says that this import is finished. Remove it to import again.")
        else:
            _run(source, state, backend, options, write)
        return 1 if state.progress.left_out else 0


def _run(source: Source, state: State, backend: BaseBackend, options: argparse.Namespace, write: Write) -> None:
    if state.progress.read:
        write(f"Continuing after {count(state.progress.read, 'follow')}, the position stored in {options.state}.")
    total = source.prepare(state)
    _check_prefix(source, state, backend)
    with progress("import", total) as on_step:
        try:
            import_follows(
                source,
                state,
                dry_run=options.dry_run,
                on_step=on_step,
                on_left_out=lambda text: write(f"left out: {text}"),
            )
        finally:
            done = state.progress
            if not done.done and not options.dry_run:
                write(f"Stopped after {count(done.read, 'follow')}. Run the same command again to continue.")
    if options.dry_run:
        told = f"{done.added:,} can be imported"
    else:
        told = f"{done.added:,} imported, {done.existing:,} existed"
    write(f"{count(done.read, 'follow')} read, {told}, {done.left_out:,} left out.")


def _find_source(options: argparse.Namespace, backend: BaseBackend) -> Source:
    if options.database is not None:
        return TableSource(options.database)
    from ..backends.redis.client import connect, is_cluster

    unguarded = _find_redis(backend)
    if options.url is not None:
        client = connect("--url", options.url)
    elif unguarded:
        client = unguarded.client
    else:
        raise InvalidSettings(
            "No source of follows: pass --url for keys of django-sequere 0.x in Redis, or --database for its table "
            "sequere_follow."
        )
    if is_cluster(client):
        raise InvalidSettings(
            "SEQUERE_REDIS_CONNECTION is a cluster, which 0.x did not support: pass the server of 0.x as --url."
        )
    return KeySource(client, options.prefix)


def _find_redis(backend: BaseBackend) -> RedisBackend | None:
    """The backend that keeps the graph in Redis, if there is one."""
    from ..backends.redis import RedisBackend, RedisFallbackBackend

    if isinstance(backend, RedisFallbackBackend):
        return backend.unguarded
    return backend if isinstance(backend, RedisBackend) else None


def _name_of(backend: BaseBackend) -> str:
    unguarded = _find_redis(backend)
    return type(backend).__name__ + (f" with the prefix {unguarded.prefix}" if unguarded else "")


def _check_prefix(source: Source, state: State, backend: BaseBackend) -> None:
    """Raise ``InvalidSettings`` if the new keys would have the names of the old ones."""
    unguarded = _find_redis(backend)
    if unguarded and source.collides_with(unguarded, state):
        raise InvalidSettings(
            f"SEQUERE_REDIS_PREFIX is {unguarded.prefix!r}, with which the names of the old keys begin. Set it to "
            "another text, such as 'follows:', and run this command again. The old keys stay as they are."
        )
