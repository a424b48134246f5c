"""The arguments of ``scripts`` and ``acl``, which both command lines have: ``manage.py`` and ``python -m``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_scripts(commands: Any) -> argparse.ArgumentParser:
    """Add the parser of ``scripts`` to argparse's sub-parsers."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "scripts",
        help="list the Lua scripts, load, show or export them",
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
        help="print the ACL SETUSER line of the user that can run the scripts and nothing else",
        description="Print the ACL SETUSER line of the user that can run the scripts and nothing else. It leaves "
        "passwords as they are: give a new user one with ACL SETUSER NAME >PASSWORD.",
    )
    parser.add_argument("--read-only", action="store_true", help="one that only reads; Redis 7.0 or newer, Valkey")
    parser.add_argument("--user", metavar="NAME", default="sequere", help="its name (sequere)")
    return parser
