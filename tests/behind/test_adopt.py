"""To begin with the graph that Redis holds. What happens in which phase is in ``test_phases``."""

from __future__ import annotations

import itertools

import pytest
from django.db import OperationalError

from sequere.backends.database.fields import columns_of
from sequere.backends.database.models import Edge
from sequere.backends.redis.behind import adopt as module
from sequere.backends.redis.behind import rebuild as rebuilding
from sequere.backends.redis.behind.adopt import adopt
from sequere.backends.redis.behind.closing import close
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.status import get_status
from sequere.backends.redis.models import OutboxEntry
from sequere.exceptions import ColdStore, DatabaseBehind, WriteBehindRefused
from sequere.relations import RELATIONS, Relation
from sequere.relations import Edge as GraphEdge
from sequere.resources import Resource
from sequere.timestamps import to_datetime
from tests.support.behind import (
    ADA,
    BOB,
    CROWD,
    FLIGHT,
    Crash,
    answers,
    backup_of_database,
    crash_at,
    fill,
    follows,
    in_step,
    memory_of,
    phase,
    restore,
    restore_database,
)
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    monkeypatch.setattr(rebuilding, "PATIENCE", 0.0)


def test_a_graph_that_the_database_never_saw_is_not_removed(cold):
    fill(cold.unguarded)
    expected = answers(cold.unguarded)
    assert get_status(cold.unguarded).state == "unmarked"
    with pytest.raises(WriteBehindRefused, match="--from redis"):
        rebuild(cold.unguarded)
    assert answers(cold.unguarded) == expected
    assert adopt(cold.unguarded) == 62
    assert answers(cold) == expected
    Ask(cold).follow(ADA, FLIGHT, timestamp=1.0)
    assert in_step(cold)
    with pytest.raises(WriteBehindRefused, match="The database already follows Redis"):
        adopt(cold.unguarded)


def test_one_that_stopped_goes_on_and_nothing_is_rebuilt_before_it_ended(cold):
    fill(cold.unguarded)
    expected = answers(cold.unguarded)

    def die(number):
        raise Crash

    with pytest.raises(Crash):
        adopt(cold.unguarded, on_step=die)
    assert get_status(cold.unguarded).state == "adopting"
    memory = memory_of(cold.unguarded.client)
    cold.unguarded.client.delete("sequere:global:journal")  # the server came back without it
    with pytest.raises(WriteBehindRefused, match="has not ended"):
        rebuild(cold.unguarded, by_hand=True)
    assert answers(cold.unguarded) == expected
    restore(cold.unguarded.client, memory)
    adopt(cold.unguarded)
    assert get_status(cold.unguarded).state == "ready"
    assert answers(cold) == expected
    assert in_step(cold)


def test_a_redis_without_a_graph_is_not_adopted(cold):
    Ask(cold.database).follow(ADA, BOB, timestamp=5.0)
    with pytest.raises(WriteBehindRefused, match="Redis holds no graph"):
        adopt(cold.unguarded)


def test_a_part_of_a_graph_is_not_adopted(behind, monkeypatch):
    """Somebody without the guard wrote into a Redis that had lost its memory; or a rebuild has begun."""
    fill(behind)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()
    with monkeypatch.context() as patch:
        crash_at(patch, behind.unguarded, "copy_edges", 3)
        with pytest.raises(Crash):
            rebuild(behind.unguarded)
    with pytest.raises(WriteBehindRefused, match="part of the graph"):
        adopt(behind.unguarded)
    behind.unguarded.client.flushall()
    Ask(behind.unguarded).follow(ADA, BOB, timestamp=5.0)
    with pytest.raises(WriteBehindRefused, match="lost its data and then accepted writes"):
        adopt(behind.unguarded)
    assert Edge.objects.count() == 62
    close(behind.unguarded)
    adopt(behind.unguarded)
    assert follows() == {(ADA, BOB): 5.0}


