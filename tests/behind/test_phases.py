"""Each cell of the table of transitions: what happens in a phase, by the real code on the real databases."""

from __future__ import annotations

import pytest
from django.db import connections

from sequere.backends.redis.behind import rebuild as rebuilding
from sequere.backends.redis.behind.adopt import adopt
from sequere.backends.redis.behind.closing import close, release
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.phases import TRANSITIONS, Event, Phase
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.status import get_status
from sequere.backends.redis.models import OutboxEntry, State
from sequere.exceptions import ColdStore, DatabaseBehind, WriteBehindRefused
from tests.support.behind import (
    ADA,
    BOB,
    FLIGHT,
    JOURNAL,
    MARK,
    Crash,
    backup_of_database,
    crash_at,
    follows,
    in_step,
    memory_of,
    phase,
    restore,
    restore_database,
)
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

COLD, REBUILDING, READY, ADOPTING, CLOSED = Phase


class Stage:
    """Both stores, brought into a phase by what leads to it. ``first`` is what Redis held one entry ago."""

    def __init__(self, backend, monkeypatch):
        self.backend, self.graph, self.monkeypatch = backend, backend.unguarded, monkeypatch
        self.ask = Ask(backend)
        self.ask.follow(ADA, BOB, timestamp=5.0)
        drain(self.graph)
        self.first = memory_of(self.graph.client)
        self.ask.follow(ADA, FLIGHT, timestamp=6.0)
        drain(self.graph)

    def reach(self, wanted):
        if wanted in (COLD, REBUILDING):
            self.graph.client.flushall()
            self.ask.follow(BOB, FLIGHT, timestamp=7.0)
        if wanted == REBUILDING:
            self.die("copy_edges", lambda: rebuild(self.graph))
        if wanted in (ADOPTING, CLOSED):
            close(self.graph)
        if wanted == ADOPTING:
            self.die("since", lambda: adopt(self.graph))
        assert phase() == wanted

    def die(self, script, call, *, after=False):
        with self.monkeypatch.context() as patch:
            crash_at(patch, self.graph, script, after=after)
            with pytest.raises(Crash):
                call()
        connections[self.alias].close()

    @property
    def alias(self):
        return OutboxEntry.objects.db

    def go_behind(self, wanted):
        """Let Redis go on after a backup of the database, and the backup come back."""
        self.reach(wanted)
        backup = backup_of_database()
        if wanted in (COLD, REBUILDING, CLOSED):
            rebuild(self.graph, by_hand=True)
        if wanted == ADOPTING:
            adopt(self.graph)
        for timestamp in (20.0, 21.0):
            self.ask.unfollow(BOB, ADA)
            self.ask.follow(BOB, ADA, timestamp=timestamp)
            drain(self.graph)
        restore_database(backup)
        assert phase() == wanted


@pytest.fixture
def stage(behind, monkeypatch):
    monkeypatch.setattr(rebuilding, "PATIENCE", 0.0)
    return Stage(behind, monkeypatch)


def test_the_table_is_the_one_that_is_tested_here():
    cells = {(event, one): following for event, row in TRANSITIONS.items() for one, following in row.items()}
    assert {event for event, _ in cells} == set(Event)
    assert len(cells) == 30


# A write while Redis has no journal.


@pytest.mark.parametrize("wanted", list(Phase))
def test_cold_write(stage, wanted):
    stage.reach(wanted)
    if wanted in (READY, ADOPTING):
        stage.graph.client.flushall()
    waiting = OutboxEntry.objects.count()
    assert stage.ask.follow(BOB, ADA, timestamp=8.0) is True
    assert phase() == TRANSITIONS[Event.COLD_WRITE][wanted]
    assert stage.ask.is_following(BOB, ADA) is True
    assert OutboxEntry.objects.count() == waiting + 1
    assert stage.ask.follow(BOB, ADA, timestamp=9.0) is False
    assert stage.ask.unfollow(FLIGHT, BOB) is False
    rows = OutboxEntry.objects.order_by("pk")[waiting:]
    assert [(str(row), row.micros) for row in rows] == [
        ("add follow: user 2 -> user 1", 8_000_000),
        ("add follow: user 2 -> user 1", 8_000_000),
        ("remove request: project é:7 -> user 2", None),
        ("remove follow: project é:7 -> user 2", None),
    ]
    assert len({row.position for row in rows}) == 3


def test_cold_write_after_a_release(stage):
    release(stage.graph)
    with pytest.raises(WriteBehindRefused, match="Nothing was written: An operator left write-behind"):
        stage.ask.follow(BOB, ADA, timestamp=8.0)
    assert follows() == {(ADA, BOB): 5.0, (ADA, FLIGHT): 6.0}
    assert not OutboxEntry.objects.exists()


# The drain, by its verdict.


