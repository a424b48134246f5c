"""What operations share: entries of lists, and how replies and resources are translated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ...resources import Resource


class Entry(NamedTuple):
    """One entry of a list: a resource, and the time of the edge (seconds since the epoch, UTC).

    The time of a mute is when it ends; for one that never ends, it is :data:`~sequere.relations.FOREVER` plus
    the whole seconds of the time when it was made.
    """

    identifier: str
    object_id: str
    timestamp: float


def decode(item: Any) -> Any:
    """Return an item of a reply as text, whether or not the client decodes; a number is returned unchanged."""
    return item.decode() if isinstance(item, bytes) else item


def read_entries(fields: Sequence[Any]) -> list[Entry]:
    """Return the entries of a flat reply: identifier, object id and timestamp of each."""
    texts = list(map(bytes.decode, fields)) if fields and isinstance(fields[0], bytes) else fields
    return list(map(Entry, texts[::3], texts[1::3], map(float, texts[2::3])))


def flatten(resources: Sequence[Resource]) -> Iterator[str]:
    for resource in resources:
        yield from resource
