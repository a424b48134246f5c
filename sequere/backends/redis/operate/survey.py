"""Walks over a whole graph in bounded steps, to find what is wrong with it and what it holds.

No step blocks the server for longer than a few milliseconds, so a walk can run at any load. Entries that are added or
removed meanwhile may or may not be seen, and are never reported as damage. Walks go over the keys by SCAN, or over the
uids one after the other. All raise ``BackendError`` when the server does not answer or denies a command.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ....exceptions import CorruptGraph
from ....relations import LISTS, Edge, Relation, rows_in_use, split_list
from ....resources import Resource
from ....steps import in_steps
from ....timestamps import MICROSECONDS
from ...base import BaseBackend
from ...operations import Entry, ReadPage
from ..backend import RedisBackend
from ..errors import translated
from ..uids import AUDIT, ask, count_uids, read_resources, to_resource, to_text
from .audit import Finding, audit
from .permissions import escape

#: How many keys one SCAN looks at, and the most commands in a pipeline.
STEP = 1000

#: How many entries of a list are read together with those of other lists.
FIRST_PAGE = 100

#: How many of the longest lists stats names.
LARGEST = 10

# Identifiers are never digits alone, so no key matches two of these.
_HASH = re.compile(r":(\d+)")
_LIST = re.compile(
    rf"(\d+):({'|'.join(LISTS)})(?:@(?P<kind>[a-z][a-z0-9_]{{0,29}}))?"
    r"(?::(?!count$)(?P<identifier>[A-Za-z0-9_.-]{1,50}))?(?P<count>:count)?"
)
_NAME = re.compile(r"(?!\d+:)(?!count:)(?P<identifier>[A-Za-z0-9_.-]{1,50}):(?P<object_id>.+)", re.DOTALL)


class Checked(NamedTuple):
    """A resource and what audit found; the resource is None if a key belongs to none."""

    resource: Resource | None
    findings: list[Finding]


class Largest(NamedTuple):
    """One of the longest lists; the resource is None if the graph does not name it."""

    size: int
    list: str
    resource: Resource | None


@dataclass(frozen=True)
class Stats:
    """What a graph holds, and its longest lists.

    ``resources`` are counted by identifier, ``edges`` by relation and kind, and ``pairs``, edges in both directions
    between the same two resources, by the relation's mutual list. Relations other than follow are left out if they have
    no edges.
    """

    resources: dict[str, int]
    edges: dict[str, int]
    pairs: dict[str, int]
    largest: list[Largest]


def find_identifiers(backend: RedisBackend) -> set[str]:
    """Return the identifiers in the names of the graph's keys. One round trip for each 1,000 keys of the server."""
    return _find_names(backend)[0]


def _find_names(backend: RedisBackend) -> tuple[set[str], dict[str, str]]:
    """The identifiers in the names of the graph's keys, and the kinds, each with one of its lists. Round trips as
    :func:`find_identifiers`.
    """
    identifiers: set[str] = set()
    kinds: dict[str, str] = {}
    for keys in _scan(backend):
        for key in keys:
            name, list_ = _NAME.fullmatch(key), _LIST.fullmatch(key)
            match = name or list_
            if match and match["identifier"]:
                identifiers.add(match["identifier"])
            if list_ and list_["kind"] and not list_["count"]:
                kinds[list_["kind"]] = key
    return identifiers, kinds


