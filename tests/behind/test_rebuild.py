"""From the database back into a Redis that has lost its memory."""

from __future__ import annotations

import itertools

import pytest

from sequere.backends.database.models import Edge
from sequere.backends.operations import Forget
from sequere.backends.redis.behind import rebuild as module
from sequere.backends.redis.behind.closing import close
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.verify import verify
from sequere.backends.redis.models import OutboxEntry, State
from sequere.exceptions import ColdStore, WriteBehindRefused
from sequere.timestamps import to_datetime
from tests.support.behind import (
    ADA,
    BOB,
    CROWD,
    FLIGHT,
    JOURNAL,
    MARK,
    Crash,
    answers,
    fill,
    in_step,
    memory_of,
    restore,
)
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch):
    """So that few follows make many steps, and nobody waits for a rebuild that died."""
    monkeypatch.setattr(module, "COPY_STEP", 5)
    monkeypatch.setattr(module, "READ_STEP", 10)
    monkeypatch.setattr(module, "PATIENCE", 0.0)


def test_a_lost_memory_comes_back(behind):
    fill(behind)
    drain(behind.unguarded)
    expected = answers(behind)
    behind.unguarded.client.flushall()
    assert answers(behind) == expected
    assert rebuild(behind.unguarded).copied == 62
    assert answers(behind.unguarded) == expected
    assert in_step(behind)


def test_what_is_written_while_redis_is_cold_is_there_afterwards(behind):
    fill(behind)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()
    assert Ask(behind).unfollow(ADA, BOB) is True
    assert Ask(behind).unfollow(ADA, BOB) is False
    assert Ask(behind).follow(ADA, FLIGHT, timestamp=7.0) is True
    assert Ask(behind).follow_many(ADA, [FLIGHT, CROWD[0]], timestamp=8.0) == [False, True]
    assert Ask(behind).forget(CROWD[5]) == 5
    # A row for each edge of each call, changed or not, and one for the forget; an unfollow also ends a request.
    assert OutboxEntry.objects.count() == 2 + 2 + 1 + 2 + 5 + 1
    rebuild(behind.unguarded)
    assert OutboxEntry.objects.count() == 0
    assert Ask(behind).is_following(ADA, BOB) is False
    assert Ask(behind).is_following(ADA, FLIGHT) is True
    assert in_step(behind)


def test_a_resource_is_forgotten_in_steps_while_redis_comes_and_goes(behind):
    fill(behind)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()
    assert behind.perform(Forget(FLIGHT, limit=5)) == (5, False)
    assert OutboxEntry.objects.count() == 5  # not done: no row for the forget
    rebuild(behind.unguarded)
    assert behind.perform(Forget(FLIGHT, limit=5)) == (5, False)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()
    assert behind.perform(Forget(FLIGHT)) == (10, True)
    assert behind.perform(Forget(FLIGHT)) == (0, True)
    rebuild(behind.unguarded)
    assert Ask(behind).count(FLIGHT, "followers") == 0
    assert in_step(behind)


def test_a_fresh_project_answers_at_once_and_gets_its_redis(cold):
    assert Ask(cold).follow(ADA, BOB, timestamp=5.0) is True
    assert Ask(cold).is_following(ADA, BOB) is True
    rebuild(cold.unguarded)
    assert Ask(cold.unguarded).is_following(ADA, BOB) is True
    assert in_step(cold)


def test_memory_that_is_lost_in_the_middle_begins_the_rebuild_anew(behind, monkeypatch):
    fill(behind)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()
    copied = []

    def forget_once(number):
        copied.append(number)
        if len(copied) == 3:
            behind.unguarded.client.flushall()

    with pytest.raises(WriteBehindRefused, match="lost its data again"):
        rebuild(behind.unguarded, on_step=forget_once)
    rebuild(behind.unguarded)
    assert in_step(behind)


def test_an_older_memory_that_comes_back_while_it_is_cleared_begins_the_rebuild_anew(behind, monkeypatch):
    """With keys that were cleared, behind the place where the search for keys is."""
    monkeypatch.setattr(module, "CLEAR_STEP", 1)
    fill(behind)
    drain(behind.unguarded)
    client, run, memory = behind.unguarded.client, behind.unguarded.run, {}
    client.delete(JOURNAL)
    Ask(behind).unfollow(ADA, BOB)

    def come_back_late(name, *arguments):
        reply = run(name, *arguments)
        if name == "begin_rebuild" and not memory:
            memory.update(memory_of(client))
        if name == "clear_graph" and arguments[-1] == "sequere:global:uid" and memory.pop(b"sequere:global:uid", None):
            restore(client, memory)
        return reply

    with monkeypatch.context() as patch:
        patch.setattr(behind.unguarded, "run", come_back_late)
        with pytest.raises(WriteBehindRefused, match="lost its data again"):
            rebuild(behind.unguarded)
    rebuild(behind.unguarded)
    assert in_step(behind)


