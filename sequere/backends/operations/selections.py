"""The operations that compare lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

from ...resources import Resource
from ..base import GraphOperation
from .values import Entry, decode, read_entries

#: The most entries that one Select returns, and the most that it looks at.
MAX_SELECTED = 100
MAX_BUDGET = 1000

#: The most filters of one Select.
MAX_FILTERS = 10

#: The most suggestions of one Suggest, the largest sample of followings, and the most followings of each of them.
MAX_SUGGESTED = 50
MAX_SAMPLE = 50
MAX_EACH = 25


class Filter(NamedTuple):
    """A list that entries must be in, if the sign is ``&``, or must not be in, if it is ``-``."""

    sign: str
    resource: Resource
    name: str


class Selected(NamedTuple):
    """The result of a Select: the entries kept; ``cursor`` leads to the next ones and is empty after the last.

    ``looked`` is how many entries it looked at; ``size`` is how many the list walked has, None without ``sized``.
    """

    entries: list[Entry]
    cursor: str
    looked: int
    size: int | None


class Suggestion(NamedTuple):
    """One resource that a Suggest found, and how many of the sample follow it."""

    identifier: str
    object_id: str
    followers: int


@dataclass(slots=True)
class Select(GraphOperation[Selected]):
    """The entries of a list that pass up to 10 filters.

    It walks the smallest of the lists that must contain every entry: ``list`` and the filters with ``&``; of equal
    sizes, the first. The order is newest first by the times of that list, but each entry returned has its time in
    ``list``. One call looks at ``budget`` (1 to 1,000) entries divided by the number of filters, and returns up to
    ``limit`` (1 to 100) of them. It may return none before the end; only an empty cursor means the end. ``cursor``
    continues a walk with the same lists, through the list with which it began. A walk returns each entry once that
    passes the filters from its first call to its last. Mutes that have ended count as absent.

    If a call gets and returns no cursor, its entries are the whole result. Otherwise the number of entries returned,
    divided by ``looked``, times ``size`` is an estimate of the whole. ``size`` is exact; ``sized=True`` returns it.

    The database counts the lists with ``&`` if there is more than one, and the list walked if ``sized``. Raises
    ``InvalidArgument``, ``InvalidLimit``, ``InvalidCursor``, ``InvalidIdentifier``, ``InvalidObjectId``.
    """

    script = "select"
    resource: Resource
    list: str
    filters: Sequence[Filter] = ()
    limit: int = MAX_SELECTED
    budget: int = MAX_BUDGET
    cursor: str = ""
    sized: bool = False

    def arguments(self) -> Sequence[str | int]:
        filters = (word for sign, resource, name in self.filters for word in (sign, *resource, name))
        return (*self.resource, self.list, str(self.limit), str(self.budget), self.cursor, *filters)

    def with_cursor(self, translate: Callable[[str, bool], str]) -> Self:
        number, _, position = self.cursor.partition(":")
        newest_first = True
        return replace(self, cursor=f"{number}:{translate(position, newest_first)}") if position else self

    def reply(self, reply: Any) -> Selected:
        return Selected(
            read_entries(reply[3:]), decode(reply[0]), looked=reply[2], size=reply[1] if self.sized else None
        )


@dataclass(slots=True)
class Suggest(GraphOperation[list[Suggestion]]):
    """Resources that a resource may want to follow: those that up to ``sample`` (1 to 50) of its followings follow.

    Of each of these, the ``each`` (1 to 25) newest followings count. Returns up to ``limit`` (1 to 50), first those
    that most of the sample follow; the order of equal ones is not fixed. Left out are the resource itself, those that
    it follows, asked to follow, blocks or mutes, and those that block it. With a kind, follows, requests and mutes
    are of that kind, and those muted without a kind are left out too. If there are more followings than ``sample``,
    Redis takes some at random, the database the newest. Raises ``InvalidArgument``, ``InvalidLimit``,
    ``InvalidIdentifier``, ``InvalidObjectId``.
    """

    script = "suggest"
    resource: Resource
    sample: int = MAX_SAMPLE
    each: int = MAX_EACH
    limit: int = MAX_SUGGESTED
    kind: str = ""

    def arguments(self) -> Sequence[str | int]:
        return (*self.resource, str(self.sample), str(self.each), str(self.limit), self.kind)

    def reply(self, reply: Any) -> list[Suggestion]:
        fields = list(map(decode, reply))
        return list(map(Suggestion, fields[::3], fields[1::3], map(int, fields[2::3])))
