"""From the journal into the database."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connections, transaction

from sequere.backends import get_backend
from sequere.backends.redis.behind.drain import Drained, drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.tables import TABLES
from sequere.backends.redis.behind.verify import verify
from sequere.backends.redis.models import SetAside
from sequere.exceptions import ColdStore
from sequere.relations import RELATIONS, Relation
from sequere.resources import Resource
from tests.conftest import use_fallback
from tests.support.behind import ADA, BOB, FLIGHT, JOURNAL, edges, follows, in_step, memory_of, restore
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def test_the_database_comes_to_hold_what_redis_says(behind):
    Ask(behind).follow(ADA, FLIGHT, timestamp=1382676091.612067)
    Ask(behind).follow_many(BOB, [ADA, FLIGHT], timestamp=7.5)
    Ask(behind).unfollow(BOB, FLIGHT)
    assert follows() == {}
    assert drain(behind.unguarded).entries == 5  # an unfollow has two: the follow and a request are gone
    assert follows() == {(ADA, FLIGHT): 1382676091.612067, (BOB, ADA): 7.5}
    Ask(behind).forget(ADA)
    drain(behind.unguarded)
    assert follows() == {}
    assert list(verify(behind.unguarded)) == []


def test_the_last_word_on_an_edge_counts(behind):
    for timestamp in (5.0, 6.0, 7.0):
        Ask(behind).follow(ADA, BOB, timestamp=timestamp)
        Ask(behind).unfollow(ADA, BOB)
    Ask(behind).follow(ADA, BOB, timestamp=8.0)
    drain(behind.unguarded)
    assert follows() == {(ADA, BOB): 8.0}


def test_a_follow_anew_has_its_new_time(behind):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    Ask(behind).unfollow(ADA, BOB)
    Ask(behind).follow(ADA, BOB, timestamp=6.0)
    drain(behind.unguarded)
    assert follows() == {(ADA, BOB): 6.0}


def test_many_entries_take_few_queries_and_leave_only_the_last_one(behind, database, django_assert_max_num_queries):
    for start in range(0, 1200, 200):
        others = [Resource("project", str(number)) for number in range(start, start + 200)]
        Ask(behind).follow_many(ADA, others, timestamp=9.0)
    with django_assert_max_num_queries(55, using=database):
        assert drain(behind.unguarded).entries == 1200
    assert len(follows()) == 1200
    with behind.unguarded.client as client:
        assert client.xlen(JOURNAL) == 1


def test_what_the_table_cannot_hold_is_set_aside_and_the_rest_goes_on(behind):
    client = behind.unguarded.client
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    client.xadd(JOURNAL, {"operation": "add", "relation": "follow", "from_identifier": "user"})
    client.xadd(JOURNAL, {"nonsense": b"\xff"})
    ends = {"from_identifier": "user", "from_object_id": "1", "to_identifier": "user", "to_object_id": "9"}
    names = {"relation": "follow", **ends}
    client.xadd(JOURNAL, {"operation": "add", **names, "timestamp": "soon"})
    client.xadd(JOURNAL, {"operation": "like", **names, "timestamp": "5"})
    client.xadd(JOURNAL, {"operation": "add", **names, "relation": "envy", "timestamp": "5"})
    client.xadd(JOURNAL, {"operation": "add", **names, "to_object_id": b"\xff9", "timestamp": "5"})
    client.xadd(JOURNAL, {"operation": "add", **names, "to_object_id": "9\0", "timestamp": "5"})
    Ask(behind).follow(ADA, FLIGHT, timestamp=6.0)
    drained = drain(behind.unguarded)
    assert (drained.entries, drained.set_aside) == (9, 7)
    assert follows() == {(ADA, BOB): 5.0, (ADA, FLIGHT): 6.0}
    reasons = list(SetAside.objects.order_by("pk").values_list("reason", flat=True))
    assert [reason.split(";")[0].split(" must")[0] for reason in reasons] == [
        "from.object_id", "relation", "timestamp", "operation", "relation", "operation", "to.object_id",
    ]  # fmt: skip
    contents = list(SetAside.objects.order_by("pk").values_list("content", flat=True))
    assert [content["to_object_id"] for content in contents[-2:]] == ["\\2559", "9\\0"]
    assert contents[4]["relation"] == "envy"
    assert drain(behind.unguarded).entries == 0


def plant(monkeypatch, name, relation):
    """One more relation, whose edges are in the same table."""
    monkeypatch.setitem(RELATIONS, name, relation)
    monkeypatch.setitem(TABLES, name, TABLES["follow"])


def note_change(client, operation, relation, one, other, timestamp="5.000000"):
    names = ("from_identifier", "from_object_id", "to_identifier", "to_object_id")
    ends = dict(zip(names, (*one, *other), strict=True))
    client.xadd(JOURNAL, {"operation": operation, "relation": relation, **ends, "timestamp": timestamp})


def test_relations_of_the_same_ends_do_not_mix(behind, monkeypatch):
    plant(monkeypatch, "envy", Relation("envy", "envied", "enviers"))

    def note(*change):
        note_change(behind.unguarded.client, *change)

    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    Ask(behind).follow(BOB, ADA, timestamp=5.0)
    note("add", "envy", ADA, BOB, "6")
    note("add", "envy", ADA, BOB, "7")
    note("remove", "envy", BOB, ADA)
    assert drain(behind.unguarded) == Drained(entries=5)
    assert edges() == {("follow", ADA, BOB): 5.0, ("follow", BOB, ADA): 5.0, ("envy", ADA, BOB): 7.0}
    note("remove", "follow", ADA, BOB)
    drain(behind.unguarded)
    assert edges() == {("follow", BOB, ADA): 5.0, ("envy", ADA, BOB): 7.0}


def test_an_identifier_that_is_not_registered_is_kept(behind):
    robot = Resource("robot", "r2")
    Ask(behind).follow(robot, ADA, timestamp=5.0)
    assert drain(behind.unguarded).set_aside == 0
    assert follows() == {(robot, ADA): 5.0}


def test_what_the_database_refuses_is_found_among_many(behind, database, monkeypatch):
    from sequere.backends.redis.behind import tables as module

    def refuse_one(alias, states):
        if any(edge.to_resource.object_id == "13" and since is not None for edge, since in states.items()):
            raise IntegrityError("thirteen")
        set_edges(alias, states)

    set_edges = module.set_edges
    monkeypatch.setattr(module, "set_edges", refuse_one)
    Ask(behind).follow_many(ADA, [Resource("project", str(number)) for number in range(40)], timestamp=5.0)
    drained = drain(behind.unguarded)
    assert (drained.entries, drained.set_aside) == (40, 1)
    assert len(follows()) == 39
    assert SetAside.objects.get().content["to_object_id"] == "13"


def test_a_character_that_the_database_does_not_know_is_set_aside_and_the_rest_goes_on(
    narrow_database, settings, servers
):
    backend = use_fallback("valkey-9.1", settings, servers)
    smile = Resource("user", "\N{GRINNING FACE}")
    Ask(backend).follow(ADA, smile, timestamp=4.0)
    Ask(backend).follow(ADA, BOB, timestamp=5.0)
    Ask(backend).forget(smile)
    note_change(backend.unguarded.client, "add", "follow", ADA, Resource("user", f"{smile.object_id}\0"))
    Ask(backend).follow(FLIGHT, BOB, timestamp=6.0)
    drained = drain(backend.unguarded)
    assert follows() == {(ADA, BOB): 5.0, (FLIGHT, BOB): 6.0}
    aside = {one.content["operation"]: one for one in SetAside.objects.all()}
    assert drained.set_aside == len(aside) == 2
    assert aside["forget"].content["from_object_id"] == "\\U0001f600"
    assert "utf8mb4" in aside["forget"].reason
    assert [message.id for message in backend.check_server()].count("sequere.W009") == 1


def test_a_drain_that_dies_before_its_commit_did_nothing(behind, database):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    connection = connections[database]

    def die(execute, sql, params, many, context):
        if "sequere_state" in sql and "position" in sql and sql.startswith("UPDATE"):
            raise ZeroDivisionError
        return execute(sql, params, many, context)

    with connection.execute_wrapper(die), pytest.raises(ZeroDivisionError):
        drain(behind.unguarded)
    assert follows() == {}
    assert drain(behind.unguarded).entries == 1
    assert follows() == {(ADA, BOB): 5.0}


def test_a_drain_in_somebodys_transaction_is_refused(behind, database):
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic(using=database):
        drain(behind.unguarded)


def test_an_entry_of_the_same_id_that_says_something_else_is_another(behind):
    client = behind.unguarded.client
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    ((position, entry),) = client.xrange(JOURNAL)
    client.delete(JOURNAL)
    client.xadd(JOURNAL, {**entry, b"to_object_id": "3"}, id=position)
    with pytest.raises(ColdStore):
        drain(behind.unguarded)
    assert not client.exists(JOURNAL)


def test_a_client_that_decodes_drains_what_is_no_text(behind, settings):
    settings.SEQUERE_REDIS_CONNECTION = {**settings.SEQUERE_REDIS_CONNECTION, "decode_responses": True}
    decoding = get_backend()
    decoding.unguarded.client.xadd(JOURNAL, {"operation": "follow", "from_identifier": b"\xff"})
    assert drain(decoding.unguarded).set_aside == 1


def test_an_edge_removes_those_that_exclude_it_in_both_directions(behind, monkeypatch):
    """The server that added it may have forgotten what it had to remove."""
    plant(monkeypatch, "block", Relation("block", "blocked", "blocked_by", excludes="follow"))
    plant(monkeypatch, "follow", RELATIONS["follow"]._replace(excludes="block"))
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    Ask(behind).follow(BOB, ADA, timestamp=5.0)
    Ask(behind).follow(ADA, FLIGHT, timestamp=5.0)
    drain(behind.unguarded)
    note_change(behind.unguarded.client, "add", "block", BOB, ADA, "6")
    drain(behind.unguarded)
    assert edges() == {("follow", ADA, FLIGHT): 5.0, ("block", BOB, ADA): 6.0}
    for operation, relation in [("add", "block"), ("add", "follow"), ("add", "block"), ("remove", "block")]:
        note_change(behind.unguarded.client, operation, relation, ADA, FLIGHT, "7")
    note_change(behind.unguarded.client, "add", "follow", ADA, BOB, "8")  # the later entry counts
    drain(behind.unguarded)
    assert edges() == {("follow", ADA, BOB): 8.0}


def test_a_forget_takes_what_the_server_did_not_know_of(behind):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    older = memory_of(behind.unguarded.client)
    Ask(behind).follow(ADA, FLIGHT, timestamp=6.0)
    Ask(behind).follow(BOB, FLIGHT, timestamp=6.0)
    Ask(behind).follow(FLIGHT, BOB, timestamp=6.0)
    drain(behind.unguarded)
    restore(behind.unguarded.client, older)
    Ask(behind).follow(FLIGHT, ADA, timestamp=7.0)
    assert Ask(behind).forget(BOB) == 1
    Ask(behind).follow(BOB, ADA, timestamp=8.0)
    with pytest.raises(ColdStore):
        drain(behind.unguarded)
    expected = {(ADA, FLIGHT): 6.0, (FLIGHT, ADA): 7.0, (BOB, ADA): 8.0}
    assert follows() == expected
    rebuild(behind.unguarded)
    assert follows() == expected
    assert in_step(behind)


def test_a_long_journal_of_an_older_server_is_read_in_steps_before_it_is_deleted(behind):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    older = memory_of(behind.unguarded.client)
    Ask(behind).follow(ADA, FLIGHT, timestamp=6.0)
    drain(behind.unguarded)
    restore(behind.unguarded.client, older)
    crowd = [Resource("project", str(number)) for number in range(1000)]
    Ask(behind).follow_many(BOB, crowd, timestamp=7.0)
    with pytest.raises(ColdStore):
        drain(behind.unguarded)
    assert len(follows()) == 1002
    assert not behind.unguarded.client.exists(JOURNAL)


def test_an_older_server_that_goes_on_while_it_is_read_loses_nothing(behind, monkeypatch):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    older = memory_of(behind.unguarded.client)
    Ask(behind).follow(ADA, FLIGHT, timestamp=6.0)
    drain(behind.unguarded)
    restore(behind.unguarded.client, older)
    run, late = behind.unguarded.run, iter([BOB, FLIGHT])

    def write_first(name, *arguments):
        if name == "delete_journal" and (one := next(late, None)):
            Ask(behind).follow(one, ADA, timestamp=8.0)
        return run(name, *arguments)

    monkeypatch.setattr(behind.unguarded, "run", write_first)
    with pytest.raises(ColdStore):
        drain(behind.unguarded)
    assert follows() == {(ADA, BOB): 5.0, (ADA, FLIGHT): 6.0, (BOB, ADA): 8.0, (FLIGHT, ADA): 8.0}
    rebuild(behind.unguarded)
    assert in_step(behind)


def test_memory_that_comes_back_after_a_rebuild_does_not_bring_back_what_was_lost_with_it(behind):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    Ask(behind).follow(ADA, FLIGHT, timestamp=6.0)  # acknowledged, never drained, lost with the memory
    lost = memory_of(behind.unguarded.client)
    behind.unguarded.client.flushall()
    Ask(behind).follow(BOB, FLIGHT, timestamp=7.0)
    rebuild(behind.unguarded)
    Ask(behind).follow(BOB, ADA, timestamp=8.0)
    drain(behind.unguarded)
    restore(behind.unguarded.client, lost)
    Ask(behind).unfollow(ADA, BOB)
    with pytest.raises(ColdStore):
        drain(behind.unguarded)
    expected = {(BOB, FLIGHT): 7.0, (BOB, ADA): 8.0}
    assert follows() == expected
    rebuild(behind.unguarded)
    assert follows() == expected
    assert in_step(behind)


def test_a_drain_ends_though_writes_go_on(behind, monkeypatch):
    from sequere.backends.redis.behind import drain as module

    crowd = [Resource("project", str(number)) for number in range(500)]
    Ask(behind).follow_many(ADA, crowd, timestamp=5.0)
    read = module.read_journal

    def write_on(graph, position, **options):
        journal = read(graph, position, **options)
        Ask(behind).unfollow_many(ADA, crowd)
        return journal

    monkeypatch.setattr(module, "read_journal", write_on)
    assert 500 <= drain(behind.unguarded).entries < 1000