def test_one_that_clears_is_under_way(behind, monkeypatch):
    monkeypatch.setattr(module, "CLEAR_STEP", 1)
    fill(behind)
    drain(behind.unguarded)
    behind.unguarded.client.delete(JOURNAL)
    run, tried = behind.unguarded.run, []

    def begin_another(name, *arguments):
        reply = run(name, *arguments)
        if name == "clear_graph" and not tried:
            tried.append(name)
            monkeypatch.setattr(module.time, "sleep", lambda seconds: go_on(reply))
            with pytest.raises(WriteBehindRefused, match="under way"):
                rebuild(behind.unguarded)
        return reply

    def go_on(reply):
        """The first one clears its next keys."""
        mark = behind.unguarded.client.get(MARK).decode()
        moved = " ".join([*mark.split(" ")[:2], "next", *mark.split(" ")[3:]])
        assert run("clear_graph", mark, moved, "sequere:uid:none:1") == 1

    with monkeypatch.context() as patch:
        patch.setattr(behind.unguarded, "run", begin_another)
        with pytest.raises(WriteBehindRefused):  # this test has moved the mark in its place
            rebuild(behind.unguarded)
    assert tried
    rebuild(behind.unguarded)
    assert in_step(behind)


def test_a_rebuild_that_wakes_up_late_does_no_harm(behind):
    fill(behind)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()

    def overtake(number):
        if number == 10:
            rebuild(behind.unguarded)
            Ask(behind).unfollow(CROWD[3], FLIGHT)

    with pytest.raises(WriteBehindRefused, match="Another rebuild continued"):
        rebuild(behind.unguarded, on_step=overtake)
    assert Ask(behind).is_following(CROWD[3], FLIGHT) is False
    assert in_step(behind)


def test_one_that_is_under_way_is_left_alone(behind, monkeypatch):
    fill(behind)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()
    mark = f"{State.objects.get().epoch} copy - {State.objects.get().epoch}"
    monkeypatch.setattr(
        module.time, "sleep", lambda seconds: behind.unguarded.run("copy_edges", mark, mark.replace("-", "0abc", 2))
    )
    behind.unguarded.client.set(MARK, mark)
    with pytest.raises(WriteBehindRefused, match="under way"):
        rebuild(behind.unguarded)


def test_edges_that_change_while_they_are_copied(behind):
    fill(behind)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()

    def change(number):
        one = CROWD[number % len(CROWD)]
        Ask(behind).unfollow(one, FLIGHT)
        Ask(behind).unfollow(BOB, ADA)
        Ask(behind).follow(BOB, ADA, timestamp=400.0 + number)
        Ask(behind).follow(ADA, one, timestamp=float(number))
        Ask(behind).follow(one, ADA, timestamp=1.0)

    rebuild(behind.unguarded, on_step=change)
    assert in_step(behind)


def test_a_walk_goes_on_when_redis_goes_cold_and_comes_back(behind):
    fill(behind)
    drain(behind.unguarded)
    for desc in (True, False):
        seen, cursor = [], ""
        for number in itertools.count():
            page = Ask(behind).page(FLIGHT, "followers", desc=desc, limit=4, cursor=cursor)
            seen += [entry.object_id for entry in page.entries]
            cursor = page.cursor
            if not cursor:
                break
            if number % 2 == 0:
                behind.unguarded.client.flushall()
            else:
                rebuild(behind.unguarded)
        assert set(seen) == {one.object_id for one in CROWD}
        assert seen == sorted(seen, key=int, reverse=not desc) or seen == sorted(seen, key=int, reverse=desc)
        try:
            rebuild(behind.unguarded)
        except WriteBehindRefused as refusal:
            assert "nothing to rebuild" in str(refusal)  # noqa: PT017


