"""Every verb in every state of two resources, on every backend."""

from __future__ import annotations

import pytest

from sequere import exceptions
from sequere.backends.operations import (
    Added,
    AddEdges,
    Count,
    Entry,
    Follow,
    Forget,
    Limits,
    MoveEdges,
    ReadPage,
    Relationships,
    Since,
    Unfollow,
)
from sequere.outcomes import Outcome
from sequere.relations import FOREVER, LISTS, Edge
from sequere.resources import Resource
from tests.contract.states import ADA, BOB, EVE, FLIGHT, enter, listed, look, named, pairs, perform

pytestmark = pytest.mark.django_db(databases="__all__")

# Follow, unfollow.

FOLLOWS = [
    ("", False, True, "f99"),
    ("f", False, False, "f"),
    ("r", False, True, "f99"),
    ("a", False, True, "f99 a"),
    ("m", False, True, "f99 m"),
    ("b", False, exceptions.Blocked, "b"),
    ("", True, Outcome.REQUESTED, "r99"),
    ("r", True, Outcome.ALREADY_REQUESTED, "r"),
    ("f", True, False, "f"),
    ("a", True, Outcome.REQUESTED, "r99 a"),
    ("b", True, exceptions.Blocked, "b"),
]


def test_follow(backend, kind):
    for (one, other), (state, approval, result, then) in zip(pairs(), FOLLOWS, strict=False):
        enter(backend, kind, state, one, other)
        assert perform(backend, Follow(one, other, 99.0, kind, approval)) is result, (state, approval)
        assert look(backend, kind, one, other) == then, (state, approval)
        assert look(backend, "" if kind else "watch", one, other) == ("b" if "b" in state else "")
    assert backend.kinds() == ([kind] if kind else [])


@pytest.mark.parametrize("approval", [False, True])
def test_who_is_blocked_cannot_follow_either(backend, kind, approval):
    enter(backend, kind, "b", BOB, ADA)
    with pytest.raises(exceptions.Blocked, match="one of from and to blocks the other"):
        backend.perform(Follow(ADA, BOB, 99.0, kind, approval))
    assert look(backend, kind) == ""
    assert look(backend, kind, BOB, ADA) == "b"


UNFOLLOWS = [("", False, ""), ("f", True, ""), ("r", Outcome.WITHDRAWN, ""), ("fa", True, "a"), ("b", False, "b")]


def test_unfollow(backend, kind):
    for (one, other), (state, result, then) in zip(pairs(), UNFOLLOWS, strict=False):
        enter(backend, kind, state, one, other)
        assert backend.perform(Unfollow(one, other, kind)) is result, state
        assert look(backend, kind, one, other) == then, state


def test_each_kind_is_a_graph_of_its_own(backend):
    for number, kind in enumerate(["", "watch", "a_2"]):
        assert backend.perform(Follow(ADA, BOB, float(number), kind)) is True
    assert backend.perform(Follow(BOB, ADA, 9.0, "watch")) is True
    lists = ["friends", "friends@watch", "friends@a_2", "followings@other"]
    assert backend.perform(Relationships(ADA, lists, [BOB])) == [2]
    assert backend.perform(ReadPage(ADA, "friends@watch:user")).entries == [Entry(*BOB, 9.0)]
    assert backend.kinds() == ["a_2", "watch"]
    assert backend.perform(Unfollow(ADA, BOB, "watch")) is True
    assert backend.perform(Count(["followings", "followings@watch", "followings@a_2"], [ADA])) == [1, 0, 1]
    assert {resource for batch in backend.resources() for resource in batch} == {ADA, BOB}


def test_there_are_at_most_16_kinds(backend):
    for number in range(16):
        assert backend.perform(Follow(ADA, BOB, 1.0, f"k{number}")) is True
    for operation in (Follow(ADA, FLIGHT, 1.0, "more"), AddEdges("mute@more", ADA, [FLIGHT], 1.0)):
        with pytest.raises(exceptions.InvalidArgument, match="kind would be the 17th"):
            backend.perform(operation)
    assert backend.perform(Follow(ADA, FLIGHT, 1.0, "k3")) is True
    assert len(backend.kinds()) == 16
    assert backend.perform(AddEdges("block", ADA, [BOB], 1.0)) == [Added.CUT_FOLLOWING]
    assert backend.perform(Count(["followings@k0", "followings@k15"], [ADA])) == [0, 0]


