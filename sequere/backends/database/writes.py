"""The operations that write.

A write holds the lock of the from side of its edges, a block those of both sides. The first statement of the
transaction takes the locks, in a fixed order. Then the write reads the edges concerned, a pure function decides what
changes, and the changes are written. The followed resource is not locked, so its followers do not wait for each other.
A forget holds no lock: the edges that it removes conflict with no other edge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from itertools import chain
from typing import Any, NamedTuple

from django.db import connections, router, transaction
from django.db.models import Count, QuerySet

from ...exceptions import Blocked, InvalidArgument
from ...outcomes import Outcome
from ...relations import FOREVER, RELATIONS, Edge, Relation, check_kind, check_relation, split_list
from ...resources import Resource, check_ends, check_resource, check_self
from ...timestamps import to_seconds
from .. import operations as ops
from . import decide, locks
from .arguments import check_additions, check_limits, check_number, check_others, check_size
from .conflicts import ATTEMPTS, despite_conflicts
from .fields import COLUMNS, UTCNow, make_edge
from .lists import edge_between, edges_between, listed, other_side
from .rows import State, edges_around, edges_in, get_model, side
from .statements import begin_writing, delete_rows

#: How many mutes that ended one AddEdges removes.
MAX_ENDED = 20


class _Added(NamedTuple):
    """The outcomes of added edges, the edges concerned, and the seconds until the window of a limit ends."""

    outcomes: list[ops.Added]
    edges: list[Edge]
    seconds: int = 0


class Writes:
    """A method for each operation that writes, with the name of its script.

    Each returns the result and the edges that it concerns: those that it names, changed or not, and the others that it
    changed. An edge that it refuses to add is not among them.
    """

    def follow(self, operation: ops.Follow) -> tuple[bool | Outcome, list[Edge]]:
        ends = operation.from_resource, operation.to_resource
        check_ends(*ends)
        check_self(ends[0], ends[1:])
        seconds = to_seconds(operation.timestamp)
        relation = RELATIONS["request" if operation.approval else "follow"].of_kind(check_kind(operation.kind))
        check_limits(operation.limits)
        (outcome,), edges, left = _add([(Edge(relation.name, *ends), seconds)], operation.limits)
        if outcome is ops.Added.BLOCKED:
            raise Blocked("one of from and to blocks the other")
        if outcome is ops.Added.MOST:
            raise ops.limit_reached("most", operation.limits.most or 0)
        if outcome is ops.Added.NEW:
            raise ops.limit_reached("new", operation.limits.new or 0, left)
        outcomes = {
            ops.Added.REQUESTED: Outcome.REQUESTED,
            ops.Added.ALREADY_REQUESTED: Outcome.ALREADY_REQUESTED,
        }
        return outcomes.get(outcome, outcome is ops.Added.MADE), edges

    def add_edges(self, operation: ops.AddEdges) -> tuple[list[ops.Added], list[Edge]]:
        relation = check_relation(operation.relation)
        check_resource(operation.from_resource, "from")
        seconds = to_seconds(operation.timestamp)
        if relation.expires:
            seconds = FOREVER + math.floor(seconds)
        if operation.ends is not None:
            seconds = round(to_seconds(operation.ends), 6)
        check_limits(operation.limits)
        check_size("others", operation.others, 1, ops.MAX_EDGES)
        check_others(operation.from_resource, operation.others)
        check_additions(operation, relation)
        edges = [Edge(relation.name, operation.from_resource, other) for other in operation.others]
        return _add([(edge, seconds) for edge in edges], operation.limits)[:2]

    def unfollow(self, operation: ops.Unfollow) -> tuple[bool | Outcome, list[Edge]]:
        check_ends(operation.from_resource, operation.to_resource)
        check_self(operation.from_resource, [operation.to_resource])
        relation = RELATIONS["follow"].of_kind(check_kind(operation.kind))
        follow = Edge(relation.name, operation.from_resource, operation.to_resource)
        edges = [decide.find_request(follow), follow]
        alias = _alias()
        reads_with_locks = _reads_with_locks(alias)

        def write() -> Edge | None:
            with transaction.atomic(using=alias, savepoint=False):
                locks.lock(alias, decide.find_holders(follow))
                state = State(alias, edges, locks=reads_with_locks)
                gone = decide.unfollow(follow, state.times)
                if gone:
                    state.change({gone: None})
                    state.write()
            return gone

        gone = despite_conflicts(alias, write)
        return gone == follow or (Outcome.WITHDRAWN if gone else False), edges

    def move_edges(self, operation: ops.MoveEdges) -> tuple[ops.Moved, list[Edge]]:
        owner = check_resource(operation.resource)
        relation, _, _ = split_list(operation.list)
        check_number("limit", operation.limit, 1, ops.MAX_EDGES)
        seconds = None if operation.timestamp is None else round(to_seconds(operation.timestamp), 6)
        check_size("others", operation.others, 0, ops.MAX_EDGES)
        check_others(owner, operation.others)
        if operation.target and operation.target not in relation.moves.split():
            raise InvalidArgument(
                f"target must be empty or a relation that edges of {relation.name} may become; "
                f"got {operation.target!r:.80}"
            )
        alias = _alias()

        def move() -> tuple[ops.Moved, list[Edge]]:
            for _ in range(ATTEMPTS):
                moved, concerned = _move(alias, operation, relation, seconds)
                # The oldest entries are read before they are locked: all of them may be gone by then, and others left.
                if moved.entries or operation.others or not concerned:
                    break
            return moved, concerned

        return despite_conflicts(alias, move)

    def forget(self, operation: ops.Forget) -> tuple[ops.Forgotten, list[Edge]]:
        check_resource(operation.resource)
        check_number("limit", operation.limit, 1, ops.MAX_FORGET)
        alias = _alias()

        def remove() -> tuple[ops.Forgotten, list[Edge]]:
            with transaction.atomic(using=alias, savepoint=False):
                locks.unlock(alias, operation.resource)
                rows = edges_around(alias, operation.resource)
                if connections[alias].features.has_select_for_update:
                    rows = rows.select_for_update()
                found = list(rows.values_list("pk", *COLUMNS)[: operation.limit + 1])
                gone = found[: operation.limit]
                delete_rows(edges_in(alias).filter(pk__in=[pk for pk, *_ in gone]))
            return ops.Forgotten(len(gone), done=len(found) == len(gone)), [make_edge(*words) for _, *words in gone]

        return despite_conflicts(alias, remove)


def _alias() -> str:
    return router.db_for_write(get_model())


def _reads_with_locks(alias: str) -> bool:
    """Whether a write reads edges with locks. Call it before the write begins its transaction.

    With locks it reads what is committed, even if a transaction of the caller has read before. On MariaDB and MySQL
    above READ COMMITTED, such reads lock gaps too, and concurrent writes could deadlock. There a write in a transaction
    of its own reads without locks: its first read comes after the lock of the resource, so it sees what is committed.
    """
    connection = connections[alias]
    return connection.features.has_select_for_update and (connection.in_atomic_block or connection.vendor != "mysql")


def _add(changes: Sequence[tuple[Edge, float]], limits: ops.Limits) -> _Added:
    """Add edges, each with its time. With limits they have one relation and one from side."""
    alias = _alias()
    reads_with_locks = _reads_with_locks(alias)
    edges = [edge for edge, _ in changes]
    holders = set(chain.from_iterable(map(decide.find_holders, edges)))

    def write() -> _Added | InvalidArgument:
        with transaction.atomic(using=alias, savepoint=False):
            locks.lock(alias, holders)
            refusal = locks.use_kinds(alias, edges)
            if refusal:
                return refusal  # raised here, it would roll back a transaction of the caller
            has_blocks = any(edge.relation == "block" for edge in edges)
            kinds = locks.find_kinds(alias, current=True) if has_blocks else set[str]()
            related = chain.from_iterable(decide.find_related(edge, kinds) for edge in edges)
            state = State(alias, related, locks=reads_with_locks)
            concerned = _remove_ended(alias, edges[0], state, locks_rows=reads_with_locks)
            allowance, until, now = decide.Allowance(limits), None, None
            if limits.most is not None:
                allowance.held = _count_held(alias, edges[0])
            if limits.new is not None:
                allowance.made, until, now = locks.read_quota(alias, edges[0].from_resource)
            made, outcomes = allowance.made, []
            for edge, at in changes:
                outcome, changed = decide.add(edge, at, state.times, kinds, allowance)
                state.change(changed)
                outcomes.append(outcome)
                if outcome >= 0:
                    concerned += [*(one for one in changed if one != edge), edge]
                if outcome is ops.Added.EXISTS:  # perhaps the follow that a request asks for
                    concerned += [one for one in decide.find_related(edge, ()) if one in state.times]
            state.write()
            if limits.window is not None and now is not None and allowance.made > made:
                ends = until or now + timedelta(seconds=limits.window)
                locks.set_quota(alias, edges[0].from_resource, allowance.made, ends)
        seconds = math.ceil((until - now).total_seconds()) if until and now else 0
        return _Added(outcomes, list(dict.fromkeys(concerned)), seconds)

    written = despite_conflicts(alias, write)
    if isinstance(written, InvalidArgument):
        raise written
    return written


def _remove_ended(alias: str, edge: Edge, state: State, *, locks_rows: bool) -> list[Edge]:
    """Remove up to 20 edges of the same relation and from side that have ended. Returns them. At most one query."""
    if not check_relation(edge.relation).expires:
        return []
    rows = edges_in(alias).filter(relation=edge.relation, timestamp__lte=UTCNow(), **side("from", edge.from_resource))
    rows = (rows.select_for_update() if locks_rows else rows).order_by("timestamp", "id")
    ended = []
    for pk, *columns, at in rows.values_list("pk", *COLUMNS, "timestamp")[:MAX_ENDED]:
        ended.append(make_edge(*columns))
        state.add(pk, ended[-1], at)
    state.change(dict.fromkeys(ended))
    return ended


def _count_held(alias: str, edge: Edge) -> int:
    """Return how many follows and requests of this kind the from side has now. One query."""
    kind = check_relation(edge.relation).kind
    names = [RELATIONS[name].of_kind(kind).name for name in ("follow", "request")]
    rows = edges_in(alias).filter(relation__in=names, **side("from", edge.from_resource))
    counted = rows.order_by().values("from_object_id").annotate(size=Count("*")).values_list("size", flat=True)
    if connections[alias].vendor == "mysql":  # a transaction of the caller that has read before would not see it
        counted = counted.select_for_update()
    return sum(counted)


def _move(
    alias: str, operation: ops.MoveEdges, relation: Relation, seconds: float | None
) -> tuple[ops.Moved, list[Edge]]:
    """Try a MoveEdges once."""
    owner, list_, target = operation.resource, operation.list, operation.target
    name = split_list(list_)[1]
    reads_with_locks = _reads_with_locks(alias)
    rows = listed(alias, owner, list_, live=False)
    if connections[alias].in_atomic_block:
        begin_writing(alias, get_model())
    others = list(dict.fromkeys(operation.others)) or _find_first(rows, list_, operation.limit)
    edges = {other: edge_between(relation, name, owner, other) for other in others}
    required = {other: edges_between(list_, owner, other) for other in others}
    if not edges:
        return ops.Moved([], 0), []
    related = chain.from_iterable(
        (edge, *required[other], *decide.find_moved(edge, target)) for other, edge in edges.items()
    )
    entries, concerned = [], []
    with transaction.atomic(using=alias, savepoint=False):
        locks.lock(alias, chain.from_iterable(map(decide.find_holders, edges.values())))
        state = State(alias, related, locks=reads_with_locks)
        for other, edge in edges.items():
            concerned.append(edge)
            if required[other] and all(one in state.times for one in required[other]):
                at, changes = decide.move(edge, target, seconds, state.times)
                state.change(changes)
                concerned += changes
                entries.append(ops.Entry(*other, at))
        state.write()
        left = rows.count()
    return ops.Moved(entries, left), list(dict.fromkeys(concerned))


def _find_first(rows: QuerySet[Any], list_: str, limit: int) -> list[Resource]:
    """Return the oldest entries of a list."""
    relation, name, _ = split_list(list_)
    names = [f"{other_side(relation, name)}_{part}" for part in Resource._fields]
    return [Resource(*words) for words in rows.order_by("score", "id").values_list(*names)[:limit]]
