"""Random operations against every backend and a model of ten lines, which must agree after each step."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from sequere.backends.database.models import Edge
from sequere.backends.operations import (
    AddEdges,
    Count,
    Follow,
    Forget,
    MoveEdges,
    ReadPage,
    Relationships,
    Unfollow,
)
from sequere.backends.redis import RedisBackend, RedisFallbackBackend
from sequere.relations import LISTS
from sequere.resources import Resource
from tests.support.behind import start_anew
from tests.support.graph import audit

RESOURCES = [Resource("user", "1"), Resource("user", "2"), Resource("project", "1"), Resource("project", "é:1")]

resources = st.sampled_from(RESOURCES)
several = st.lists(resources, min_size=1, max_size=5)
names = st.sampled_from(["followers", "followings", "friends"])
timestamps = st.integers(0, 5).map(float) | st.floats(0, 2**33 - 1)


class Graph:
    """The meaning of follow, as simply as it can be said."""

    def __init__(self):
        self.edges = {}

    def follow(self, one, other, timestamp):
        new = (one, other) not in self.edges
        self.edges.setdefault((one, other), round(timestamp, 6))
        return new

    def unfollow(self, one, other):
        return self.edges.pop((one, other), None) is not None

    def entries(self, resource, name):
        followers = {a: since for (a, b), since in self.edges.items() if b == resource}
        followings = {b: since for (a, b), since in self.edges.items() if a == resource}
        friends = {a: max(followers[a], followings[a]) for a in followers.keys() & followings.keys()}
        return {"followers": followers, "followings": followings, "friends": friends}[name]


#: The profile says how many examples and steps: few by default, many with --hypothesis-profile=many.
STEPS = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


def machine(backend, empty, healthy):
    class Comparison(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            empty()
            self.model = Graph()

        @rule(one=resources, other=resources, timestamp=timestamps)
        def follow(self, one, other, timestamp):
            if one != other:
                new = backend.perform(Follow(one, other, timestamp))
                assert new == self.model.follow(one, other, timestamp)

        @rule(one=resources, other=resources)
        def unfollow(self, one, other):
            if one != other:
                assert backend.perform(Unfollow(one, other)) == self.model.unfollow(one, other)

        @rule(one=resources, others=several, timestamp=timestamps)
        def add_edges(self, one, others, timestamp):
            others = [other for other in others if other != one] or [RESOURCES[RESOURCES[0] == one]]
            replies = backend.perform(AddEdges("follow", one, others, timestamp))
            assert replies == [self.model.follow(one, other, timestamp) for other in others]

        @rule(one=resources, others=several, name=names)
        def remove_named(self, one, others, name):
            others = [other for other in others if other != one] or [RESOURCES[RESOURCES[0] == one]]
            expected = self.model.entries(one, name)
            gone = [other for other in dict.fromkeys(others) if other in expected]
            moved = backend.perform(MoveEdges(one, name, others))
            assert as_times(moved.entries) == pytest.approx({other: self.since(one, other, name) for other in gone})
            assert [Resource(*entry[:2]) for entry in moved.entries] == gone
            for other in gone:
                self.model.unfollow(*((other, one) if name == "followers" else (one, other)))
            assert moved.left == len(self.model.entries(one, name))

        def since(self, one, other, name):
            """The timestamp of the edge that leaves the list: of a friendship the one from its owner."""
            return self.model.edges[(other, one) if name == "followers" else (one, other)]

        @rule(one=resources, limit=st.integers(1, 3), name=names)
        def remove_oldest(self, one, limit, name):
            expected = self.model.entries(one, name)
            moved = backend.perform(MoveEdges(one, name, limit=limit))
            assert len(moved.entries) == min(limit, len(expected))
            gone = [Resource(*entry[:2]) for entry in moved.entries]
            assert sorted(expected[other] for other in gone) == pytest.approx(sorted(expected.values())[:limit])
            for other in gone:
                self.model.unfollow(*((other, one) if name == "followers" else (one, other)))
            assert moved.left == len(expected) - len(gone)

        @rule(resource=resources, limit=st.integers(1, 4))
        def forget(self, resource, limit):
            edges = [edge for edge in self.model.edges if resource in edge]
            left, done = len(edges), False
            while not done:
                removed, done = backend.perform(Forget(resource, limit))
                assert removed == min(limit, left)
                left -= removed
                assert done == (left == 0)
            for edge in edges:
                self.model.unfollow(*edge)

        @invariant()
        def agree(self):
            for resource in RESOURCES:
                for name in LISTS:
                    expected = self.model.entries(resource, name)
                    entries = backend.perform(ReadPage(resource, name)).entries
                    assert as_times(entries) == pytest.approx(expected, abs=1e-6)
                    assert len(entries) == len(expected) == backend.perform(Count(resource, name))
                    times = [entry.timestamp for entry in entries]
                    assert times == sorted(times, reverse=True)
                    for identifier in ("user", "project"):
                        narrow = [entry for entry in entries if entry.identifier == identifier]
                        assert backend.perform(ReadPage(resource, f"{name}:{identifier}")).entries == narrow
                        assert backend.perform(Count(resource, f"{name}:{identifier}")) == len(narrow)
                lists = [self.model.entries(resource, name) for name in LISTS]
                bits = [sum(1 << i for i, entries in enumerate(lists) if other in entries) for other in RESOURCES]
                assert backend.perform(Relationships(resource, list(LISTS), RESOURCES)) == bits
            healthy()

    return Comparison


def as_times(entries):
    """The timestamps of entries by their resources."""
    return {Resource(*entry[:2]): entry.timestamp for entry in entries}


@pytest.mark.django_db(databases="__all__")
def test_every_backend_agrees_with_the_model(backend):
    if isinstance(backend, RedisFallbackBackend):
        ready = bool(backend.unguarded.client.dbsize())
        empty, healthy = lambda: start_anew(backend, ready=ready), lambda: check(audit(backend.unguarded.client) == [])
    elif isinstance(backend, RedisBackend):
        empty, healthy = backend.client.flushall, lambda: check(audit(backend.client) == [])
    else:
        empty, healthy = lambda: Edge.objects.all().delete(), lambda: None
    run_state_machine_as_test(machine(backend, empty, healthy), settings=STEPS)


def check(truth):
    assert truth
