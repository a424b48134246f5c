"""One more row in the table of relations is one more relation: for lists, batches, forget, audit and the rebuild."""

from __future__ import annotations

import json

import pytest
import redis

from tests.scripts.conftest import JOURNAL, KEYS
from tests.support.graph import dump
from tests.support.relations import build_with_requests

ADA, BOB, FLIGHT = ("user", "1"), ("user", "2"), ("project", "7")


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """The scripts, built from a copy of the sources with a second relation."""
    folder = tmp_path_factory.mktemp("lua")
    build_with_requests(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    assert [row["name"] for row in manifest["relations"]] == ["request", "follow"]
    assert manifest["relations"][0]["moves"] == "follow"
    return {entry["name"]: (folder / "v1" / f"{entry['name']}.lua").read_text() for entry in manifest["scripts"]}


@pytest.fixture
def run(store, texts):
    """Runs one of these scripts on an empty store that has a journal."""
    store.xadd(JOURNAL, {"operation": "open"})

    def call(name, *arguments):
        reply = store.eval(texts[name], len(KEYS), *KEYS, *arguments)
        items = reply if isinstance(reply, list) else [reply]
        items = [item.decode() if isinstance(item, bytes) else item for item in items]
        return items if isinstance(reply, list) else items[0]

    return call


def noted(store):
    return [
        tuple(fields[name].decode() for name in (b"operation", b"relation", b"from_object_id", b"to_object_id"))
        for _, fields in store.xrange(JOURNAL)[1:]
    ]


def test_lists_of_the_new_relation(run, store):
    assert run("add_edges", "request", *ADA, "5", *BOB, *FLIGHT) == [1, 1]
    assert run("add_edges", "request", *ADA, "9", *BOB) == [0]
    assert run("count", *ADA, "requested") == 2
    assert run("count", *ADA, "requested:project") == 1
    assert run("count", *BOB, "requests:user") == 1
    assert run("count", *ADA, "followings") == 0
    assert run("page", *BOB, "requests", "desc", "10") == ["", *ADA, "5.000000"]
    assert run("relationships", *ADA, "followings requested", *BOB, "user", "9") == [2, 0]
    assert run("since", "follow", *ADA, *BOB, "request", *ADA, *BOB) == ["", "5.000000"]
    store.set("sequere:global:mark", "seen")
    last = run("note_edges", "seen", "moved", "follow", *ADA, *BOB, "request", *ADA, *BOB)
    assert last == store.xrevrange(JOURNAL, count=1)[0][0].decode()
    assert noted(store) == [
        ("add", "request", "1", "2"),
        ("add", "request", "1", "7"),
        ("add", "request", "1", "2"),
        ("remove", "follow", "1", "2"),
        ("add", "request", "1", "2"),
    ]


def test_an_edge_becomes_one_of_the_other_relation(run, store):
    run("add_edges", "request", *ADA, "5", *BOB, *FLIGHT)
    run("add_edges", "request", *BOB, "6", *ADA)
    assert run("move_edges", *BOB, "requests", "follow", "50", "", *ADA) == [0, *ADA, "5.000000"]
    assert run("move_edges", *ADA, "requests", "follow", "50", "8") == [0, *BOB, "8.000000"]
    assert run("page", *ADA, "friends", "desc", "10") == ["", *BOB, "8.000000"]
    assert run("move_edges", *ADA, "requested", "", "50", "", *FLIGHT) == [0, *FLIGHT, "5.000000"]
    with pytest.raises(redis.ResponseError, match=r"SEQUERE_ARGUMENT move_edges: target .*; got \"request\""):
        run("move_edges", *ADA, "followings", "request", "50", "", *BOB)
    assert noted(store)[3:] == [
        ("remove", "request", "1", "2"),
        ("add", "follow", "1", "2"),
        ("remove", "request", "2", "1"),
        ("add", "follow", "2", "1"),
        ("remove", "request", "1", "7"),
    ]
    assert run("audit", *ADA, "", "50", "0", "user", "project")[2:] == []


def test_an_edge_that_exists_in_the_other_relation_keeps_its_time(run):
    run("add_edges", "follow", *ADA, "3", *BOB)
    run("add_edges", "request", *ADA, "5", *BOB)
    assert run("move_edges", *ADA, "requested", "follow", "50", "", *BOB) == [0, *BOB, "5.000000"]
    assert run("page", *ADA, "followings", "desc", "10") == ["", *BOB, "3.000000"]


def test_forget_takes_the_edges_of_every_relation(run, store):
    run("add_edges", "request", *ADA, "5", *BOB, *FLIGHT)
    run("add_edges", "follow", *ADA, "5", *BOB)
    run("add_edges", "follow", *FLIGHT, "5", *ADA)
    steps = [run("forget", *ADA, "3"), run("forget", *ADA, "3")]
    assert steps == [[3, 1], [1, 0]]
    assert {name for name in dump(store) if name.startswith("sequere:uid:1:")} == set()
    assert run("lookup", *ADA) == ""


def test_audit_looks_into_the_lists_of_every_relation(run, store):
    run("add_edges", "request", *ADA, "5", *BOB)
    store.zrem("sequere:uid:2:requests", "1")
    wrong = run("audit", *ADA, "", "50", "1", "user")
    assert wrong[2:5] == ["missing", "sequere:uid:2:requests", "uid 1 should be here at 5"]
    assert run("audit", *ADA, "", "50", "0", "user")[2:] == []
    assert run("count", *BOB, "requests") == 1


def test_a_rebuild_copies_and_a_repair_mends_every_relation(run, store):
    assert run("mend_edges", "request", *ADA, *BOB, "", "5", "follow", *ADA, *BOB, "1", "5") == [1, 0]
    store.delete(JOURNAL)
    store.set("sequere:global:mark", "begun")
    edges = ["request", *ADA, *BOB, "", "request", *ADA, *FLIGHT, "6", "follow", *ADA, *FLIGHT, "7"]
    assert run("copy_edges", "", "on", *edges) == 0  # the mark is another
    assert run("copy_edges", "begun", "on", *edges) == 1
    assert store.get("sequere:global:mark") == b"on"
    assert run("relationships", *ADA, "requested followings", *BOB, *FLIGHT) == [0, 3]
    store.xadd(JOURNAL, {"operation": "open"})
    assert run("copy_edges", "on", "on", *edges) == 1
    assert noted(store) == [("remove", "request", "1", "2"), ("add", "request", "1", "7"), ("add", "follow", "1", "7")]