def test_if_told_so_a_strange_graph_is_replaced_and_other_keys_stay(cold):
    client = cold.unguarded.client
    client.set("sequere:other:uid:user:1", "7")
    client.set("precious", "1")
    Ask(cold).follow(ADA, BOB, timestamp=5.0)
    fill(cold.unguarded)
    with pytest.raises(WriteBehindRefused, match="--from database"):
        rebuild(cold.unguarded, by_hand=True)
    rebuild(cold.unguarded, replace=True)
    assert in_step(cold)
    assert client.mget("sequere:other:uid:user:1", "precious") == [b"7", b"1"]


def test_a_graph_that_lost_its_journal_alone_is_filled_anew(behind):
    """A server that evicts keys, say. What was not drained is lost with the journal."""
    fill(behind)
    drain(behind.unguarded)
    expected = answers(behind)
    Ask(behind).follow(BOB, FLIGHT, timestamp=5.0)
    behind.unguarded.client.delete(JOURNAL)
    with pytest.raises(ColdStore, match="global:mark exists"):
        Ask(behind.unguarded).follow(ADA, FLIGHT, timestamp=5.0)
    rebuild(behind.unguarded)
    assert answers(behind) == expected
    assert in_step(behind)


def test_a_client_without_the_guard_cannot_write_into_a_rebuild(behind):
    fill(behind)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()
    refused = []

    def write(number):
        for call in (
            lambda: Ask(behind.unguarded).follow(ADA, FLIGHT, timestamp=5.0),
            lambda: Ask(behind.unguarded).unfollow(ADA, BOB),
            lambda: Ask(behind.unguarded).follow_many(ADA, [FLIGHT], timestamp=5.0),
            lambda: Ask(behind.unguarded).forget(ADA),
        ):
            with pytest.raises(ColdStore, match="global:mark exists"):
                call()
            refused.append(number)

    rebuild(behind.unguarded, on_step=write)
    assert refused
    assert in_step(behind)


def test_a_rebuild_of_another_server_is_not_gone_on_with(behind):
    """The one that comes back in the middle is older, and what is drained from it is in no outbox."""
    fill(behind)
    drain(behind.unguarded)
    whole = memory_of(behind.unguarded.client)
    behind.unguarded.client.flushall()

    def die(number):
        if number == 30:
            raise Crash

    with pytest.raises(Crash):
        rebuild(behind.unguarded, on_step=die)
    half = memory_of(behind.unguarded.client)
    restore(behind.unguarded.client, whole)
    Ask(behind).forget(FLIGHT)
    with pytest.raises(ColdStore, match="older"):
        drain(behind.unguarded)
    restore(behind.unguarded.client, half)
    rebuild(behind.unguarded)
    assert Ask(behind).count(FLIGHT, "followers") == 0
    assert in_step(behind)


def test_a_row_that_no_script_takes_is_left_out(behind, caplog):
    fill(behind)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()
    for relation, *names in [
        ("follow", "user", "1", "user", "1"),
        ("follow", "us er", "1", "user", "2"),
        ("follow", "user", "é" * 200, "user", "2"),
        ("envy", "user", "1", "user", "2"),
    ]:
        row = dict(zip(("from_identifier", "from_object_id", "to_identifier", "to_object_id"), names, strict=True))
        Edge.objects.create(relation=relation, **row, timestamp=to_datetime(5.0))
    rebuilt = rebuild(behind.unguarded)
    assert (rebuilt.copied, rebuilt.left_out) == (66, 4)
    assert "us er 1 -> user 2 (follow): from.identifier must be" in caplog.text
    assert "user 1 -> user 2 (envy): relation must be" in caplog.text
    differences = list(verify(behind.unguarded))
    assert len(differences) == 4
    assert list(verify(behind.unguarded, repair="database")) == differences  # which cannot mend that
    assert all(difference.mended for difference in verify(behind.unguarded, repair="redis"))
    assert in_step(behind)


def test_closing_overtakes_a_rebuild(behind):
    fill(behind)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()

    def close_meanwhile(number):
        if number == 10:
            close(behind.unguarded)

    with pytest.raises(WriteBehindRefused, match="Another rebuild continued"):
        rebuild(behind.unguarded, on_step=close_meanwhile)
    assert not behind.unguarded.client.exists(JOURNAL)
    assert State.objects.get().phase == "closed"


def test_nothing_to_rebuild(behind):
    with pytest.raises(WriteBehindRefused, match="nothing to rebuild"):
        rebuild(behind.unguarded, by_hand=True)
