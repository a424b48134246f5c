"""From the database back into a Redis that has lost its memory."""

from __future__ import annotations

import itertools

import pytest
from django.db import connections

from sequere.backends.database.models import Follow
from sequere.backends.redis import rebuild as module
from sequere.backends.redis.behind.closing import close
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.models import Journal, OutboxEntry
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.verify import verify
from sequere.exceptions import ColdStore, WriteBehindRefused
from sequere.timestamps import to_datetime
from tests.support.behind import (
    ADA,
    BOB,
    CROWD,
    FLIGHT,
    JOURNAL,
    Crash,
    answers,
    crash_at,
    fill,
    in_step,
    memory_of,
    restore,
)

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """So that few follows make many steps, and nobody waits for a rebuild that died."""
    monkeypatch.setattr(module, "COPY_STEP", 5)
    monkeypatch.setattr(module, "READ_STEP", 10)
    monkeypatch.setattr(module, "PATIENCE", 0.0)


def rebuild_and_lose_the_commit(behind, database):
    """It made the journal in Redis, and died."""

    def die(execute, sql, params, many, context):
        if sql.startswith("DELETE") and "sequere_outbox" in sql:
            raise Crash
        return execute(sql, params, many, context)

    with connections[database].execute_wrapper(die), pytest.raises(Crash):
        rebuild(behind.graph)


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
        except WriteBehindRefused as refusal:
            assert "nothing to rebuild" in str(refusal)  # noqa: PT017
        assert answers(behind.graph) == expected
        assert in_step(behind)
    assert crashes > 20


def test_a_commit_that_is_lost_after_the_journal_was_made_is_made_up_for(behind, database):
    fill(behind)
    drain(behind.graph)
    behind.graph.client.flushall()
    behind.unfollow(ADA, BOB)
    rebuild_and_lose_the_commit(behind, database)
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

    with pytest.raises(WriteBehindRefused, match="lost its memory again"):
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

    with pytest.raises(WriteBehindRefused, match="Another rebuild went on"):
        rebuild(behind.graph, on_step=overtake)
    assert behind.is_following(CROWD[3], FLIGHT) is False
    assert in_step(behind)


def test_one_that_is_under_way_is_left_alone(behind, monkeypatch):
    fill(behind)
    drain(behind.graph)
    behind.graph.client.flushall()
    monkeypatch.setattr(module.time, "sleep", lambda seconds: behind.graph.run("move_rebuild", "working", "on"))
    behind.graph.run("move_rebuild", "", "working")
    with pytest.raises(WriteBehindRefused, match="under way"):
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
        except WriteBehindRefused as refusal:
            assert "nothing to rebuild" in str(refusal)  # noqa: PT017


def test_if_told_so_a_strange_graph_is_replaced_and_other_keys_stay(cold):
    client = cold.graph.client
    client.set("sequere:other:uid:user:1", "7")
    client.set("precious", "1")
    cold.follow(ADA, BOB, timestamp=5.0)
    fill(cold.graph)
    with pytest.raises(WriteBehindRefused, match="--from database"):
        rebuild(cold.graph, by_hand=True)
    rebuild(cold.graph, discard=True)
    assert in_step(cold)
    assert client.mget("sequere:other:uid:user:1", "precious") == [b"7", b"1"]


def test_a_graph_that_may_be_younger_than_the_database_is_not_removed(behind):
    """Somebody removed the journal, or used RedisBackend for a while."""
    fill(behind)
    drain(behind.graph)
    behind.graph.client.delete(JOURNAL)
    behind.graph.follow(ADA, FLIGHT, timestamp=5.0)
    with pytest.raises(WriteBehindRefused, match="may be younger than the database"):
        rebuild(behind.graph, by_hand=True)
    assert behind.graph.is_following(ADA, FLIGHT)
    rebuild(behind.graph, discard=True)
    assert not behind.is_following(ADA, FLIGHT)
    assert in_step(behind)


