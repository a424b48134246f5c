"""The contract below the public functions: resources, pages and cursors."""

from __future__ import annotations

import random

import pytest

from sequere import exceptions
from sequere.backends.base import Entry, Page, Relationship
from sequere.resources import Resource

pytestmark = pytest.mark.django_db(databases="__all__")

STAR = Resource("project", "star")


def fan(number):
    return Resource("user", str(number))


@pytest.fixture
def crowd(backend):
    """A project with 30 followers, ten of them at the very same time."""
    for number in range(30):
        backend.follow(fan(number), STAR, timestamp=1000.0 + (number if not 10 <= number < 20 else 10))
    return backend


def walk(backend, *, limit, desc=True, between=lambda: None, **options):
    """All entries by cursor; calls ``between`` after each page."""
    entries, cursor = [], ""
    while True:
        page = backend.page(STAR, "followers", desc=desc, limit=limit, cursor=cursor, **options)
        entries += page.entries
        cursor = page.cursor
        if not cursor:
            return entries
        between()


def test_a_page_tells_total_entries_and_the_way_on(crowd):
    page = crowd.page(STAR, "followers", limit=2)
    assert page[0] == 30
    assert page.entries == [Entry("user", "29", 1029.0), Entry("user", "28", 1028.0)]
    last = crowd.page(STAR, "followers", limit=30)
    assert last.cursor == ""
    assert len(last.entries) == 30
    assert crowd.page(STAR, "followers", limit=5, offset=28).entries == last.entries[28:]
    assert crowd.page(STAR, "followers", limit=5, offset=30) == Page(30, "", [])
    assert crowd.page(Resource("project", "unknown"), "followers") == Page(0, "", [])
    assert crowd.page(STAR, "followers", identifier="project") == Page(0, "", [])


@pytest.mark.parametrize("desc", [True, False])
@pytest.mark.parametrize("limit", [1, 3, 7, 30, 1000])
def test_a_walk_by_cursor_gives_what_one_page_gives(crowd, desc, limit):
    everybody = crowd.page(STAR, "followers", desc=desc).entries
    assert [entry.timestamp for entry in everybody] == sorted((e.timestamp for e in everybody), reverse=desc)
    assert walk(crowd, limit=limit, desc=desc) == everybody
    assert walk(crowd, limit=limit, desc=desc, identifier="user") == everybody


@pytest.mark.parametrize("desc", [True, False])
def test_a_walk_shows_nobody_twice_and_skips_nobody_who_stayed(crowd, desc):
    chance = random.Random(7)
    clock = iter(range(2000, 3000))
    gone, come_back = set(), set()

    def stir():
        for number in chance.sample(range(30), 3):
            if crowd.unfollow(fan(number), STAR):
                gone.add(str(number))
                if chance.random() < 0.5:
                    crowd.follow(fan(number), STAR, timestamp=float(next(clock)))
                    come_back.add(str(number))
        newcomer = next(clock)
        crowd.follow(fan(newcomer), STAR, timestamp=float(newcomer))

    shown = [entry.object_id for entry in walk(crowd, limit=2, desc=desc, between=stir)]
    assert len(shown) == len(set(shown))
    assert set(shown) >= {str(number) for number in range(30)} - gone
    assert all(int(object_id) < 30 for object_id in shown)
    assert gone
    assert come_back


def test_the_relationship_tells_both_directions(backend):
    backend.follow(fan(1), STAR, timestamp=1.0)
    assert backend.relationship(fan(1), STAR) == Relationship(follows=True, followed_by=False, friend=False)
    assert backend.relationship(STAR, fan(1)) == Relationship(follows=False, followed_by=True, friend=False)
    backend.follow(STAR, fan(1), timestamp=2.0)
    assert backend.relationship(STAR, fan(1)) == Relationship(follows=True, followed_by=True, friend=True)
    assert backend.relationship(STAR, STAR) == Relationship(follows=False, followed_by=False, friend=False)


def test_replies_of_many_come_in_order_and_tell_a_repetition(backend):
    assert backend.follow_many(fan(1), [fan(3), fan(2), fan(3)], timestamp=1.0) == [True, True, False]
    assert backend.are_following(fan(1), [fan(2), fan(4), fan(2)]) == [True, False, True]
    assert backend.unfollow_many(fan(1), [fan(4), fan(3), fan(3)]) == [False, True, False]


@pytest.mark.parametrize("limit", [0, -1, 1_000_000, 1001, 1.5, True, "many"])
def test_limits_out_of_range_are_refused(crowd, limit):
    with pytest.raises(exceptions.InvalidLimit, match="limit must be a whole number from 1 to 1000"):
        crowd.page(STAR, "followers", limit=limit)


@pytest.mark.parametrize("offset", [-1, 10**15, "x", 0.5])
def test_offsets_out_of_range_are_refused(crowd, offset):
    with pytest.raises(exceptions.InvalidLimit, match="offset must be a whole number from 0"):
        crowd.page(STAR, "followers", offset=offset)


@pytest.mark.parametrize("cursor", ["garbage", "1:2:3:4", ":", "1e999:x", "-", "٣:٣", "9" * 200 + ":1", 'a"\r\nb'])
def test_garbage_for_a_cursor_is_refused(crowd, cursor):
    for desc in (True, False):
        with pytest.raises(exceptions.InvalidCursor, match="cursor must be what the last page in this order gave"):
            crowd.page(STAR, "followers", cursor=cursor, desc=desc)


def test_a_cursor_belongs_to_its_order(crowd):
    for desc in (True, False):
        cursor = crowd.page(STAR, "followers", limit=2, desc=desc).cursor
        with pytest.raises(exceptions.InvalidCursor):
            crowd.page(STAR, "followers", limit=2, desc=not desc, cursor=cursor)
        with pytest.raises(exceptions.InvalidArgument, match="offset or cursor, not both"):
            crowd.page(STAR, "followers", limit=2, desc=desc, cursor=cursor, offset=1)


def test_other_misuse_is_refused(crowd):
    with pytest.raises(exceptions.InvalidArgument, match="relation must be followers, followings or friends"):
        crowd.page(STAR, "enemies")
    with pytest.raises(exceptions.InvalidArgument, match="relation must be followers, followings or friends"):
        crowd.count(STAR, "enemies")
    with pytest.raises(exceptions.InvalidArgument, match="1 to 200"):
        crowd.follow_many(STAR, [], timestamp=1.0)
    with pytest.raises(exceptions.InvalidArgument, match="1 to 200"):
        crowd.unfollow_many(STAR, [fan(number) for number in range(201)])
    with pytest.raises(exceptions.InvalidArgument, match="1 to 500"):
        crowd.are_following(STAR, [fan(number) for number in range(501)])
    with pytest.raises(exceptions.InvalidTimestamp):
        crowd.follow(fan(99), STAR, timestamp=2.0**33)
    for identifier in ("", "12", "a:b", "count"):
        with pytest.raises(exceptions.InvalidIdentifier, match="identifier must be 1 to 50 characters"):
            crowd.follow(Resource(identifier, "1"), STAR, timestamp=1.0)
    assert crowd.count(STAR, "followers") == 30