def audit_graph(backend: RedisBackend, identifiers: Iterable[str], *, repair: bool = False) -> Iterator[Checked]:
    """Audit every resource, in no order, and every key that leads to no resource. Yields one item for each.

    A resource is found by its name (``uid::7``) or, if that is lost, by its uid (``uid:user:1``). One whose uid is lost
    is repaired by the audit of the resources whose lists contain it, and then checked last. The keys are scanned twice:
    for the identifiers and kinds, then for the audit. Two round trips for each 1,000 keys of the server, five for each
    1,000 of the graph, one or two for the kinds, and those of each audit. The kinds in use are repaired before the
    lists. The last uid given out is repaired with the resources; if there are none, it is only reported.
    """
    start = f"{backend.prefix}uid:"
    found_identifiers, kinds = _find_names(backend)
    wanted = {*identifiers, *found_identifiers}
    lacking = _check_kinds(backend, kinds, repair=repair)
    if lacking:
        yield Checked(None, lacking)
    last: set[Resource] = set()
    for keys in _scan(backend):
        resources, strays, lost = _by_hash(backend, [found[1] for key in keys if (found := _HASH.fullmatch(key))])
        resources |= _by_name(backend, [Resource(*found.groups()) for key in keys if (found := _NAME.fullmatch(key))])
        lists = [(found[1], start + key) for key in keys if (found := _LIST.fullmatch(key)) and not found["count"]]
        strays += _by_list(backend, lists)
        last |= lost
        if strays:
            yield Checked(None, strays)
        for resource in sorted(resources):
            yield Checked(resource, audit(backend, resource, wanted, repair=repair))
    for resource in sorted(last):
        yield Checked(resource, audit(backend, resource, wanted, repair=repair))
    try:
        count_uids(backend.client, backend.prefix)
    except CorruptGraph as error:
        key, _, detail = str(error).partition(" ")
        yield Checked(None, [Finding("count", key, detail)])


def _check_kinds(backend: RedisBackend, lists: dict[str, str], *, repair: bool) -> list[Finding]:
    """The kinds that lists have, but the kinds in use lack: no script finds their lists. One round trip, and one more
    to add them.
    """
    key = f"{backend.prefix}global:kinds"
    (reply,) = ask(backend.client, [("SMEMBERS", key)])
    if isinstance(reply, Exception):
        return []  # the script reports a wrong type
    lacking = sorted(lists.keys() - set(map(to_text, reply)))
    if repair and lacking:
        ask(backend.client, [("SADD", key, *lacking)])
    told = "kind {} should be here, because {}uid:{} exists"
    return [Finding("missing", key, told.format(kind, backend.prefix, lists[kind])) for kind in lacking]


def _by_hash(backend: RedisBackend, uids: list[str]) -> tuple[set[Resource], list[Finding], set[Resource]]:
    """For these uids: the resources to audit, what is wrong, the resources whose uid is lost. Two round trips."""
    prefix = backend.prefix
    resources: set[Resource] = set()
    findings: list[Finding] = []
    lost: set[Resource] = set()
    named: list[tuple[str, Resource]] = []
    hashes = ask(backend.client, [("HMGET", f"{prefix}uid::{uid}", "identifier", "object_id") for uid in uids])
    for uid, reply in zip(uids, hashes, strict=True):
        resource = to_resource(reply)
        if resource:
            named.append((uid, resource))
        elif isinstance(reply, Exception):
            findings.append(Finding("wrongtype", f"{prefix}uid::{uid}", "should be a hash"))
        elif any(reply):
            findings.append(Finding("mapping", f"{prefix}uid::{uid}", "does not name its resource"))
    questions: list[tuple[str, ...]] = []
    for uid, resource in named:
        # Both are deleted at once, so a name without its uid is damage.
        questions += [("GET", _uid_key(prefix, resource)), ("EXISTS", f"{prefix}uid::{uid}")]
    replies = ask(backend.client, questions)
    for (uid, resource), leads, there in zip(named, replies[::2], replies[1::2], strict=True):
        if isinstance(leads, Exception) or (leads is not None and to_text(leads) == uid):
            resources.add(resource)  # the script reports a wrong type
        elif there:
            told = "leads to nothing" if leads is None else f"holds {to_text(leads)!r:.80}"
            findings.append(Finding("mapping", _uid_key(prefix, resource), f"{told}, should lead to uid {uid}"))
            lost.add(resource)
    return resources, findings, lost


def _by_name(backend: RedisBackend, resources: list[Resource]) -> set[Resource]:
    """Those of these resources, all with a uid, whose uid names another resource or none. Two round trips."""
    uids = ask(backend.client, [("GET", _uid_key(backend.prefix, resource)) for resource in resources])
    given = {resource: uid for resource, uid in zip(resources, uids, strict=True) if uid is not None}
    named = read_resources(backend.client, backend.prefix, map(to_text, given.values()))
    return {resource for resource, other in zip(given, named, strict=True) if other != resource}


