"""The sub-commands ``scripts`` and ``acl``: what they do and print."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..backends.redis.operate.administration import export, get_script, list_scripts, load_scripts
from ..backends.redis.operate.permissions import make_acl_line
from .console import count

#: Prints one line.
Write = Callable[[str], object]


def run_scripts(options: argparse.Namespace, write: Write, get_clients: Callable[[], Sequence[Any]]) -> None:
    """Do what the options of ``scripts`` say. Raises ``InvalidArgument``, ``OSError`` and what redis-py raises."""
    if options.show:
        write(get_script(options.show).text.removesuffix("\n"))
        return
    if options.export:
        write(f"{count(len(export(options.export)), 'file')} in {options.export}")
        return
    clients = get_clients()
    if options.load:
        load_scripts(clients)
    scripts = list_scripts(clients)
    if options.json:
        write(json.dumps([script._asdict() for script in scripts], indent=2))
        return
    for script in scripts:
        write(f"{script.name:<16}{script.version:<4}{script.sha1}  {_tell_loaded(script.loaded)}")


def _tell_loaded(loaded: Mapping[str, bool]) -> str:
    if len(set(loaded.values())) == 1:
        return "loaded" if all(loaded.values()) else "not loaded"
    return f"not loaded on {', '.join(address for address, there in loaded.items() if not there)}"


def run_acl(options: argparse.Namespace, write: Write, prefix: str, *, write_behind: bool) -> None:
    """Print the line. Raises ``InvalidArgument``."""
    write(make_acl_line(prefix, user=options.user, read_only=options.read_only, write_behind=write_behind))