def test_a_journal_that_comes_back_after_the_database_went_on_is_not_the_last_word(behind, database):
    """A rebuild made it and died before its commit; then Redis was lost once more."""
    fill(behind)
    drain(behind.graph)
    behind.graph.client.flushall()
    rebuild_and_lose_the_commit(behind, database)
    behind.follow(BOB, FLIGHT, timestamp=5.0)
    memory = memory_of(behind.graph.client)
    behind.graph.client.flushall()
    behind.unfollow(ADA, BOB)
    restore(behind.graph.client, memory)
    with pytest.raises(ColdStore):
        drain(behind.graph)
    assert behind.is_following(ADA, BOB) is False
    assert behind.is_following(BOB, FLIGHT) is True
    rebuild(behind.graph)
    assert behind.is_following(ADA, BOB) is False
    assert behind.is_following(BOB, FLIGHT) is True
    assert in_step(behind)


def test_what_was_undone_after_a_lost_commit_stays_undone(behind, database):
    """The outbox still tells of the follow, which the journal begins with."""
    fill(behind)
    drain(behind.graph)
    behind.graph.client.flushall()
    behind.follow(ADA, FLIGHT, timestamp=5.0)
    rebuild_and_lose_the_commit(behind, database)
    assert behind.unfollow(ADA, FLIGHT) is True
    memory = memory_of(behind.graph.client)
    behind.graph.client.flushall()
    behind.unfollow(ADA, BOB)
    restore(behind.graph.client, memory)
    with pytest.raises(ColdStore):
        drain(behind.graph)
    rebuild(behind.graph)
    assert behind.is_following(ADA, FLIGHT) is False
    assert behind.is_following(ADA, BOB) is False
    assert in_step(behind)


def test_a_rebuild_of_another_server_is_not_gone_on_with(behind):
    """The one that comes back in the middle has all, and what is drained from it is in no outbox."""
    fill(behind)
    drain(behind.graph)
    whole = memory_of(behind.graph.client)
    behind.graph.client.flushall()

    def come_back(number):
        if number == 30:
            raise Crash

    with pytest.raises(Crash):
        rebuild(behind.graph, on_step=come_back)
    half = memory_of(behind.graph.client)
    restore(behind.graph.client, whole)
    behind.forget(FLIGHT)
    drain(behind.graph)
    restore(behind.graph.client, half)
    rebuild(behind.graph)
    assert behind.count(FLIGHT, "followers") == 0
    assert in_step(behind)


def test_a_row_that_no_script_takes_is_left_out(behind, caplog):
    fill(behind)
    drain(behind.graph)
    behind.graph.client.flushall()
    for names, at in [
        (("user", "1", "user", "1"), 5.0),
        (("us er", "1", "user", "2"), 5.0),
        (("user", "é" * 200, "user", "2"), 5.0),
    ]:
        row = dict(zip(("from_identifier", "from_object_id", "to_identifier", "to_object_id"), names, strict=True))
        Follow.objects.create(**row, created_at=to_datetime(at))
    rebuilt = rebuild(behind.graph)
    assert (rebuilt.copied, rebuilt.left_out) == (65, 3)
    assert "us er 1 -> user 2: from.identifier must be" in caplog.text
    differences = list(verify(behind.graph))
    assert len(differences) == 3
    assert list(verify(behind.graph, repair="database")) == differences  # which cannot mend that
    assert all(difference.mended for difference in verify(behind.graph, repair="redis"))
    assert in_step(behind)


def test_closing_overtakes_a_rebuild(behind):
    fill(behind)
    drain(behind.graph)
    behind.graph.client.flushall()

    def close_meanwhile(number):
        if number == 10:
            close(behind.graph)

    with pytest.raises(WriteBehindRefused, match="Another rebuild went on"):
        rebuild(behind.graph, on_step=close_meanwhile)
    assert not behind.graph.client.exists(JOURNAL)
    assert Journal.objects.get().closed


def test_nothing_to_rebuild(behind):
    with pytest.raises(WriteBehindRefused, match="nothing to rebuild"):
        rebuild(behind.graph, by_hand=True)
