"""Leaving."""

from __future__ import annotations

import pytest
from django.db import connections

from sequere.backends.redis import closing as module
from sequere.backends.redis.behind.closing import close, release
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.models import Journal
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.status import get_status
from sequere.backends.redis.behind.takeover import take_over
from sequere.exceptions import ColdStore, DatabaseBehind, WriteBehindRefused
from sequere.resources import Resource
from tests.support.behind import ADA, BOB, FLIGHT, JOURNAL, fill, follows, in_step, memory_of, restore

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def test_what_an_operator_closed_only_an_operator_opens(behind):
    fill(behind)
    close(behind.graph)
    with pytest.raises(ColdStore):
        drain(behind.graph)
    with pytest.raises(WriteBehindRefused, match="closed"):
        rebuild(behind.graph)
    rebuild(behind.graph, by_hand=True)
    assert not Journal.objects.get().closed
    assert in_step(behind)


def test_close_leaves_the_database_with_everything(behind):
    behind.follow(ADA, BOB, timestamp=5.0)
    assert close(behind.graph).entries == 1
    assert follows() == {(ADA, BOB): 5.0}
    assert Journal.objects.get().closed
    assert behind.follow(ADA, FLIGHT, timestamp=6.0) is True
    assert behind.is_following(ADA, FLIGHT) is True
    assert close(behind.graph).entries == 0


def test_a_journal_that_the_database_never_read_is_not_closed(cold):
    cold.graph.client.xadd(JOURNAL, {"operation": "open"})
    with pytest.raises(DatabaseBehind):
        close(cold.graph)
    assert cold.graph.client.exists(JOURNAL)


def test_a_closed_journal_that_comes_back_is_of_an_older_state(behind):
    behind.follow(ADA, BOB, timestamp=5.0)
    memory = memory_of(behind.graph.client)
    close(behind.graph)
    restore(behind.graph.client, memory)
    assert get_status(behind.graph).state == "rewound"
    with pytest.raises(ColdStore):
        drain(behind.graph)
    assert get_status(behind.graph).state == "closed"


def test_who_leaves_for_redis_finds_it_untouched_when_he_comes_back(behind):
    behind.follow(ADA, BOB, timestamp=5.0)
    assert release(behind.graph).entries == 1
    assert follows() == {(ADA, BOB): 5.0}
    assert behind.graph.client.keys("sequere:global:journal*") == []
    behind.graph.follow(ADA, FLIGHT, timestamp=6.0)
    with pytest.raises(WriteBehindRefused, match="never saw"):
        rebuild(behind.graph, by_hand=True)
    take_over(behind.graph)
    assert follows() == {(ADA, BOB): 5.0, (ADA, FLIGHT): 6.0}
    assert in_step(behind)


@pytest.mark.parametrize("step", ["close_journal", "drain_journal"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_release_that_dies_goes_on(behind, monkeypatch, step, after):
    behind.follow(ADA, BOB, timestamp=5.0)
    run = behind.graph.run

    def die(name, *arguments):
        if name == step:
            if after:
                run(name, *arguments)
            raise ZeroDivisionError
        return run(name, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(behind.graph, "run", die)
        with pytest.raises(ZeroDivisionError):
            release(behind.graph)
    behind.graph.follow(ADA, FLIGHT, timestamp=6.0)
    release(behind.graph)
    assert behind.graph.client.keys("sequere:global:journal*") == []
    with pytest.raises(WriteBehindRefused):
        rebuild(behind.graph, by_hand=True)
    assert behind.graph.is_following(ADA, FLIGHT) is True


def test_a_release_that_is_rolled_back_loses_nothing(behind, database, monkeypatch):
    drained = module.drain

    def write_meanwhile(graph):
        reply = drained(graph)
        for start in range(0, 2400, 200):
            behind.follow_many(ADA, [Resource("user", str(start + one)) for one in range(5, 205)], timestamp=5.0)
        return reply

    def die(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and "sequere_journal" in sql and params[0] == "":  # the position
            raise ZeroDivisionError
        return execute(sql, params, many, context)

    monkeypatch.setattr(module, "drain", write_meanwhile)
    with connections[database].execute_wrapper(die), pytest.raises(ZeroDivisionError):
        release(behind.graph)
    assert follows() == {}
    monkeypatch.undo()
    assert release(behind.graph).entries == 2400
    assert len(follows()) == 2400


def test_closing_a_first_rebuild_leaves_a_way_back(cold):
    cold.database.follow(ADA, BOB, timestamp=5.0)
    cold.database.follow(ADA, FLIGHT, timestamp=5.0)

    def close_meanwhile(number):
        close(cold.graph)

    with pytest.raises(WriteBehindRefused, match="Another rebuild went on"):
        rebuild(cold.graph, on_step=close_meanwhile)
    rebuild(cold.graph, by_hand=True)
    assert in_step(cold)


def test_a_cold_redis_is_not_left_alone_with_the_graph(behind):
    behind.graph.client.flushall()
    with pytest.raises(WriteBehindRefused, match="Redis is cold"):
        release(behind.graph)
