"""Processes that write the same edges at once: in Redis, in Redis while drains of write-behind are killed, and while
Redis is cold. Nothing ever stands beside a block, and each call is told what came of it.

Those of the database alone are in ``tests/database/test_races.py``.
"""

from __future__ import annotations

import json
import random
import signal
from itertools import chain

import pytest

from sequere.backends import get_backend
from sequere.backends.operations import Added, AddEdges, Follow, Forget, Limits, MoveEdges, Unfollow
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.operate.survey import walk_edges
from sequere.outcomes import Outcome
from sequere.relations import Edge
from sequere.resources import Resource
from tests.conftest import use_redis
from tests.support.behind import edges, in_step
from tests.support.graph import audit, find_contradictions
from tests.support.player import players

pytestmark = [pytest.mark.slow, pytest.mark.django_db(databases="__all__", transaction=True)]

PAIRS = 200
STAR = Resource("project", "star")


class Redis:
    """Redis alone."""

    def __init__(self, client, settings):
        self.client, self.environment = client, {}
        names = ("SEQUERE_BACKEND_CLASS", "SEQUERE_REDIS_CONNECTION")
        self.settings = {name: getattr(settings, name) for name in names}

    def between(self):
        """Called after each turn."""

    def edges(self):
        """What exists in the end."""
        assert audit(self.client) == []
        return set(chain.from_iterable(walk_edges(get_backend())))


class Behind:
    """Write-behind, while a drain is killed now and then."""

    settings = {}

    def __init__(self, stage):
        self.stage, self.environment = stage, stage.environment
        self.runner, self.turns, self.chance = stage.runner(), 0, random.Random(1)
        self.endings = set()

    def between(self):
        self.turns += 1
        if self.turns % 10 == 1:
            if self.turns > 1:
                self.endings.add(self.runner.outcome())
                assert find_contradictions(edges()) == []
            self.runner.begin("drain", seconds=self.chance.choice([0.01, 0.02, 0.04, None]))

    def edges(self):
        if self.turns:
            self.endings.add(self.runner.outcome())
        assert self.endings <= {"done", "killed"}
        drain(self.stage.backend.unguarded)
        assert in_step(self.stage.backend)
        return {Edge(*edge) for edge in edges()}


class Cold(Behind):
    """Write-behind whose Redis has lost its memory."""

    def __init__(self, stage):
        super().__init__(stage)
        stage.forget()

    def between(self):
        pass

    def edges(self):
        rebuild(self.stage.backend.unguarded)
        return super().edges()


@pytest.fixture(params=["redis-7.0", "valkey-9.1", "behind postgresql", *(f"cold {kind}" for kind in
                        ("sqlite", "postgresql", "mariadb"))])  # fmt: skip
def race(request, settings):
    """A store, to which it gives a function that lets processes perform operations at once."""
    how, _, kind = request.param.partition(" ")
    if not kind:
        store = Redis(use_redis(how, settings, request.getfixturevalue("servers")), settings)
    else:
        stage = request.getfixturevalue("set_stage")(kind, edges=0)
        store = {"behind": Behind, "cold": Cold}[how](stage)
    number = 8 if "limits" in request.fixturenames else 4
    with players(number, store.environment, "--settings", json.dumps(store.settings)) as processes:

        def perform(*turns):
            results = processes.play(*turns)
            store.between()
            return results

        store.perform = perform
        yield store


def user(number):
    return Resource("user", str(number))


def test_follow_and_block_in_both_directions(race):
    """Also with approval and kinds, of which some are used for the first time."""
    chance, told = random.Random(1), {}
    for pair in range(PAIRS):
        one, other = user(2 * pair), user(2 * pair + 1)
        name = chance.choice(["", "", f"k{pair // 14}"])
        results = race.perform(
            [AddEdges("block", one, [other], 1.0)] if pair % 4 else [Unfollow(one, other, name)],
            [AddEdges("block", other, [one], 1.0)] if pair % 3 == 0 else [MoveEdges(one, "requests", (), "follow")],
            [Follow(one, other, 2.0, name, approval=pair % 5 == 0)],
            [Follow(other, one, 3.0, name)],
        )
        told[one, other], told[other, one] = results[2][0], results[3][0]
    found = race.edges()
    assert find_contradictions(found) == []
    blocked = {edge[1:] for edge in found if edge.relation == "block"}
    assert len(blocked) > PAIRS / 2
    for pair, result in told.items():
        is_barred = pair in blocked or pair[::-1] in blocked
        assert result in (True, Outcome.REQUESTED) or (is_barred and result == "Blocked"), pair
    assert "Blocked" in told.values()


