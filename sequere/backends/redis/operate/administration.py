"""Functions for operators about scripts and uids. They return data and print nothing.

All but :func:`export` talk to the server and raise ``BackendError``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ....exceptions import InvalidArgument
from ....lua_folder import LUA
from ....resources import Resource
from ...operations import decode
from ..backend import RedisBackend
from ..client import name_nodes
from ..errors import translated
from ..scripts import Script, catalogue


class Status(NamedTuple):
    """One script, and whether each server has it loaded, by address: one server, or all nodes of a cluster."""

    name: str
    version: str
    sha1: str
    loaded: dict[str, bool]


def get_script(name: str) -> Script:
    """Return the script with this name. Raises :class:`~sequere.exceptions.InvalidArgument`. No round trip."""
    try:
        return catalogue()[name]
    except KeyError:
        known = ", ".join(sorted(catalogue()))
        raise InvalidArgument(f"There is no script {name!r:.80}; there are: {known}.") from None


def list_scripts(clients: Iterable[Any]) -> list[Status]:
    """Return all scripts with their state on each server, sorted by name. One round trip for each server."""
    scripts = sorted(catalogue().values(), key=lambda script: script.name)
    sums = [script.sha1 for script in scripts]
    with translated():
        loaded = {address: node.script_exists(*sums) for address, node in _nodes(clients).items()}
    return [
        Status(script.name, script.version, script.sha1, {node: bool(there[i]) for node, there in loaded.items()})
        for i, script in enumerate(scripts)
    ]


def load_scripts(clients: Iterable[Any]) -> None:
    """Load all scripts into each server, one round trip for each script and server.

    Unlike the backend, which works without loaded scripts, it raises if a server refuses.
    """
    with translated():
        for node in _nodes(clients).values():
            for script in catalogue().values():
                node.script_load(script.text)


def _nodes(clients: Iterable[Any]) -> dict[str, Any]:
    return {address: node for client in clients for address, node in name_nodes(client).items()}


def export(folder: Path) -> list[Path]:
    """Copy the manifest, the scripts and the library of functions, byte for byte; returns the paths written.

    The folder is created if necessary. One that holds anything but files with these names is refused with
    :class:`~sequere.exceptions.InvalidArgument` before anything is written. Raises ``OSError``. No round trip.
    """
    names = ["manifest.json", json.loads(LUA.joinpath("manifest.json").read_bytes())["functions"]]
    names += [f"{script.version}/{script.name}.lua" for script in catalogue().values()]
    texts = {folder / name: LUA.joinpath(name).read_bytes() for name in names}
    folders = {path.parent for path in texts}
    if folder.exists():
        strangers = sorted(path for path in folder.rglob("*") if path not in texts and path not in folders)
        if strangers or not folder.is_dir():
            found = strangers[0] if strangers else folder
            raise InvalidArgument(f"{folder} must be an empty folder or an earlier export; found {found}")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    return list(texts)


def lookup(backend: RedisBackend, resource: Resource) -> int | None:
    """Return the uid of a resource; None if it is not in the graph. One round trip."""
    uid = backend.run("lookup", *resource)
    return int(uid) if uid else None


def resolve(backend: RedisBackend, uid: str) -> Resource | None:
    """Return the resource of a uid; None if the uid was never given out, or was forgotten. One round trip.

    Raises :class:`~sequere.exceptions.InvalidArgument` for a value that is not a uid.
    """
    names = [decode(name) for name in backend.run("resolve", uid)]
    return Resource(*names) if names else None
