"""What the scripts leave in the store: the key layout is part of the contract."""

from __future__ import annotations

import pytest

from tests.support.graph import audit, dump

USER, OTHER, PROJECT = ("user", "1"), ("user", "2"), ("project", "7")


def test_one_follow(call):
    assert call.follow(*USER, *PROJECT, "1382676091.612067") == 1
    assert dump(call.client) == {
        "sequere:global:uid": "2",
        "sequere:uid:user:1": "1",
        "sequere:uid::1": {"identifier": "user", "object_id": "1"},
        "sequere:uid:project:7": "2",
        "sequere:uid::2": {"identifier": "project", "object_id": "7"},
        "sequere:uid:1:followings": {"2": 1382676091.612067},
        "sequere:uid:1:followings:count": "1",
        "sequere:uid:1:followings:project": {"2": 1382676091.612067},
        "sequere:uid:1:followings:project:count": "1",
        "sequere:uid:2:followers": {"1": 1382676091.612067},
        "sequere:uid:2:followers:count": "1",
        "sequere:uid:2:followers:user": {"1": 1382676091.612067},
        "sequere:uid:2:followers:user:count": "1",
    }


def test_two_friends(call):
    call.follow(*USER, *OTHER, "5")
    before = dump(call.client)
    assert call.follow(*OTHER, *USER, "3") == 1
    after = dump(call.client)
    assert {key: after[key] for key in after if ":friends" in key} == {
        "sequere:uid:1:friends": {"2": 5},
        "sequere:uid:1:friends:count": "1",
        "sequere:uid:1:friends:user": {"2": 5},
        "sequere:uid:1:friends:user:count": "1",
        "sequere:uid:2:friends": {"1": 5},
        "sequere:uid:2:friends:count": "1",
        "sequere:uid:2:friends:user": {"1": 5},
        "sequere:uid:2:friends:user:count": "1",
    }
    assert call.unfollow(*OTHER, *USER) == 1
    assert dump(call.client) == before


def test_an_empty_list_and_a_count_at_zero_leave_no_key(call):
    call.follow(*USER, *PROJECT)
    call.follow(*PROJECT, *USER)
    call.unfollow(*USER, *PROJECT)
    call.unfollow(*PROJECT, *USER)
    assert sorted(dump(call.client)) == [
        "sequere:global:uid",
        "sequere:uid::1",
        "sequere:uid::2",
        "sequere:uid:project:7",
        "sequere:uid:user:1",
    ]


def test_reads_and_refusals_allocate_nothing(call):
    call.is_following(*USER, *PROJECT)
    call.relationships(*USER, "followings friends:project", *PROJECT, *OTHER)
    call.count("followers", *USER)
    assert call.page(*USER, "followers", "desc", "20") == [""]
    assert call.lookup(*USER) == ""
    assert call.resolve("1") == []
    assert call.audit(*USER, "", "50", "1", "user") == ["", 0]
    assert call.unfollow(*USER, *PROJECT) == 0
    assert call.move_edges(*USER, "followings", "", "50", "", *PROJECT, *OTHER) == [0]
    assert call.forget(*USER, "100") == [0, 0]
    assert dump(call.client) == {}


def test_forget_in_steps(call):
    for number in range(5):
        call.follow(*USER, "project", str(number))
        call.follow("project", str(number), *USER)
    call.follow("project", "0", "project", "1")
    assert call.forget(*USER, "3") == [3, 7]
    assert call.forget(*USER, "3") == [3, 4]
    assert audit(call.client) == []
    assert call.forget(*USER, "3") == [3, 1]
    assert call.forget(*USER, "3") == [1, 0]
    assert call.forget(*USER, "3") == [0, 0]
    assert audit(call.client) == []
    left = dump(call.client)
    assert call.lookup(*USER) == ""
    assert call.resolve("1") == []
    assert not [key for key in left if key.startswith(("sequere:uid:1:", "sequere:uid::1"))]
    assert call.is_following("project", "0", "project", "1") == 1
    call.follow(*USER, *PROJECT)
    assert int(call.lookup(*USER)) > 6  # a uid is never given out twice


def test_lookup_and_resolve(call):
    call.follow("user", "a:b", "country", "Île de la Cité")
    assert call.lookup("user", "a:b") == "1"
    assert call.resolve("1") == ["user", "a:b"]
    assert call.resolve("2") == ["country", "Île de la Cité"]
    assert call.resolve("3") == []


def test_the_server_clock(call):
    call.follow(*USER, *PROJECT, "")
    call.follow(*OTHER, *PROJECT)
    seconds, _ = call.client.time()
    for _identifier, _object_id, timestamp in [
        call.page(*PROJECT, "followers", "desc", "2")[i : i + 3] for i in (1, 4)
    ]:
        assert abs(float(timestamp) - seconds) < 5
        assert len(timestamp.split(".")[1]) == 6


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("0", "0.000000"),
        ("1", "1.000000"),
        ("1.", "1.000000"),
        ("1382676091.612067", "1382676091.612067"),
        ("8589934591.999999", "8589934591.999999"),
        ("0.000001", "0.000001"),
        ("1.0000004", "1.000000"),
    ],
)
def test_timestamps_are_exact_to_the_microsecond(call, given, shown):
    call.follow(*USER, *PROJECT, given)
    assert call.page(*PROJECT, "followers", "desc", "1") == ["", *USER, shown]


def test_prefixes_are_worlds_of_their_own(call):
    for prefix in ("", "{tag}:", "sequere:other:"):
        keys = (prefix, f"{prefix}global:uid")
        assert call("follow", *USER, *PROJECT, keys=keys) == 1
        assert call("count", "followers", *PROJECT, keys=keys) == [1]
    assert call.count("followers", *PROJECT) == [0]
    assert len(dump(call.client)) == 3 * 13


def test_a_uid_in_use_is_never_given_out(call):
    call.follow(*USER, *PROJECT)
    call.client.delete("sequere:global:uid")
    before = dump(call.client)
    with pytest.raises(Exception, match="SEQUERE_CORRUPT follow: sequere:global:uid is too low"):
        call.follow(*OTHER, *PROJECT)
    assert dump(call.client) == before
    assert audit(call.client, repair=True) == [
        ("count", "sequere:global:uid", "says 0, but uid 1 is in use"),
        ("count", "sequere:global:uid", "says 1, but uid 2 is in use"),
    ]
    assert call.follow(*OTHER, *PROJECT) == 1
    assert call.lookup(*OTHER) == "3"


def test_moved_edges(call):
    call.add_edges("follow", *USER, "5", "", "", "", "", *PROJECT, *OTHER, "project", "8")
    call.follow(*OTHER, *USER, "6")
    assert call.move_edges(*USER, "followings:project", "", "50", "9", *OTHER, *PROJECT) == [1, *PROJECT, "5.000000"]
    assert call.move_edges(*USER, "followers", "", "1", "") == [0, *OTHER, "6.000000"]
    assert call.move_edges(*USER, "followings", "", "1", "") == [1, *OTHER, "5.000000"]
    assert call.move_edges(*USER, "friends", "", "1", "") == [0]
    assert call.count("followings", *USER) == [1]
    assert audit(call.client) == []
