"""The journal: what the writes note in it, once somebody has made the stream."""

from __future__ import annotations

import pytest

JOURNAL = "sequere:global:journal"
USER, OTHER, PROJECT = ("user", "1"), ("user", "2"), ("project", "7:é")


def noted(client):
    """The changes in the journal, in order, as (operation, from, to, timestamp)."""
    entries = [{name.decode(): text.decode() for name, text in fields.items()} for _, fields in client.xrange(JOURNAL)]
    return [
        (
            entry["operation"],
            (entry["from_identifier"], entry["from_object_id"]),
            (entry["to_identifier"], entry["to_object_id"]),
            entry["timestamp"],
        )
        for entry in entries
        if entry["operation"] != "open"
    ]


@pytest.fixture
def journal(call):
    call.client.xadd(JOURNAL, {"operation": "open"})
    return call


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


def test_only_what_changes_an_edge_is_noted(journal):
    journal.unfollow(*USER, *PROJECT)
    journal.follow(*USER, *PROJECT, "5")
    journal.follow(*USER, *PROJECT, "6")
    journal.add_edges("follow", *USER, "7", *PROJECT, *OTHER)
    journal.unfollow(*USER, *PROJECT)
    journal.move_edges(*USER, "followings", "", "50", "", *PROJECT, *OTHER)
    assert noted(journal.client) == [
        ("add", USER, PROJECT, "5.000000"),
        ("add", USER, OTHER, "7.000000"),
        ("remove", USER, PROJECT, "5.000000"),
        ("remove", USER, OTHER, "7.000000"),
    ]


def test_forget_notes_each_edge_in_both_directions(journal):
    journal.follow(*USER, *OTHER, "5")
    journal.follow(*OTHER, *USER, "6")
    journal.forget(*USER, "100")
    assert noted(journal.client)[2:] == [
        ("remove", USER, OTHER, "5.000000"),
        ("remove", OTHER, USER, "6.000000"),
    ]


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
    assert reply[10:18] == ["not UTF-8", "follow", "user", "é", "", r"a\233\195\169", "", ""]
    assert reply[19:23] == ["not UTF-8", "follow", "user", "é"]


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
