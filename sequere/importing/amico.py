"""The relationships that the Ruby gem amico 2 has in Redis.

Its keys are ``amico:{list}:{scope}:{id}``, sorted sets of ids with times as scores. ``following`` has the ids
that the id follows, ``blocked`` those that it blocks, ``pending`` those that ask to follow it. The other lists can be
derived from these.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..exceptions import InvalidArgument
from ..relations import check_kind
from ..resources import Resource, check_identifier
from .lists import ListSource, Part, to_text
from .sources import Batch, Found

# The lists are read in the order of their names: those of blocks come first.
_LIST = re.compile(r"(blocked|following|pending):([^:\ud800-\udfff]+):([^\ud800-\udfff]+)")

#: The scope whose follows have no kind.
DEFAULT = "default"


class AmicoSource(ListSource):
    """The lists under the namespace of amico (with a colon), whose ids are object ids of one identifier."""

    def __init__(self, client: Any, prefix: str, identifier: str) -> None:
        super().__init__(client, prefix)
        self.identifier = check_identifier(identifier, "--identifier")
        self.name = f"{self.name} as {identifier}"

    def is_list(self, name: str) -> bool:
        return _LIST.fullmatch(name) is not None

    def explain_none(self) -> str:
        return (
            f"There is no list such as {self.prefix}following:default:1 of amico 2. --prefix must be its namespace and "
            "a colon, and --url the server and the database that have its keys."
        )

    def read(self, parts: Sequence[Part], batch: Batch) -> None:
        for name, entries in self.read_entries(parts, batch):
            list_, scope, owner = name.split(":", 2)
            try:
                kind = check_kind("" if scope == DEFAULT or list_ == "blocked" else scope, "the scope")
            except InvalidArgument as error:
                batch.faults.append((f"{self.prefix}{name}: {error}", len(entries)))
                continue
            one = Resource(self.identifier, owner)
            for member, score in entries:
                other = Resource(self.identifier, to_text(member))
                if list_ == "blocked":
                    batch.edges.append(Found("block", one, other, score))
                elif list_ == "following":
                    batch.edges.append(Found(_of_kind("follow", kind), one, other, score))
                else:
                    batch.edges.append(Found(_of_kind("request", kind), other, one, score))


def _of_kind(relation: str, kind: str) -> str:
    return f"{relation}@{kind}" if kind else relation