@pytest.mark.parametrize("wanted", [READY, ADOPTING])
def test_drain_in_step(stage, wanted):
    stage.reach(wanted)
    drain(stage.graph)
    stage.ask.follow(BOB, ADA, timestamp=8.0)
    assert drain(stage.graph).entries == 1
    assert phase() == wanted
    assert follows()[BOB, ADA] == 8.0
    assert get_status(stage.graph).state == ("ready" if wanted == READY else "adopting")


@pytest.mark.parametrize("wanted", [REBUILDING, ADOPTING])
def test_drain_opened(stage, wanted):
    stage.reach(CLOSED if wanted == ADOPTING else COLD)
    stage.ask.follow(BOB, ADA, timestamp=8.0)
    stage.die("open_journal", lambda: (adopt if wanted == ADOPTING else rebuild)(stage.graph), after=True)
    assert phase() == wanted
    assert OutboxEntry.objects.count() == (1 if wanted == ADOPTING else 0)  # a rebuild begins it anew
    stage.ask.unfollow(ADA, FLIGHT)
    assert drain(stage.graph).entries == 3  # the one that opened it, and the removals of a request and of the follow
    assert phase() == TRANSITIONS[Event.OPENED][wanted]
    assert not OutboxEntry.objects.exists()
    assert (ADA, FLIGHT) not in follows()
    assert follows()[BOB, ADA] == 8.0
    assert drain(stage.graph).entries == 0
    assert in_step(stage.backend)


@pytest.mark.parametrize("wanted", [COLD, REBUILDING, READY, CLOSED])
def test_drain_older(stage, wanted):
    stage.reach(wanted)
    expected = follows()
    restore(stage.graph.client, stage.first)
    assert get_status(stage.graph).state == "rewound"
    assert stage.ask.unfollow(ADA, BOB) is True  # acknowledged by a server that has forgotten the last follow
    assert stage.ask.unfollow(ADA, FLIGHT) is False
    with pytest.raises(ColdStore, match="came back with an older state"):
        drain(stage.graph)
    del expected[ADA, BOB], expected[ADA, FLIGHT]
    assert follows() == expected
    assert phase() == TRANSITIONS[Event.OLDER][wanted]
    assert not stage.graph.client.exists(JOURNAL)
    assert b" ready " in stage.graph.client.get(MARK)
    assert stage.ask.is_following(ADA, FLIGHT) is False
    with pytest.raises(ColdStore, match="Nothing was drained"):
        drain(stage.graph)
    rebuild(stage.graph, by_hand=wanted == CLOSED)
    assert follows() == expected
    assert in_step(stage.backend)


@pytest.mark.parametrize("wanted", list(Phase))
def test_drain_behind(stage, wanted):
    stage.go_behind(wanted)
    before = follows()
    for call in (drain, rebuild, close, release):
        with pytest.raises(DatabaseBehind, match="--from redis"):
            call(stage.graph)
    assert phase() == wanted
    assert follows() == before
    assert stage.ask.is_following(BOB, ADA) is True  # Redis answers
    status = get_status(stage.graph)
    assert (status.state, status.severity) == ("adopting" if wanted == ADOPTING else "behind", 1)


def test_drain_behind_without_an_epoch(cold):
    """A journal that this database never read."""
    cold.unguarded.client.xadd(JOURNAL, {"operation": "open"})
    Ask(cold).follow(ADA, BOB, timestamp=5.0)
    with pytest.raises(DatabaseBehind, match="but no mark"):
        drain(cold.unguarded)
    assert cold.unguarded.client.xlen(JOURNAL) == 2
    with pytest.raises(WriteBehindRefused, match="but no mark"):
        adopt(cold.unguarded)


@pytest.mark.parametrize("wanted", [COLD, REBUILDING, READY])
def test_drain_cold(stage, wanted):
    stage.reach(wanted)
    expected = follows()
    if wanted == READY:
        stage.graph.client.flushall()
    with pytest.raises(ColdStore, match="Nothing was drained"):
        drain(stage.graph)
    assert phase() == wanted
    rebuild(stage.graph)
    assert phase() == READY
    assert follows() == expected
    assert in_step(stage.backend)


@pytest.mark.parametrize(
    ("wanted", "told"), [(ADOPTING, "no longer holds a graph"), (CLOSED, "Write-behind is closed")]
)
def test_drain_cold_asks_an_operator(stage, wanted, told):
    stage.reach(wanted)
    if wanted == ADOPTING:
        stage.graph.client.flushall()
    with pytest.raises(WriteBehindRefused, match=f"The rebuild was not started: .*{told}"):
        rebuild(stage.graph)
    assert phase() == wanted
    if wanted == ADOPTING:  # what Redis had is lost, and the operator says so
        assert get_status(stage.graph).severity == 2
        with pytest.raises(WriteBehindRefused, match=r"no longer holds a graph, .* Run .* --from database"):
            adopt(stage.graph)
    rebuild(stage.graph, by_hand=True, replace=wanted == ADOPTING)
    assert phase() == READY
    assert follows() == {(ADA, BOB): 5.0, (ADA, FLIGHT): 6.0}
    assert in_step(stage.backend)


