"""The sub-command ``import``: edges from a file, from other packages, from django-sequere 0.x."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandError

from ..backends import get_backend
from ..backends.base import BaseBackend
from ..exceptions import InvalidSettings
from ..importing.amico import AmicoSource
from ..importing.keys import KeySource
from ..importing.lines import FileSource
from ..importing.packages import ActstreamSource, FriendshipSource
from ..importing.run import import_edges
from ..importing.sources import Source
from ..importing.state import State
from ..importing.tables import FollowTable
from .console import count
from .graph import Write, progress

if TYPE_CHECKING:
    from ..backends.redis import RedisBackend

#: The file that stores the position of an import from a package.
STATE = Path("sequere-import.state")

#: The options that say where the edges of each package are; of a file: none.
WHERE = {
    "": (),
    "sequere": ("url", "database", "prefix"),
    "friendship": ("database",),
    "actstream": ("database",),
    "amico": ("url", "prefix", "identifier"),
}


def add_import(commands: Any) -> None:
    """Add the parser of ``import`` to argparse's sub-parsers."""
    parser = commands.add_parser(
        "import",
        help="import edges from a file, from another package, from django-sequere 0.x",
        description="Import the JSON lines of an export, or what another package or django-sequere 0.x has stored, "
        "with its times, into the backend of the settings. The source is only read. No approval is asked for, no limit "
        "holds, no signals are sent. An interrupted import continues where it stopped. The exit status is 1 if edges "
        "were left out.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="the output of `python manage.py sequere export`"
    )
    what.add_argument(
        "--from",
        choices=[name for name in WHERE if name],
        dest="package",
        help="django-sequere 0.x, django-friendship, django-activity-stream, or the Ruby gem amico",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--url", help="sequere, amico: the Redis that has the keys (the one of SEQUERE_REDIS_CONNECTION)"
    )
    where.add_argument(
        "--database",
        metavar="ALIAS",
        help="friendship, actstream: the database that has the tables (default); sequere: read its table "
        "sequere_follow in this database, no keys",
    )
    parser.add_argument(
        "--prefix",
        help="sequere: the text before 'uid:' in the names of the old keys (sequere:); "
        "amico: its namespace and a colon (amico:)",
    )
    parser.add_argument("--identifier", help="amico: the identifier of the model whose primary keys the ids are")
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help=f"file that stores the position ({STATE}; of a file, FILE.state)"
    )
    parser.add_argument("--dry-run", action="store_true", help="read and report, write nothing")


def run_import(options: argparse.Namespace, write: Write) -> int:
    """Do what the options say and print it; returns the exit status. Raises ``SequereException``."""
    backend = get_backend()
    source = _find_source(options, backend)
    path = options.state or (Path(f"{options.file}.state") if options.file else STATE)
    with State(None if options.dry_run else path, source.name, _name_of(backend)) as state:
        if state.progress.done:
            write(f"{path} says that this import is finished. Remove it to import again.")
        else:
            if state.progress.read:
                write(f"Continuing after {_count(source, state.progress.read)}, the position stored in {path}.")
            _run(source, state, backend, write, dry_run=options.dry_run)
        return 1 if state.progress.left_out else 0


def _run(source: Source, state: State, backend: BaseBackend, write: Write, *, dry_run: bool) -> None:
    total = source.prepare(state)
    if isinstance(source, KeySource):
        _check_prefix(source, state, backend)
    with progress("import", total) as on_step:
        try:
            import_edges(source, state, dry_run=dry_run, on_step=on_step, report=write)
        finally:
            done = state.progress
            if not done.done and not dry_run:
                write(f"Stopped after {_count(source, done.read)}. Run the same command again to continue.")
    told = f"{done.added:,} can be imported"
    if not dry_run:
        told = f"{done.added:,} imported, {done.existing:,} existed, {done.blocked:,} blocked"
    write(f"{_count(source, done.read)} read, {told}, {done.skipped:,} skipped, {done.left_out:,} left out.")
    if done.noted:
        write(f"{done.noted:,} of them {source.note}.")


def _count(source: Source, number: int) -> str:
    return count(number, source.unit, "entries" if source.unit == "entry" else "")


def _find_source(options: argparse.Namespace, backend: BaseBackend) -> Source:
    package = options.package or ""
    for name in ("url", "database", "prefix", "identifier"):
        if getattr(options, name) is not None and name not in WHERE[package]:
            whose = ", ".join(one for one, names in WHERE.items() if name in names)
            raise CommandError(f"--{name} is for --from {whose}: leave it out.", returncode=2)
    if options.file:
        return FileSource(options.file)
    if package == "friendship":
        return FriendshipSource("default" if options.database is None else options.database)
    if package == "actstream":
        return ActstreamSource("default" if options.database is None else options.database)
    if options.database is not None:
        return FollowTable(options.database)
    if package == "amico" and options.identifier is None:
        raise CommandError(
            "--from amico needs --identifier, such as --identifier user: amico has only ids.", returncode=2
        )
    client = _find_client(options, backend)
    if package == "amico":
        return AmicoSource(client, "amico:" if options.prefix is None else options.prefix, options.identifier)
    return KeySource(client, "sequere:" if options.prefix is None else options.prefix)


def _find_client(options: argparse.Namespace, backend: BaseBackend) -> Any:
    from ..backends.redis.client import connect, is_cluster

    unguarded = _find_redis(backend)
    if options.url is not None:
        client = connect("--url", options.url)
    elif unguarded:
        client = unguarded.client
    else:
        table = ", or --database for its table sequere_follow" if options.package == "sequere" else ""
        raise InvalidSettings(f"No source of edges: pass --url for keys of {options.package} in Redis{table}.")
    if is_cluster(client):
        raise InvalidSettings(
            "SEQUERE_REDIS_CONNECTION is a cluster, which no source of edges is: pass the server that has the keys as "
            "--url."
        )
    return client


def _find_redis(backend: BaseBackend) -> RedisBackend | None:
    """The backend that keeps the graph in Redis, if there is one."""
    from ..backends.redis import RedisBackend, RedisFallbackBackend

    if isinstance(backend, RedisFallbackBackend):
        return backend.unguarded
    return backend if isinstance(backend, RedisBackend) else None


def _name_of(backend: BaseBackend) -> str:
    unguarded = _find_redis(backend)
    return type(backend).__name__ + (f" with the prefix {unguarded.prefix}" if unguarded else "")


def _check_prefix(source: KeySource, state: State, backend: BaseBackend) -> None:
    """Raise ``InvalidSettings`` if the new keys would have the names of the old ones."""
    unguarded = _find_redis(backend)
    if unguarded and source.collides_with(unguarded, state):
        raise InvalidSettings(
            f"SEQUERE_REDIS_PREFIX is {unguarded.prefix!r}, with which the names of the old keys begin. Set it to "
            "another text, such as 'follows:', and run this command again. The old keys stay as they are."
        )