# AddEdges.

ADDITIONS = [
    ("follow", "", Added.MADE, "f99"),
    ("follow", "f", Added.EXISTS, "f"),
    ("follow", "r", Added.MADE, "f99"),
    ("follow", "b", Added.BLOCKED, "b"),
    ("request", "", Added.REQUESTED, "r99"),
    ("request", "r", Added.ALREADY_REQUESTED, "r"),
    ("request", "f", Added.EXISTS, "f"),
    ("request", "b", Added.BLOCKED, "b"),
    ("archive", "", Added.MADE, "a99"),
    ("archive", "a", Added.EXISTS, "a"),
    ("archive", "f", Added.MADE, "f a99"),
    ("archive", "b", Added.BLOCKED, "b"),
    ("mute", "b", Added.MADE, f"b m{FOREVER + 99}"),
    ("block", "", Added.MADE, "b99"),
    ("block", "b", Added.EXISTS, "b"),
    ("block", "f", Added.CUT_FOLLOWING, "b99"),
    ("block", "fa", Added.CUT_FOLLOWING, "b99"),
    ("block", "ra", Added.MADE, "b99"),
    ("block", "m", Added.MADE, "b99 m"),
]


def test_add_edges(backend, kind):
    for (one, other), (relation, state, outcome, then) in zip(pairs(), ADDITIONS, strict=False):
        enter(backend, kind, state, one, other)
        (result,) = backend.perform(AddEdges(named(relation, kind), one, [other], 99.0))
        assert result is outcome, (relation, state)
        assert look(backend, kind, one, other) == then, (relation, state)


#: The state in both directions before a block, the block's outcome, and the state from the blocked one after it.
BLOCKS = [
    ("f", "f", Added.CUT_BOTH, ""),
    ("", "f", Added.CUT_FOLLOWER, ""),
    ("r", "fa", Added.CUT_FOLLOWER, ""),
    ("f", "r", Added.CUT_FOLLOWING, ""),
    ("", "ra", Added.MADE, ""),
    ("", "m", Added.MADE, "m"),
    ("", "b", Added.MADE, "b"),
]


def test_a_block_ends_what_there_is_in_both_directions(backend, kind):
    for (one, other), (mine, theirs, outcome, then) in zip(pairs(), BLOCKS, strict=False):
        enter(backend, kind, mine, one, other)
        enter(backend, kind, theirs, other, one)
        enter(backend, "", "f", one, EVE)
        assert backend.perform(AddEdges("block", one, [other], 99.0)) == [outcome], (mine, theirs)
        assert look(backend, kind, one, other) == "b99"
        assert look(backend, kind, other, one) == then, (mine, theirs)
        assert look(backend, "", one, EVE) == "f"
        assert backend.perform(MoveEdges(one, "blocked", [other])).left == 0
        assert look(backend, kind, other, one) == then
        barred = exceptions.Blocked if then == "b" else True
        assert perform(backend, Follow(one, other, 1.0, kind)) is barred


def test_a_block_ends_the_follows_of_all_kinds(backend):
    for number, kind in enumerate(["", "watch", "late"]):
        backend.perform(Follow(BOB if number == 1 else ADA, FLIGHT, 1.0, kind))
    backend.perform(Follow(FLIGHT, BOB, 1.0, "watch", approval=True))
    outcomes = backend.perform(AddEdges("block", FLIGHT, [ADA, BOB, EVE, ADA], 2.0))
    assert outcomes == [Added.CUT_FOLLOWER, Added.CUT_FOLLOWER, Added.MADE, Added.EXISTS]
    lists = ["followers", "followers@watch", "followers@late", "requested@watch", "blocked"]
    assert backend.perform(Count(lists, [FLIGHT])) == [0, 0, 0, 0, 3]


def test_outcomes_come_in_order_and_one_that_is_named_twice_exists_the_second_time(backend, kind):
    enter(backend, kind, "b", EVE, ADA)
    operation = AddEdges(named("request", kind), ADA, [BOB, EVE, BOB, FLIGHT], 7.0, limits=Limits(2))
    assert backend.perform(operation) == [
        Added.REQUESTED,
        Added.BLOCKED,
        Added.ALREADY_REQUESTED,
        Added.REQUESTED,
    ]
    operation = AddEdges(named("follow", kind), ADA, [BOB, Resource("tag", "1")], 8.0, limits=Limits(2))
    assert backend.perform(operation) == [Added.MADE, Added.MOST]
    assert look(backend, kind) == "f8"


