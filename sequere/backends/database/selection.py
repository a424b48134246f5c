"""The operations of the database backend that compare lists: ``select`` and ``suggest``."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from django.db import connections, router
from django.db.models import QuerySet

from ...exceptions import InvalidArgument, InvalidCursor
from ...relations import RELATIONS, Edge, check_kind, check_relation, split_list
from ...resources import Resource, check_resource
from ...steps import in_steps
from ...timestamps import MICROSECONDS, to_micros, to_moment
from .. import operations as ops
from .arguments import check_number
from .fields import make_digest
from .lists import edges_between
from .rows import edges_in, get_model

#: How many candidates of a Suggest one query looks up.
CANDIDATES = 100

#: A cursor: the number of the list walked, then a cursor of its pages, newest first.
_CURSOR = re.compile(r"(?P<number>\d{1,2}):(?P<page>\d{1,16}:[0-9a-f]{32})", re.ASCII)


class Lists(Protocol):
    """What :func:`select` needs of the backend."""

    def count(self, operation: ops.Count) -> list[int]: ...

    def page(self, operation: ops.ReadPage) -> ops.Page: ...


class _Row(NamedTuple):
    """An entry of a list: the id of the row of the owner's edge, and the time in the list."""

    id: UUID
    timestamp: float


class _List(NamedTuple):
    """One of the lists of a Select; its number is 0 for the list itself, then that of the filter."""

    number: int
    sign: str
    owner: Resource
    text: str
    expires: bool

    def edges(self, other: ops.Entry) -> list[Edge]:
        """Return the edges that must exist if the list holds ``other``, the owner's first."""
        return edges_between(self.text, self.owner, Resource(*other[:2]))

    def find(self, other: ops.Entry, rows: dict[bytes, _Row], now: float) -> _Row | None:
        """Return the row of ``other`` in the list, among rows by digest; None if the list does not hold it."""
        found = [rows[digest] for edge in self.edges(other) if (digest := make_digest(edge.words)) in rows]
        if not found or len(found) < len(self.edges(other)):
            return None
        row = _Row(found[0].id, max(one.timestamp for one in found))
        return None if self.expires and row.timestamp <= now else row


