"""Random operations against every backend and a small model of all relations, which must agree after each step."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from sequere.backends.database.models import Edge
from sequere.backends.operations import (
    MAX_BLOCKS,
    MAX_LISTS,
    NO_LIMITS,
    AddEdges,
    Count,
    Follow,
    Forget,
    Limits,
    MoveEdges,
    ReadPage,
    Relationships,
    Unfollow,
)
from sequere.backends.redis import RedisBackend, RedisFallbackBackend
from sequere.exceptions import Blocked, FollowLimitReached
from sequere.outcomes import Outcome
from sequere.relations import RELATIONS, rows_in_use, split_list
from sequere.resources import Resource
from sequere.steps import in_steps
from tests.graph.model import LONG_AGO, Graph
from tests.support.behind import start_anew
from tests.support.graph import audit

RESOURCES = [Resource("user", "1"), Resource("user", "2"), Resource("project", "1"), Resource("project", "é:1")]

#: Every list, without a kind and of one kind.
LISTS = [name for row in rows_in_use(["watch"]) for name in row.lists]

resources = st.sampled_from(RESOURCES)
several = st.lists(resources, min_size=1, max_size=5)
names = st.sampled_from(["followers", "followings", "friends"]) | st.sampled_from(LISTS)
kinds = st.sampled_from(["", "", "watch"])
timestamps = st.integers(0, 5).map(float) | st.floats(0, 2**33 - 1)
ends = st.sampled_from([None, 5.0, 2**33 - 2.0, 2**33 - 1.0])
bounds = st.sampled_from([None, None, 0, 1, 2, 4])


#: The profile says how many examples and steps: few by default, many with --hypothesis-profile=many.
STEPS = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


def machine(backend, empty, healthy, *, has_quota=True):
    """``has_quota``: whether the store remembers how many follows a resource made, which a journal does not carry."""
    news = bounds if has_quota else st.none()

    class Comparison(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            empty()
            self.model = Graph()

        @rule(
            one=resources,
            other=resources,
            timestamp=timestamps,
            kind=kinds,
            approval=st.booleans(),
            most=bounds,
            new=news,
        )
        def follow(self, one, other, timestamp, kind, approval, most, new):
            if one == other:
                return
            limits = Limits(most, new, None if new is None else 1000)
            try:
                reply = backend.perform(Follow(one, other, timestamp, kind, approval, limits))
            except Blocked:
                reply = Outcome.BLOCKED
            except FollowLimitReached:
                reply = Outcome.LIMITED
            assert reply == self.model.follow(one, other, timestamp, kind, approval, limits)

        @rule(one=resources, other=resources, kind=kinds)
        def unfollow(self, one, other, kind):
            if one != other:
                assert backend.perform(Unfollow(one, other, kind)) == self.model.unfollow(one, other, kind)

        @rule(
            name=st.sampled_from([*RELATIONS]),
            kind=kinds,
            one=resources,
            others=several,
            timestamp=timestamps,
            end=ends,
        )
        def add_edges(self, name, kind, one, others, timestamp, end):
            row = RELATIONS[name].of_kind(kind if RELATIONS[name].kinds else "")
            others = [other for other in others if other != one] or [RESOURCES[RESOURCES[0] == one]]
            end = end if row.expires else None
            if row.expires:
                self.model.drop_ended(row.kind, one)
            expected = [
                self.model.add(name, row.kind, one, other, timestamp, ends=end, limits=NO_LIMITS) for other in others
            ]
            assert backend.perform(AddEdges(row.name, one, others[:MAX_BLOCKS], timestamp, end)) == expected

        @rule(one=resources, others=several, name=names, is_moved=st.booleans(), timestamp=st.none() | timestamps)
        def move_named(self, one, others, name, is_moved, timestamp):
            others = [other for other in others if other != one] or [RESOURCES[RESOURCES[0] == one]]
            if self.has_ended(one, name):
                return
            target = split_list(name)[0].moves if is_moved else ""
            gone = [other for other in dict.fromkeys(others) if other in self.model.entries(one, name)]
            moved = backend.perform(MoveEdges(one, name, others, target, timestamp=timestamp))
            times = {other: self.model.move(one, name, other, target, timestamp) for other in gone}
            assert as_times(moved.entries) == pytest.approx(times)
            assert [Resource(*entry[:2]) for entry in moved.entries] == gone
            assert moved.left == len(self.model.entries(one, name))

        @rule(one=resources, limit=st.integers(1, 3), name=names, is_moved=st.booleans())
        def move_oldest(self, one, limit, name, is_moved):
            if self.has_ended(one, name):
                return
            target = split_list(name)[0].moves if is_moved else ""
            expected = self.model.entries(one, name)
            moved = backend.perform(MoveEdges(one, name, limit=limit, target=target))
            gone = [Resource(*entry[:2]) for entry in moved.entries]
            assert sorted(expected[other] for other in gone) == pytest.approx(sorted(expected.values())[:limit])
            for other in gone:
                self.model.move(one, name, other, target, None)
            assert moved.left == len(expected) - len(gone)

        def has_ended(self, one, name):
            """Whether the list has entries that have ended: it may keep them."""
            row, side, _ = split_list(name)
            place = 3 if side == row.backward else 2
            return row.expires and any(
                edge[:2] == (row.base, row.kind) and edge[place] == one and time < LONG_AGO
                for edge, time in self.model.edges.items()
            )

        @rule(resource=resources, limit=st.integers(1, 4))
        def forget(self, resource, limit):
            total, done = 0, False
            while not done:
                removed, done = backend.perform(Forget(resource, limit))
                total += removed
                assert removed == limit or done
            assert total == self.model.forget(resource)

        @invariant()
        def agree(self):
            self.model.check()
            for resource in RESOURCES:
                for name in LISTS:
                    expected = self.model.entries(resource, name)
                    entries = backend.perform(ReadPage(resource, name)).entries
                    assert as_times(entries) == pytest.approx(expected, abs=1e-6)
                    times = [entry.timestamp for entry in entries]
                    assert times == sorted(times, reverse=True)
                    for identifier in ("user", "project") if expected else ():
                        narrow = [entry for entry in entries if entry.identifier == identifier]
                        assert backend.perform(ReadPage(resource, f"{name}:{identifier}")).entries == narrow
                        assert backend.perform(Count([f"{name}:{identifier}"], [resource])) == [len(narrow)]
            for step in in_steps(LISTS, MAX_LISTS):
                lists = [[self.model.entries(resource, name) for name in step] for resource in RESOURCES]
                sizes = [len(entries) for mine in lists for entries in mine]
                assert backend.perform(Count(step, RESOURCES)) == sizes
                for resource, mine in zip(RESOURCES, lists, strict=True):
                    bits = [sum(1 << i for i, entries in enumerate(mine) if other in entries) for other in RESOURCES]
                    assert backend.perform(Relationships(resource, step, RESOURCES)) == bits
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
