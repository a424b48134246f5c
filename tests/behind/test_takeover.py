"""To begin with the graph that Redis holds."""

from __future__ import annotations

import itertools

import pytest

from sequere.backends.database.models import Edge
from sequere.backends.redis.behind.closing import close
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.status import get_status
from sequere.backends.redis.behind.takeover import TakenOver, take_over
from sequere.backends.redis.models import Journal, OutboxEntry
from sequere.exceptions import ColdStore, WriteBehindRefused
from tests.support.behind import ADA, BOB, FLIGHT, Crash, answers, crash_at, fill, follows, in_step, memory_of, restore
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def test_a_graph_that_the_database_never_saw_is_not_removed(cold):
    fill(cold.unguarded)
    expected = answers(cold.unguarded)
    with pytest.raises(WriteBehindRefused, match="--from redis"):
        rebuild(cold.unguarded)
    assert answers(cold.unguarded) == expected
    assert take_over(cold.unguarded) == TakenOver(added=62)
    assert answers(cold) == expected
    Ask(cold).follow(ADA, FLIGHT, timestamp=1.0)
    assert in_step(cold)
    with pytest.raises(WriteBehindRefused, match="nothing to take over"):
        take_over(cold.unguarded)


def test_one_that_stopped_goes_on_and_nothing_is_rebuilt_before_it_ended(cold, monkeypatch):
    fill(cold.unguarded)
    expected = answers(cold.unguarded)

    def die(number):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        take_over(cold.unguarded, on_step=die)
    assert "rebuild --from redis" in get_status(cold.unguarded).problems[0]
    memory = memory_of(cold.unguarded.client)
    cold.unguarded.run("close_journal")  # the server came back without its journal, say
    with pytest.raises(WriteBehindRefused, match="was begun and did not end"):
        rebuild(cold.unguarded, by_hand=True)
    assert answers(cold.unguarded) == expected
    restore(cold.unguarded.client, memory)
    take_over(cold.unguarded)
    assert get_status(cold.unguarded).problems == ()
    assert answers(cold) == expected
    assert in_step(cold)


def test_a_redis_without_a_graph_is_not_taken_over(cold):
    Ask(cold.database).follow(ADA, BOB, timestamp=5.0)
    with pytest.raises(WriteBehindRefused, match="Redis holds no graph"):
        take_over(cold.unguarded)


def test_a_part_of_a_graph_is_not_taken_over(behind, monkeypatch):
    """Somebody without the guard wrote into a Redis that had lost its memory; or a rebuild has begun."""
    fill(behind)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()
    Ask(behind.unguarded).follow(ADA, BOB, timestamp=5.0)
    with pytest.raises(WriteBehindRefused, match="lost the graph that was in step"):
        take_over(behind.unguarded)
    behind.unguarded.run("move_rebuild", "", "begun")
    with pytest.raises(WriteBehindRefused, match="a rebuild has begun"):
        take_over(behind.unguarded)
    assert Edge.objects.count() == 62
    behind.unguarded.client.delete("sequere:global:rebuild")
    close(behind.unguarded)
    take_over(behind.unguarded)


def test_what_the_database_got_first_is_brought_into_redis(cold):
    """One process had the new settings before the others."""
    fill(cold.unguarded)
    Ask(cold).unfollow(ADA, BOB)  # which the database did not know
    Ask(cold).follow(ADA, FLIGHT, timestamp=5.0)
    Ask(cold).follow(BOB, FLIGHT, timestamp=5.0)
    Ask(cold).unfollow(BOB, FLIGHT)
    take_over(cold.unguarded)
    assert Ask(cold).is_following(ADA, BOB) is True
    assert Ask(cold).is_following(ADA, FLIGHT) is True
    assert Ask(cold).is_following(BOB, FLIGHT) is False
    assert OutboxEntry.objects.count() == 0
    assert in_step(cold)


@pytest.mark.parametrize("left", [False, True])
def test_a_crash_at_any_line_loses_nothing(cold, monkeypatch, left):
    """Also where the server was closed, and used without the database, before."""
    Ask(cold.unguarded).follow(ADA, BOB, timestamp=1.0)
    Ask(cold.unguarded).follow(BOB, ADA, timestamp=2.0)
    if left:
        take_over(cold.unguarded)
        close(cold.unguarded)
    Ask(cold.unguarded).follow(BOB, FLIGHT, timestamp=3.0)
    expected = {(ADA, BOB): 1.0, (BOB, ADA): 2.0, (BOB, FLIGHT): 3.0}
    memory = memory_of(cold.unguarded.client)
    for number in itertools.count():
        with monkeypatch.context() as patch:
            crash_at(patch, cold.unguarded, number, after=True)
            try:
                take_over(cold.unguarded)
            except Crash:
                pass
            else:
                break
        take_over(cold.unguarded)
        assert follows() == expected
        status = get_status(cold.unguarded)
        assert (status.state, status.problems) == ("ready", ())
        assert in_step(cold)
        for model in (Edge, Journal, OutboxEntry):
            model.objects.all().delete()
        restore(cold.unguarded.client, memory)
    assert number > 5


def test_a_memory_that_is_lost_meanwhile_is_noticed(cold):
    fill(cold.unguarded)
    memory = memory_of(cold.unguarded.client)

    def forget(edges):
        if edges == 1:
            cold.unguarded.client.flushall()

    with pytest.raises(ColdStore):
        take_over(cold.unguarded, on_step=forget)
    assert "did not end" in get_status(cold.unguarded).problems[0]
    restore(cold.unguarded.client, memory)
    take_over(cold.unguarded)
    assert Edge.objects.count() == 62
    assert in_step(cold)


def test_tasks_rebuild_again_once_a_closed_one_is_taken_over(behind):
    fill(behind)
    close(behind.unguarded)
    take_over(behind.unguarded)
    assert not Journal.objects.get().closed
    behind.unguarded.client.flushall()
    rebuild(behind.unguarded)
    assert in_step(behind)