def select(backend: Lists, operation: ops.Select) -> ops.Selected:
    """Perform a Select: two queries, or on MariaDB and MySQL three, for each of at most three steps of the walk.

    Each list with ``&`` takes one more query to count it if there are several; so does the list walked if ``sized``.
    """
    lists, number, cursor = _read(operation)
    wanted = [one for one in lists if one.sign == "&"]
    sizes: dict[int, int] = {}

    def size_of(one: _List) -> int:
        if one.number not in sizes:
            sizes[one.number] = backend.count(ops.Count([one.text], [one.owner]))[0]
        return sizes[one.number]

    if number is None:
        number = min(wanted, key=size_of).number if len(wanted) > 1 else 0
    walked = lists[number]
    others = [one for one in lists if one is not walked]
    most = max(operation.budget // max(len(operation.filters), 1), 1)
    kept: list[ops.Entry] = []
    looked, step = 0, 2 * operation.limit
    while len(kept) < operation.limit and looked < most:
        limit = min(step, most - looked, ops.MAX_PAGE)
        page = backend.page(ops.ReadPage(walked.owner, walked.text, limit=limit, cursor=cursor))
        entries, cursor, step = page.entries, page.cursor, ops.MAX_PAGE
        for place, (entry, row, timestamp) in enumerate(_matches(entries, walked, others), 1):
            if row is None:
                continue
            kept.append(entry._replace(timestamp=timestamp))
            if len(kept) == operation.limit and place < len(entries):
                cursor = f"{round(entry.timestamp * MICROSECONDS)}:{row.id.hex}"
                entries = entries[:place]
                break
        looked += len(entries)
        if not cursor:
            break
    following = f"{number}:{cursor}" if cursor else ""
    return ops.Selected(kept, following, looked, size_of(walked) if operation.sized else None)


def _read(operation: ops.Select) -> tuple[list[_List], int | None, str]:
    """Return the lists, the number of the one to walk (None without a cursor), and the cursor of its pages."""
    if len(operation.filters) > ops.MAX_FILTERS:
        raise InvalidArgument(f"filters must be 0 to {ops.MAX_FILTERS}; got {len(operation.filters)}")
    check_number("limit", operation.limit, 1, ops.MAX_SELECTED)
    check_number("budget", operation.budget, 1, ops.MAX_BUDGET)
    lists = []
    for number, one in enumerate([ops.Filter("&", operation.resource, operation.list), *operation.filters]):
        if one.sign not in ("&", "-"):
            raise InvalidArgument(f"sign must be & or -; got {one.sign!r:.80}")
        owner = check_resource(one.resource, "filters" if number else "resource")
        lists.append(_List(number, one.sign, owner, one.name, split_list(one.name)[0].expires))
    if not operation.cursor:
        return lists, None, ""
    match = _CURSOR.fullmatch(operation.cursor) if isinstance(operation.cursor, str) else None
    if not match or (number := int(match["number"])) >= len(lists) or lists[number].sign != "&":
        raise InvalidCursor(
            f"cursor must be one that a call with the same lists returned; got {operation.cursor!r:.80}"
        )
    return lists, number, match["page"]


def _matches(
    entries: Sequence[ops.Entry], walked: _List, others: Sequence[_List]
) -> Iterator[tuple[ops.Entry, _Row | None, float]]:
    """Yield the entries of a page of the list walked, with their row there and their time in the first list.

    The row is None for an entry that does not pass the filters, or that the list no longer holds.
    """
    now = time.time()
    digests = {make_digest(edge.words) for entry in entries for one in (walked, *others) for edge in one.edges(entry)}
    rows = edges_in(router.db_for_read(get_model())).filter(digest__in=digests).values_list("digest", "id", "timestamp")
    found = {bytes(digest): _Row(pk, to_micros(moment) / MICROSECONDS) for digest, pk, moment in rows}
    for entry in entries:
        row, timestamp = walked.find(entry, found, now), entry.timestamp
        for other in others:
            there = other.find(entry, found, now)
            if (there is None) == (other.sign == "&"):
                row = None
            elif there and not other.number:
                timestamp = there.timestamp
        yield entry, row, timestamp


def suggest(operation: ops.Suggest) -> list[ops.Suggestion]:
    """Perform a Suggest: two queries, and one for each 100 candidates until there are enough."""
    owner, kind = check_resource(operation.resource), check_kind(operation.kind)
    check_number("sample", operation.sample, 1, ops.MAX_SAMPLE)
    check_number("each", operation.each, 1, ops.MAX_EACH)
    check_number("limit", operation.limit, 1, ops.MAX_SUGGESTED)
    follow, request, mute = (RELATIONS[name].of_kind(kind) for name in ("follow", "request", "mute"))
    rows = edges_in(router.db_for_read(get_model()))

    def newest(resource: Resource, limit: int) -> QuerySet[Any, tuple[str, str]]:
        mine = rows.filter(relation=follow.name, from_identifier=resource.identifier, from_object_id=resource.object_id)
        return mine.order_by("-timestamp", "-id").values_list("to_identifier", "to_object_id")[:limit]

    asked = [newest(Resource(*names), operation.each) for names in newest(owner, operation.sample)]
    if not asked:
        return []
    # SQLite accepts LIMIT in the parts of a union only in subqueries, which Django does not write.
    parts, parameters = zip(*(one.query.get_compiler(rows.db).as_sql() for one in asked), strict=True)
    union = " UNION ALL ".join(f"SELECT * FROM ({part}) part{number}" for number, part in enumerate(parts))
    with connections[rows.db].cursor() as cursor:
        cursor.execute(union, [value for part in parameters for value in part])
        tally = Counter(Resource(*names) for names in cursor.fetchall())
    del tally[owner]

    def edges(other: Resource) -> list[Edge]:
        """Return the edges that exclude a candidate."""
        relations = {follow.name, request.name, "block", "mute", mute.name}
        return [*(Edge(relation, owner, other) for relation in relations), Edge("block", other, owner)]

    suggestions: list[ops.Suggestion] = []
    for step in in_steps(tally.most_common(), CANDIDATES):
        by_digest = {make_digest(edge.words): edge for other, _ in step for edge in edges(other)}
        found = rows.filter(digest__in=list(by_digest)).values_list("digest", "timestamp")
        now = to_moment(time.time())
        out = {
            edge
            for edge, moment in ((by_digest[bytes(digest)], moment) for digest, moment in found)
            if moment > now or not check_relation(edge.relation).expires
        }
        suggestions += [ops.Suggestion(*other, number) for other, number in step if out.isdisjoint(edges(other))]
        if len(suggestions) >= operation.limit:
            break
    return suggestions[: operation.limit]
