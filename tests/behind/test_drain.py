"""From the journal into the database."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from django.db import IntegrityError, connections, transaction
from sequere.backends.redis.behind.takeover import take_over

from sequere.backends import get_backend
from sequere.backends.database.models import Edge
from sequere.backends.redis.behind.drain import Drained, drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.status import get_status
from sequere.backends.redis.behind.verify import verify
from sequere.backends.redis.models import Journal, OutboxEntry, SetAside
from sequere.exceptions import ColdStore, DatabaseBehind
from sequere.relations import RELATIONS, Relation
from sequere.resources import Resource
from tests.support.behind import ADA, BOB, FLIGHT, JOURNAL, edges, follows, in_step, memory_of, restore
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def test_the_database_comes_to_hold_what_redis_says(behind):
    Ask(behind).follow(ADA, FLIGHT, timestamp=1382676091.612067)
    Ask(behind).follow_many(BOB, [ADA, FLIGHT], timestamp=7.5)
    Ask(behind).unfollow(BOB, FLIGHT)
    assert follows() == {}
    assert drain(behind.unguarded).entries == 4
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


def test_many_entries_take_few_queries_and_leave_only_the_anchor(behind, database, django_assert_max_num_queries):
    for start in range(0, 1200, 200):
        others = [Resource("project", str(number)) for number in range(start, start + 200)]
        Ask(behind).follow_many(ADA, others, timestamp=9.0)
    with django_assert_max_num_queries(45, using=database):
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


def test_relations_of_the_same_ends_do_not_mix(behind, monkeypatch):
    monkeypatch.setitem(RELATIONS, "envy", Relation("envy", "envied", "enviers"))
    client = behind.unguarded.client

    def note(operation, relation, one, other, timestamp="5.000000"):
        names = ("from_identifier", "from_object_id", "to_identifier", "to_object_id")
        ends = dict(zip(names, (*one, *other), strict=True))
        client.xadd(JOURNAL, {"operation": operation, "relation": relation, **ends, "timestamp": timestamp})

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
    from sequere.backends.redis.behind import drain as module

    def refuse_one(alias, states):
        if any(edge.to_resource.object_id == "13" for edge in states):
            raise IntegrityError("thirteen")
        set_edges(alias, states)

    set_edges = module.set_edges
    monkeypatch.setattr(module, "set_edges", refuse_one)
    Ask(behind).follow_many(ADA, [Resource("project", str(number)) for number in range(40)], timestamp=5.0)
    drained = drain(behind.unguarded)
    assert (drained.entries, drained.set_aside) == (40, 1)
    assert len(follows()) == 39
    assert SetAside.objects.get().content["to_object_id"] == "13"


def test_a_drain_that_dies_before_its_commit_did_nothing(behind, database):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    connection = connections[database]

    def die(execute, sql, params, many, context):
        if "sequere_journal" in sql and "position" in sql and sql.startswith("UPDATE"):
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


def test_a_server_from_an_older_state_is_declared_cold_and_loses_nothing_new(behind):
    client = behind.unguarded.client
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    older = memory_of(client)
    Ask(behind).follow(ADA, FLIGHT, timestamp=6.0)
    drain(behind.unguarded)
    restore(client, older)
    Ask(behind).unfollow(ADA, BOB)  # acknowledged by the server that has forgotten the last follow
    assert Ask(behind).is_following(ADA, FLIGHT) is False
    with pytest.raises(ColdStore, match="rebuild"):
        drain(behind.unguarded)
    assert Ask(behind).is_following(ADA, FLIGHT) is True
    assert Ask(behind).is_following(ADA, BOB) is False
    assert follows() == {(ADA, FLIGHT): 6.0}


def test_an_anchor_that_says_something_else_is_none(behind):
    client = behind.unguarded.client
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    ((anchor, entry),) = client.xrange(JOURNAL)
    client.delete(JOURNAL)
    client.xadd(JOURNAL, {**entry, b"to_object_id": "3"}, id=anchor)
    with pytest.raises(ColdStore):
        drain(behind.unguarded)
    assert not client.exists(JOURNAL)


def test_a_crash_after_putting_away_the_journal_loses_nothing(behind):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    Ask(behind).follow(ADA, FLIGHT, timestamp=6.0)
    behind.unguarded.run("close_journal")  # and whoever did so died
    assert Ask(behind).unfollow(ADA, FLIGHT) is True
    assert follows() == {(ADA, BOB): 5.0}
    assert OutboxEntry.objects.count() == 1


def test_a_journal_that_this_database_never_read_is_left_alone(cold):
    cold.unguarded.client.xadd(JOURNAL, {"operation": "open"})
    Ask(cold).follow(ADA, BOB, timestamp=5.0)
    with pytest.raises(DatabaseBehind, match="--from redis"):
        drain(cold.unguarded)
    assert cold.unguarded.client.xlen(JOURNAL) == 2
    assert Ask(cold).is_following(ADA, BOB) is True


def test_a_client_that_decodes_drains_what_is_no_text(behind, settings):
    settings.SEQUERE_REDIS_CONNECTION = {**settings.SEQUERE_REDIS_CONNECTION, "decode_responses": True}
    decoding = get_backend()
    decoding.unguarded.client.xadd(JOURNAL, {"operation": "follow", "from_identifier": b"\xff"})
    assert drain(decoding.unguarded).set_aside == 1


def test_a_redis_that_was_cold_and_comes_back_with_what_it_had_is_older(behind):
    """A restart on the wrong disk, say, and one on the right one."""
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    Ask(behind).follow(BOB, ADA, timestamp=6.0)  # acknowledged, not drained yet
    Ask(behind).follow(BOB, FLIGHT, timestamp=6.0)
    memory = memory_of(behind.unguarded.client)
    behind.unguarded.client.flushall()
    assert Ask(behind).unfollow(ADA, BOB) is True
    assert Ask(behind).follow(ADA, FLIGHT, timestamp=7.0) is True
    assert Ask(behind).follow(BOB, FLIGHT, timestamp=8.0) is True
    restore(behind.unguarded.client, memory)
    assert get_status(behind.unguarded).state == "rewound"
    with pytest.raises(ColdStore):
        drain(behind.unguarded)
    # What Redis had acknowledged is there, but for the edge that the database has changed since.
    expected = {(ADA, FLIGHT): 7.0, (BOB, ADA): 6.0, (BOB, FLIGHT): 8.0}
    assert follows() == expected
    rebuild(behind.unguarded)
    assert follows() == expected
    assert in_step(behind)


def test_a_journal_that_was_put_away_and_comes_back_is_older(behind):
    """The server forgot an entry, and then that its journal was put away."""
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    older = memory_of(behind.unguarded.client)
    Ask(behind).follow(ADA, FLIGHT, timestamp=6.0)
    drain(behind.unguarded)
    restore(behind.unguarded.client, older)
    Ask(behind).follow(BOB, FLIGHT, timestamp=7.0)
    memory = memory_of(behind.unguarded.client)
    with pytest.raises(ColdStore):
        drain(behind.unguarded)
    restore(behind.unguarded.client, memory)
    assert not Ask(behind).is_following(ADA, FLIGHT)
    with pytest.raises(ColdStore):
        drain(behind.unguarded)
    assert follows() == {(ADA, BOB): 5.0, (ADA, FLIGHT): 6.0, (BOB, FLIGHT): 7.0}
    rebuild(behind.unguarded)
    assert in_step(behind)


def test_a_database_that_came_back_from_a_backup_leaves_redis_alone(behind):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    backup = Journal.objects.get()
    Ask(behind).follow(ADA, FLIGHT, timestamp=6.0)
    drain(behind.unguarded)
    Ask(behind).follow(BOB, FLIGHT, timestamp=7.0)
    drain(behind.unguarded)
    Edge.objects.exclude(to_object_id=BOB.object_id).delete()
    backup.save()
    assert get_status(behind.unguarded).state == "behind"
    for call in (drain, lambda graph: list(verify(graph)), rebuild):
        with pytest.raises(DatabaseBehind):
            call(behind.unguarded)
    assert Ask(behind).is_following(ADA, FLIGHT) is True
    Ask(behind).unfollow(ADA, BOB)
    assert take_over(behind.unguarded).added == 2
    assert follows() == {(ADA, FLIGHT): 6.0, (BOB, FLIGHT): 7.0}
    assert in_step(behind)


def test_a_database_from_a_backup_replaces_redis_only_if_told_so(behind):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    backup = Journal.objects.get()
    for one in (FLIGHT, Resource("project", "8")):
        Ask(behind).follow(ADA, one, timestamp=6.0)
        drain(behind.unguarded)
    Edge.objects.exclude(to_object_id=BOB.object_id).delete()
    backup.save()
    Ask(behind).unfollow(ADA, BOB)  # which the backup is to undo
    rebuild(behind.unguarded, by_hand=True, discard=True)
    assert follows() == {(ADA, BOB): 5.0}
    assert Ask(behind).is_following(ADA, FLIGHT) is False
    assert in_step(behind)


@pytest.mark.parametrize("nested", [False, True])
def test_a_cold_write_applies_a_long_journal_first(behind, database, nested):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    for start in range(0, 2400, 200):
        others = [Resource("project", str(number)) for number in range(start, start + 200)]
        Ask(behind).follow_many(ADA, others, timestamp=9.0)
    behind.unguarded.run("close_journal")  # and whoever did so died
    with transaction.atomic(using=database) if nested else nullcontext():
        assert Ask(behind).unfollow(ADA, Resource("project", "2399")) is True
    assert len(follows()) == 2400
    rebuild(behind.unguarded)
    assert in_step(behind)
