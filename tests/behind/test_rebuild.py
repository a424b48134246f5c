"""From the database back into a Redis that has lost its memory."""

from __future__ import annotations

import itertools

import pytest
from django.db import connections

from sequere.backends.database.models import Follow
from sequere.backends.redis import rebuild as module
from sequere.backends.redis.drain import close, drain
from sequere.backends.redis.models import Journal, OutboxEntry
from sequere.backends.redis.rebuild import RebuildRefused, rebuild, take_over
from sequere.backends.redis.verify import verify
from sequere.exceptions import ColdStore
from sequere.resources import Resource
from tests.support.behind import in_step

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

ADA, BOB, FLIGHT = Resource("user", "1"), Resource("user", "2"), Resource("project", "é:7")
CROWD = [Resource("user", str(number)) for number in range(10, 30)]


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """So that few follows make many steps, and nobody waits for a rebuild that died."""
    monkeypatch.setattr(module, "COPY_STEP", 5)
    monkeypatch.setattr(module, "READ_STEP", 10)
    monkeypatch.setattr(module, "PATIENCE", 0.0)


def fill(backend):
    """Some follows, among them friends, in the order of time and against it."""
    backend.follow(ADA, BOB, timestamp=9.0)
    backend.follow(BOB, ADA, timestamp=5.0)
    for number, one in enumerate(CROWD):
        backend.follow(one, FLIGHT, timestamp=100.5 - number)
        backend.follow(one, CROWD[number - 1], timestamp=50.0 + number)
        backend.follow(CROWD[number - 1], one, timestamp=50.0)


def answers(backend):
    """What a client sees of them all."""
    everybody = [ADA, BOB, FLIGHT, *CROWD]
    return [
        (
            backend.are_following(one, everybody),
            *(backend.count(one, relation) for relation in ("followers", "followings", "friends")),
            sorted(backend.page(one, "friends").entries),
        )
        for one in everybody
    ]


def test_a_lost_memory_comes_back(behind):
    fill(behind)
    drain(behind.graph)
    expected = answers(behind)
    behind.graph.client.flushall()
    assert answers(behind) == expected
    assert rebuild(behind.graph).copied == 62
    assert answers(behind.graph) == expected
    assert in_step(behind)


def test_what_is_written_while_redis_is_cold_is_there_afterwards(behind):
    fill(behind)
    drain(behind.graph)
    behind.graph.client.flushall()
    assert behind.unfollow(ADA, BOB) is True
    assert behind.unfollow(ADA, BOB) is False
    assert behind.follow(ADA, FLIGHT, timestamp=7.0) is True
    assert behind.follow_many(ADA, [FLIGHT, CROWD[0]], timestamp=8.0) == [False, True]
    assert behind.forget(CROWD[5]) == 5
    assert OutboxEntry.objects.count() == 8
    rebuild(behind.graph)
    assert OutboxEntry.objects.count() == 0
    assert behind.is_following(ADA, BOB) is False
    assert behind.is_following(ADA, FLIGHT) is True
    assert in_step(behind)


def test_a_fresh_project_answers_at_once_and_gets_its_redis(cold):
    assert cold.follow(ADA, BOB, timestamp=5.0) is True
    assert cold.is_following(ADA, BOB) is True
    rebuild(cold.graph)
    assert cold.graph.is_following(ADA, BOB) is True
    assert in_step(cold)


class Crash(BaseException):
    """What stops a process where it is."""


def crash_at(monkeypatch, graph, number, *, after):
    """Let the call of that number to Redis be the last one; ``after``: it still reached the server."""
    calls = itertools.count()
    run = graph.run

    def dying(name, *arguments):
        if next(calls) != number:
            return run(name, *arguments)
        if after:
            run(name, *arguments)
        raise Crash

    monkeypatch.setattr(graph, "run", dying)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_line_leaves_redis_cold_or_ready(behind, monkeypatch, after):
    fill(behind)
    drain(behind.graph)
    client = behind.graph.client
    crashes = 0
    for number in itertools.count():
        client.flushall()
        # The edges that follow change while the rebuild is dead, and before it began.
        behind.unfollow(CROWD[1], CROWD[0])
        with monkeypatch.context() as patch:
            crash_at(patch, behind.graph, number, after=after)
            try:
                rebuild(behind.graph)
            except Crash:
                crashes += 1
            else:
                break
        behind.follow(CROWD[1], CROWD[0], timestamp=200.0 + number)
        behind.unfollow(ADA, BOB)
        behind.follow(ADA, BOB, timestamp=300.0 + number)
        expected = answers(behind)
        try:
            rebuild(behind.graph)
        except RebuildRefused as refusal:
            assert "nothing to rebuild" in str(refusal)  # noqa: PT017
        assert answers(behind.graph) == expected
        assert in_step(behind)
    assert crashes > 20


def test_a_commit_that_is_lost_after_the_journal_was_made_is_made_up_for(behind, database):
    fill(behind)
    drain(behind.graph)
    behind.graph.client.flushall()
    behind.unfollow(ADA, BOB)

    def die(execute, sql, params, many, context):
        if sql.startswith("DELETE") and "sequere_outbox" in sql:
            raise Crash
        return execute(sql, params, many, context)

    with connections[database].execute_wrapper(die), pytest.raises(Crash):
        rebuild(behind.graph)
    assert behind.graph.client.exists("sequere:global:journal")
    assert OutboxEntry.objects.count() == 1
    behind.follow(BOB, FLIGHT, timestamp=5.0)
    drain(behind.graph)
    assert OutboxEntry.objects.count() == 0
    assert behind.is_following(ADA, BOB) is False
    assert in_step(behind)


