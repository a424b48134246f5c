"""``manage.py sequere``: the commands for operators of the graph, and of its scripts in Redis."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError

from ...backends import get_backend
from ...exceptions import ColdStore, SequereException
from ...registry import registry
from ...resources import Resource, check_resource
from ..arguments import add_acl, add_behind, add_forgetting, add_resource, add_scripts, parse_uid
from ..console import SubcommandParser, arrange, until_nobody_reads
from ..exporting import add_export, run_export
from ..importing import add_import, run_import

#: The sub-commands for every backend.
ANYWHERE = ("forget", "prune", "import", "export")

#: The sub-commands of write-behind.
BEHIND = ("drain", "rebuild", "verify", "status", "close")


class _Parser(SubcommandParser, CommandParser):
    """A sub-command's parser that raises ``CommandError`` in ``call_command()``, as Django's does."""


class Command(BaseCommand):
    """The sub-commands. All but ``acl``, ``scripts --show`` and ``scripts --export`` use the store of the settings."""

    help = "Checks, maintains, imports and exports the follow graph; write-behind, and the scripts in Redis."
    requires_system_checks = []

    def run_from_argv(self, argv: list[str]) -> None:
        with until_nobody_reads():
            parser = self.create_parser(argv[0], argv[1])
            super().run_from_argv([*argv[:2], *arrange(parser, argv[2:])])

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="subcommand", metavar="subcommand", required=True, parser_class=_Parser)
        add_scripts(commands)
        add_acl(commands)
        audit = commands.add_parser(
            "audit",
            help="check the lists and counters of the graph, or of one resource",
            description="Check lists and counters, in short steps, so that a busy server can answer other calls. "
            "The exit status is 1 if something is found and not repaired.",
        )
        add_resource(audit, nargs="?")
        audit.add_argument("--repair", action="store_true", help="repair what can be repaired")
        audit.add_argument("--json", action="store_true", help="print the findings as JSON")
        stats = commands.add_parser("stats", help="count resources and edges, show the longest lists")
        stats.add_argument("--json", action="store_true", help="print them as JSON")
        add_resource(commands.add_parser("lookup", help="print the uid of a resource"))
        resolve = commands.add_parser("resolve", help="print the resource that has a uid")
        resolve.add_argument("uid", type=parse_uid)
        add_forgetting(commands)
        add_behind(commands)
        add_import(commands)
        add_export(commands)

    def handle(self, *args: Any, **options: Any) -> None:
        from ...backends.redis import RedisBackend, RedisFallbackBackend

        try:
            backend = get_backend()
            wanted = RedisFallbackBackend if options["subcommand"] in BEHIND else RedisBackend
            if options["subcommand"] not in ANYWHERE and not isinstance(backend, wanted):
                raise CommandError(
                    f"This command is for sequere.backends.redis.{wanted.__name__}; "
                    f"the settings name {type(backend).__name__}."
                )
            self._run(backend, argparse.Namespace(**options))
        except BrokenPipeError:
            raise  # nobody reads the output any more
        except ColdStore as error:
            is_guarded = options["subcommand"] not in BEHIND and isinstance(backend, RedisFallbackBackend)
            advice = " Run `python manage.py sequere status`." if is_guarded else ""
            raise CommandError(f"{error}{advice}") from error
        except (SequereException, DatabaseError, OSError) as error:
            raise CommandError(str(error)) from error

    def _write(self, line: str) -> None:
        """Print a line at once, even into a pipe, so that it can be watched while the command runs."""
        self.stdout.write(line)
        self.stdout.flush()

    def _run(self, backend: Any, options: argparse.Namespace) -> None:
        from ...backends.redis import RedisFallbackBackend
        from ...backends.redis.operate.administration import lookup, resolve
        from ..forgetting import find_fault, run_forget, run_prune
        from ..graph import run_audit, run_stats
        from ..scripts import run_acl, run_scripts

        write = self._write
        if options.subcommand == "drain" and options.every is not None and not options.watch:
            raise CommandError("--every is the pause of --watch: add --watch, or leave out --every.", returncode=2)
        if options.subcommand in ("audit", "stats"):
            backend.run("lookup", "sequere", "check")  # raises ColdStore if there is no graph to look at
        if options.subcommand in BEHIND:
            from ...backends.redis.behind.checks import check_tables

            problems = backend.check()
            if not problems and options.subcommand != "status":  # which itself prints what does not answer
                problems = check_tables()
            for problem in problems:
                raise CommandError(f"{problem.msg} {problem.hint or ''}".strip())
            from ..behind import run  # it has models, which need their applications

            status = run(backend.unguarded, options, write)
            if status:
                sys.exit(status)
        elif options.subcommand == "scripts":
            run_scripts(options, write, lambda: [connection.client for connection in backend.connections])
        elif options.subcommand == "acl":
            behind = isinstance(backend, RedisFallbackBackend) and not options.read_only
            run_acl(options, write, backend.prefix, write_behind=behind)
        elif options.subcommand == "forget":
            run_forget(options, write)
        elif options.subcommand == "prune":
            run_prune(backend, options, write)
        elif options.subcommand == "import":
            if run_import(options, write):
                sys.exit(1)
        elif options.subcommand == "export":
            run_export(options, _resource(options), write)
        elif options.subcommand == "stats":
            run_stats(backend, write, as_json=options.json)
        elif options.subcommand == "resolve":
            resource = resolve(backend, options.uid)
            if resource is None:
                raise CommandError(f"The graph has no uid {options.uid}.")
            write(" ".join(resource))
        elif options.subcommand == "lookup":
            resource = check_resource(Resource(options.identifier, options.object_id))
            uid = lookup(backend, resource)
            if uid is None:
                raise CommandError(f"The graph does not know {' '.join(resource)}.")
            write(str(uid))
        else:
            resource = _resource(options)
            well = run_audit(
                backend, resource, registry.identifiers, write, repair=options.repair, as_json=options.json
            )
            if not well:
                sys.exit(1)
            fault = find_fault(resource) if resource else ""
            if resource and fault and lookup(backend, resource) is None:
                raise CommandError(f"The graph does not know {' '.join(resource)}; {fault}.")


def _resource(options: argparse.Namespace) -> Resource | None:
    """The resource to audit or export; None for the whole graph."""
    if options.identifier is None:
        return None
    if options.object_id is None:
        raise CommandError(f"{options.subcommand} takes both an identifier and an object id, or neither.", returncode=2)
    return check_resource(Resource(options.identifier, options.object_id))
