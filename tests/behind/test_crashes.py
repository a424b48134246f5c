"""Each transaction of write-behind, stopped at each place where it touches a store: nothing is lost, and it goes on.

A place is before and after each script, before each statement and before and after each commit; so a commit is also
lost after Redis has done its part.
"""

from __future__ import annotations

import pytest

from sequere.backends.redis.behind import rebuild as rebuilding
from sequere.backends.redis.behind.adopt import adopt
from sequere.backends.redis.behind.closing import close, release
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.verify import verify
from sequere.exceptions import ColdStore, WriteBehindRefused
from tests.support.behind import (
    ADA,
    BOB,
    CROWD,
    FLIGHT,
    JOURNAL,
    MARK,
    Stops,
    backup_of_database,
    follows,
    in_step,
    memory_of,
    phase,
    restore,
    restore_database,
)
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture
def stops(behind, database, monkeypatch):
    """A few follows in both stores, in small steps."""
    monkeypatch.setattr(rebuilding, "PATIENCE", 0.0)
    monkeypatch.setattr(rebuilding, "COPY_STEP", 2)
    monkeypatch.setattr(rebuilding, "READ_STEP", 3)
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    Ask(behind).follow(BOB, ADA, timestamp=6.0)
    Ask(behind).follow_many(CROWD[0], [ADA, BOB, FLIGHT], timestamp=7.0)
    drain(behind.unguarded)
    return Stops(monkeypatch, behind.unguarded, database)


FIVE = {(ADA, BOB): 5.0, (BOB, ADA): 6.0, (CROWD[0], ADA): 7.0, (CROWD[0], BOB): 7.0, (CROWD[0], FLIGHT): 7.0}


class Scene:
    """What both stores hold now, to begin from again and again."""

    def __init__(self, graph):
        self.graph = graph
        self.memory, self.backup = memory_of(graph.client), backup_of_database()

    def set(self):
        restore(self.graph.client, self.memory)
        restore_database(self.backup)


def recover(graph):
    """What tasks do on their own. Returns nothing; a question for an operator is raised."""
    for _ in range(3):
        try:
            drain(graph)
        except ColdStore:
            rebuild(graph)
        else:
            return


def test_cold_write(stops, behind):
    graph = behind.unguarded
    graph.client.flushall()
    scene, stopped = Scene(graph), 0
    for _ in stops.each(scene.set, lambda: Ask(behind).follow(ADA, FLIGHT, timestamp=8.0)):
        stopped += 1
        done = Ask(behind).is_following(ADA, FLIGHT)
        expected = FIVE | ({(ADA, FLIGHT): 8.0} if done else {})
        assert follows() == expected
        assert Ask(behind).follow(ADA, FLIGHT, timestamp=9.0) is not done
        Ask(behind).unfollow(ADA, FLIGHT)
        Ask(behind).follow(ADA, FLIGHT, timestamp=9.0)
        recover(graph)
        assert follows() == expected | {(ADA, FLIGHT): 9.0}
        assert in_step(behind)
    assert stopped > 7


def test_drain_step(stops, behind):
    graph = behind.unguarded
    Ask(behind).follow(ADA, FLIGHT, timestamp=8.0)
    Ask(behind).unfollow(ADA, BOB)
    scene, stopped = Scene(graph), 0
    for _ in stops.each(scene.set, lambda: drain(graph)):
        stopped += 1
        Ask(behind).follow(BOB, FLIGHT, timestamp=9.0)
        drain(graph)
        assert follows() == {key: at for key, at in FIVE.items() if key != (ADA, BOB)} | {
            (ADA, FLIGHT): 8.0,
            (BOB, FLIGHT): 9.0,
        }
        assert in_step(behind)
    assert stopped > 9


def test_older(stops, behind):
    graph = behind.unguarded
    older = memory_of(graph.client)
    Ask(behind).follow(ADA, FLIGHT, timestamp=8.0)
    drain(graph)
    restore(graph.client, older)
    Ask(behind).unfollow(ADA, BOB)
    scene, stopped = Scene(graph), 0

    def drain_it():
        with pytest.raises(ColdStore, match="older"):
            drain(graph)

    for _ in stops.each(scene.set, drain_it):
        stopped += 1
        late = bool(graph.client.exists(JOURNAL))
        Ask(behind).follow(BOB, FLIGHT, timestamp=9.0)
        with pytest.raises(ColdStore):
            drain(graph)
        expected = {key: at for key, at in FIVE.items() if key != (ADA, BOB)}
        assert follows() == expected | {(ADA, FLIGHT): 8.0, (BOB, FLIGHT): 9.0}, late
        recover(graph)
        assert in_step(behind)
    assert stopped > 9


@pytest.mark.parametrize("meanwhile", [False, True])
def test_rebuild(stops, behind, meanwhile):
    """Begin, clear, copy, replay and finish; ``meanwhile``: edges change before it goes on."""
    graph = behind.unguarded
    graph.client.flushall()
    Ask(behind).unfollow(ADA, BOB)
    scene, stopped = Scene(graph), 0
    for _ in stops.each(scene.set, lambda: rebuild(graph)):
        stopped += 1
        expected = {key: at for key, at in FIVE.items() if key != (ADA, BOB)}
        if meanwhile:
            Ask(behind).follow(ADA, BOB, timestamp=10.0 + stopped)
            Ask(behind).unfollow(CROWD[0], ADA)
            expected[ADA, BOB] = 10.0 + stopped
            del expected[CROWD[0], ADA]
            assert Ask(behind).is_following(ADA, BOB)
        assert Ask(behind).is_following(CROWD[0], ADA) is not meanwhile
        recover(graph)
        assert follows() == expected
        assert in_step(behind)
        assert phase() == "ready"
    assert stopped > 40


