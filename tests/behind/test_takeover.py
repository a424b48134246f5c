"""To begin with the graph that Redis holds."""

from __future__ import annotations

import itertools

import pytest

from sequere.backends.database.models import Follow
from sequere.backends.redis.behind.closing import close
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.models import Journal, OutboxEntry
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.status import get_status
from sequere.backends.redis.behind.takeover import TakenOver, take_over
from sequere.exceptions import ColdStore, WriteBehindRefused
from tests.support.behind import ADA, BOB, FLIGHT, Crash, answers, crash_at, fill, follows, in_step, memory_of, restore

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def test_a_graph_that_the_database_never_saw_is_not_removed(cold):
    fill(cold.graph)
    expected = answers(cold.graph)
    with pytest.raises(WriteBehindRefused, match="--from redis"):
        rebuild(cold.graph)
    assert answers(cold.graph) == expected
    assert take_over(cold.graph) == TakenOver(added=62)
    assert answers(cold) == expected
    cold.follow(ADA, FLIGHT, timestamp=1.0)
    assert in_step(cold)
    with pytest.raises(WriteBehindRefused, match="nothing to take over"):
        take_over(cold.graph)


def test_one_that_stopped_goes_on_and_nothing_is_rebuilt_before_it_ended(cold, monkeypatch):
    fill(cold.graph)
    expected = answers(cold.graph)

    def die(number):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        take_over(cold.graph, on_step=die)
    assert "rebuild --from redis" in get_status(cold.graph).problems[0]
    memory = memory_of(cold.graph.client)
    cold.graph.run("close_journal")  # the server came back without its journal, say
    with pytest.raises(WriteBehindRefused, match="was begun and did not end"):
        rebuild(cold.graph, by_hand=True)
    assert answers(cold.graph) == expected
    restore(cold.graph.client, memory)
    take_over(cold.graph)
    assert get_status(cold.graph).problems == ()
    assert answers(cold) == expected
    assert in_step(cold)


def test_a_redis_without_a_graph_is_not_taken_over(cold):
    cold.database.follow(ADA, BOB, timestamp=5.0)
    with pytest.raises(WriteBehindRefused, match="Redis holds no graph"):
        take_over(cold.graph)


def test_a_part_of_a_graph_is_not_taken_over(behind, monkeypatch):
    """Somebody without the guard wrote into a Redis that had lost its memory; or a rebuild has begun."""
    fill(behind)
    drain(behind.graph)
    behind.graph.client.flushall()
    behind.graph.follow(ADA, BOB, timestamp=5.0)
    with pytest.raises(WriteBehindRefused, match="lost the graph that was in step"):
        take_over(behind.graph)
    behind.graph.run("move_rebuild", "", "begun")
    with pytest.raises(WriteBehindRefused, match="a rebuild has begun"):
        take_over(behind.graph)
    assert Follow.objects.count() == 62
    behind.graph.client.delete("sequere:global:rebuild")
    close(behind.graph)
    take_over(behind.graph)


def test_what_the_database_got_first_is_brought_into_redis(cold):
    """One process had the new settings before the others."""
    fill(cold.graph)
    cold.unfollow(ADA, BOB)  # which the database did not know
    cold.follow(ADA, FLIGHT, timestamp=5.0)
    cold.follow(BOB, FLIGHT, timestamp=5.0)
    cold.unfollow(BOB, FLIGHT)
    take_over(cold.graph)
    assert cold.is_following(ADA, BOB) is True
    assert cold.is_following(ADA, FLIGHT) is True
    assert cold.is_following(BOB, FLIGHT) is False
    assert OutboxEntry.objects.count() == 0
    assert in_step(cold)


@pytest.mark.parametrize("left", [False, True])
def test_a_crash_at_any_line_loses_nothing(cold, monkeypatch, left):
    """Also where the server was closed, and used without the database, before."""
    cold.graph.follow(ADA, BOB, timestamp=1.0)
    cold.graph.follow(BOB, ADA, timestamp=2.0)
    if left:
        take_over(cold.graph)
        close(cold.graph)
    cold.graph.follow(BOB, FLIGHT, timestamp=3.0)
    expected = {(ADA, BOB): 1.0, (BOB, ADA): 2.0, (BOB, FLIGHT): 3.0}
    memory = memory_of(cold.graph.client)
    for number in itertools.count():
        with monkeypatch.context() as patch:
            crash_at(patch, cold.graph, number, after=True)
            try:
                take_over(cold.graph)
            except Crash:
                pass
            else:
                break
        take_over(cold.graph)
        assert follows() == expected
        status = get_status(cold.graph)
        assert (status.state, status.problems) == ("ready", ())
        assert in_step(cold)
        for model in (Follow, Journal, OutboxEntry):
            model.objects.all().delete()
        restore(cold.graph.client, memory)
    assert number > 5


def test_a_memory_that_is_lost_meanwhile_is_noticed(cold):
    fill(cold.graph)
    memory = memory_of(cold.graph.client)

    def forget(edges):
        if edges == 1:
            cold.graph.client.flushall()

    with pytest.raises(ColdStore):
        take_over(cold.graph, on_step=forget)
    assert "did not end" in get_status(cold.graph).problems[0]
    restore(cold.graph.client, memory)
    take_over(cold.graph)
    assert Follow.objects.count() == 62
    assert in_step(cold)


def test_tasks_rebuild_again_once_a_closed_one_is_taken_over(behind):
    fill(behind)
    close(behind.graph)
    take_over(behind.graph)
    assert not Journal.objects.get().closed
    behind.graph.client.flushall()
    rebuild(behind.graph)
    assert in_step(behind)
