"""Checks the keys of one resource in Redis, and repairs them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ....resources import Resource
from ....steps import in_steps
from ..backend import RedisBackend

#: How many entries one step checks, and how many identifiers one call of the script takes.
STEP = 50
MAX_IDENTIFIERS = 100


class Finding(NamedTuple):
    """Something wrong in the graph: count, missing, surplus, score, conflict, orphan, mapping or wrongtype."""

    kind: str
    key: str
    detail: str


def audit(
    backend: RedisBackend, resource: Resource, identifiers: Iterable[str], *, repair: bool = False
) -> list[Finding]:
    """Check the lists and counters of a resource and, with ``repair``, repair them.

    ``identifiers``, any number, are those whose lists are checked too, besides the resource's lists for all
    identifiers. If nothing is found, counts, lists, both halves of each edge and mutual lists agree. One round trip for
    each 50 entries. Raises ``BackendError``, ``InvalidIdentifier``, ``InvalidObjectId``.
    """
    wanted = sorted({resource.identifier, *identifiers})
    findings: list[Finding] = []
    for part in in_steps(wanted, MAX_IDENTIFIERS):
        cursor = ""
        while True:
            reply = backend.run("audit", *resource, cursor, STEP, int(repair), *part)
            fields = [_text(field) for field in reply[2:]]
            findings += map(Finding, fields[::3], fields[1::3], fields[2::3])
            cursor = _text(reply[0])
            if not cursor:
                break
    return list(dict.fromkeys(findings))


def _text(value: str | bytes) -> str:
    """A text of a reply: text that another program put into the graph may not be UTF-8."""
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
