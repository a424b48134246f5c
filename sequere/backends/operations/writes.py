"""The operations that may change the graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, NamedTuple

from ...exceptions import FollowLimitReached
from ...outcomes import Outcome
from ...resources import Resource
from ..base import GraphOperation
from .values import Entry, flatten, read_entries

#: The most edges of one AddEdges or MoveEdges.
MAX_EDGES = 50

#: The most others of one AddEdges that adds blocks: each may end follows of all kinds.
MAX_BLOCKS = 8

#: The most edges that one Forget removes.
MAX_FORGET = 100


class Moved(NamedTuple):
    """The result of a MoveEdges: the entries that it took out of the list, and how many are left in it."""

    entries: list[Entry]
    left: int


class Forgotten(NamedTuple):
    """The result of a Forget: how many edges it removed, and whether none are left."""

    removed: int
    done: bool


class Limits(NamedTuple):
    """How many follows and requests a resource may have; None: any number.

    ``most`` counts those that it has of the kind. ``new`` counts those of all kinds that it makes within ``window``
    seconds, from the first of them on. A request that becomes a follow is not counted again.
    """

    most: int | None = None
    new: int | None = None
    window: int | None = None


NO_LIMITS = Limits()


def limit_reached(name: str, value: int, seconds: int = 0) -> FollowLimitReached:
    """Return the exception for a follow at the limit ``most`` or ``new``; the window of ``new`` ends in ``seconds``."""
    if name == "most":
        text = f"The follower has {value} follows and requests, as many as its follow_limit allows."
        return FollowLimitReached(text, limit="follow_limit", value=value, retry_at=None)
    retry_at = datetime.now(UTC) + timedelta(seconds=max(seconds, 0))
    text = f"The follower may make {value} follows and requests within a time, and the next one at {retry_at:%c} UTC."
    return FollowLimitReached(text, limit="follow_rate", value=value, retry_at=retry_at)


@dataclass(slots=True)
class Follow(GraphOperation[bool | Outcome]):
    """Make one resource follow another. True if the edge is new; one that exists keeps its timestamp.

    With ``approval`` a request is added instead: ``Outcome.REQUESTED``, ``Outcome.ALREADY_REQUESTED``, or False if the
    follow exists. Without it a request becomes a follow. Raises ``Blocked``, ``FollowLimitReached``, ``SelfFollow``,
    ``InvalidTimestamp``, ``InvalidArgument``, ``InvalidIdentifier``, ``InvalidObjectId``.
    """

    script, writes = "follow", True
    from_resource: Resource
    to_resource: Resource
    timestamp: float
    kind: str = ""
    approval: bool = False
    limits: Limits = NO_LIMITS

    def arguments(self) -> Sequence[str | int]:
        ends_and_time = (*self.from_resource, *self.to_resource, f"{self.timestamp:.6f}")
        if not (self.kind or self.approval or self.limits != NO_LIMITS):
            return ends_and_time
        return (*ends_and_time, self.kind, "1" if self.approval else "", *_limits(self.limits))

    def reply(self, reply: Any) -> bool | Outcome:
        return {2: Outcome.REQUESTED, 3: Outcome.ALREADY_REQUESTED}.get(reply, bool(reply == 1))


@dataclass(slots=True)
class Unfollow(GraphOperation[bool | Outcome]):
    """Make one resource stop following another. True if there was an edge.

    If there was a request instead, it is withdrawn: ``Outcome.WITHDRAWN``. Raises ``SelfFollow``, ``InvalidArgument``,
    ``InvalidIdentifier``, ``InvalidObjectId``.
    """

    script, writes = "unfollow", True
    from_resource: Resource
    to_resource: Resource
    kind: str = ""

    def arguments(self) -> Sequence[str | int]:
        return (*self.from_resource, *self.to_resource, *([self.kind] if self.kind else []))

    def reply(self, reply: Any) -> bool | Outcome:
        return Outcome.WITHDRAWN if reply == 2 else bool(reply == 1)


class Added(IntEnum):
    """The outcome of an AddEdges for one of the others, as the script replies it."""

    #: The edge exists; for a request, also if the follow exists.
    EXISTS = 0
    #: The edge is new, or a mute ends at another time.
    MADE = 1
    REQUESTED = 2
    ALREADY_REQUESTED = 3
    #: The block is new and ended a follow by its from side, by its to side, or both.
    CUT_FOLLOWING = 9
    CUT_FOLLOWER = 17
    CUT_BOTH = 25
    #: Nothing changed: one of the two blocks the other.
    BLOCKED = -1
    #: Nothing changed: ``Limits.most``, ``Limits.new``.
    MOST = -2
    NEW = -3


@dataclass(slots=True)
class AddEdges(GraphOperation[list[Added]]):
    """Add edges of a relation, such as ``request@watch``, from one resource to 1 to 50 others, all or none.

    At most 8 others if the relation is ``block``. ``ends`` is when a ``mute`` ends (seconds since the epoch); without
    it, never. Returns, for each other in order, the outcome. Raises ``InvalidLimit`` and the exceptions of
    :class:`Follow`, except for blocks and limits, which are outcomes.
    """

    script, writes = "add_edges", True
    relation: str
    from_resource: Resource
    others: Sequence[Resource]
    timestamp: float
    ends: float | None = None
    limits: Limits = NO_LIMITS

    def arguments(self) -> Sequence[str | int]:
        ends = "" if self.ends is None else f"{self.ends:.6f}"
        timestamp = f"{self.timestamp:.6f}"
        return (self.relation, *self.from_resource, timestamp, ends, *_limits(self.limits), *flatten(self.others))

    def reply(self, reply: Any) -> list[Added]:
        return list(map(Added, reply))


@dataclass(slots=True)
class MoveEdges(GraphOperation[Moved]):
    """Take entries out of a list of a resource: their edges move to the target relation or, without one, are removed.

    ``others`` (up to 50) names them; without it, the oldest ``limit`` (1 to 50) are taken. All are taken or, on an
    error, none. ``target`` is a relation without a kind: the edges keep their kind, and their timestamps unless one is
    given. If the edge already exists in the target, it keeps its own timestamp. The entries are returned in the order
    of ``others``, without those that are not in the list. Raises the same exceptions as :class:`AddEdges`.
    """

    script, writes = "move_edges", True
    resource: Resource
    list: str
    others: Sequence[Resource] = ()
    target: str = ""
    limit: int = MAX_EDGES
    timestamp: float | None = None

    def arguments(self) -> Sequence[str | int]:
        timestamp = "" if self.timestamp is None else f"{self.timestamp:.6f}"
        return (*self.resource, self.list, self.target, str(self.limit), timestamp, *flatten(self.others))

    def reply(self, reply: Any) -> Moved:
        return Moved(read_entries(reply[1:]), int(reply[0]))


@dataclass(slots=True)
class Forget(GraphOperation[Forgotten]):
    """Remove up to ``limit`` (1 to 100) edges of a resource, in both directions, from the graph.

    Repeat it until it is done: then the resource is forgotten.
    """

    script, writes = "forget", True
    resource: Resource
    limit: int = MAX_FORGET

    def arguments(self) -> Sequence[str | int]:
        return (*self.resource, str(self.limit))

    def reply(self, reply: Any) -> Forgotten:
        return Forgotten(int(reply[0]), done=int(reply[1]) == 0)


def _limits(limits: Limits) -> Iterator[str]:
    return ("" if limit is None else str(limit) for limit in limits)
