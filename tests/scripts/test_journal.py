"""The journal: what the writes note in it, once somebody has made the stream."""

from __future__ import annotations

import pytest
import redis

from tests.scripts.conftest import JOURNAL, KEYS, MARK, OTHER, PROJECT, USER, noted
from tests.support.graph import dump
from tests.support.manifest import MANIFEST

GUARDED = ("sequere:", JOURNAL)


def test_without_the_stream_nothing_is_noted(call):
    call.follow(*USER, *PROJECT, "5")
    call.unfollow(*USER, *PROJECT)
    assert not call.client.exists(JOURNAL)


def test_an_entry_has_what_a_database_needs(journal):
    journal.follow(*USER, *PROJECT, "1382676091.612067")
    ((_, entry),) = journal.client.xrange(JOURNAL)[1:]
    assert list(entry.items()) == [
        (b"operation", b"add"),
        (b"relation", b"follow"),
        (b"from_identifier", b"user"),
        (b"from_object_id", b"1"),
        (b"to_identifier", b"project"),
        (b"to_object_id", "7:é".encode()),
        (b"timestamp", b"1382676091.612067"),
    ]


def test_what_changes_nothing_is_noted_as_it_stands(journal):
    journal.unfollow(*USER, *PROJECT)
    journal.follow(*USER, *PROJECT, "5")
    journal.follow(*USER, *PROJECT, "6")
    journal.add_edges("follow", *USER, "7", "", "", "", "", *PROJECT, *OTHER)
    journal.unfollow(*USER, *PROJECT)
    journal.move_edges(*USER, "followings", "", "50", "", *PROJECT, *OTHER)
    journal.move_edges(*PROJECT, "followers", "", "50", "", *OTHER)
    journal.move_edges(*USER, "followings", "", "50", "")
    assert noted(journal.client) == [
        ("remove", USER, PROJECT, ""),
        ("remove", USER, PROJECT, ""),
        ("add", USER, PROJECT, "5.000000"),
        ("add", USER, PROJECT, "5.000000"),
        ("add", USER, PROJECT, "5.000000"),
        ("add", USER, OTHER, "7.000000"),
        ("remove", USER, PROJECT, ""),
        ("remove", USER, PROJECT, "5.000000"),
        ("remove", USER, PROJECT, ""),
        ("remove", USER, OTHER, "7.000000"),
        ("remove", OTHER, PROJECT, ""),
    ]


def test_who_is_taken_out_twice_is_noted_as_gone_the_second_time(journal):
    journal.follow(*USER, *OTHER, "5")
    assert journal.move_edges(*USER, "followings", "", "50", "", *OTHER, *OTHER) == [0, *OTHER, "5.000000"]
    assert noted(journal.client)[1:] == [("remove", USER, OTHER, "5.000000"), ("remove", USER, OTHER, "")]


def test_mended_edges_are_noted(journal):
    assert journal.mend_edges("follow", *USER, *OTHER, "", "5") == [1]
    assert journal.mend_edges("follow", *USER, *OTHER, "5.000000", "6") == [1]
    assert journal.mend_edges("follow", *USER, *OTHER, "6.000000", "") == [1]
    assert noted(journal.client) == [
        ("add", USER, OTHER, "5.000000"),
        ("remove", USER, OTHER, "5.000000"),
        ("add", USER, OTHER, "6.000000"),
        ("remove", USER, OTHER, "6.000000"),
    ]


def test_forget_notes_each_edge_in_both_directions_and_then_itself(journal):
    journal.follow(*USER, *OTHER, "5")
    journal.follow(*OTHER, *USER, "6")
    assert journal.forget(*USER, "1") == [1, 1]
    assert noted(journal.client)[2:] == [("remove", USER, OTHER, "5.000000")]
    assert journal.forget(*USER, "1") == [1, 0]
    assert noted(journal.client)[3:] == [
        ("remove", OTHER, USER, "6.000000"),
        ("forget", USER, ("", ""), ""),
    ]


def test_forget_notes_whom_the_graph_does_not_know(journal):
    assert journal.forget(*USER, "100") == [0, 0]
    ((_, entry),) = journal.client.xrange(JOURNAL)[1:]
    assert [text.decode() for text in entry.values()] == ["forget", "", *USER, "", "", ""]
    assert list(entry)[:4] == [b"operation", b"relation", b"from_identifier", b"from_object_id"]


#: Each writing script, with what it would change in the graph of the next tests.
UNGUARDED = [
    ("follow", [*USER, *PROJECT, "5"]),
    ("unfollow", [*USER, *OTHER]),
    ("add_edges", ["follow", *USER, "5", "", "", "", "", *PROJECT]),
    ("move_edges", [*USER, "followings", "", "50", ""]),
    ("forget", [*USER, "100"]),
    ("mend_edges", ["follow", *USER, *PROJECT, "", "5"]),
    ("note_edges", ["1-7 copy - 1-7", "1-7 copy follow:1 1-7", "follow", *USER, *OTHER]),
]


