"""Leaving. What happens in which phase is in ``test_phases``, what dies where in ``test_crashes``."""

from __future__ import annotations

import pytest
from django.db import connections

from sequere.backends.redis.behind import closing as module
from sequere.backends.redis.behind.closing import close, release
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.status import get_status
from sequere.backends.redis.models import State
from sequere.exceptions import WriteBehindRefused
from sequere.resources import Resource
from tests.support.behind import ADA, BOB, FLIGHT, follows, in_step, memory_of, phase, restore
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def test_close_leaves_the_database_with_everything(behind):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    assert close(behind.unguarded).entries == 1
    assert follows() == {(ADA, BOB): 5.0}
    assert Ask(behind).follow(ADA, FLIGHT, timestamp=6.0) is True
    assert Ask(behind).is_following(ADA, FLIGHT) is True
    assert close(behind.unguarded).entries == 0


def test_a_deleted_journal_that_comes_back_is_of_an_older_state(behind):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    memory = memory_of(behind.unguarded.client)
    close(behind.unguarded)
    restore(behind.unguarded.client, memory)
    assert get_status(behind.unguarded).state == "rewound"
    close(behind.unguarded)
    assert get_status(behind.unguarded).state == "closed"
    assert follows() == {(ADA, BOB): 5.0}


def test_a_fresh_project_can_be_closed_and_goes_on_in_the_database(cold):
    Ask(cold).follow(ADA, BOB, timestamp=5.0)
    close(cold.unguarded)
    assert State.objects.get().epoch  # without one it would be released, and refuse writes
    assert Ask(cold).follow(ADA, FLIGHT, timestamp=6.0) is True
    rebuild(cold.unguarded, by_hand=True)
    assert in_step(cold)


@pytest.mark.parametrize("leave", [close, release])
def test_what_comes_between_the_drain_and_the_end_is_drained_too(behind, monkeypatch, leave):
    drained, late = module.drain, iter([BOB, FLIGHT, Resource("user", "9")])

    def write_afterwards(graph):
        reply = drained(graph)
        if one := next(late, None):
            Ask(behind).follow(ADA, one, timestamp=5.0)
        return reply

    monkeypatch.setattr(module, "drain", write_afterwards)
    assert leave(behind.unguarded).entries == 3
    assert len(follows()) == 3
    assert phase() == "closed"


@pytest.mark.parametrize("leave", [close, release])
def test_a_server_that_is_never_idle_is_not_waited_for_for_ever(behind, monkeypatch, leave):
    drained = module.drain

    def write_afterwards(graph):
        reply = drained(graph)
        Ask(behind).follow(ADA, BOB, timestamp=5.0)
        return reply

    monkeypatch.setattr(module, "drain", write_afterwards)
    monkeypatch.setattr(module, "ATTEMPTS", 3)
    with pytest.raises(WriteBehindRefused, match="accepted writes after each of 3 drains"):
        leave(behind.unguarded)
    assert phase() == "ready"


def test_a_release_that_is_rolled_back_loses_nothing(behind, database):
    for start in range(0, 2400, 200):
        Ask(behind).follow_many(ADA, [Resource("user", str(start + one)) for one in range(5, 205)], timestamp=5.0)

    def die(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and "sequere_state" in sql and params and params[0] == "ready":
            raise ZeroDivisionError
        return execute(sql, params, many, context)

    with connections[database].execute_wrapper(die), pytest.raises(ZeroDivisionError):
        release(behind.unguarded)
    assert follows() == {}
    assert release(behind.unguarded).entries == 2400
    assert len(follows()) == 2400


def test_closing_a_first_rebuild_leaves_a_way_back(cold):
    Ask(cold.database).follow_many(ADA, [BOB, FLIGHT], timestamp=5.0)

    def close_meanwhile(number):
        close(cold.unguarded)

    with pytest.raises(WriteBehindRefused, match="Another rebuild continued or write-behind was closed meanwhile"):
        rebuild(cold.unguarded, on_step=close_meanwhile)
    rebuild(cold.unguarded, by_hand=True)
    drain(cold.unguarded)
    assert in_step(cold)