def test_what_the_database_got_first_is_brought_into_redis(cold):
    """One process had the new settings before the others."""
    fill(cold.unguarded)
    assert Ask(cold).unfollow(ADA, BOB) is False  # the database did not know of it, and yet it is what was said last
    Ask(cold).follow(ADA, FLIGHT, timestamp=5.0)
    Ask(cold).follow(BOB, FLIGHT, timestamp=5.0)
    Ask(cold).unfollow(BOB, FLIGHT)
    Ask(cold).follow(CROWD[3], ADA, timestamp=5.0)
    assert Ask(cold).forget(CROWD[3]) == 1  # of which the database knew one edge, and Redis more
    Ask(cold).follow(CROWD[3], BOB, timestamp=6.0)
    adopt(cold.unguarded)
    assert Ask(cold).is_following(ADA, BOB) is False
    assert Ask(cold).is_following(ADA, FLIGHT) is True
    assert Ask(cold).is_following(BOB, FLIGHT) is False
    assert [other.object_id for other in Ask(cold).page(CROWD[3], "followings").entries] == ["2"]
    assert Ask(cold).count(CROWD[3], "followers") == 0
    assert OutboxEntry.objects.count() == 0
    assert in_step(cold)


def test_what_the_database_got_first_removes_what_excludes_it(cold, monkeypatch):
    """The scripts know one relation, so this looks at what they would be told."""
    follow = RELATIONS["follow"]._replace(excludes="block")
    monkeypatch.setitem(RELATIONS, "follow", follow)
    monkeypatch.setitem(RELATIONS, "block", Relation("block", "blocked", "blocked_by", excludes="follow"))
    Ask(cold.unguarded).follow(BOB, ADA, timestamp=4.0)
    row = OutboxEntry(position="1-1", **columns_of(GraphEdge("block", ADA, BOB)), timestamp=to_datetime(5.0))
    row.save()
    told = []
    monkeypatch.setattr(module.Copier, "set", lambda copier, states, reached: told.extend(states))
    adopt(cold.unguarded)
    assert told == [
        (GraphEdge("block", ADA, BOB), 5_000_000),
        (GraphEdge("follow", ADA, BOB), None),
        (GraphEdge("follow", BOB, ADA), None),
    ]


def test_what_the_database_answered_while_a_redis_was_away_is_written_into_it(cold, monkeypatch):
    """The adoption had begun, Redis lost its memory, and came back with it."""
    fill(cold.unguarded)
    with monkeypatch.context() as patch:
        crash_at(patch, cold.unguarded, "note_edges")
        with pytest.raises(Crash):
            adopt(cold.unguarded)
    memory = memory_of(cold.unguarded.client)
    cold.unguarded.client.flushall()
    Ask(cold).follow(ADA, FLIGHT, timestamp=7.0)
    Ask(cold).unfollow(BOB, ADA)
    Ask(cold).forget(CROWD[0])
    restore(cold.unguarded.client, memory)
    with pytest.raises(DatabaseBehind, match="not complete"):
        drain(cold.unguarded)
    adopt(cold.unguarded)
    assert phase() == "ready"
    assert follows()[ADA, FLIGHT] == 7.0
    assert (BOB, ADA) not in follows()
    assert not [edge for edge in follows() if CROWD[0] in edge]
    assert in_step(cold)


def test_a_transaction_that_is_repeated_after_it_made_the_journal_undoes_nothing(cold, monkeypatch):
    fill(cold.unguarded)
    Ask(cold).follow(ADA, FLIGHT, timestamp=7.0)
    take, conflicts = module.take_for_position, iter([OperationalError(1213, "Deadlock found")])

    def meet_another(*arguments):
        take(*arguments)
        for conflict in conflicts:
            assert Ask(cold).unfollow(ADA, FLIGHT) is True  # by Redis, which answers already
            raise conflict

    monkeypatch.setattr(module, "take_for_position", meet_another)
    with pytest.raises(WriteBehindRefused, match="Run the command again"):
        adopt(cold.unguarded)
    adopt(cold.unguarded)
    assert (ADA, FLIGHT) not in follows()
    assert Ask(cold).is_following(ADA, FLIGHT) is False
    assert in_step(cold)


