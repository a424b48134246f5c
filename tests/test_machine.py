"""Random operations against every backend and a model of ten lines, which must agree after each step."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from sequere.backends.database.models import Edge
from sequere.backends.redis import RedisBackend, RedisFallbackBackend
from sequere.relations import LISTS
from sequere.resources import Resource
from tests.support.behind import start_anew
from tests.support.calls import Ask
from tests.support.graph import audit

RESOURCES = [Resource("user", "1"), Resource("user", "2"), Resource("project", "1"), Resource("project", "é:1")]

resources = st.sampled_from(RESOURCES)
several = st.lists(resources, min_size=1, max_size=5)
timestamps = st.integers(0, 5).map(float) | st.floats(0, 2**33 - 1)


class Graph:
    """What following means, as simply as it can be said."""

    def __init__(self):
        self.edges = {}

    def follow(self, one, other, timestamp):
        new = (one, other) not in self.edges
        self.edges.setdefault((one, other), round(timestamp, 6))
        return new

    def unfollow(self, one, other):
        return self.edges.pop((one, other), None) is not None

    def forget(self, resource):
        gone = [edge for edge in self.edges if resource in edge]
        return sum(self.unfollow(*edge) for edge in gone)

    def list(self, resource, name):
        followers = {a: since for (a, b), since in self.edges.items() if b == resource}
        followings = {b: since for (a, b), since in self.edges.items() if a == resource}
        friends = {a: max(followers[a], followings[a]) for a in followers.keys() & followings.keys()}
        return {"followers": followers, "followings": followings, "friends": friends}[name]


THOROUGH = settings(
    max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


def machine(backend, empty, healthy):
    class Comparison(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            empty()
            self.model = Graph()

        @rule(one=resources, other=resources, timestamp=timestamps)
        def follow(self, one, other, timestamp):
            if one != other:
                new = Ask(backend).follow(one, other, timestamp=timestamp)
                assert new == self.model.follow(one, other, timestamp)

        @rule(one=resources, other=resources)
        def unfollow(self, one, other):
            if one != other:
                assert Ask(backend).unfollow(one, other) == self.model.unfollow(one, other)

        @rule(one=resources, others=several, timestamp=timestamps)
        def follow_many(self, one, others, timestamp):
            others = [other for other in others if other != one] or [RESOURCES[RESOURCES[0] == one]]
            replies = Ask(backend).follow_many(one, others, timestamp=timestamp)
            assert replies == [self.model.follow(one, other, timestamp) for other in others]

        @rule(one=resources, others=several)
        def unfollow_many(self, one, others):
            others = [other for other in others if other != one] or [RESOURCES[RESOURCES[0] == one]]
            assert Ask(backend).unfollow_many(one, others) == [self.model.unfollow(one, other) for other in others]

        @rule(resource=resources)
        def forget(self, resource):
            assert Ask(backend).forget(resource) == self.model.forget(resource)

        @invariant()
        def agree(self):
            for resource in RESOURCES:
                for name in LISTS:
                    expected = self.model.list(resource, name)
                    page = Ask(backend).page(resource, name)
                    shown = {Resource(*entry[:2]): entry.timestamp for entry in page.entries}
                    assert shown == pytest.approx(expected, abs=1e-6)
                    assert len(page.entries) == len(expected) == Ask(backend).count(resource, name)
                    times = [entry.timestamp for entry in page.entries]
                    assert times == sorted(times, reverse=True)
                    for identifier in ("user", "project"):
                        narrow = [entry for entry in page.entries if entry.identifier == identifier]
                        assert Ask(backend).page(resource, name, identifier=identifier).entries == narrow
                        assert Ask(backend).count(resource, name, identifier=identifier) == len(narrow)
                followed = self.model.list(resource, "followings")
                assert Ask(backend).are_following(resource, RESOURCES) == [other in followed for other in RESOURCES]
            healthy()

    return Comparison


@pytest.mark.django_db(databases="__all__")
def test_every_backend_agrees_with_the_model(backend):
    if isinstance(backend, RedisFallbackBackend):
        ready = bool(backend.unguarded.client.dbsize())
        empty, healthy = lambda: start_anew(backend, ready=ready), lambda: check(audit(backend.unguarded.client) == [])
    elif isinstance(backend, RedisBackend):
        empty, healthy = backend.client.flushall, lambda: check(audit(backend.client) == [])
    else:
        empty, healthy = lambda: Edge.objects.all().delete(), lambda: None
    run_state_machine_as_test(machine(backend, empty, healthy), settings=THOROUGH)


def check(truth):
    assert truth