def test_block_and_unblock_and_follow(race):
    """A follow exists in the end if it was told so and no block was told that it ended it."""
    told = {}
    for pair in range(PAIRS):
        one, other = user(2 * pair), user(2 * pair + 1)
        (block,), _, (follow,), (back,) = race.perform(
            [AddEdges("block", one, [other], 1.0)],
            [MoveEdges(one, "blocked", [other])],
            [Follow(one, other, 2.0)],
            [Follow(other, one, 3.0, "watch")],
        )
        told[one, other] = follow is True and block[0] not in (Added.CUT_FOLLOWING, Added.CUT_BOTH)
        told[other, one] = back is True and block[0] not in (Added.CUT_FOLLOWER, Added.CUT_BOTH)
        assert {follow, back} <= {True, "Blocked"}
    found = race.edges()
    assert find_contradictions(found) == []
    follows = {edge[1:] for edge in found if edge.relation in ("follow", "follow@watch")}
    assert follows == {pair for pair, exists in told.items() if exists}
    assert {len(follows) > 0, len(follows) < 2 * PAIRS} == {True}


def test_the_first_use_of_a_kind_and_a_block(race):
    outcomes = set()
    for number in range(16):
        one, other = user(2 * number), user(2 * number + 1)
        (outcome,), *_ = race.perform(
            [AddEdges("block", one, [other], 1.0)],
            [Follow(one, other, 2.0, f"k{number}")],
            [Follow(other, one, 2.0, f"k{number}", approval=True)],
        )
        outcomes.update(outcome)
    assert find_contradictions(race.edges()) == []
    assert outcomes <= {Added.MADE, Added.CUT_FOLLOWING}


@pytest.mark.parametrize("limits", [Limits(100), Limits(None, 100, 3600)], ids=["most", "new"])
def test_a_limit_is_reached_exactly(race, limits):
    results = race.perform(
        *(
            [Follow(user(1), Resource("project", f"{worker} {number}"), 1.0, limits=limits) for number in range(20)]
            for worker in range(8)
        )
    )
    told = list(chain.from_iterable(results))
    assert told.count(True) == 100
    assert told.count("FollowLimitReached") == 60
    assert len(race.edges()) == 100


def test_accept_and_cancel(race):
    """Only the first of the calls finds the request; the others return that there is none."""
    expected = set()
    for number in range(PAIRS):
        one = user(number)
        assert race.perform([Follow(one, STAR, 1.0, approval=True)]) == [[Outcome.REQUESTED]]
        results = race.perform(
            [MoveEdges(STAR, "requests", [one] if number % 2 else (), "follow")],
            [MoveEdges(one, "requested", [STAR])],
            [MoveEdges(STAR, "requests", [one])] if number % 3 == 0 else [],
        )
        moved = [bool(result.entries) for player in results for result in player]
        assert moved.count(True) == 1, number
        if moved[0]:
            expected.add(Edge("follow", one, STAR))
    assert race.edges() == expected
    assert 0 < len(expected) < PAIRS


def test_forget_beside_everything(race):
    for number in range(50):
        one, other = user(number % 5), user(5 + number % 3)
        race.perform(
            [Forget(one), Forget(one)],
            [Follow(one, other, 1.0), AddEdges("mute", one, [other], 1.0)],
            [AddEdges("block", other, [one], 1.0), MoveEdges(other, "blocked", [one])],
            [Follow(one, other, 2.0, "watch", approval=True), MoveEdges(other, "requests@watch", (), "follow")],
        )
    assert find_contradictions(race.edges()) == []


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_a_drain_that_is_killed_between_two_entries_of_one_block(set_stage, kind):
    """Each drain commits one entry and is killed in the transaction of the next one."""
    stage = set_stage(kind, edges=0)
    one, other = user(1), user(2)
    for operation in (
        Follow(one, other, 1.0),
        Follow(other, one, 1.0),
        Follow(one, other, 1.0, "watch", approval=True),
        AddEdges("archive@like", other, [one], 1.0),
    ):
        stage.backend.perform(operation)
    drain(stage.backend.unguarded)
    assert stage.backend.perform(AddEdges("block", one, [other], 2.0)) == [Added.CUT_BOTH]
    states = []
    while len(states) < 4:
        assert stage.start("tests.processes.drain", "kill").wait(30) == -signal.SIGKILL, stage.log()
        states.append(edges())
        assert find_contradictions(states[-1]) == []
    assert [len(state) for state in states] == [3, 2, 1, 0]
    assert stage.start("tests.processes.drain").wait(30) == 0, stage.log()
    assert edges() == {("block", one, other): 2.0}
    assert in_step(stage.backend)
