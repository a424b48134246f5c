"""Processes that write the same edges at once, on each database at each isolation level: the rules hold, and each call
is told what came of it.
"""

from __future__ import annotations

import random
from contextlib import ExitStack

import pytest

from sequere.backends.database import DatabaseBackend
from sequere.backends.database.fields import edge_of
from sequere.backends.database.models import Edge as Row
from sequere.backends.operations import Added, AddEdges, Follow, Forget, Limits, MoveEdges, Unfollow
from sequere.outcomes import Outcome
from sequere.relations import Edge
from sequere.resources import Resource
from tests.support.databases import ISOLATION, follows_in
from tests.support.player import players
from tests.support.shared import use_shared

pytestmark = [pytest.mark.slow, pytest.mark.django_db(databases="__all__", transaction=True)]

LEVELS = [
    ("sqlite", ""),
    *(
        (kind, level)
        for kind in ("postgresql", "mariadb")
        for level in ("read committed", "repeatable read", "serializable")
    ),
]
PAIRS = 200


@pytest.fixture(params=["own", "nested"])
def play(request, tmp_path):
    """A function that starts processes on a database at an isolation level, in transactions of their own or nested."""
    with ExitStack() as stack:

        def start(kind, level, number):
            environment = stack.enter_context(use_shared(kind, tmp_path / "follows.sqlite3"))
            options = ["--nested"] if request.param == "nested" else []
            return stack.enter_context(players(number, {**environment, ISOLATION: level}, *options)).play

        yield start


def user(number):
    return Resource("user", str(number))


def table():
    return {edge_of(row): row.timestamp for row in Row.objects.using(follows_in.get())}


def beside_a_block(edges):
    blocks = {edge[1:] for edge in edges if edge.relation == "block"}
    return [
        edge
        for edge in edges
        if edge.relation.partition("@")[0] in ("follow", "request", "archive")
        and (edge[1:] in blocks or edge[:0:-1] in blocks)
    ]


@pytest.mark.parametrize(("kind", "level"), LEVELS)
def test_follow_and_block_in_both_directions(play, kind, level):
    """Also with approval and kinds, of which some are used for the first time."""
    perform, chance = play(kind, level, 4), random.Random(1)
    told = {}
    for pair in range(PAIRS):
        one, other = user(2 * pair), user(2 * pair + 1)
        name = chance.choice(["", "", f"k{pair // 14}"])
        results = perform(
            [AddEdges("block", one, [other], 1.0)] if pair % 4 else [Unfollow(one, other, name)],
            [AddEdges("block", other, [one], 1.0)] if pair % 3 == 0 else [MoveEdges(one, "requests", (), "follow")],
            [Follow(one, other, 2.0, name, approval=pair % 5 == 0)],
            [Follow(other, one, 3.0, name)],
        )
        told[one, other], told[other, one] = results[2][0], results[3][0]
    edges = table()
    assert beside_a_block(edges) == []
    blocked = {edge[1:] for edge in edges if edge.relation == "block"}
    assert len(blocked) > PAIRS / 2
    for pair, result in told.items():
        is_barred = pair in blocked or pair[::-1] in blocked
        assert result in (True, Outcome.REQUESTED) or (is_barred and result == "Blocked"), pair
    assert "Blocked" in told.values()


@pytest.mark.parametrize(("kind", "level"), LEVELS)
def test_the_first_use_of_a_kind_and_a_block(play, kind, level):
    perform = play(kind, level, 3)
    outcomes = []
    for number in range(16):
        one, other = user(2 * number), user(2 * number + 1)
        (outcome,) = perform(
            [AddEdges("block", one, [other], 1.0)],
            [Follow(one, other, 2.0, f"k{number}")],
            [Follow(other, one, 2.0, f"k{number}", approval=True)],
        )[0]
        outcomes += outcome
    assert beside_a_block(table()) == []
    assert DatabaseBackend().kinds() == sorted(DatabaseBackend().kinds())
    assert set(outcomes) <= {Added.MADE, Added.CUT_FOLLOWING}


@pytest.mark.parametrize(("kind", "level"), LEVELS)
def test_there_are_never_more_than_16_kinds(play, kind, level):
    perform = play(kind, level, 4)
    for number in range(5):
        DatabaseBackend().perform(Follow(user(0), user(1), 1.0, f"k{number}"))
    for number in range(3):
        perform(
            *(
                [Follow(user(worker), user(9), 1.0, f"n{number}_{worker}")]
                for worker in range(4)
                if number * 4 + worker < 11
            )
        )
    assert len(DatabaseBackend().kinds()) == 16


@pytest.mark.parametrize(("kind", "level"), LEVELS)
@pytest.mark.parametrize("limits", [Limits(100), Limits(None, 100, 3600)], ids=["most", "new"])
def test_a_limit_is_reached_exactly(play, kind, level, limits):
    perform = play(kind, level, 8)
    results = perform(
        *(
            [Follow(user(1), Resource("project", f"{worker} {number}"), 1.0, limits=limits) for number in range(20)]
            for worker in range(8)
        )
    )
    told = [result for player in results for result in player]
    assert told.count(True) == 100
    assert told.count("FollowLimitReached") == 60
    assert len(table()) == 100


@pytest.mark.parametrize(("kind", "level"), LEVELS)
def test_accept_and_cancel(play, kind, level):
    """Only the first of the two calls finds the request; the other returns that there is none."""
    perform, told = play(kind, level, 3), []
    for number in range(100):
        one, star = user(number), Resource("project", "star")
        assert DatabaseBackend().perform(Follow(one, star, 1.0, approval=True)) is Outcome.REQUESTED
        results = perform(
            [MoveEdges(star, "requests", [one] if number % 2 else (), "follow")],
            [MoveEdges(one, "requested", [star])],
            [MoveEdges(star, "requests", [one])] if number % 3 == 0 else [],
        )
        moved = [bool(result.entries) for player in results for result in player]
        assert moved.count(True) == 1, number
        is_following = Edge("follow", one, star) in table()
        assert is_following is moved[0]
        assert Edge("request", one, star) not in table()
        told.append(is_following)
    assert len(set(told)) == 2


@pytest.mark.parametrize(("kind", "level"), LEVELS)
def test_forget_beside_everything(play, kind, level):
    perform = play(kind, level, 4)
    for number in range(50):
        one, other = user(number % 5), user(5 + number % 3)
        perform(
            [Forget(one), Forget(one)],
            [Follow(one, other, 1.0), AddEdges("mute", one, [other], 1.0)],
            [AddEdges("block", other, [one], 1.0), MoveEdges(other, "blocked", [one])],
            [Follow(one, other, 2.0, "watch", approval=True), MoveEdges(other, "requests@watch", (), "follow")],
        )
        assert beside_a_block(table()) == []
