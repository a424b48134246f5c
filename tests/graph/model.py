"""The meaning of the relations, as simply as it can be said: what every backend is compared with."""

from __future__ import annotations

from collections import Counter

from sequere.backends.operations import Added
from sequere.outcomes import Outcome
from sequere.relations import FOREVER, RELATIONS, split_list

#: A mute that ends before this has ended; tests use no end between this and the present.
LONG_AGO = 1e6


class Graph:
    """Edges as ``(relation, kind, from, to) -> time``."""

    def __init__(self):
        self.edges = {}
        #: How many follows and requests each resource made under a limit of new ones.
        self.made = Counter()

    def is_barred(self, one, other):
        return ("block", "", one, other) in self.edges or ("block", "", other, one) in self.edges

    def admit(self, one, other, kind, approval, limits):
        """What keeps a follow or request from being added; None if nothing does."""
        if ("follow", kind, one, other) in self.edges:
            return Added.EXISTS
        if self.is_barred(one, other):
            return Added.BLOCKED
        if ("request", kind, one, other) in self.edges:
            return Added.ALREADY_REQUESTED if approval else None
        mine = [edge for edge in self.edges if edge[0] in ("follow", "request") and edge[1:3] == (kind, one)]
        if limits.most is not None and len(mine) >= limits.most:
            return Added.MOST
        if limits.new is not None:
            if self.made[one] >= limits.new:
                return Added.NEW
            self.made[one] += 1
        return None

    def add(self, name, kind, one, other, timestamp, *, ends=None, limits):
        """Add an edge; returns the outcome of the script ``add_edges``."""
        edge, timestamp = (name, kind, one, other), round(timestamp, 6)
        if name in ("follow", "request"):
            refused = self.admit(one, other, kind, name == "request", limits)
            if refused is not None:
                return refused
            self.edges.pop(("request", kind, one, other), None)
            self.edges[edge] = timestamp
            return Added.REQUESTED if name == "request" else Added.MADE
        if name == "archive" and self.is_barred(one, other):
            return Added.BLOCKED
        if name == "mute":
            return self.mute(edge, float(FOREVER + int(timestamp)) if ends is None else ends)
        if edge in self.edges:
            return Added.EXISTS
        self.edges[edge] = timestamp
        return Added.MADE + (self.cut(one, other) if name == "block" else 0)

    def cut(self, one, other):
        """Remove what a block excludes."""
        bits = 0
        for edge in list(self.edges):
            if edge[0] in RELATIONS["block"].excludes.split() and {*edge[2:]} == {one, other}:
                del self.edges[edge]
                bits |= edge[0] == "follow" and (8 if edge[2] == one else 16)
        return bits

    def mute(self, edge, end):
        before = self.edges.get(edge)
        if before == end or (before is not None and before >= FOREVER and end >= FOREVER):
            return Added.EXISTS
        self.edges[edge] = end
        return Added.MADE

    def drop_ended(self, kind, one):
        """What a mute does first."""
        for edge, end in list(self.edges.items()):
            if edge[:3] == ("mute", kind, one) and end < LONG_AGO:
                del self.edges[edge]

    def follow(self, one, other, timestamp, kind, approval, limits):
        """What ``follow`` returns; BLOCKED or LIMITED where it raises."""
        added = self.add("request" if approval else "follow", kind, one, other, timestamp, limits=limits)
        return {
            Added.EXISTS: False,
            Added.MADE: True,
            Added.REQUESTED: Outcome.REQUESTED,
            Added.ALREADY_REQUESTED: Outcome.ALREADY_REQUESTED,
            Added.BLOCKED: Outcome.BLOCKED,
        }.get(added, Outcome.LIMITED)

    def unfollow(self, one, other, kind):
        if self.edges.pop(("follow", kind, one, other), None) is not None:
            return True
        return Outcome.WITHDRAWN if self.edges.pop(("request", kind, one, other), None) is not None else False

    def edge_in(self, resource, list_, other):
        """The edge that an entry of a list is."""
        relation, name, _ = split_list(list_)
        ends = (other, resource) if name == relation.backward else (resource, other)
        return (relation.base, relation.kind, *ends)

    def move(self, resource, list_, other, target, timestamp):
        """Take an entry out of a list; returns the time of its edge there or where it moves."""
        name, *rest = self.edge_in(resource, list_, other)
        time = self.edges.pop((name, *rest))
        if not target:
            return time
        if target == "follow":
            self.edges.pop(("request", *rest), None)
        return self.edges.setdefault((target, *rest), time if timestamp is None else round(timestamp, 6))

    def forget(self, resource):
        gone = [edge for edge in self.edges if resource in edge]
        for edge in gone:
            del self.edges[edge]
        self.made.pop(resource, None)
        return len(gone)

    def entries(self, resource, list_):
        """The entries of a list as ``resource -> time``, without those that have ended."""
        relation, name, _ = split_list(list_)
        edges = {
            edge[2:]: time
            for edge, time in self.edges.items()
            if edge[:2] == (relation.base, relation.kind) and not (relation.expires and time < LONG_AGO)
        }
        forward = {to: time for (one, to), time in edges.items() if one == resource}
        backward = {one: time for (one, to), time in edges.items() if to == resource}
        mutual = {other: max(forward[other], backward[other]) for other in forward.keys() & backward.keys()}
        return {relation.forward: forward, relation.backward: backward, relation.mutual: mutual}[name]

    def check(self):
        """No edge beside one that it excludes."""
        for name, kind, one, other in self.edges:
            if name in RELATIONS["block"].excludes.split():
                assert not self.is_barred(one, other)
            if name == "request":
                assert ("follow", kind, one, other) not in self.edges