def test_rebuild_whose_last_changes_are_replayed_under_the_lock(stops, behind, monkeypatch):
    graph = behind.unguarded
    graph.client.flushall()
    Ask(behind).unfollow(ADA, BOB)
    scene, stopped = Scene(graph), 0
    locked = rebuilding.locked

    def rebuild_while_others_write():
        def write_first(work):
            if work.__name__ == "_finish":
                Ask(behind).follow(ADA, BOB, timestamp=8.0)
                Ask(behind).unfollow(BOB, ADA)
            return locked(work)

        with monkeypatch.context() as patch:
            patch.setattr(rebuilding, "locked", write_first)
            rebuild(graph)

    for _ in stops.each(scene.set, rebuild_while_others_write):
        stopped += 1
        Ask(behind).follow(ADA, BOB, timestamp=8.0)
        Ask(behind).unfollow(BOB, ADA)
        recover(graph)
        expected = {key: at for key, at in FIVE.items() if key != (BOB, ADA)} | {(ADA, BOB): 8.0}
        assert follows() == expected
        assert in_step(behind)
    rebuilt = follows()
    assert rebuilt == expected
    assert in_step(behind)
    assert stopped > 50


@pytest.mark.parametrize("state", ["ready", "cold"])
def test_close(stops, behind, state):
    graph = behind.unguarded
    if state == "cold":
        graph.client.flushall()
    Ask(behind).unfollow(ADA, BOB)
    scene, stopped = Scene(graph), 0
    for _ in stops.each(scene.set, lambda: close(graph)):
        stopped += 1
        Ask(behind).follow(ADA, FLIGHT, timestamp=8.0)
        close(graph)
        assert phase() == "closed"
        expected = {key: at for key, at in FIVE.items() if key != (ADA, BOB)} | {(ADA, FLIGHT): 8.0}
        assert follows() == expected
        rebuild(graph, by_hand=True)
        assert follows() == expected
        assert in_step(behind)
    assert stopped > 9


def test_release(stops, behind):
    graph = behind.unguarded
    Ask(behind).unfollow(ADA, BOB)
    scene, stopped, asked = Scene(graph), 0, 0
    expected = {key: at for key, at in FIVE.items() if key != (ADA, BOB)}
    for _ in stops.each(scene.set, lambda: release(graph)):
        stopped += 1
        try:
            release(graph)
        except WriteBehindRefused as refusal:  # the journal is gone, the commit was lost: nobody but an operator knows
            assert "may not be a copy of this database" in str(refusal)  # noqa: PT017
            assert not graph.client.exists(JOURNAL, MARK)
            with pytest.raises(WriteBehindRefused, match="may not be a copy"):
                rebuild(graph)
            close(graph)
            adopt(graph)
            release(graph)
            asked += 1
        assert follows() == expected
        assert Ask(graph).is_following(CROWD[0], FLIGHT)
        assert phase() == "closed"
        assert not graph.client.exists(JOURNAL, MARK)
    assert stopped > 12
    assert 0 < asked < stopped / 2


@pytest.mark.parametrize("closed", [False, True])
def test_adopt(stops, behind, closed):
    """A graph that the database never saw, or one that it left and that was used without it."""
    graph = behind.unguarded
    if closed:
        close(graph)
    else:
        release(graph)
        for model in backup_of_database():
            model.objects.all().delete()
        Ask(graph).unfollow(ADA, BOB)
    Ask(behind).follow(ADA, FLIGHT, timestamp=8.0)
    Ask(behind).forget(CROWD[0])
    scene, stopped = Scene(graph), 0
    for _ in stops.each(scene.set, lambda: adopt(graph)):
        stopped += 1
        if phase() != "ready":
            adopt(graph)
        expected = {(ADA, FLIGHT): 8.0, (BOB, ADA): 6.0} | ({(ADA, BOB): 5.0} if closed else {})
        assert follows() == expected
        assert in_step(behind)
        assert phase() == "ready"
    assert stopped > 40


@pytest.mark.parametrize("what", ["behind", "unmarked"])
def test_discard(stops, behind, what):
    graph = behind.unguarded
    if what == "behind":
        backup = backup_of_database()
        Ask(behind).unfollow(ADA, BOB)
        drain(graph)
        Ask(behind).unfollow(BOB, ADA)
        drain(graph)
        restore_database(backup)
    else:
        graph.client.flushall()
        Ask(graph).follow(ADA, FLIGHT, timestamp=9.0)
    scene, stopped = Scene(graph), 0
    for _ in stops.each(scene.set, lambda: rebuild(graph, by_hand=True, replace=True)):
        stopped += 1
        try:
            rebuild(graph, by_hand=True, replace=True)
        except WriteBehindRefused as refusal:
            assert "nothing to rebuild" in str(refusal)  # noqa: PT017
        assert follows() == FIVE
        assert in_step(behind)
    assert stopped > 40


@pytest.mark.parametrize("side", ["redis", "database"])
def test_repair(stops, behind, side):
    """The database changes by the journal alone, Redis as its scripts compare."""
    from sequere.backends.database.models import Edge

    graph = behind.unguarded
    Edge.objects.filter(from_object_id="1").delete()
    scene, stopped = Scene(graph), 0
    for _ in stops.each(scene.set, lambda: list(verify(graph, repair=side))):
        stopped += 1
        list(verify(graph, repair=side))
        assert follows() == (FIVE if side == "redis" else {key: at for key, at in FIVE.items() if key != (ADA, BOB)})
        assert in_step(behind)
    assert stopped > 20
