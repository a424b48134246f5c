"""How many follows and requests a resource may have, and how many it may make within a window."""

from __future__ import annotations

import time

import pytest
import redis

from tests.scripts.conftest import JOURNAL, OTHER, USER
from tests.scripts.relating import add, assert_sound
from tests.support.graph import dump


def limited(call, other, *, most="", new="", window="", kind="", approval=""):
    """The reply of a follow, or what limits it: name, value, seconds."""
    try:
        return call.follow(*USER, "user", other, "5", kind, approval, most, new, window)
    except redis.ResponseError as error:
        code, _, text = str(error).partition(" follow: from may make no more follows")
        if code != "SEQUERE_FOLLOW_LIMIT":
            raise
        name, value, seconds = text.rpartition('got "')[2].rstrip('"').split()
        return name, int(value), int(seconds)


def test_most_counts_follows_and_requests_of_a_kind(call):
    assert limited(call, "2", most="2") == 1
    assert limited(call, "3", most="2", approval="1") == 2
    assert limited(call, "4", most="2") == ("most", 2, 0)
    assert limited(call, "4", most="2", approval="1") == ("most", 2, 0)
    assert limited(call, "4", most="2", kind="watch") == 1
    assert limited(call, "3", most="2") == 1  # the request becomes a follow
    call.unfollow(*USER, "user", "2")
    assert limited(call, "4", most="2") == 1
    assert limited(call, "5", most="0", kind="listen") == ("most", 0, 0)
    assert "sequere:uid:user:5" not in dump(call.client)


def test_new_counts_over_all_kinds_and_its_window_ends(call):
    assert limited(call, "2", new="2", window="60") == 1
    assert 0 < call.client.ttl("sequere:uid:1:quota") <= 60
    assert limited(call, "3", new="2", window="9999", kind="watch", approval="1") == 2
    assert call.client.get("sequere:uid:1:quota") == b"2"
    assert call.client.ttl("sequere:uid:1:quota") <= 60  # the window began with the first
    call.unfollow(*USER, "user", "2")
    name, value, seconds = limited(call, "2", new="2", window="60")
    assert (name, value) == ("new", 2)
    assert 50 <= seconds <= 60
    assert call.client.get("sequere:uid:1:quota") == b"2"  # what is refused does not count
    assert limited(call, "3", new="2", window="60", kind="watch") == 1  # a request that was counted
    assert limited(call, "2", new="3", window="60") == 1
    call.client.pexpire("sequere:uid:1:quota", 1)
    time.sleep(0.05)
    assert limited(call, "4", new="1", window="60") == 1
    assert call.client.get("sequere:uid:1:quota") == b"1"


def test_the_seconds_of_a_window_are_never_too_few(call):
    assert limited(call, "2", new="0", window="60") == ("new", 0, 0)
    assert limited(call, "2", new="1", window="60") == 1
    call.client.pexpire("sequere:uid:1:quota", 1400)
    assert limited(call, "3", new="1", window="60") == ("new", 1, 2)


def test_a_refused_follow_counts_nothing(call):
    add(call, "block", USER, one=OTHER)
    assert limited(call, "3", new="5", window="60") == 1
    for arguments in ({"approval": "1"}, {}):
        with pytest.raises(redis.ResponseError, match="SEQUERE_BLOCKED"):
            limited(call, "2", new="5", window="60", **arguments)
    assert call.client.get("sequere:uid:2:quota") == b"1"  # OTHER has uid 1
    assert 0 < call.client.ttl("sequere:uid:2:quota") <= 60


def test_limits_of_many(call):
    others = [("user", str(number)) for number in range(2, 7)]
    add(call, "request", others[0])
    assert add(call, "follow", *others, most="3") == [1, 1, 1, -2, -2]
    assert add(call, "request", *others, most="3") == [0, 0, 0, -2, -2]
    assert add(call, "request@watch", *others, new="2", window="60") == [2, 2, -3, -3, -3]
    assert add(call, "request@watch", *others, new="2", window="60") == [3, 3, -3, -3, -3]
    assert call.lookup(*others[4]) == ""  # nothing changed, so it has no uid
    assert_sound(call.client)


def test_forget_takes_the_quota_along(call):
    limited(call, "2", new="5", window="60")
    call.unfollow(*USER, *OTHER)
    assert call.forget(*USER, "100") == [0, 0]
    assert not call.client.exists("sequere:uid:1:quota")


def test_a_refused_forget_keeps_the_window(server_call, server):
    limited(server_call, "2", new="5", window="60")
    server_call.client.rpush(JOURNAL, "not yours")
    with pytest.raises(redis.ResponseError, match="SEQUERE_WRONGTYPE forget"):
        server_call.forget(*USER, "100")
    assert server_call.client.get("sequere:uid:1:quota") == b"1"
    assert 0 < server_call.client.ttl("sequere:uid:1:quota") <= 60