def test_memory_that_is_lost_in_the_middle_begins_the_rebuild_anew(behind, monkeypatch):
    fill(behind)
    drain(behind.graph)
    behind.graph.client.flushall()
    copied = []

    def forget_once(number):
        copied.append(number)
        if len(copied) == 3:
            behind.graph.client.flushall()

    with pytest.raises(RebuildRefused, match="lost its memory again"):
        rebuild(behind.graph, on_step=forget_once)
    rebuild(behind.graph)
    assert in_step(behind)


def test_a_rebuild_that_wakes_up_late_does_no_harm(behind):
    fill(behind)
    drain(behind.graph)
    behind.graph.client.flushall()

    def overtake(number):
        if number == 10:
            rebuild(behind.graph)
            behind.unfollow(CROWD[3], FLIGHT)

    with pytest.raises(RebuildRefused, match="Another rebuild went on"):
        rebuild(behind.graph, on_step=overtake)
    assert behind.is_following(CROWD[3], FLIGHT) is False
    assert in_step(behind)


def test_one_that_is_under_way_is_left_alone(behind, monkeypatch):
    fill(behind)
    drain(behind.graph)
    behind.graph.client.flushall()
    monkeypatch.setattr(module.time, "sleep", lambda seconds: behind.graph.run("move_rebuild", "working", "on"))
    behind.graph.run("move_rebuild", "", "working")
    with pytest.raises(RebuildRefused, match="under way"):
        rebuild(behind.graph)


def test_edges_that_change_while_they_are_copied(behind):
    fill(behind)
    drain(behind.graph)
    behind.graph.client.flushall()

    def change(number):
        one = CROWD[number % len(CROWD)]
        behind.unfollow(one, FLIGHT)
        behind.unfollow(BOB, ADA)
        behind.follow(BOB, ADA, timestamp=400.0 + number)
        behind.follow(ADA, one, timestamp=float(number))
        behind.follow(one, ADA, timestamp=1.0)

    rebuild(behind.graph, on_step=change)
    assert in_step(behind)


def test_a_walk_goes_on_when_redis_goes_cold_and_comes_back(behind):
    fill(behind)
    drain(behind.graph)
    for desc in (True, False):
        seen, cursor = [], ""
        for number in itertools.count():
            page = behind.page(FLIGHT, "followers", desc=desc, limit=4, cursor=cursor)
            seen += [entry.object_id for entry in page.entries]
            cursor = page.cursor
            if not cursor:
                break
            if number % 2 == 0:
                behind.graph.client.flushall()
            else:
                rebuild(behind.graph)
        assert set(seen) == {one.object_id for one in CROWD}
        assert seen == sorted(seen, key=int, reverse=not desc) or seen == sorted(seen, key=int, reverse=desc)
        try:
            rebuild(behind.graph)
        except RebuildRefused as refusal:
            assert "nothing to rebuild" in str(refusal)  # noqa: PT017


def test_a_graph_that_the_database_never_saw_is_not_removed(cold):
    fill(cold.graph)
    expected = answers(cold.graph)
    with pytest.raises(RebuildRefused, match="--from redis"):
        rebuild(cold.graph)
    assert answers(cold.graph) == expected
    take_over(cold.graph)
    assert answers(cold) == expected
    cold.follow(ADA, FLIGHT, timestamp=1.0)
    assert len(list(verify(cold.graph, repair="redis"))) == 62
    assert in_step(cold)


def test_a_redis_without_a_graph_is_not_taken_over(cold):
    cold.database.follow(ADA, BOB, timestamp=5.0)
    with pytest.raises(RebuildRefused, match="Redis holds no graph"):
        take_over(cold.graph)


def test_a_part_of_a_graph_is_not_taken_over(behind, monkeypatch):
    """Somebody without the guard wrote into a Redis that had lost its memory; or a rebuild has begun."""
    fill(behind)
    drain(behind.graph)
    behind.graph.client.flushall()
    behind.graph.follow(ADA, BOB, timestamp=5.0)
    with pytest.raises(RebuildRefused, match="lost the graph that was in step"):
        take_over(behind.graph)
    behind.graph.run("move_rebuild", "", "begun")
    with pytest.raises(RebuildRefused, match="a rebuild has begun"):
        take_over(behind.graph)
    assert Follow.objects.count() == 62
    behind.graph.client.delete("sequere:global:rebuild")
    close(behind.graph)
    take_over(behind.graph)


def test_nothing_is_taken_over_beside_changes_of_the_database(cold):
    cold.follow(ADA, BOB, timestamp=5.0)
    cold.graph.follow(ADA, BOB, timestamp=5.0)
    with pytest.raises(RebuildRefused, match="1 changes were made in the database"):
        take_over(cold.graph)


def test_if_told_so_a_strange_graph_is_replaced_and_other_keys_stay(cold):
    client = cold.graph.client
    client.set("sequere:other:uid:user:1", "7")
    client.set("precious", "1")
    cold.follow(ADA, BOB, timestamp=5.0)
    fill(cold.graph)
    with pytest.raises(RebuildRefused, match="--from database"):
        rebuild(cold.graph, by_hand=True)
    rebuild(cold.graph, discard=True)
    assert in_step(cold)
    assert client.mget("sequere:other:uid:user:1", "precious") == [b"7", b"1"]


def test_what_an_operator_closed_only_an_operator_opens(behind):
    fill(behind)
    close(behind.graph)
    with pytest.raises(ColdStore):
        drain(behind.graph)
    with pytest.raises(RebuildRefused, match="closed"):
        rebuild(behind.graph)
    rebuild(behind.graph, by_hand=True)
    assert not Journal.objects.get().closed
    assert in_step(behind)


def test_nothing_to_rebuild(behind):
    with pytest.raises(RebuildRefused, match="nothing to rebuild"):
        rebuild(behind.graph, by_hand=True)