# MoveEdges.

MOVES = [
    ("requests", "follow", "r", "f"),  # accept
    ("requests", "follow", "f", "f"),
    ("requests", "", "r", ""),  # deny
    ("requested", "", "r", ""),  # cancel
    ("requested", "", "f", "f"),
    ("followers", "", "f", ""),  # remove a follower
    ("followings", "archive", "f", "a"),
    ("followings", "archive", "fa", "a"),
    ("archived", "follow", "a", "f"),
    ("archived", "follow", "ra", "f"),
    ("archived", "follow", "fa", "f"),
    ("archived_by", "", "fa", "f"),
    ("blocked", "", "b", ""),
    ("blocked_by", "", "b", ""),
    ("muted", "", "m", ""),
    ("muted", "", "", ""),
]


@pytest.mark.parametrize("given", [None, 77.0])
def test_move_edges(backend, kind, given):
    for (one, two), (list_, target, state, then) in zip(pairs(), MOVES, strict=False):
        enter(backend, kind, state, one, two)
        row = LISTS[list_]
        owner, other = (two, one) if list_ == row.backward else (one, two)
        (before, there) = (
            backend.perform(Since([Edge(named(name, kind), one, two)]))[0] for name in (row.name, target or row.name)
        )
        moved = backend.perform(MoveEdges(owner, listed(list_, kind), [EVE, other], target, timestamp=given))
        if before is None:
            assert moved == ([], 0)
            assert look(backend, kind, one, two) == then, (list_, target, state)
            continue
        at = before if not target else there if there is not None else given or before
        assert moved == ([Entry(*other, at)], 0), (list_, target, state)
        assert [word.rstrip("0123456789") for word in look(backend, kind, one, two).split()] == list(then)
        if target:
            assert backend.perform(Since([Edge(named(target, kind), one, two)])) == [at]


def test_the_oldest_requests_are_accepted_in_steps(backend, kind):
    others = [Resource("user", f"r{number}") for number in range(5)]
    for number, other in enumerate(others):
        backend.perform(Follow(other, ADA, 10.0 + number, kind, approval=True))
    backend.perform(Follow(FLIGHT, ADA, 1.0, kind, approval=True))
    requests = listed("requests", kind)
    first = backend.perform(MoveEdges(ADA, f"{requests}:user", (), "follow", limit=2))
    assert first == ([Entry("user", "r0", 10.0), Entry("user", "r1", 11.0)], 3)
    assert backend.perform(MoveEdges(ADA, requests, (), "follow", timestamp=50.0, limit=2)) == (
        [Entry(*FLIGHT, 50.0), Entry("user", "r2", 50.0)],
        2,
    )
    assert backend.perform(MoveEdges(ADA, requests, ())).left == 0
    assert backend.perform(MoveEdges(ADA, requests, (), "follow")) == ([], 0)
    assert backend.perform(Count([requests, listed("followers", kind)], [ADA])) == [0, 4]


def test_an_edge_moves_only_where_the_table_says(backend):
    for list_, target in [("requests", "archive"), ("followings", "request"), ("muted", "follow"), ("blocked", "mute")]:
        with pytest.raises(exceptions.InvalidArgument, match="target must be empty or a relation"):
            backend.perform(MoveEdges(ADA, list_, [BOB], target))


# Forget.


def test_forget_removes_the_edges_of_every_relation_and_kind(backend):
    for kind in ("", "watch"):
        enter(backend, kind, "fam")
        enter(backend, kind, "ra", BOB, ADA)
        enter(backend, kind, "r", ADA, EVE)
        enter(backend, kind, "m", FLIGHT, ADA)
    enter(backend, "", "b", ADA, FLIGHT)
    enter(backend, "", "f", EVE, BOB)
    backend.perform(AddEdges("mute@watch", FLIGHT, [ADA], 1.0, ends=5.0))  # has ended
    limits = Limits(new=1, window=60)
    backend.perform(Follow(ADA, Resource("tag", "1"), 1.0, limits=limits))
    steps = [backend.perform(Forget(ADA, limit=10)) for _ in range(2)]
    assert [tuple(step) for step in steps] == [(10, False), (6, True)]
    assert tuple(backend.perform(Forget(ADA))) == (0, True)
    others = {resource for batch in backend.resources() for resource in batch}
    assert {EVE, BOB} <= others
    assert ADA not in others
    assert backend.kinds() == ["watch"]
    assert backend.perform(Follow(ADA, Resource("tag", "1"), 1.0, limits=limits)) is True  # a quota of its own


