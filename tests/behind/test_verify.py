"""Redis against the database."""

from __future__ import annotations

import pytest

from sequere.backends import get_backend
from sequere.backends.database.models import Edge
from sequere.backends.redis.behind import verify as module
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.verify import Difference, verify
from sequere.exceptions import ColdStore, InvalidArgument
from sequere.resources import Resource
from sequere.timestamps import to_datetime
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

ADA, BOB, FLIGHT = Resource("user", "1"), Resource("user", "2"), Resource("project", "é:7")


@pytest.fixture
def differing(behind):
    """Two that agree, and one difference of each kind."""
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    Ask(behind).follow(BOB, ADA, timestamp=6.0)
    Ask(behind).follow(ADA, FLIGHT, timestamp=7.0)
    Ask(behind).follow(BOB, FLIGHT, timestamp=8.0)
    drain(behind.unguarded)
    row = Edge.objects.get(from_object_id="1", to_identifier="project")
    row.timestamp = to_datetime(7.5)
    row.save()
    Edge.objects.filter(from_object_id="2", to_identifier="project").delete()
    Edge.objects.create(
        relation="follow",
        from_identifier="user",
        from_object_id="3",
        to_identifier="user",
        to_object_id="1",
        timestamp=to_datetime(9.0),
    )
    return behind


EXPECTED = [
    Difference("follow", ADA, FLIGHT, 7.5, 7.0, mended=False),
    Difference("follow", BOB, FLIGHT, None, 8.0, mended=False),
    Difference("follow", Resource("user", "3"), ADA, 9.0, None, mended=False),
]


def test_every_difference_is_found(differing):
    assert sorted(verify(differing.unguarded)) == EXPECTED
    assert sorted(verify(differing.unguarded)) == EXPECTED


@pytest.mark.parametrize(("side", "field"), [("database", 3), ("redis", 4)])
def test_the_wrong_side_is_mended(differing, side, field):
    found = sorted(verify(differing.unguarded, repair=side))
    assert found == [difference._replace(mended=True) for difference in EXPECTED]
    assert list(verify(differing.unguarded)) == []
    for difference in EXPECTED:
        entries = Ask(differing).page(difference.from_resource, "followings").entries
        times = {Resource(entry.identifier, entry.object_id): entry.timestamp for entry in entries}
        assert times.get(difference.to_resource) == difference[field]


def test_what_the_journal_still_holds_is_no_difference(behind, monkeypatch):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    walk = module._walk

    def change_meanwhile(graph, alias):
        Ask(behind).follow(ADA, FLIGHT, timestamp=6.0)
        Ask(behind).unfollow(ADA, BOB)
        yield from walk(graph, alias)
        Ask(behind).follow(BOB, ADA, timestamp=7.0)

    monkeypatch.setattr(module, "_walk", change_meanwhile)
    assert list(verify(behind.unguarded)) == []


def test_an_edge_that_changes_at_that_moment_is_not_mended(differing, monkeypatch):
    read = module._read

    def change_meanwhile(graph, edges):
        reply = read(graph, edges)
        if len(edges) == 3:
            Ask(differing).unfollow(BOB, FLIGHT)
        return reply

    monkeypatch.setattr(module, "_read", change_meanwhile)
    mended = {difference[1:3]: difference.mended for difference in verify(differing.unguarded, repair="database")}
    assert mended == {(ADA, FLIGHT): True, (BOB, FLIGHT): False, (Resource("user", "3"), ADA): True}
    monkeypatch.undo()
    assert list(verify(differing.unguarded)) == []


def test_more_than_fits_in_a_step(behind):
    crowd = [Resource("user", str(number)) for number in range(2, 1300)]
    for start in range(0, len(crowd), 200):
        Ask(behind).follow_many(ADA, crowd[start : start + 200], timestamp=5.0)
    drain(behind.unguarded)
    looked_at = []
    assert list(verify(behind.unguarded, on_step=looked_at.append)) == []
    assert looked_at[-1] == 2 * len(crowd)
    Edge.objects.all().delete()
    assert len(list(verify(behind.unguarded, repair="redis"))) == len(crowd)
    assert Edge.objects.count() == len(crowd)


def test_a_comparison_that_dies_while_it_drains_loses_nothing(behind, monkeypatch):
    walk, get_times = module._walk, module.get_times

    def change_much(graph, alias):
        for number in range(0, 2400, 200):
            some = [Resource("project", str(other)) for other in range(number, number + 200)]
            Ask(behind).follow_many(ADA, some, timestamp=5.0)
        yield from walk(graph, alias)

    def die(alias, edges):
        if len(edges) <= module.STEP:
            raise ZeroDivisionError
        return get_times(alias, edges)

    monkeypatch.setattr(module, "_walk", change_much)
    monkeypatch.setattr(module, "get_times", die)
    with pytest.raises(ZeroDivisionError):
        list(verify(behind.unguarded))
    monkeypatch.undo()
    assert drain(behind.unguarded).entries == 2400
    assert list(verify(behind.unguarded)) == []


def test_a_journal_that_loses_its_end_meanwhile_ends_the_comparison(differing, monkeypatch):
    read = module._read

    def lose_the_end(graph, edges):
        reply = read(graph, edges)
        if len(edges) == 3:
            differing.unguarded.client.xdel("sequere:global:journal", reply[0])
        return reply

    Ask(differing).follow(ADA, Resource("user", "4"), timestamp=5.0)
    drain(differing.unguarded)
    walk = module._walk

    def change_meanwhile(graph, alias):
        Ask(differing).follow(ADA, Resource("user", "5"), timestamp=5.0)
        yield from walk(graph, alias)

    monkeypatch.setattr(module, "_read", lose_the_end)
    monkeypatch.setattr(module, "_walk", change_meanwhile)
    monkeypatch.setattr(module, "STEP", 3)
    with pytest.raises(ColdStore, match="lost entries"):
        list(verify(differing.unguarded))


def test_a_memory_that_is_lost_meanwhile_is_no_agreement(behind, monkeypatch):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    walk = module._walk

    def forget(graph, alias):
        yield from walk(graph, alias)
        graph.client.flushall()

    monkeypatch.setattr(module, "_walk", forget)
    with pytest.raises(ColdStore):
        list(verify(behind.unguarded))


def test_a_replica_is_not_asked(differing, settings):
    settings.SEQUERE_REDIS_REPLICA_CONNECTION = {"unix_socket_path": "/nowhere"}
    assert sorted(verify(get_backend().unguarded)) == EXPECTED


def test_there_is_nothing_to_compare_with_a_cold_redis(cold):
    with pytest.raises(ColdStore):
        list(verify(cold.unguarded))


def test_a_side_that_there_is_not(behind):
    with pytest.raises(InvalidArgument, match="database or redis"):
        list(verify(behind.unguarded, repair="mine"))
