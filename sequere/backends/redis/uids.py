"""Reads the uids of a graph, and the resources that have them, in pipelines and without the scripts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ...exceptions import CorruptGraph, InvalidIdentifier, InvalidObjectId
from ...resources import Resource, check_resource
from .errors import translated

#: How many names are read together.
NAMES = 500

#: What to do about an inconsistent graph.
AUDIT = "Run `python manage.py sequere audit --repair`."

_LAST_UID = re.compile(r"0|[1-9][0-9]{0,14}")


def count_uids(client: Any, prefix: str) -> int:
    """Return the last uid given out, which is about the number of resources. One round trip.

    Raises :class:`~sequere.exceptions.CorruptGraph` if the key holds something else.
    """
    key = f"{prefix}global:uid"
    (value,) = ask(client, [("GET", key)])
    text = "0" if value is None else to_text(value)
    if not _LAST_UID.fullmatch(text):
        raise CorruptGraph(
            f"{key} must hold the last uid given out, a whole number of at most 15 digits; got {text!r:.80}. {AUDIT}"
        )
    return int(text)


def walk_resources(client: Any, prefix: str) -> Iterator[list[Resource]]:
    """All resources that have a name, in the order of their uids. One round trip for each 500 uids given out.

    Raises :class:`~sequere.exceptions.CorruptGraph` if the key of the last uid holds something else.
    """
    for start in range(1, count_uids(client, prefix) + 1, NAMES):
        yield [resource for resource in read_resources(client, prefix, range(start, start + NAMES)) if resource]


def read_resources(client: Any, prefix: str, uids: Iterable[object]) -> list[Resource | None]:
    """The resources of some uids; None for one that has no name. One round trip."""
    return [
        *map(to_resource, ask(client, [("HMGET", f"{prefix}uid::{uid}", "identifier", "object_id") for uid in uids]))
    ]


def ask(client: Any, commands: list[tuple[str, ...]]) -> list[Any]:
    """The replies to commands in one round trip; WRONGTYPE is returned as a reply, every other error is raised."""
    if not commands:
        return []
    with translated():
        pipeline = client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        replies: list[Any] = pipeline.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception) and not str(reply).startswith("WRONGTYPE"):
                raise reply
    return replies


def to_resource(reply: Any) -> Resource | None:
    """The resource of an HMGET of both names; None if the key is not a hash, or no resource can have these names."""
    if isinstance(reply, Exception) or None in reply:
        return None
    try:
        return check_resource(Resource(*(word.decode() if isinstance(word, bytes) else word for word in reply)))
    except (UnicodeDecodeError, InvalidIdentifier, InvalidObjectId):
        return None


def to_text(value: Any) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