def _by_list(backend: RedisBackend, lists: list[tuple[str, str]]) -> list[Finding]:
    """The lists, as (uid, key), of a uid that no resource has. One round trip."""
    questions: list[tuple[str, ...]] = []
    for uid, key in lists:
        # The name is deleted last, so a list without it is damage.
        questions += [("EXISTS", f"{backend.prefix}uid::{uid}"), ("EXISTS", key)]
    replies = ask(backend.client, questions)
    return [
        Finding("orphan", key, f"no resource has the uid {uid}")
        for (uid, key), named, there in zip(lists, replies[::2], replies[1::2], strict=True)
        if there and not named
    ]


def walk_edges(backend: RedisBackend, rows: Sequence[Relation] = ()) -> Iterator[dict[Edge, int]]:
    """Yield all edges, each with its timestamp in microseconds, in the order of the uids of their from sides.

    ``rows`` are the relations whose edges to yield; without it, all in use. One round trip for the kinds, one for each
    166 uids, fewer if there are kinds, one for each 1,000 of those in their lists, and one for each 500 entries of a
    list of 100 or more. Raises :class:`~sequere.exceptions.CorruptGraph` if a key is not of its type.
    """
    prefix, end = backend.prefix, count_uids(backend.client, backend.prefix)
    rows = rows or rows_in_use(backend.kinds())
    step = STEP // (1 + len(rows))
    for start in range(1, end + 1, step):
        uids = range(start, min(start + step, end + 1))
        questions: list[tuple[str, ...]] = []
        for uid in uids:
            questions.append(("HMGET", f"{prefix}uid::{uid}", "identifier", "object_id"))
            for one in rows:
                questions.append(("ZRANGE", f"{prefix}uid:{uid}:{one.forward}", "0", str(FIRST_PAGE - 1), "WITHSCORES"))
        replies = iter(ask(backend.client, questions))
        lists: list[tuple[Relation, Resource, list[Any]]] = []
        for uid in uids:
            resource = to_resource(next(replies))
            for relation in rows:
                reply = next(replies)
                if isinstance(reply, Exception) or (reply and not resource):
                    raise CorruptGraph(f"uid {uid}: its name or one of its lists is wrong. {AUDIT}")
                if reply and resource:
                    lists.append((relation, resource, _pairs(reply)))
        yield from _read_lists(backend, lists)


def walk_list(backend: BaseBackend, resource: Resource, list_: str) -> Iterator[list[Entry]]:
    """Yield the entries of a list of a resource, newest first, at most 500 at a time. One round trip for each 500."""
    cursor = ""
    while True:
        page = backend.perform(ReadPage(resource, list_, cursor=cursor))
        yield page.entries
        cursor = page.cursor
        if not cursor:
            return


def walk_whole_list(backend: RedisBackend, resource: Resource, list_: str) -> Iterator[list[Entry]]:
    """As :func:`walk_list`, and then the mutes that have ended, which pages leave out.

    For a list of mutes one more round trip, and two for each 1,000 that have ended. An entry that ends meanwhile may be
    yielded twice.
    """
    lowest = "+inf"
    for entries in walk_list(backend, resource, list_):
        yield entries
        if entries:
            lowest = f"{entries[-1].timestamp:.6f}"
    if split_list(list_)[0].expires:
        yield from _walk_down(backend, resource, list_, lowest)


def _walk_down(backend: RedisBackend, resource: Resource, list_: str, highest: str) -> Iterator[list[Entry]]:
    """The entries of a list from a score down: what is removed meanwhile, because it has ended, is at the end."""
    prefix = backend.prefix
    (uid,) = ask(backend.client, [("GET", _uid_key(prefix, resource))])
    key, start = f"{prefix}uid:{to_text(uid)}:{list_}", 0
    while True:
        question = ("ZRANGE", key, highest, "-inf", "BYSCORE", "REV", "LIMIT", str(start), str(STEP), "WITHSCORES")
        (reply,) = ask(backend.client, [question])
        entries = _pairs(reply) if reply else []
        names = read_resources(backend.client, prefix, [to_text(other) for other, _ in entries])
        yield [Entry(*name, float(score)) for name, (_, score) in zip(names, entries, strict=True) if name]
        start += STEP
        if len(entries) < STEP:
            return