# What operators say.


@pytest.mark.parametrize("wanted", [COLD, REBUILDING, READY])
def test_adopt_in_a_phase_that_has_the_graph(stage, wanted):
    stage.reach(wanted)
    with pytest.raises(WriteBehindRefused, match="follows" if wanted == READY else "no graph|part of|lost the graph"):
        adopt(stage.graph)
    assert phase() == wanted


@pytest.mark.parametrize("wanted", list(Phase))
def test_adopt_behind(stage, wanted):
    stage.go_behind(wanted)
    adopt(stage.graph)
    assert phase() == READY
    assert follows()[BOB, ADA] == 21.0
    assert in_step(stage.backend)


def test_adopt_closed(stage):
    stage.reach(CLOSED)
    stage.ask.unfollow(ADA, BOB)
    adopt(stage.graph)
    assert phase() == READY
    assert follows() == {(ADA, FLIGHT): 6.0}
    assert in_step(stage.backend)


def test_adopt_again(stage):
    stage.reach(ADOPTING)
    adopt(stage.graph)
    assert phase() == READY
    assert in_step(stage.backend)


@pytest.mark.parametrize("wanted", [COLD, REBUILDING, READY, CLOSED])
def test_close(stage, wanted):
    stage.reach(wanted)
    expected = follows()
    close(stage.graph)
    assert phase() == CLOSED
    assert get_status(stage.graph).state == "closed"
    assert not stage.graph.client.exists(JOURNAL)
    with pytest.raises(WriteBehindRefused, match="Write-behind is closed"):
        rebuild(stage.graph)
    rebuild(stage.graph, by_hand=True)
    assert follows() == expected
    assert in_step(stage.backend)


def test_close_while_the_database_is_not_complete(stage):
    stage.reach(ADOPTING)
    for call in (close, release):
        with pytest.raises(WriteBehindRefused, match="Nothing was closed: The database is not complete"):
            call(stage.graph)
    assert phase() == ADOPTING
    assert stage.graph.client.exists(JOURNAL)


def test_release(stage):
    release(stage.graph)
    assert (phase(), State.objects.get().epoch) == (CLOSED, "")
    assert stage.graph.client.keys("sequere:global:*") == [b"sequere:global:uid"]
    assert get_status(stage.graph).state == "released"
    release(stage.graph)
    assert Ask(stage.graph).follow(BOB, ADA, timestamp=8.0) is True  # Redis alone
    with pytest.raises(WriteBehindRefused, match="Redis alone has the graph"):
        rebuild(stage.graph, by_hand=True)
    adopt(stage.graph)
    assert follows() == {(ADA, BOB): 5.0, (ADA, FLIGHT): 6.0, (BOB, ADA): 8.0}
    assert in_step(stage.backend)


@pytest.mark.parametrize("wanted", [COLD, REBUILDING, CLOSED])
def test_release_without_a_journal(stage, wanted):
    stage.reach(wanted)
    with pytest.raises(WriteBehindRefused, match="Redis has no journal"):
        release(stage.graph)
    assert phase() == wanted


@pytest.mark.parametrize("wanted", list(Phase))
def test_discard_behind(stage, wanted):
    stage.go_behind(wanted)
    expected = follows()
    rebuild(stage.graph, by_hand=True, replace=True)
    assert phase() == READY
    assert follows() == expected
    assert stage.ask.is_following(BOB, ADA) is False
    assert in_step(stage.backend)


@pytest.mark.parametrize("wanted", [COLD, READY, CLOSED])
def test_discard_unmarked(stage, wanted):
    """Redis lost its data and took a write without the guard."""
    stage.reach(wanted)
    expected = follows()
    stage.graph.client.flushall()
    Ask(stage.graph).follow(BOB, ADA, timestamp=9.0)
    assert get_status(stage.graph).state == ("closed" if wanted == CLOSED else "unmarked")
    with pytest.raises(WriteBehindRefused, match="may not be a copy of this database") as refusal:
        rebuild(stage.graph, by_hand=True)
    if wanted != CLOSED:
        assert "sequere close` and then `python manage.py sequere rebuild --from redis`" in str(refusal.value)
        assert str(refusal.value) == get_status(stage.graph).meaning
    assert Ask(stage.graph).is_following(BOB, ADA) is True
    rebuild(stage.graph, by_hand=True, replace=True)
    assert follows() == expected
    assert stage.ask.is_following(BOB, ADA) is False
    assert in_step(stage.backend)


def test_adopt_unmarked_after_a_loss(stage):
    """The way that the question names."""
    stage.graph.client.flushall()
    Ask(stage.graph).follow(BOB, ADA, timestamp=9.0)
    with pytest.raises(WriteBehindRefused, match="sequere close` and then"):
        adopt(stage.graph)
    close(stage.graph)
    adopt(stage.graph)
    assert follows() == {(BOB, ADA): 9.0}
    assert in_step(stage.backend)
