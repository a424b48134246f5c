"""The journal: what the writes note in it, once somebody has made the stream."""

from __future__ import annotations

import pytest
import redis

from tests.scripts.conftest import KEYS
from tests.support.graph import dump
from tests.support.manifest import MANIFEST

JOURNAL, MARK, FENCE = "sequere:global:journal", "sequere:global:mark", "sequere:global:fence"
GUARDED = ("sequere:", JOURNAL)
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


def test_what_changes_nothing_is_noted_as_it_stands(journal):
    journal.unfollow(*USER, *PROJECT)
    journal.follow(*USER, *PROJECT, "5")
    journal.follow(*USER, *PROJECT, "6")
    journal.add_edges("follow", *USER, "7", *PROJECT, *OTHER)
    journal.unfollow(*USER, *PROJECT)
    journal.move_edges(*USER, "followings", "", "50", "", *PROJECT, *OTHER)
    journal.move_edges(*PROJECT, "followers", "", "50", "", *OTHER)
    journal.move_edges(*USER, "followings", "", "50", "")
    assert noted(journal.client) == [
        ("remove", USER, PROJECT, ""),
        ("add", USER, PROJECT, "5.000000"),
        ("add", USER, PROJECT, "5.000000"),
        ("add", USER, PROJECT, "5.000000"),
        ("add", USER, OTHER, "7.000000"),
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
    ("add_edges", ["follow", *USER, "5", *PROJECT]),
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
        with pytest.raises(redis.ResponseError, match=f"SEQUERE_COLD {name}: the graph has a mark, {MARK}, but no j"):
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


def test_noted_states_are_those_of_the_moment(journal):
    journal.follow(*USER, *OTHER, "5.25")
    journal.client.set(MARK, "1-7 adopt - 1-7")
    edges = ("follow", *USER, *OTHER, "follow", *OTHER, *USER, "follow", "user", "9", *USER)
    last = journal.note_edges("1-7 adopt - 1-7", "1-7 adopt follow:3 1-7", *edges)
    assert noted(journal.client)[1:] == [
        ("add", USER, OTHER, "5.250000"),
        ("remove", OTHER, USER, ""),
        ("remove", ("user", "9"), USER, ""),
    ]
    assert last == journal.client.xrevrange(JOURNAL, count=1)[0][0].decode()
    assert journal.client.get(MARK) == b"1-7 adopt follow:3 1-7"
    assert journal.lookup("user", "9") == ""


def test_states_are_noted_only_by_who_knows_the_mark(journal):
    journal.follow(*USER, *OTHER, "5")
    for stands in (None, "1-7 adopt - 1-7"):
        if stands:
            journal.client.set(MARK, stands)
        before = dump(journal.client)
        for other in ("1-7", "1-7 adopt - 1", "2-7 adopt - 1-7"):
            assert journal.note_edges(other, "1-7 adopt - 1-7", "follow", *USER, *OTHER) == ""
        assert dump(journal.client) == before


def test_without_a_journal_no_state_is_noted(call):
    call.follow(*USER, *OTHER, "5")
    before = dump(call.client)
    assert call.note_edges("seen", "moved", "follow", *USER, *OTHER) == ""
    assert dump(call.client) == before


def test_copied_edges_are_noted_where_there_is_a_journal(journal):
    journal.follow(*USER, *OTHER, "5")
    journal.client.set(MARK, "1-7 adopt - 1-7")
    edges = ("follow", *USER, *OTHER, "5", "follow", *USER, *PROJECT, "6.5", "follow", *OTHER, *USER, "")
    before = dump(journal.client)
    assert journal.copy_edges("1-7 ready - 1-7", "1-7 adopt - 2-7", *edges) == 0
    assert dump(journal.client) == before
    assert journal.copy_edges("1-7 adopt - 1-7", "1-7 adopt - 2-7", *edges) == 1
    assert noted(journal.client)[1:] == [
        ("add", USER, OTHER, "5.000000"),
        ("add", USER, PROJECT, "6.500000"),
        ("remove", OTHER, USER, ""),
    ]
    assert journal.client.get(MARK) == b"1-7 adopt - 2-7"


# The fence.


def parts(id_):
    return tuple(map(int, id_.split("-")))


def test_ids_are_younger_than_the_clock_and_than_what_they_follow(call):
    seconds, microseconds = call.client.time()
    now = seconds * 1000 + microseconds // 1000
    assert now <= parts(call.fence("", "0", "0"))[0] <= now + 60_000
    assert now <= parts(call.fence("1-9", "0", "0"))[0] <= now + 60_000
    assert call.fence(f"{now + 3_600_000}-999", "7", "0") == f"{now + 3_600_001}-7"
    last, ids = "", []
    for _ in range(50):
        last = call.fence(last, "7", "1")
        ids.append(parts(last))
    assert ids == sorted(set(ids))


def test_ids_of_one_moment_differ_by_their_random_part(call):
    assert len({call.fence("99999999999999-1", str(number), "0") for number in range(20)}) == 20
    assert call.fence("", "999999999999999", "0").endswith("-999999999999999")


def test_the_fence_is_set_only_for_who_opens_and_else_removed(call):
    call.follow(*USER, *OTHER, "5")
    before = dump(call.client)
    assert call.fence("", "7", "0")
    assert dump(call.client) == before
    first = call.fence("", "7", "1")
    assert dump(call.client) == {**before, FENCE: first}
    second = call.fence(first, "7", "1")
    assert dump(call.client) == {**before, FENCE: second}
    assert call.fence(second, "7", "0")
    assert dump(call.client) == before


@pytest.mark.parametrize("opens", ["0", "1"])
def test_where_there_is_a_journal_nobody_gets_an_id(journal, opens):
    journal.client.set(FENCE, "9-9")
    before = dump(journal.client)
    assert journal.fence("", "7", opens) == ""
    assert dump(journal.client) == before


def test_a_server_without_memory_still_removes_a_fence(server_call):
    server_call.fence("", "7", "1")
    try:
        server_call.client.config_set("maxmemory", "1")
        assert server_call.fence("", "7", "0")
    finally:
        server_call.client.config_set("maxmemory", "0")
    assert not server_call.client.exists(FENCE)


# The journal's beginning and its end.


def test_a_journal_is_opened_with_the_mark_and_by_who_called_fence_last(call):
    call.client.set(MARK, "1-7 replay - 1-7")
    first = call.fence("", "7", "1")
    second = call.fence(first, "7", "1")
    before = dump(call.client)
    opened = "1-7 ready - 2-7"
    assert call.open_journal("1-7 replay - 1-7", opened, first) == 0
    assert call.open_journal("1-7 replay - 1", opened, second) == 0
    assert call.open_journal("", opened, second) == 0
    assert dump(call.client) == before
    assert call.open_journal("1-7 replay - 1-7", opened, second) == 1
    assert dump(call.client) == {MARK: opened, JOURNAL: [{"operation": "open"}]}
    assert [id_.decode() for id_, _ in call.client.xrange(JOURNAL)] == [second]
    assert call.open_journal(opened, "again", second) == 0


def test_without_a_fence_no_journal_is_opened(call):
    id_ = call.fence("", "7", "0")
    assert call.open_journal("", "1-7 ready - 1-7", id_) == 0
    assert dump(call.client) == {}


def test_entries_follow_the_first_one_whatever_the_clock_says(call):
    id_ = call.fence("99999999999999-5", "7", "1")
    assert call.open_journal("", "1-7 ready - 1-7", id_) == 1
    call.follow(*USER, *OTHER, "5")
    assert [entry.decode() for entry, _ in call.client.xrange(JOURNAL)] == ["100000000000000-7", "100000000000000-8"]


@pytest.mark.parametrize(
    ("release", "marked", "left"),
    [
        ("0", "1-7 copy follow:1 2-7", "1-7 copy follow:1 2-7"),
        ("0", "1-7 ready - 1-7", "1-7 ready - 1-7"),
        ("0", None, None),
        ("1", "1-7 ready - 1-7", None),
        ("1", None, None),
    ],
)
def test_a_journal_is_deleted_at_the_end_that_is_named(call, release, marked, left):
    call.client.xadd(JOURNAL, {"operation": "open"}, id="1-0")
    if marked:
        call.client.set(MARK, marked)
    call.follow(*USER, *OTHER, "5")
    before = dump(call.client)
    last = call.client.xrevrange(JOURNAL, count=1)[0][0].decode()
    for other in ("1-0", "99999999999999-0", f"0{last}"):
        assert call.delete_journal(other, release) == 0
        assert dump(call.client) == before
    assert call.delete_journal(last, release) == 1
    after = dump(call.client)
    assert after.pop(MARK, None) == left
    assert after == {key: value for key, value in before.items() if key not in (JOURNAL, MARK)}
    assert call.delete_journal(last, release) == 0


# A rebuild.


@pytest.mark.parametrize(
    ("marked", "has_graph", "replace", "outcome"),
    [
        ("", False, "0", 1),
        ("", False, "1", 1),
        ("", True, "0", 2),
        ("", True, "1", 1),
        ("4-7 ready - 5-7", False, "0", 1),
        ("4-7 ready - 5-7", True, "0", 1),
        ("4-7 copy follow:1 5-7", True, "0", 1),
        ("4-7 adopt - 5-7", True, "0", 2),
        ("4-7 adopt - 5-7", True, "1", 1),
        ("4-7 adopt - 5-7", False, "0", 1),
        ("4-7 copy adopt:1 5-7", True, "0", 1),
    ],
)
def test_a_rebuild_is_begun_where_the_graph_is_known(call, marked, has_graph, replace, outcome):
    if has_graph:
        call.follow(*USER, *OTHER, "5")
    if marked:
        call.client.set(MARK, marked)
    before = dump(call.client)
    for other in {"", "4-7", "4-7 ready - 5", "9-7 ready - 9-7"} - {marked}:
        assert call.begin_rebuild(other, "6-7", replace) == 0
    assert dump(call.client) == before
    assert call.begin_rebuild(marked, "6-7", replace) == outcome
    assert dump(call.client) == ({**before, MARK: "6-7 clear - 6-7"} if outcome == 1 else before)
    call.client.xadd(JOURNAL, {"operation": "open"})
    before = dump(call.client)
    assert call.begin_rebuild(before.get(MARK, ""), "7-7", replace) == 0
    assert dump(call.client) == before


def test_clear_and_copy_compare_the_mark_whole(call):
    call.follow(*USER, *OTHER, "5")
    marked = "6-7 copy follow:1 6-7"
    edge = ("follow", *USER, *PROJECT, "5")
    for stands in (None, marked):
        if stands:
            call.client.set(MARK, stands)
        before = dump(call.client)
        for other in ("6-7", "6-7 copy follow:1 6", "6-7 copy follow:1 6-7 ", "6-7 copy follow:2 6-7"):
            assert call.clear_graph(other, marked, "sequere:uid:user:1") == 0
            assert call.copy_edges(other, "6-7 copy follow:2 6-7", *edge) == 0
        if stands:
            assert call.copy_edges("", "6-7 copy follow:2 6-7", *edge) == 0
        assert dump(call.client) == before
    assert call.copy_edges(marked, "6-7 replay - 6-8") == 1  # no edges: only the mark moves
    assert dump(call.client) == {**before, MARK: "6-7 replay - 6-8"}
    assert call.copy_edges("6-7 replay - 6-8", marked, *edge) == 1
    assert call.is_following(*USER, *PROJECT) == 1
    assert call.clear_graph(marked, "6-7 clear x 6-7", "sequere:uid:user:1") == 1
    assert call.lookup(*USER) == ""
    assert call.client.get(MARK) == b"6-7 clear x 6-7"
    call.client.set(MARK, marked)
    call.client.xadd(JOURNAL, {"operation": "open"})
    before = dump(call.client)
    assert call.clear_graph(marked, marked, "sequere:uid:user:2") == 0
    assert call.copy_edges("6-7", "6-7 replay - 6-9", *edge) == 0
    assert dump(call.client) == before


# What a drain reads, and drops.


def entries_of(reply):
    return reply[7::9]


@pytest.mark.parametrize(
    ("marked", "position", "epoch", "dropped"),
    [
        ("1-7 ready - 1-7", "3-0", "1-7", 2),
        ("1-7 ready - 1-7", "4-0", "1-7", 3),
        ("1-7 ready - 1-7", "1-0", "1-7", 0),
        ("1-7 ready - 1-7", "3-0", "", 0),
        ("1-7 ready - 1-7", "3-0", "2-7", 0),
        ("1-7 ready - 1-7", "3-0", "1-70", 0),
        ("1-77 ready - 1-7", "3-0", "1-7", 0),
        ("21-7 ready - 1-7", "3-0", "1-7", 0),
        ("2-7 ready - 1-7", "3-0", "1-7", 0),
        ("1-7", "3-0", "1-7", 0),
        ("", "3-0", "1-7", 0),
        ("1-7 ready - 1-7", "2-1", "1-7", 0),
        ("1-7 ready - 1-7", "9-0", "1-7", 0),
        ("1-7 ready - 1-7", "", "1-7", 0),
    ],
)
def test_a_drain_drops_only_what_is_known_to_be_in_the_database(call, marked, position, epoch, dropped):
    if marked:
        call.client.set(MARK, marked)
    ids = [f"{number}-0" for number in range(1, 5)]
    for id_ in ids:
        call.client.xadd(JOURNAL, {"operation": f"op {id_}"}, id=id_)
    reply = call.drain_journal(position, "400", epoch)
    left = ids[dropped:]
    assert [reply[0], *reply[3:7]] == [marked, len(left), left[0], f"op {left[0]}", "4-0"]
    assert entries_of(reply) == [id_ for id_ in ids if parts(id_) >= parts(position or "0-0")]
    assert [id_.decode() for id_, _ in call.client.xrange(JOURNAL)] == left


def test_a_drain_reads_the_mark_the_last_uid_and_the_clock(call):
    seconds, _ = call.client.time()
    assert call.drain_journal("", "10")[:2] == ["", ""]
    call.follow(*USER, *OTHER, "5")
    call.client.set(MARK, "1-7 copy - 1-7")
    marked, last_uid, now, *rest = call.drain_journal("1-0", "10", "1-7")
    assert (marked, last_uid, rest) == ("1-7 copy - 1-7", "2", [0, "", "", ""])
    assert 0 <= int(now) - seconds * 1000 < 60_000


def test_a_payload_is_read_as_it_is(journal):
    journal.client.xadd(JOURNAL, {"payload": '{"verb": "é"}', "operation": "act"})
    assert journal.drain_journal("", "10")[17:] == ["act", "", "", "", "", "", "", '{"verb": "é"}']


@pytest.mark.parametrize("named", ["friends", "followings:project"])
def test_who_is_not_in_a_list_of_some_of_the_edges_keeps_the_edge(journal, named):
    journal.follow(*USER, *OTHER, "5")
    assert journal.move_edges(*USER, named, "", "50", "", *OTHER) == [0]
    assert noted(journal.client)[1:] == [("add", USER, OTHER, "5.000000")]
    assert journal.move_edges(*OTHER, "followers", "", "50", "", *USER) == [0, *USER, "5.000000"]
    assert journal.move_edges(*USER, named, "", "50", "", *OTHER) == [0]
    assert noted(journal.client)[2:] == [("remove", USER, OTHER, "5.000000"), ("remove", USER, OTHER, "")]