def test_every_script_that_notes_is_here():
    append = {name for name, entry in MANIFEST.items() if "XADD" in entry["commands"]}
    assert {name for name, _ in UNGUARDED} == append - {"audit", "copy_edges", "open_journal"}


@pytest.mark.parametrize("keys", [KEYS, GUARDED], ids=["by itself", "guarded"])
@pytest.mark.parametrize(("name", "arguments"), UNGUARDED)
def test_a_graph_with_a_mark_takes_writes_only_if_it_has_a_journal(call, name, arguments, keys):
    call.follow(*USER, *OTHER, "5")
    call.client.set(MARK, "1-7 copy - 1-7")
    call.client.set("sequere:other", "a guard")
    before = dump(call.client)
    for guard in ("global:uid", "other"):
        with pytest.raises(redis.ResponseError, match=f"SEQUERE_COLD {name}: the key {MARK} exists but the journal"):
            call(name, *arguments, keys=("sequere:", f"sequere:{guard}"))
    with pytest.raises(redis.ResponseError, match=f"SEQUERE_COLD {name}: the guard {JOURNAL} does not exist"):
        call(name, *arguments, keys=GUARDED)
    assert dump(call.client) == before
    call.client.xadd(JOURNAL, {"operation": "open"})
    call(name, *arguments, keys=keys)
    assert noted(call.client)


def test_reads_and_audit_do_not_ask_for_the_journal(call):
    call.follow(*USER, *OTHER, "5")
    call.client.set(MARK, "1-7 copy - 1-7")
    assert call.is_following(*USER, *OTHER) == 1
    assert call.since("follow", *USER, *OTHER) == ["5.000000"]
    call.client.zrem("sequere:uid:1:followings", "2")
    assert call.audit(*USER, "", "50", "1", "user")[2:6] == [
        "count", "sequere:uid:1:followings:count", "says 1, the list holds 0", "missing",
    ]  # fmt: skip
    assert call.is_following(*USER, *OTHER) == 1
    assert not call.client.exists(JOURNAL)


def test_an_edge_that_audit_restores_is_a_change(journal):
    journal.follow(*USER, *OTHER, "5")
    journal.client.zrem("sequere:uid:1:followings", "2")
    journal.audit(*USER, "", "50", "0", "user")
    assert len(noted(journal.client)) == 1
    journal.audit(*USER, "", "50", "1", "user")
    assert noted(journal.client)[1:] == [("add", USER, OTHER, "5.000000")]
    journal.client.zrem("sequere:uid:2:followers", "1")
    journal.audit(*USER, "", "50", "1", "user")
    assert len(noted(journal.client)) == 2


def test_what_is_no_text_is_read_as_such(journal):
    names = {"operation": "add", "relation": "follow", "from_identifier": "user", "from_object_id": "é"}
    journal.client.xadd(JOURNAL, {**names, "to_object_id": b"a\xe9\xc3\xa9"})
    journal.client.xadd(JOURNAL, {**names, "operation": b"\xff"})
    reply = journal.drain_journal("", "10")
    assert reply[17:25] == ["not UTF-8", "follow", "user", "é", "", r"a\233\195\169", "", ""]
    assert reply[26:30] == ["not UTF-8", "follow", "user", "é"]


def test_a_journal_that_is_none_does_not_stop_audit(call):
    call.follow(*USER, *OTHER, "5")
    call.client.zrem("sequere:uid:1:followings", "2")
    call.client.set(JOURNAL, "something else")
    reply = call.audit(*USER, "", "50", "1", "user")
    assert reply[2:] == [
        "count", "sequere:uid:1:followings:count", "says 1, the list holds 0",
        "wrongtype", JOURNAL, "holds a string, should be a stream",
        "missing", "sequere:uid:1:followings", "uid 2 should be here at 5",
    ]  # fmt: skip
    assert call.is_following(*USER, *OTHER) == 1


@pytest.mark.parametrize("named", ["friends", "followings:project"])
def test_who_is_not_in_a_list_of_some_of_the_edges_keeps_the_edge(journal, named):
    journal.follow(*USER, *OTHER, "5")
    assert journal.move_edges(*USER, named, "", "50", "", *OTHER) == [0]
    assert noted(journal.client)[1:] == [("add", USER, OTHER, "5.000000")]
    assert journal.move_edges(*OTHER, "followers", "", "50", "", *USER) == [0, *USER, "5.000000"]
    assert journal.move_edges(*USER, named, "", "50", "", *OTHER) == [0]
    assert noted(journal.client)[2:] == [("remove", USER, OTHER, "5.000000"), ("remove", USER, OTHER, "")]
