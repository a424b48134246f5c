"""Mutes end by themselves, and their owner's next mute removes those that have ended."""

from __future__ import annotations

import time

from tests.scripts.conftest import OTHER, PROJECT, USER, noted_relations
from tests.scripts.relating import add, assert_sound, move, named

#: A time of the clock that no test reaches.
FUTURE = "8000000000.000000"


def test_mutes_end(journal):
    started = time.time()
    assert add(journal, "mute", OTHER, timestamp="5.9") == [1]
    assert add(journal, "mute", PROJECT, ends=FUTURE) == [1]
    assert add(journal, "mute", ("user", "3"), ends=f"{started + 1:.6f}") == [1]
    assert add(journal, "mute", ("user", "4"), ends="7") == [1]
    assert journal.count("muted muted:user", *USER, "user", "9") == [3, 2, 0, 0]
    assert journal.count("muted_by", "user", "4") == [0]
    page = ["", *OTHER, "8589934597.000000", *PROJECT, FUTURE, "user", "3", f"{started + 1:.6f}"]
    assert journal.page(*USER, "muted", "desc", "5") == page
    assert journal.page(*USER, "muted", "asc", "5") == ["", *page[7:], *page[4:7], *page[1:4]]
    assert journal.relationships(*USER, "muted followings", *OTHER, *PROJECT, "user", "3", "user", "4") == [1, 1, 1, 0]
    time.sleep(max(0, started + 1.01 - time.time()))
    assert journal.count("muted muted:user", *USER) == [2, 1]
    assert journal.relationships(*USER, "followings muted", "user", "3") == [0]
    assert journal.page(*USER, "muted", "desc", "5") == page[:-3]
    assert journal.page(*USER, "muted", "asc", "5", "1") == ["", *page[1:4]]
    assert journal.since("mute", *USER, "user", "4") == ["7.000000"]
    length = len(noted_relations(journal.client))
    assert add(journal, "mute", OTHER, timestamp="99") == [0]  # which never ends either
    assert [change[:2] for change in noted_relations(journal.client)[length:]] == [("remove", "mute")] * 2 + [
        ("add", "mute")
    ]
    assert journal.since("mute", *USER, "user", "3", "mute", *USER, *OTHER) == ["", "8589934597.000000"]
    assert_sound(journal.client)


def test_pages_of_mutes(call):
    for number in range(1, 8):
        add(call, "mute", ("user", str(number + 10)), ends=str(8000000000 + number))
    for number in range(20, 25):
        call.client.zadd("sequere:uid:1:muted", {str(number): number})  # they have ended
    for order, numbers in (("desc", range(7, 0, -1)), ("asc", range(1, 8))):
        cursor, seen = "", []
        while cursor or not seen:
            cursor, *entries = call.page(*USER, "muted", order, "2", "", cursor)
            seen += entries[1::3]
        assert seen == [str(number + 10) for number in numbers]
    assert call.page(*USER, "muted", "desc", "5", "5")[2::3] == ["12", "11"]
    assert call.page(*USER, "muted", "asc", "5", "5")[2::3] == ["16", "17"]
    assert call.page(*USER, "muted", "desc", "5", "7") == [""]


def test_a_mute_gets_another_end(journal, kind):
    relation = named("mute", kind)
    assert add(journal, relation, OTHER, ends=FUTURE) == [1]
    assert add(journal, relation, OTHER, ends=FUTURE) == [0]
    assert add(journal, relation, OTHER, ends="8000000001") == [1]
    assert add(journal, relation, OTHER, timestamp="7") == [1]
    assert add(journal, relation, OTHER, timestamp="8") == [0]
    assert [change[1:2] + change[4:] for change in noted_relations(journal.client)] == [
        (relation, FUTURE),
        (relation, FUTURE),
        (relation, "8000000001.000000"),
        (relation, "8589934599.000000"),
        (relation, "8589934599.000000"),
    ]
    assert_sound(journal.client)
    assert move(journal, USER, named("muted", kind), "", OTHER) == [0, *OTHER, "8589934599.000000"]
    assert call_counts(journal, kind) == [0, 0]


def call_counts(call, kind):
    return [*call.count(named("muted", kind), *USER), *call.count(named("muted_by", kind), *OTHER)]


def test_the_owner_of_mutes_removes_twenty_that_have_ended(call):
    others = [("user", str(number)) for number in range(2, 27)]
    add(call, "mute", *others, ends="7")
    assert call.client.zcard("sequere:uid:1:muted") == 25
    add(call, "mute@watch", PROJECT)  # another list
    assert call.client.zcard("sequere:uid:1:muted") == 25
    add(call, "mute", PROJECT)
    assert call.client.zcard("sequere:uid:1:muted") == 6
    add(call, "mute", others[0], ends="8")
    assert call.client.zcard("sequere:uid:1:muted") == 2
    assert call.count("muted", *USER) == [1]
    assert_sound(call.client)
