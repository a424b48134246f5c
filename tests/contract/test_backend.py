"""The contract below the public functions: resources, pages and cursors."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest

from sequere import exceptions
from sequere.backends.operations import (
    AddEdges,
    Count,
    Entry,
    Follow,
    Forget,
    IsFollowing,
    MoveEdges,
    Page,
    ReadPage,
    Relationships,
    Unfollow,
)
from sequere.resources import Resource
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__")

STAR = Resource("project", "star")


def fan(number):
    return Resource("user", str(number))


@pytest.fixture
def crowd(backend):
    """A project with 30 followers, ten of them at the very same time."""
    for number in range(30):
        Ask(backend).follow(fan(number), STAR, timestamp=1000.0 + (number if not 10 <= number < 20 else 10))
    return backend


def walk(backend, *, limit, desc=True, between=lambda entries: None, **options):
    """All entries by cursor; calls ``between`` after each page but the last, with those so far."""
    entries, cursor = [], ""
    while True:
        page = Ask(backend).page(STAR, "followers", desc=desc, limit=limit, cursor=cursor, **options)
        entries += page.entries
        cursor = page.cursor
        if not cursor:
            return entries
        between(entries)


def test_a_page_has_entries_and_the_way_on(crowd):
    page = Ask(crowd).page(STAR, "followers", limit=2)
    assert page.entries == [Entry("user", "29", 1029.0), Entry("user", "28", 1028.0)]
    last = Ask(crowd).page(STAR, "followers", limit=30)
    assert last.cursor == ""
    assert len(last.entries) == 30
    assert Ask(crowd).page(STAR, "followers", limit=5, offset=28).entries == last.entries[28:]
    assert Ask(crowd).page(STAR, "followers", limit=5, offset=30) == Page([], "")
    assert Ask(crowd).page(Resource("project", "unknown"), "followers") == Page([], "")
    assert Ask(crowd).page(STAR, "followers", identifier="project") == Page([], "")


@pytest.mark.parametrize("desc", [True, False])
def test_a_walk_by_cursor_gives_what_one_page_gives(crowd, desc):
    everybody = Ask(crowd).page(STAR, "followers", desc=desc).entries
    assert [entry.timestamp for entry in everybody] == sorted((e.timestamp for e in everybody), reverse=desc)
    for limit in (1, 3, 7, 30, 500):
        assert walk(crowd, limit=limit, desc=desc) == everybody
        assert walk(crowd, limit=limit, desc=desc, identifier="user") == everybody


def forget(backend, resource):
    while not backend.perform(Forget(resource)).done:
        pass


@pytest.mark.parametrize("desc", [True, False])
@pytest.mark.parametrize("limit", [1, 4, 11])
def test_a_walk_gives_who_stays_once_and_who_comes_only_ahead_of_it(crowd, desc, limit):
    """Those who come, or are forgotten and return, in every place: behind the walk, ahead of it, at its very time."""
    chance, newcomers = random.Random(limit), map(fan, itertools.count(100))
    everybody = Ask(crowd).page(STAR, "followers").entries
    newest = everybody[0].timestamp
    least, most = Counter(everybody), Counter(everybody)  # how often an entry may be given
    staying = {Resource(*entry[:2]): entry for entry in everybody}

    def come(resource, timestamp, reached):
        Ask(crowd).follow(resource, STAR, timestamp=timestamp)
        entry = Entry(*resource, timestamp)
        is_ahead = timestamp < reached if desc else reached < timestamp <= newest
        least[entry] += is_ahead
        most[entry] += is_ahead or timestamp == reached

    def stir(entries):
        if len(staying) < 12:
            return
        reached = entries[-1].timestamp
        for offset in (0, 0.25, -0.25, 5000):
            come(next(newcomers), reached + offset, reached)
            if chance.random() < 0.5:
                resource = chance.choice(list(staying))
                old = staying.pop(resource)
                forget(crowd, resource)
                least[old] = most[old] = entries.count(old)
                come(resource, old.timestamp if chance.random() < 0.3 else reached + offset, reached)

    given = walk(crowd, limit=limit, desc=desc, between=stir)
    assert [entry.timestamp for entry in given] == sorted((entry.timestamp for entry in given), reverse=desc)
    assert Counter(given) >= least
    assert Counter(given) <= most
    assert most > least


@pytest.mark.parametrize("desc", [True, False])
def test_with_the_times_of_their_calls_newcomers_are_not_part_of_a_walk(crowd, desc):
    now = itertools.count(2000)

    def stir(entries):
        for resource in (fan(29), fan(0), fan(15), fan(next(now))):
            Ask(crowd).unfollow(resource, STAR)
            Ask(crowd).follow(resource, STAR, timestamp=float(next(now)))

    given = [int(entry.object_id) for entry in walk(crowd, limit=2, desc=desc, between=stir)]
    assert len(given) == len(set(given))
    assert set(range(30)) - {29, 0, 15} <= set(given) <= set(range(30))


def test_the_relationship_tells_both_directions(backend):
    Ask(backend).follow(fan(1), STAR, timestamp=1.0)
    assert Ask(backend).relationship(fan(1), STAR) == (True, False, False)
    assert Ask(backend).relationship(STAR, fan(1)) == (False, True, False)
    Ask(backend).follow(STAR, fan(1), timestamp=2.0)
    assert Ask(backend).relationship(STAR, fan(1)) == (True, True, True)
    assert Ask(backend).relationship(STAR, STAR) == (False, False, False)


def test_replies_of_many_come_in_order_and_tell_a_repetition(backend):
    assert Ask(backend).follow_many(fan(1), [fan(3), fan(2), fan(3)], timestamp=1.0) == [True, True, False]
    assert Ask(backend).are_following(fan(1), [fan(2), fan(4), fan(2)]) == [True, False, True]
    assert Ask(backend).unfollow_many(fan(1), [fan(4), fan(3), fan(3)]) == [False, True, False]


def test_limits_and_offsets_out_of_range_are_refused(crowd):
    for limit in (0, -1, 1_000_000, 501, 1.5, True, "many"):
        with pytest.raises(exceptions.InvalidLimit, match="limit must be a whole number from 1 to 500"):
            Ask(crowd).page(STAR, "followers", limit=limit)
    for offset in (-1, 10**15, "x", 0.5):
        with pytest.raises(exceptions.InvalidLimit, match="offset must be a whole number from 0"):
            Ask(crowd).page(STAR, "followers", offset=offset)


@pytest.mark.parametrize("desc", [True, False])
def test_garbage_for_a_cursor_is_refused(crowd, desc):
    for cursor in ("garbage", "1:2:3:4", ":", "1e999:x", "-", "٣:٣", "9" * 200 + ":1", 'a"\r\nb'):
        with pytest.raises(exceptions.InvalidCursor, match="cursor must be one that a page in the same order returned"):
            Ask(crowd).page(STAR, "followers", cursor=cursor, desc=desc)


def test_a_cursor_belongs_to_its_order(crowd):
    for desc in (True, False):
        cursor = Ask(crowd).page(STAR, "followers", limit=2, desc=desc).cursor
        with pytest.raises(exceptions.InvalidCursor):
            Ask(crowd).page(STAR, "followers", limit=2, desc=not desc, cursor=cursor)
        with pytest.raises(exceptions.InvalidArgument, match="offset or cursor, not both"):
            Ask(crowd).page(STAR, "followers", limit=2, desc=desc, cursor=cursor, offset=1)


def test_moved_edges_come_in_the_order_of_the_request(crowd):
    moved = crowd.perform(MoveEdges(STAR, "followers", [fan(3), fan(99), fan(1), fan(3)]))
    assert moved == ([Entry("user", "3", 1003.0), Entry("user", "1", 1001.0)], 28)
    assert Ask(crowd).is_following(fan(3), STAR) is False
    assert Ask(crowd).count(fan(3), "followings") == 0
    moved = crowd.perform(MoveEdges(STAR, "followers:user", limit=2))
    assert moved == ([Entry("user", "0", 1000.0), Entry("user", "2", 1002.0)], 26)
    assert crowd.perform(MoveEdges(STAR, "followers:project", [fan(4)])) == ([], 0)
    assert crowd.perform(MoveEdges(Resource("project", "unknown"), "followings", [fan(4)])) == ([], 0)
    assert Ask(crowd).count(STAR, "followers") == 26


def test_moving_out_of_a_mutual_list_ends_the_owners_own_edges(backend):
    Ask(backend).follow_many(fan(1), [fan(2), fan(3)], timestamp=1.0)
    Ask(backend).follow(fan(2), fan(1), timestamp=2.0)
    assert backend.perform(MoveEdges(fan(1), "friends", [fan(3), fan(2)])).entries == [Entry("user", "2", 1.0)]
    assert Ask(backend).relationship(fan(1), fan(2)) == (False, True, False)
    assert Ask(backend).is_following(fan(1), fan(3)) is True


def test_lists_are_asked_together_and_answered_in_bits(backend):
    Ask(backend).follow_many(fan(1), [fan(2), STAR], timestamp=1.0)
    Ask(backend).follow(fan(2), fan(1), timestamp=2.0)
    lists = ["followings", "followers", "friends", "followings:user", "followings:project"]
    others = [fan(2), STAR, fan(3), fan(2)]
    assert backend.perform(Relationships(fan(1), lists, others)) == [0b01111, 0b10001, 0, 0b01111]
    assert backend.perform(Relationships(fan(9), lists, others)) == [0, 0, 0, 0]


def test_forgetting_goes_in_steps(crowd):
    Ask(crowd).follow(STAR, fan(1), timestamp=1.0)
    steps = []
    while not steps or not steps[-1].done:
        steps.append(crowd.perform(Forget(STAR, limit=12)))
    assert [step.removed for step in steps] == [12, 12, 7]
    assert Ask(crowd).count(STAR, "followers") == Ask(crowd).count(fan(1), "friends") == 0
    assert crowd.perform(Forget(STAR)) == (0, True)


def resources(number):
    return [fan(n) for n in range(100, 100 + number)]


#: What is refused, the error, and its text.
MISUSE = [
    (ReadPage(STAR, "enemies"), exceptions.InvalidArgument, "list must be .*followings.* got .enemies."),
    (Count(["enemies"], [STAR]), exceptions.InvalidArgument, "list must be .*followings.* got .enemies."),
    (Count(["followers:12"], [STAR]), exceptions.InvalidArgument, "list must be .* got .followers:12."),
    (Count(["followers:a:b"], [STAR]), exceptions.InvalidArgument, "list must be .* got .followers:a:b."),
    (Count(["followers:"], [STAR]), exceptions.InvalidArgument, "list must be .* got .followers:."),
    (ReadPage(STAR, "followers:"), exceptions.InvalidArgument, "list must be .* got .followers:."),
    (ReadPage(STAR, "enemies", limit=0, offset=1, cursor="x"), exceptions.InvalidArgument, "list must be "),
    (ReadPage(STAR, "followers", limit=0, cursor="x"), exceptions.InvalidLimit, "limit must be "),
    (ReadPage(STAR, "followers", offset=1, cursor="x"), exceptions.InvalidCursor, "cursor must be "),
    (ReadPage(STAR, "followers", cursor="\u0661:1"), exceptions.InvalidCursor, "cursor must be "),
    (ReadPage(STAR, "followers", desc=False, cursor="1:1.5"), exceptions.InvalidCursor, "cursor must be "),
    (MoveEdges(STAR, "followers:", [fan(1)]), exceptions.InvalidArgument, "list must be .* got .followers:."),
    (Relationships(STAR, ["followers:"], [fan(1)]), exceptions.InvalidArgument, "lists? must be "),
    (Relationships(STAR, ["followers friends"], [fan(1)]), exceptions.InvalidArgument, "list must be "),
    (AddEdges("hate", STAR, [fan(1)], 1.0), exceptions.InvalidArgument, "relation must be .*follow.* got .hate."),
    (AddEdges("follow", STAR, [], 1.0), exceptions.InvalidArgument, "1 to 50"),
    (AddEdges("follow", STAR, resources(51), 1.0), exceptions.InvalidArgument, "1 to 50"),
    (AddEdges("follow", STAR, [fan(1), STAR], 1.0), exceptions.SelfFollow, "must not be the same resource as"),
    (MoveEdges(STAR, "followers", resources(51)), exceptions.InvalidArgument, "0 to 50"),
    (MoveEdges(STAR, "followers", limit=0), exceptions.InvalidLimit, "limit must be a whole number from 1 to 50"),
    (MoveEdges(STAR, "enemies", [fan(1)]), exceptions.InvalidArgument, "list must be .* got .enemies."),
    (MoveEdges(STAR, "followers", [STAR]), exceptions.SelfFollow, "must not be the same resource as"),
    (
        MoveEdges(STAR, "followers", [fan(1)], "follow"),
        exceptions.InvalidArgument,
        "target must be .* got .follow.",
    ),
    (MoveEdges(STAR, "followers", [fan(1)], "hate"), exceptions.InvalidArgument, "target must be .* got .hate."),
    (Relationships(STAR, ["followers"], []), exceptions.InvalidArgument, "1 to 500"),
    (Relationships(STAR, ["followers"], resources(501)), exceptions.InvalidArgument, "1 to 500"),
    (Relationships(STAR, [], [fan(1)]), exceptions.InvalidArgument, "lists must be 1 to 10"),
    (Relationships(STAR, ["followers"] * 11, [fan(1)]), exceptions.InvalidArgument, "lists must be 1 to 10"),
    (Forget(STAR, 0), exceptions.InvalidLimit, "limit must be a whole number from 1 to 100"),
    (Forget(STAR, 101), exceptions.InvalidLimit, "limit must be a whole number from 1 to 100"),
    (Follow(fan(99), STAR, 2.0**33), exceptions.InvalidTimestamp, "timestamp must be"),
    (Follow(fan(99), STAR, -1.0), exceptions.InvalidTimestamp, "timestamp must be"),
    (Follow(Resource("", "1"), STAR, 1.0), exceptions.InvalidIdentifier, "must be 1 to 50 characters"),
    (Follow(Resource("12", "1"), STAR, 1.0), exceptions.InvalidIdentifier, "must be 1 to 50 characters"),
    (Follow(Resource("a:b", "1"), STAR, 1.0), exceptions.InvalidIdentifier, "must be 1 to 50 characters"),
    (Follow(Resource("count", "1"), STAR, 1.0), exceptions.InvalidIdentifier, "must be 1 to 50 characters"),
    (Unfollow(fan(1), Resource("user", "")), exceptions.InvalidObjectId, "must be 1 to 255 bytes"),
    (IsFollowing(fan(1), Resource("user", "x" * 256)), exceptions.InvalidObjectId, "must be 1 to 255 bytes"),
]


def test_misuse_is_refused_before_anything_is_written(crowd):
    for operation, error, text in MISUSE:
        with pytest.raises(error, match=text):
            crowd.perform(operation)
        assert Ask(crowd).count(STAR, "followers") == 30, operation


def test_as_many_as_the_limits_allow(backend):
    assert backend.perform(AddEdges("follow", STAR, resources(50), 1.0)) == [True] * 50
    assert backend.perform(Relationships(STAR, ["followings"], resources(500))) == [1] * 50 + [0] * 450
    assert len(backend.perform(MoveEdges(STAR, "followings", resources(50))).entries) == 50
