"""The scripts by which write-behind makes, reads and deletes a journal, and fills a graph."""

from __future__ import annotations

import pytest

from tests.scripts.conftest import FENCE, JOURNAL, MARK, OTHER, PROJECT, USER, noted
from tests.support.graph import dump


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
