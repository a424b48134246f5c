"""Decides what a write changes: pure functions of the edges that exist, without a query.

``state`` has the times (seconds since the epoch) of those edges that the write has read and that exist. The functions
return changes: the new time of each edge, or None if it is to be removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ...relations import FOREVER, RELATIONS, Edge, check_relation, settle
from ...resources import Resource
from ..operations import NO_LIMITS, Added, Limits

#: The outcome of a new block, by whether it ends a follow by its from side, and one by its to side.
_CUTS = {
    (False, False): Added.MADE,
    (True, False): Added.CUT_FOLLOWING,
    (False, True): Added.CUT_FOLLOWER,
    (True, True): Added.CUT_BOTH,
}

Changes = dict[Edge, float | None]


class Addition(NamedTuple):
    """The outcome of adding an edge, and the changes; empty if nothing is to be written."""

    outcome: Added
    changes: Changes


@dataclass
class Allowance:
    """How many more follows the limits of a follower allow."""

    limits: Limits = NO_LIMITS
    #: How many follows and requests of the kind the follower has.
    held: int = 0
    #: How many of all kinds it made within the window.
    made: int = 0

    def take(self) -> Added | None:
        """Count one more follow or request. Returns None, or the outcome if a limit does not allow it."""
        most, new, _ = self.limits
        if most is not None and self.held >= most:
            return Added.MOST
        if new is not None and self.made >= new:
            return Added.NEW
        self.held += 1
        self.made += 1
        return None


def find_holders(edge: Edge) -> tuple[Resource, ...]:
    """Return the resources whose locks a write of this edge holds: its from side; for a block, both sides."""
    return edge[1:] if edge.relation == "block" else edge[1:2]


def find_related(edge: Edge, kinds: Iterable[str]) -> Iterable[Edge]:
    """Return the edge, and those that may prevent it or may end because of it."""
    return settle([(edge, 0.0)], kinds)


def add(edge: Edge, at: float, state: Mapping[Edge, float], kinds: Iterable[str], allowance: Allowance) -> Addition:
    """Add an edge; ``at`` is its time. ``state`` has those of ``find_related``."""
    relation, ends = check_relation(edge.relation), edge[1:]
    if relation.base in ("follow", "request"):
        follow, request = (Edge(RELATIONS[name].of_kind(relation.kind).name, *ends) for name in ("follow", "request"))
        if follow in state:
            return Addition(Added.EXISTS, {})
        if _is_barred(edge, state):
            return Addition(Added.BLOCKED, {})
        # A request that becomes a follow was counted when it was made.
        refusal = None if request in state else allowance.take()
        if refusal:
            return Addition(refusal, {})
        if relation.base == "request":
            return Addition(Added.ALREADY_REQUESTED, {}) if edge in state else Addition(Added.REQUESTED, {edge: at})
    elif relation.base == "archive" and _is_barred(edge, state):
        return Addition(Added.BLOCKED, {})
    elif edge in state:
        is_same = not relation.expires or at == state[edge] or min(at, state[edge]) >= FOREVER
        return Addition(Added.EXISTS, {}) if is_same else Addition(Added.MADE, {edge: at})
    elif relation.base == "block":
        return _block(edge, at, state, kinds)
    return Addition(Added.MADE, {one: None for one in settle([(edge, at)], kinds) if one in state} | {edge: at})


def _block(edge: Edge, at: float, state: Mapping[Edge, float], kinds: Iterable[str]) -> Addition:
    ended = [one for one in settle([(edge, at)], kinds) if one in state]
    cut = {one.from_resource for one in ended if check_relation(one.relation).base == "follow"}
    outcome = _CUTS[edge.from_resource in cut, edge.to_resource in cut]
    return Addition(outcome, dict.fromkeys(ended) | {edge: at})


def _is_barred(edge: Edge, state: Mapping[Edge, float]) -> bool:
    _, one, other = edge
    return Edge("block", one, other) in state or Edge("block", other, one) in state


def unfollow(edge: Edge, state: Mapping[Edge, float]) -> Edge | None:
    """Return the edge that ends: the follow or, if there is none, the request of its kind; None if there is neither."""
    return next((one for one in (edge, find_request(edge)) if one in state), None)


def find_request(follow: Edge) -> Edge:
    """Return the request of the same kind and direction as a follow."""
    return follow._replace(relation=RELATIONS["request"].of_kind(check_relation(follow.relation).kind).name)


def find_moved(edge: Edge, target: str) -> list[Edge]:
    """Return the edge that a move to the target makes, and the edges that it replaces; empty without a target."""
    if not target:
        return []
    kind = check_relation(edge.relation).kind
    names = [target, *RELATIONS[target].replaces.split()]
    return [edge._replace(relation=RELATIONS[name].of_kind(kind).name) for name in names]


def move(edge: Edge, target: str, timestamp: float | None, state: Mapping[Edge, float]) -> tuple[float, Changes]:
    """Move an edge that exists to a target, or remove it. Returns its new or last time, and the changes.

    An edge that exists there keeps its own time. ``state`` has those of ``find_moved``.
    """
    at = state[edge]
    changes: Changes = {edge: None}
    if target:
        moved, *replaced = find_moved(edge, target)
        at = state.get(moved, at if timestamp is None else timestamp)
        changes |= dict.fromkeys(one for one in replaced if one in state)
        changes[moved] = at
    return at, changes
