"""A database that comes back from a backup is noticed, whatever it was in the middle of."""

from __future__ import annotations

from uuid import UUID

import pytest

from sequere.backends.database.models import Edge as Row
from sequere.backends.redis.behind import rebuild as rebuilding
from sequere.backends.redis.behind.adopt import adopt
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.status import get_status
from sequere.exceptions import DatabaseBehind, WriteBehindRefused
from tests.support.behind import (
    ADA,
    BOB,
    CROWD,
    FLIGHT,
    Crash,
    backup_of_database,
    crash_at,
    fill,
    follows,
    in_step,
    phase,
    restore_database,
)
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@pytest.fixture
def cleared(behind, monkeypatch):
    """A rebuild that has begun, and died before its first edge; many small steps are left."""
    for name, value in (("PATIENCE", 0.0), ("COPY_STEP", 5), ("READ_STEP", 10)):
        monkeypatch.setattr(rebuilding, name, value)
    fill(behind)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()
    die_in_rebuild(behind.unguarded, monkeypatch, "copy_edges", 1)
    assert phase() == "rebuilding"
    return behind


def die_in_rebuild(graph, monkeypatch, script, times):
    with monkeypatch.context() as patch:
        crash_at(patch, graph, script, times)
        with pytest.raises(Crash):
            rebuild(graph)


def check_asked(backend):
    """That nothing is drained, an operator is asked, Redis answers, and either answer ends in step."""
    assert get_status(backend.unguarded).state == "behind"
    for _ in range(2):
        with pytest.raises(DatabaseBehind):
            drain(backend.unguarded)
    adopt(backend.unguarded)
    assert in_step(backend)


@pytest.mark.parametrize("later", [0, 1, 3])
def test_restored_to_the_middle_of_a_rebuild_that_has_ended(cleared, later):
    """With entries after its end, or none: then the journal begins with the entry that opened it."""
    backup = backup_of_database()
    Ask(cleared).follow(ADA, FLIGHT, timestamp=7.0)  # while Redis is cold: in the graph, not in the backup
    rebuild(cleared.unguarded)
    for number in range(later):
        Ask(cleared).follow(CROWD[number], ADA, timestamp=8.0)
        drain(cleared.unguarded)
    restore_database(backup)
    check_asked(cleared)
    assert follows()[ADA, FLIGHT] == 7.0
    assert len(follows()) == 63 + later


def test_restored_to_the_middle_of_a_rebuild_without_a_change_is_no_question(cleared):
    """The graph is of that very state: the commit of its end is all that is lost."""
    backup = backup_of_database()
    rebuild(cleared.unguarded)
    restore_database(backup)
    drain(cleared.unguarded)
    assert phase() == "ready"
    assert in_step(cleared)


@pytest.mark.parametrize("times", [3, 8, 14, 15, 16])
def test_restored_while_a_rebuild_goes_on(cleared, monkeypatch, times):
    """The copy has read, or the replay has brought in, what the backup does not have."""
    backup = backup_of_database()
    Ask(cleared).follow(ADA, FLIGHT, timestamp=7.0)
    Ask(cleared).unfollow(ADA, BOB)
    die_in_rebuild(cleared.unguarded, monkeypatch, "copy_edges", times)
    restore_database(backup)
    Ask(cleared).follow(BOB, FLIGHT, timestamp=8.0)
    rebuild(cleared.unguarded)
    assert phase() == "ready"
    assert (ADA, FLIGHT) not in follows()
    assert follows()[ADA, BOB] == 9.0
    assert follows()[BOB, FLIGHT] == 8.0
    assert in_step(cleared)


def test_restored_under_the_feet_of_a_rebuild(cleared):
    """It does not open what it has made of another state."""
    backup = backup_of_database()
    Ask(cleared).follow(ADA, FLIGHT, timestamp=7.0)

    def restore_late(copied):
        if copied == 60:
            restore_database(backup)

    with pytest.raises(WriteBehindRefused, match="the database was restored"):
        rebuild(cleared.unguarded, on_step=restore_late)
    rebuild(cleared.unguarded)
    assert (ADA, FLIGHT) not in follows()
    assert in_step(cleared)


def test_restored_between_two_queries_of_the_copy(cleared, monkeypatch):
    """To a state of the same rebuild, which does not know what the query before has read."""
    Ask(cleared).follow(BOB, FLIGHT, timestamp=6.0)
    backup = backup_of_database()
    Ask(cleared).follow(ADA, FLIGHT, timestamp=7.0)
    Row.objects.filter(from_object_id="1", to_identifier="project").update(id=UUID(int=1))  # the copy reads it first
    query, queries = rebuilding._Rebuild._query, []

    def restore_before_the_second(run, last):
        queries.append(last)
        if len(queries) == 2:
            restore_database(backup)
        return query(run, last)

    with monkeypatch.context() as patch:
        patch.setattr(rebuilding._Rebuild, "_query", restore_before_the_second)
        with pytest.raises(WriteBehindRefused, match="the database was restored"):
            rebuild(cleared.unguarded)
    rebuild(cleared.unguarded)
    assert (ADA, FLIGHT) not in follows()
    assert in_step(cleared)


def test_restored_to_before_the_outbox_that_a_journal_contains(cleared, monkeypatch):
    """The commit of its end was lost, and the database comes back without a change that was in the outbox."""
    backup = backup_of_database()
    Ask(cleared).follow(ADA, FLIGHT, timestamp=7.0)
    with monkeypatch.context() as patch:
        crash_at(patch, cleared.unguarded, "open_journal", after=True)
        with pytest.raises(Crash):
            rebuild(cleared.unguarded)
    restore_database(backup)
    check_asked(cleared)
    assert follows()[ADA, FLIGHT] == 7.0


def test_restored_to_an_older_position_of_the_same_graph(behind):
    fill(behind)
    drain(behind.unguarded)
    backup = backup_of_database()
    Ask(behind).follow(ADA, FLIGHT, timestamp=7.0)
    drain(behind.unguarded)
    restore_database(backup)
    # Its position is no longer the oldest entry, so what was between is not in the journal any more.
    check_asked(behind)
    assert follows()[ADA, FLIGHT] == 7.0


def test_an_open_that_is_late_does_nothing(cleared, monkeypatch):
    """The database restarted while a rebuild was about to open, and a write was acknowledged before that arrived."""
    run, late = cleared.unguarded.run, []

    def hold_back(name, *arguments):
        if name == "open_journal":
            late.append(arguments)
            raise Crash
        return run(name, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(cleared.unguarded, "run", hold_back)
        with pytest.raises(Crash):
            rebuild(cleared.unguarded)
    assert Ask(cleared).unfollow(ADA, BOB) is True
    assert cleared.unguarded.run("open_journal", *late[0]) == 0
    assert Ask(cleared).is_following(ADA, BOB) is False
    rebuild(cleared.unguarded)
    assert Ask(cleared).is_following(ADA, BOB) is False
    assert in_step(cleared)