# Counts, and what is refused.


def test_counts_of_many_lists_and_resources_come_in_order(backend):
    for number in range(3):
        backend.perform(Follow(Resource("user", f"c{number}"), ADA, 1.0))
    backend.perform(AddEdges("follow", ADA, [Resource("user", "c1"), FLIGHT], 1.0))
    lists = ["followings", "friends", "followers:user", "blocked", "followings@watch"]
    unknown = Resource("tag", "none")
    assert backend.perform(Count(lists, [FLIGHT, ADA, unknown, Resource("user", "c1"), ADA])) == [
        *(0, 0, 1, 0, 0),
        *(2, 1, 3, 0, 0),
        *(0, 0, 0, 0, 0),
        *(1, 1, 1, 0, 0),
        *(2, 1, 3, 0, 0),
    ]
    assert len(backend.perform(Count(lists * 2, [ADA] * 50))) == 500


REFUSED = [
    (Follow(ADA, BOB, 1.0, "Watch"), exceptions.InvalidArgument, "kind must be 1 to 30 characters of a-z 0-9 _"),
    (Follow(ADA, BOB, 1.0, "x" * 31), exceptions.InvalidArgument, "kind must be"),
    (Unfollow(ADA, BOB, "9"), exceptions.InvalidArgument, "kind must be"),
    (Follow(ADA, BOB, 1.0, limits=Limits(new=1)), exceptions.InvalidArgument, "window must be there if new is"),
    (Follow(ADA, BOB, 1.0, limits=Limits(most=-1)), exceptions.InvalidLimit, "most must be a whole number from 0"),
    (Follow(ADA, BOB, 1.0, limits=Limits(None, 1, 0)), exceptions.InvalidLimit, "window must be a whole number from 1"),
    (AddEdges("follow", ADA, [ADA], 1.0), exceptions.SelfFollow, "must not be the same"),
    (AddEdges("like", ADA, [BOB], 1.0), exceptions.InvalidArgument, "relation must be"),
    (AddEdges("block@watch", ADA, [BOB], 1.0), exceptions.InvalidArgument, "relation must be"),
    (AddEdges("follow", ADA, [BOB], 1.0, ends=9.0), exceptions.InvalidArgument, "ends must be empty unless"),
    (AddEdges("mute", ADA, [BOB], 1.0, ends=2.0**33), exceptions.InvalidTimestamp, "must be"),
    (AddEdges("mute", ADA, [BOB], 1.0, limits=Limits(1)), exceptions.InvalidArgument, "most and new must be empty"),
    (AddEdges("block", ADA, [BOB] * 9, 1.0), exceptions.InvalidLimit, "others must be 1 to 8 for a block"),
    (AddEdges("mute", ADA, [BOB] * 51, 1.0), exceptions.InvalidArgument, "1 to 50"),
    (MoveEdges(ADA, "blocked@watch", [BOB]), exceptions.InvalidArgument, "list must be"),
    (MoveEdges(ADA, "friends", [ADA]), exceptions.SelfFollow, "must not be the same"),
    (Since([]), exceptions.InvalidArgument, "1 to 50"),
    (Since([Edge("follow", ADA, ADA)]), exceptions.SelfFollow, "must not be the same"),
    (Count(["followers"], []), exceptions.InvalidArgument, "1 to 50"),
    (Count(["followers"], [ADA] * 51), exceptions.InvalidArgument, "1 to 50"),
    (Count(["followers"] * 11, [ADA]), exceptions.InvalidArgument, "lists must be"),
]


def test_what_is_refused(backend):
    for operation, exception, text in REFUSED:
        with pytest.raises(exception, match=text):
            backend.perform(operation)
    assert look(backend, "") == ""
    assert backend.kinds() == []
