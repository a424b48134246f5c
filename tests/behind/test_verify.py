"""Redis against the database."""

from __future__ import annotations

import itertools
import traceback

import pytest
from django.db import connections

from sequere.backends import get_backend
from sequere.backends.database.models import Edge
from sequere.backends.redis.behind import verify as module
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.verify import Difference, verify
from sequere.exceptions import ColdStore, InvalidArgument
from sequere.relations import Edge as GraphEdge
from sequere.resources import Resource
from sequere.timestamps import to_datetime
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

ADA, BOB, FLIGHT = Resource("user", "1"), Resource("user", "2"), Resource("project", "é:7")
BOB_FLIGHT = GraphEdge("follow", BOB, FLIGHT)


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

    def change_meanwhile(graph):
        Ask(behind).follow(ADA, FLIGHT, timestamp=6.0)
        Ask(behind).unfollow(ADA, BOB)
        yield from walk(graph)
        Ask(behind).follow(BOB, ADA, timestamp=7.0)

    monkeypatch.setattr(module, "_walk", change_meanwhile)
    assert list(verify(behind.unguarded)) == []


def test_an_edge_that_changes_at_each_look_is_no_difference(differing, monkeypatch):
    """It is noted with each change, so the database follows it."""
    read, number = module._read, itertools.count(10)

    def change_first(graph, edges):
        if BOB_FLIGHT in edges and len(edges) <= 3:
            Ask(differing).unfollow(BOB, FLIGHT)
            Ask(differing).follow(BOB, FLIGHT, timestamp=float(next(number)))
        return read(graph, edges)

    monkeypatch.setattr(module, "_read", change_first)
    found = list(verify(differing.unguarded))
    assert [difference[1:3] for difference in found] == [(ADA, FLIGHT), (Resource("user", "3"), ADA)]
    monkeypatch.undo()
    assert sorted(verify(differing.unguarded)) == [EXPECTED[0], EXPECTED[2]]


def test_an_edge_that_changes_before_it_is_mended_stays_as_it_is(differing, monkeypatch):
    run = differing.unguarded.run

    def change_first(name, *arguments):
        if name == "mend_edges":
            Ask(differing).unfollow(BOB, FLIGHT)
        return run(name, *arguments)

    monkeypatch.setattr(differing.unguarded, "run", change_first)
    mended = {difference[1:3]: difference.mended for difference in verify(differing.unguarded, repair="database")}
    assert mended == {(ADA, FLIGHT): True, (BOB, FLIGHT): False, (Resource("user", "3"), ADA): True}
    monkeypatch.undo()
    assert list(verify(differing.unguarded)) == []


def test_the_database_is_mended_by_the_journal_alone(differing, database):
    """So a restore at that moment is noticed as always."""
    wrong = []

    def watch(execute, sql, params, many, context):
        if "sequere_edge" in sql and not sql.startswith("SELECT"):
            changed = "sequere_state" not in sql and any(
                frame.name == "drain_step" for frame in traceback.extract_stack()
            )
            wrong.extend([] if changed else [sql])
        return execute(sql, params, many, context)

    with connections[database].execute_wrapper(watch):
        assert len(list(verify(differing.unguarded, repair="redis"))) == 3
    assert wrong == []


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


def test_a_memory_that_is_lost_meanwhile_is_no_agreement(behind, monkeypatch):
    Ask(behind).follow(ADA, BOB, timestamp=5.0)
    drain(behind.unguarded)
    walk = module._walk

    def forget(graph):
        yield from walk(graph)
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
