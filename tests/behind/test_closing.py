"""Leaving."""

from __future__ import annotations

import pytest
from django.db import connections
from sequere.backends.redis.behind.takeover import take_over

from sequere.backends.redis.behind import closing as module
from sequere.backends.redis.behind.closing import close, release
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.status import get_status
from sequere.backends.redis.models import Journal
from sequere.exceptions import ColdStore, DatabaseBehind, WriteBehindRefused
from sequere.resources import Resource
from tests.support.behind import ADA, BOB, FLIGHT, JOURNAL, fill, follows, in_step, memory_of, restore
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def test_what_an_operator_closed_only_an_operator_opens(behind):
    fill(behind)
    close(behind.unguarded)
    with pytest.raises(ColdStore):
        drain(behind.unguarded)
    with pytest.raises(WriteBehindRefused, match="closed"):
        rebuild(behind.unguarded)
    rebuild(behind.unguarded, by_hand=True)
    assert not Journal.objects.get().closed
    assert in_step(behind)


def test_close_leaves_the_database_with_everything(behind):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    assert close(behind.unguarded).entries == 1
    assert follows() == {(ADA, BOB): 5.0}
    assert Journal.objects.get().closed
    assert Ask(behind).follow(ADA, FLIGHT, timestamp=6.0) is True
    assert Ask(behind).is_following(ADA, FLIGHT) is True
    assert close(behind.unguarded).entries == 0


def test_a_journal_that_the_database_never_read_is_not_closed(cold):
    cold.unguarded.client.xadd(JOURNAL, {"operation": "open"})
    with pytest.raises(DatabaseBehind):
        close(cold.unguarded)
    assert cold.unguarded.client.exists(JOURNAL)


def test_a_closed_journal_that_comes_back_is_of_an_older_state(behind):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    memory = memory_of(behind.unguarded.client)
    close(behind.unguarded)
    restore(behind.unguarded.client, memory)
    assert get_status(behind.unguarded).state == "rewound"
    with pytest.raises(ColdStore):
        drain(behind.unguarded)
    assert get_status(behind.unguarded).state == "closed"


def test_who_leaves_for_redis_finds_it_untouched_when_he_comes_back(behind):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    assert release(behind.unguarded).entries == 1
    assert follows() == {(ADA, BOB): 5.0}
    assert behind.unguarded.client.keys("sequere:global:journal*") == []
    Ask(behind.unguarded).follow(ADA, FLIGHT, timestamp=6.0)
    with pytest.raises(WriteBehindRefused, match="never saw"):
        rebuild(behind.unguarded, by_hand=True)
    take_over(behind.unguarded)
    assert follows() == {(ADA, BOB): 5.0, (ADA, FLIGHT): 6.0}
    assert in_step(behind)


@pytest.mark.parametrize("step", ["close_journal", "drain_journal"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_release_that_dies_goes_on(behind, monkeypatch, step, after):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    run = behind.unguarded.run

    def die(name, *arguments):
        if name == step:
            if after:
                run(name, *arguments)
            raise ZeroDivisionError
        return run(name, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(behind.unguarded, "run", die)
        with pytest.raises(ZeroDivisionError):
            release(behind.unguarded)
    Ask(behind.unguarded).follow(ADA, FLIGHT, timestamp=6.0)
    release(behind.unguarded)
    assert behind.unguarded.client.keys("sequere:global:journal*") == []
    with pytest.raises(WriteBehindRefused):
        rebuild(behind.unguarded, by_hand=True)
    assert Ask(behind.unguarded).is_following(ADA, FLIGHT) is True


def test_a_release_that_is_rolled_back_loses_nothing(behind, database, monkeypatch):
    drained = module.drain

    def write_meanwhile(graph):
        reply = drained(graph)
        for start in range(0, 2400, 200):
            Ask(behind).follow_many(ADA, [Resource("user", str(start + one)) for one in range(5, 205)], timestamp=5.0)
        return reply

    def die(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and "sequere_journal" in sql and params[0] == "":  # the position
            raise ZeroDivisionError
        return execute(sql, params, many, context)

    monkeypatch.setattr(module, "drain", write_meanwhile)
    with connections[database].execute_wrapper(die), pytest.raises(ZeroDivisionError):
        release(behind.unguarded)
    assert follows() == {}
    monkeypatch.undo()
    assert release(behind.unguarded).entries == 2400
    assert len(follows()) == 2400


def test_closing_a_first_rebuild_leaves_a_way_back(cold):
    Ask(cold.database).follow_many(ADA, [BOB, FLIGHT], timestamp=5.0)

    def close_meanwhile(number):
        close(cold.unguarded)

    with pytest.raises(WriteBehindRefused, match="Another rebuild went on"):
        rebuild(cold.unguarded, on_step=close_meanwhile)
    rebuild(cold.unguarded, by_hand=True)
    assert in_step(cold)


def test_a_cold_redis_is_not_left_alone_with_the_graph(behind):
    behind.unguarded.client.flushall()
    with pytest.raises(WriteBehindRefused, match="Redis is cold"):
        release(behind.unguarded)
