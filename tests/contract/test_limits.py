"""Limits of follows, and mutes that end, on every backend."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from sequere import exceptions
from sequere.backends.operations import (
    Added,
    AddEdges,
    Count,
    Follow,
    Limits,
    MoveEdges,
    ReadPage,
    Relationships,
    Since,
    Unfollow,
)
from sequere.outcomes import Outcome
from sequere.relations import FOREVER, Edge
from sequere.resources import Resource
from tests.contract.states import ADA, BOB, EVE, FLIGHT, listed, look, named

pytestmark = pytest.mark.django_db(databases="__all__")

# Limits.


def test_most_counts_follows_and_requests_of_the_kind(backend, kind):
    limits = Limits(most=2)
    backend.perform(Follow(ADA, FLIGHT, 1.0, "" if kind else "watch"))
    assert backend.perform(Follow(ADA, BOB, 1.0, kind, approval=True, limits=limits)) is Outcome.REQUESTED
    assert backend.perform(Follow(ADA, EVE, 1.0, kind, limits=limits)) is True
    for approval in (False, True):
        with pytest.raises(exceptions.FollowLimitReached) as caught:
            backend.perform(Follow(ADA, FLIGHT, 1.0, kind, approval, limits))
        assert (caught.value.limit, caught.value.value, caught.value.retry_at) == ("follow_limit", 2, None)
    # What exists, and a request that becomes a follow, is at no limit.
    assert backend.perform(Follow(ADA, EVE, 1.0, kind, limits=limits)) is False
    assert backend.perform(Follow(ADA, BOB, 1.0, kind, approval=True, limits=limits)) is Outcome.ALREADY_REQUESTED
    assert backend.perform(Follow(ADA, BOB, 9.0, kind, limits=limits)) is True
    assert backend.perform(Unfollow(ADA, EVE, kind)) is True
    assert backend.perform(Follow(ADA, FLIGHT, 1.0, kind, limits=limits)) is True


def test_new_counts_what_was_made_within_the_window(backend):
    limits = Limits(new=2, window=60)
    assert backend.perform(Follow(ADA, BOB, 1.0, "watch", limits=limits)) is True
    assert backend.perform(Follow(ADA, BOB, 1.0, approval=True, limits=limits)) is Outcome.REQUESTED
    assert backend.perform(Unfollow(ADA, BOB, "watch")) is True  # it gives nothing back
    with pytest.raises(exceptions.FollowLimitReached) as caught:
        backend.perform(Follow(ADA, EVE, 1.0, limits=limits))
    assert (caught.value.limit, caught.value.value) == ("follow_rate", 2)
    assert timedelta(seconds=30) < caught.value.retry_at - datetime.now(UTC) <= timedelta(seconds=62)
    assert backend.perform(AddEdges("follow", ADA, [EVE, BOB], 1.0, limits=limits)) == [Added.NEW, Added.MADE]
    assert backend.perform(Follow(BOB, EVE, 1.0, limits=limits)) is True
    assert backend.perform(Follow(ADA, EVE, 1.0)) is True  # nobody asks for a limit
    assert backend.perform(AddEdges("follow", EVE, [ADA, BOB, FLIGHT], 1.0, limits=limits)) == [
        Added.MADE,
        Added.MADE,
        Added.NEW,
    ]


def test_a_window_ends(backend):
    limits = Limits(new=1, window=1)
    assert backend.perform(Follow(ADA, BOB, 1.0, limits=limits)) is True
    with pytest.raises(exceptions.FollowLimitReached):
        backend.perform(Follow(ADA, EVE, 1.0, limits=limits))
    time.sleep(1.1)
    assert backend.perform(Follow(ADA, EVE, 1.0, limits=limits)) is True


def test_a_limit_of_none_allows_none(backend):
    for limits in (Limits(most=0), Limits(new=0, window=60)):
        with pytest.raises(exceptions.FollowLimitReached):
            backend.perform(Follow(ADA, BOB, 1.0, limits=limits))
    assert look(backend, "") == ""


# Mutes.


def test_a_mute_ends_when_it_says(backend, kind):
    mute = named("mute", kind)

    def add(other, at, ends):
        return backend.perform(AddEdges(mute, ADA, [other], at, ends=ends))

    later, sooner = time.time() + 600, time.time() + 300
    assert add(BOB, 99.5, None) == [Added.MADE]
    assert add(BOB, 120.0, None) == [Added.EXISTS]
    assert look(backend, kind) == f"m{FOREVER + 99}"
    assert add(BOB, 130.0, later) == [Added.MADE]
    assert add(BOB, 140.0, later) == [Added.EXISTS]
    assert add(EVE, 140.0, sooner) == [Added.MADE]
    assert add(FLIGHT, 150.0, None) == [Added.MADE]
    assert add(Resource("project", "2"), 160.0, None) == [Added.MADE]
    muted = backend.perform(ReadPage(ADA, listed("muted", kind))).entries
    assert [entry[:2] for entry in muted] == [("project", "2"), FLIGHT, BOB, EVE]
    assert [entry.timestamp for entry in muted] == pytest.approx([FOREVER + 160, FOREVER + 150, later, sooner])
    pages, cursor = [], ""
    for _ in range(4):
        page = backend.perform(ReadPage(ADA, listed("muted", kind), desc=False, limit=1, cursor=cursor))
        pages += page.entries
        cursor = page.cursor
    assert pages == muted[::-1]
    assert cursor == ""
    assert add(BOB, 170.0, None) == [Added.MADE]
    moved = backend.perform(MoveEdges(ADA, listed("muted", kind), [BOB, EVE]))
    assert [entry.timestamp for entry in moved.entries] == pytest.approx([FOREVER + 170, sooner])
    assert moved.left == 2


def test_a_mute_that_has_ended_is_absent(backend, kind):
    mute, muted, muted_by = named("mute", kind), listed("muted", kind), listed("muted_by", kind)
    ends = time.time() + 0.4
    assert backend.perform(AddEdges(mute, ADA, [BOB, EVE], 1.0, ends=round(ends, 6))) == [Added.MADE] * 2
    assert backend.perform(Count([muted, muted_by, f"{muted}:user"], [ADA, BOB])) == [2, 0, 2, 0, 1, 0]
    time.sleep(max(0.0, ends - time.time()) + 0.05)
    assert backend.perform(Count([muted, muted_by, f"{muted}:user"], [ADA, BOB])) == [0] * 6
    for desc in (True, False):
        assert backend.perform(ReadPage(ADA, muted, desc)).entries == []
        assert backend.perform(ReadPage(BOB, muted_by, desc)).entries == []
    assert backend.perform(Relationships(ADA, [muted, "followings"], [BOB])) == [0]
    edges = [Edge(mute, ADA, BOB), Edge(mute, ADA, EVE)]
    assert backend.perform(Since(edges)) == pytest.approx([ends, ends])
    assert backend.perform(AddEdges(mute, ADA, [BOB], 2.0, ends=round(ends, 6))) == [Added.MADE]  # removes both first
    assert backend.perform(Since(edges)) == [pytest.approx(ends), None]
    assert backend.perform(AddEdges(mute, ADA, [BOB], 3.0)) == [Added.MADE]
    assert backend.perform(Since(edges)) == [FOREVER + 3.0, None]
    assert backend.perform(Count([muted], [ADA])) == [1]


def test_the_next_mute_removes_20_that_ended(backend):
    others = [Resource("user", f"m{number}") for number in range(25)]
    for number, other in enumerate(others):
        backend.perform(AddEdges("mute", ADA, [other], 1.0, ends=4_000_000_000.0 + number))
    for number, other in enumerate(others):
        backend.perform(AddEdges("mute", ADA, [other], 1.0, ends=1000.0 + number))
    left = [since is not None for other in others for since in backend.perform(Since([Edge("mute", ADA, other)]))]
    assert left == [False] * 24 + [True]  # each call removes those that the ones before left
    assert backend.perform(Count(["muted"], [ADA])) == [0]