def _read_lists(backend: RedisBackend, lists: list[tuple[Relation, Resource, list[Any]]]) -> Iterator[dict[Edge, int]]:
    """The edges of lists that were read, and of the rest of longer lists, in parts."""
    short = [one for one in lists if len(one[2]) < FIRST_PAGE]
    uids = list(dict.fromkeys(to_text(uid) for *_, entries in short for uid, _ in entries))
    names: dict[str, Resource | None] = {}
    for part in in_steps(uids, STEP):
        names.update(zip(part, read_resources(backend.client, backend.prefix, part), strict=True))
    edges: dict[Edge, int] = {}
    for relation, resource, entries in short:
        for uid, score in entries:
            other = names[to_text(uid)]
            if other:  # otherwise it was forgotten meanwhile
                edges[Edge(relation.name, resource, other)] = round(float(score) * MICROSECONDS)
    yield edges
    for relation, resource, entries in lists:
        if len(entries) < FIRST_PAGE:
            continue
        for page in walk_whole_list(backend, resource, relation.forward):
            yield {Edge(relation.name, resource, Resource(*other)): round(at * MICROSECONDS) for *other, at in page}


def get_stats(backend: RedisBackend, *, on_step: Callable[[int], object] = lambda done: None) -> Stats:
    """Count what the graph holds, from uid 1 to the last; ``on_step`` is called with the number of uids done.

    One round trip for the kinds and one for each 83 uids, fewer if there are kinds. Raises
    :class:`~sequere.exceptions.CorruptGraph` if a key is not of its type.
    """
    prefix, end = backend.prefix, count_uids(backend.client, backend.prefix)
    resources: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    largest: list[tuple[int, int, str]] = []
    rows = rows_in_use(backend.kinds())
    lists = [name for row in rows for name in row.lists]
    step = STEP // (1 + len(lists))
    for start in range(1, end + 1, step):
        uids = range(start, min(start + step, end + 1))
        questions: list[tuple[str, ...]] = []
        for uid in uids:
            questions.append(("HMGET", f"{prefix}uid::{uid}", "identifier"))
            questions += [("ZCARD", f"{prefix}uid:{uid}:{name}") for name in lists]
        replies = iter(ask(backend.client, questions))
        for uid in uids:
            for name in ("", *lists):
                reply = next(replies)
                if isinstance(reply, Exception):
                    raise CorruptGraph(f"uid {uid}: {reply}. {AUDIT}")
                if not name:
                    resources.update([to_text(reply[0])] if reply[0] else [])
                elif reply:
                    sizes[name] += reply
                    largest.append((-reply, uid, name))
        largest = heapq.nsmallest(LARGEST, largest)
        on_step(uids[-1])
    named = read_resources(backend.client, prefix, [uid for _, uid, _ in largest])
    return Stats(
        resources=dict(sorted(resources.items())),
        edges={row.name: sizes[row.forward] for row in rows if sizes[row.forward] or row.name == "follow"},
        pairs={
            row.mutual: sizes[row.mutual] // 2 for row in rows if row.mutual and (sizes[row.mutual] or not row.kind)
        },
        largest=[Largest(-size, name, resource) for (size, _, name), resource in zip(largest, named, strict=True)],
    )


def find_keys(backend: RedisBackend, size: int) -> Iterator[list[bytes | str]]:
    """Yield the keys of the graph's uids, some at a time; a key may occur twice if the server rehashes.

    One round trip for each 1,000 keys of the server.
    """
    with translated():
        yield from in_steps(backend.client.scan_iter(match=f"{escape(backend.prefix)}uid:*", count=STEP), size)


def _scan(backend: RedisBackend) -> Iterator[list[str]]:
    """The rest of the graph's keys after ``{prefix}uid:``, at most 1,000 at a time."""
    start = len(f"{backend.prefix}uid:")
    for keys in find_keys(backend, STEP):
        yield [to_text(key)[start:] for key in keys]


def _uid_key(prefix: str, resource: Resource) -> str:
    return f"{prefix}uid:{resource.identifier}:{resource.object_id}"


def _pairs(reply: Any) -> list[Any]:
    """Uids with their scores: RESP2 returns them in one flat list."""
    return list(reply) if isinstance(reply[0], (list, tuple)) else list(zip(reply[::2], reply[1::2], strict=True))