def test_a_memory_that_is_lost_meanwhile_is_noticed(cold):
    fill(cold.unguarded)
    memory = memory_of(cold.unguarded.client)

    def forget(edges):
        cold.unguarded.client.flushall()

    with pytest.raises((ColdStore, WriteBehindRefused)):
        adopt(cold.unguarded, on_step=forget)
    assert get_status(cold.unguarded).state == "adopting"
    restore(cold.unguarded.client, memory)
    adopt(cold.unguarded)
    assert Edge.objects.count() == 62
    assert in_step(cold)


@pytest.mark.parametrize("which", [1, 2])
def test_a_server_that_comes_back_without_what_was_noted_is_noticed(cold, monkeypatch, which):
    """It lost the first or the last note alone, and went on: by its journal it is in step."""
    fill(cold.unguarded)
    run, times = cold.unguarded.run, itertools.count(1)

    def lose_it(name, *arguments):
        if name != "note_edges" or next(times) != which:
            return run(name, *arguments)
        memory = memory_of(cold.unguarded.client)
        reply = run(name, *arguments)
        restore(cold.unguarded.client, memory)
        Ask(cold).follow(CROWD[7], ADA, timestamp=5.0)  # with an entry younger than the note
        return reply

    with monkeypatch.context() as patch:
        patch.setattr(cold.unguarded, "run", lose_it)
        with pytest.raises(WriteBehindRefused, match="Run the command again"):
            adopt(cold.unguarded)
    assert phase() == "adopting"
    adopt(cold.unguarded)
    assert phase() == "ready"
    assert in_step(cold)


def test_one_that_began_later_overtakes(cold, monkeypatch):
    fill(cold.unguarded)
    backup = []

    def begin_another(edges):
        if edges and not backup:
            backup.append(edges)
            with monkeypatch.context() as patch:
                crash_at(patch, cold.unguarded, "note_edges")
                with pytest.raises(Crash):
                    adopt(cold.unguarded)

    with pytest.raises(WriteBehindRefused, match="Another rebuild continued"):
        adopt(cold.unguarded, on_step=begin_another)
    assert phase() == "adopting"
    adopt(cold.unguarded)
    assert in_step(cold)


def test_what_was_written_into_a_redis_once_is_not_written_again(cold, monkeypatch):
    """The outbox was brought into it, then the commit was lost, and Redis went on."""
    fill(cold.unguarded)
    with monkeypatch.context() as patch:
        crash_at(patch, cold.unguarded, "note_edges")
        with pytest.raises(Crash):
            adopt(cold.unguarded)
    memory = memory_of(cold.unguarded.client)
    cold.unguarded.client.flushall()
    Ask(cold).unfollow(BOB, ADA)
    restore(cold.unguarded.client, memory)
    with monkeypatch.context() as patch:
        crash_at(patch, cold.unguarded, "copy_edges", 2, after=True)
        with pytest.raises(Crash):
            adopt(cold.unguarded)
    assert OutboxEntry.objects.exists()
    assert Ask(cold).follow(BOB, ADA, timestamp=9.0) is True
    adopt(cold.unguarded)
    assert follows()[BOB, ADA] == 9.0
    assert in_step(cold)


def test_a_database_that_is_restored_meanwhile_is_noticed(cold):
    fill(cold.unguarded)
    backup = backup_of_database()
    crowd = [Resource("project", str(number)) for number in range(100)]
    Ask(cold.unguarded).follow_many(ADA, crowd, timestamp=5.0)
    restored = []

    def restore_it(edges):
        if edges and not restored:
            restored.append(edges)
            restore_database(backup)

    with pytest.raises(DatabaseBehind):
        adopt(cold.unguarded, on_step=restore_it)
    adopt(cold.unguarded)
    assert len(follows()) == 162
    assert in_step(cold)


def test_tasks_rebuild_again_once_a_closed_one_is_adopted(behind):
    fill(behind)
    close(behind.unguarded)
    adopt(behind.unguarded)
    assert phase() == "ready"
    behind.unguarded.client.flushall()
    rebuild(behind.unguarded)
    assert in_step(behind)
