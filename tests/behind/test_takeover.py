"""To begin with the graph that Redis holds."""

from __future__ import annotations

import pytest

from sequere.backends.database.models import Follow
from sequere.backends.redis.closing import close
from sequere.backends.redis.drain import drain
from sequere.backends.redis.rebuild import rebuild
from sequere.backends.redis.status import get_status
from sequere.backends.redis.takeover import TakenOver, take_over
from sequere.exceptions import WriteBehindRefused
from tests.support.behind import ADA, BOB, FLIGHT, answers, fill, in_step, memory_of, restore

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


def test_nothing_is_taken_over_beside_changes_of_the_database(cold):
    cold.follow(ADA, BOB, timestamp=5.0)
    cold.graph.follow(ADA, BOB, timestamp=5.0)
    with pytest.raises(WriteBehindRefused, match="1 changes were made in the database"):
        take_over(cold.graph)
