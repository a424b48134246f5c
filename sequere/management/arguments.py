"""The arguments of sub-commands that have their own modules. ``python -m sequere`` has ``scripts`` and ``acl``."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

#: The least age in seconds of a resource's newest follow before ``prune`` forgets the resource.
MIN_AGE = 3600.0


def add_scripts(commands: Any) -> argparse.ArgumentParser:
    """Add the parser of ``scripts`` to argparse's sub-parsers."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "scripts",
        help="list, load, show or export the Lua scripts",
        description="List the scripts with their version, their SHA-1 and whether the server has them loaded.",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--load", action="store_true", help="load them first")
    what.add_argument("--show", metavar="NAME", help="print the text of one; needs no server")
    what.add_argument(
        "--export", metavar="DIR", type=Path, help="copy them and the manifest for another project; needs no server"
    )
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    return parser


def add_acl(commands: Any) -> argparse.ArgumentParser:
    """Add the parser of ``acl`` to argparse's sub-parsers."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "acl",
        help="print an ACL SETUSER command for a user who can run the scripts and nothing else",
        description="Print an ACL SETUSER command for a user who can run the scripts and nothing else. It leaves "
        "passwords as they are: give a new user one with ACL SETUSER NAME >PASSWORD.",
    )
    parser.add_argument(
        "--read-only", action="store_true", help="for a user who only reads; Redis 7.0 or newer, Valkey"
    )
    parser.add_argument("--user", metavar="NAME", default="sequere", help="the name of the user (sequere)")
    return parser


def add_forgetting(commands: Any) -> None:
    """Add the parsers of ``forget`` and ``prune`` to argparse's sub-parsers."""
    forget = commands.add_parser(
        "forget",
        help="remove a resource and all its follows from the graph",
        description="Remove a resource and all its follows, in both directions, from the graph, whether or not it has "
        "a row. It works in steps of a few milliseconds, with pauses for other calls.",
    )
    add_resource(forget)
    prune = commands.add_parser(
        "prune",
        help="forget the resources whose rows are gone",
        description="Forget each resource of a registered model that no longer has a row. It works in steps of a few "
        "milliseconds, with pauses for other calls. If it is stopped, run it again to continue.",
    )
    prune.add_argument("--dry-run", action="store_true", help="show what would be forgotten")
    prune.add_argument(
        "--min-age",
        type=_parse_seconds,
        default=MIN_AGE,
        metavar="SECONDS",
        help=f"keep a resource whose newest follow is younger: its row may not be committed yet ({MIN_AGE:.0f})",
    )


def add_resource(parser: argparse.ArgumentParser, nargs: str | None = None) -> None:
    """Add the two arguments that name a resource."""
    parser.add_argument("identifier", nargs=nargs, help="such as user")
    parser.add_argument("object_id", nargs=nargs, help="the primary key")


def add_behind(commands: Any) -> None:
    """Add the parsers of the sub-commands of write-behind to argparse's sub-parsers."""
    drain = commands.add_parser(
        "drain",
        help="bring the database up to date with Redis",
        description="Bring the database up to the end of the journal. Celery's task sequere.drain does the same.",
    )
    drain.add_argument("--watch", action="store_true", help="drain until stopped, and rebuild when necessary")
    drain.add_argument(
        "--every", type=_parse_seconds, metavar="SECONDS", help="pause between two drains of --watch (1)"
    )
    rebuild = commands.add_parser(
        "rebuild",
        help="fill Redis from the database, or the database from Redis",
        description="Fill Redis from the database and switch back to it, while both are in use. An "
        "interrupted rebuild continues where it stopped.",
    )
    rebuild.add_argument(
        "--from",
        choices=("database", "redis"),
        default="",
        dest="side",
        help="the side that is right: with redis, the database is changed to what Redis holds; with database, Redis is "
        "filled from the database even if the graph in Redis may not be a copy of it",
    )
    check = commands.add_parser(
        "verify",
        help="compare Redis and the database, edge by edge",
        description="Compare Redis and the database, edge by edge, while both are in use. The exit status is 1 if "
        "they differ in something that was not repaired.",
    )
    check.add_argument(
        "--repair", choices=("database", "redis"), default="", help="the side that is right: the other one is repaired"
    )
    check.add_argument("--json", action="store_true", help="print the differences as JSON")
    status = commands.add_parser(
        "status",
        help="show the state of write-behind",
        description="Show the state of write-behind. The exit status is 0 if all is well, 1 if it needs attention "
        "(behind, adopting, entries set aside, a lag over --max-lag, no database), 2 if Redis does not answer for the "
        "graph.",
    )
    status.add_argument("--json", action="store_true", help="print it as JSON")
    status.add_argument("--max-lag", type=_parse_seconds, metavar="SECONDS", help="exit with 1 if the lag is longer")
    close = commands.add_parser(
        "close",
        help="end write-behind: drain for the last time, then use only the database, or only Redis",
        description="End write-behind: drain for the last time, and let the database answer until "
        "`python manage.py sequere rebuild`. With --for redis, Redis answers alone afterwards: use it when "
        "no process uses RedisFallbackBackend any more.",
    )
    close.add_argument(
        "--for",
        choices=("database", "redis"),
        default="database",
        dest="side",
        help="which store answers afterwards (database)",
    )


def parse_uid(text: str) -> str:
    """A uid as the scripts take it. Raises argparse's error for wrong usage."""
    if not re.fullmatch("[1-9][0-9]{0,14}", text):
        raise argparse.ArgumentTypeError(f"must be a positive whole number of at most 15 digits; got {text!r:.80}")
    return text


def _parse_seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < 86_400:
        raise argparse.ArgumentTypeError(f"must be a number of seconds from 0 to below 86400; got {text!r:.80}")
    return value
