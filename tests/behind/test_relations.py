"""All relations and kinds in both stores: nothing stands beside a block, no request beside a follow."""

from __future__ import annotations

from functools import partial

import pytest

from sequere.backends.database.bulk import set_edges
from sequere.backends.operations import Added, AddEdges, Follow, Forget, MoveEdges, Since, Unfollow
from sequere.backends.redis.behind import drain as draining
from sequere.backends.redis.behind import rebuild as rebuilding
from sequere.backends.redis.behind.adopt import adopt
from sequere.backends.redis.behind.closing import close, release
from sequere.backends.redis.behind.drain import drain, drain_step
from sequere.backends.redis.behind.locking import locked
from sequere.backends.redis.behind.outbox import look
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.verify import verify
from sequere.backends.redis.models import OutboxEntry, SetAside, get_alias
from sequere.exceptions import ColdStore
from sequere.outcomes import Outcome
from sequere.relations import FOREVER, Edge
from sequere.resources import Resource
from tests.support.behind import ADA, BOB, FLIGHT, edges, in_step, memory_of, restore
from tests.support.graph import find_contradictions

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

#: A time that lies ahead, one that is over, and how a mute without an end is stored.
LATER, ENDED, NEVER = 5e9, 3.0, float(FOREVER + 7)
KINDS = ("", "@watch", "@like")

#: A follow, a request and an archived follow between two resources, of several kinds and in both directions.
ENTANGLED = [
    AddEdges("follow", ADA, [BOB], 5.0),
    AddEdges("follow", BOB, [ADA], 5.0),
    AddEdges("follow@watch", ADA, [BOB], 5.0),
    AddEdges("request@watch", BOB, [ADA], 5.0),
    AddEdges("request@like", ADA, [BOB], 5.0),
    AddEdges("archive", ADA, [BOB], 5.0),
    AddEdges("archive@like", BOB, [ADA], 5.0),
    AddEdges("mute@like", ADA, [BOB, FLIGHT], 7.9),
    AddEdges("mute", BOB, [ADA], 5.0, ends=LATER),
]
MUTES = {
    ("mute@like", ADA, BOB): NEVER,
    ("mute@like", ADA, FLIGHT): NEVER,
    ("mute", BOB, ADA): LATER,
}

#: Name -> the operations before, those that are drained entry by entry, and what exists then, without the mutes above.
SCENARIOS = {
    "block": (ENTANGLED, [AddEdges("block", ADA, [BOB], 9.0)], {("block", ADA, BOB): 9.0}),
    "block back": (
        ENTANGLED,
        [AddEdges("block", BOB, [ADA], 9.0), AddEdges("block", ADA, [BOB], 10.0)],
        {("block", BOB, ADA): 9.0, ("block", ADA, BOB): 10.0},
    ),
    "block, unblock, follow": (
        ENTANGLED,
        [
            AddEdges("block", ADA, [BOB], 9.0),
            MoveEdges(ADA, "blocked", [BOB]),
            Follow(BOB, ADA, 10.0, "watch"),
            Follow(ADA, BOB, 11.0, "like", approval=True),
        ],
        {("follow@watch", BOB, ADA): 10.0, ("request@like", ADA, BOB): 11.0},
    ),
    "accept": (
        [AddEdges("request", one, [BOB], 5.0) for one in (ADA, FLIGHT)],
        [MoveEdges(BOB, "requests", target="follow", timestamp=9.0)],
        {("follow", ADA, BOB): 9.0, ("follow", FLIGHT, BOB): 9.0},
    ),
    "restore": (
        [
            AddEdges("archive@watch", ADA, [BOB, FLIGHT], 5.0),
            AddEdges("request@watch", ADA, [BOB], 6.0),
            AddEdges("follow@watch", ADA, [FLIGHT], 7.0),
        ],
        [MoveEdges(ADA, "archived@watch", target="follow")],
        {("follow@watch", ADA, BOB): 5.0, ("follow@watch", ADA, FLIGHT): 7.0},
    ),
    "archive": (
        [AddEdges("follow@watch", ADA, [BOB, FLIGHT], 5.0)],
        [MoveEdges(ADA, "followings@watch", target="archive")],
        {("archive@watch", ADA, BOB): 5.0, ("archive@watch", ADA, FLIGHT): 5.0},
    ),
    "a follow ends a request": (
        [AddEdges("request@like", ADA, [BOB, FLIGHT], 5.0)],
        [Follow(ADA, BOB, 9.0, "like"), AddEdges("follow@like", ADA, [FLIGHT], 9.0)],
        {("follow@like", ADA, BOB): 9.0, ("follow@like", ADA, FLIGHT): 9.0},
    ),
    "mute": (
        [AddEdges("mute@watch", ADA, [FLIGHT], 5.0, ends=ENDED)],
        [
            AddEdges("mute@watch", ADA, [BOB], 9.25),
            AddEdges("mute@watch", ADA, [BOB], 10.0),
            AddEdges("mute@like", BOB, [FLIGHT], 9.0),
            AddEdges("mute@like", BOB, [FLIGHT], 9.0, ends=LATER),
        ],
        {("mute@watch", ADA, BOB): FOREVER + 9.0, ("mute@like", BOB, FLIGHT): LATER},
    ),
    "forget": ([*ENTANGLED, AddEdges("block", FLIGHT, [ADA], 5.0)], [Forget(ADA)], {}),
}


def perform(backend, operations):
    return [backend.perform(operation) for operation in operations]


def drain_by_entry(backend, monkeypatch):
    """Drain one entry at a time. Gives what the database has after each."""
    with monkeypatch.context() as patch:
        patch.setattr(draining, "look", partial(look, limit=2))  # the entry at the position is read too
        while locked(lambda row, alias: drain_step(backend.unguarded, row, alias)).read:
            yield edges()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_drain_may_stop_at_every_entry(behind, monkeypatch, scenario):
    before, operations, expected = SCENARIOS[scenario]
    perform(behind, before)
    drain(behind.unguarded)
    perform(behind, operations)
    states = list(drain_by_entry(behind, monkeypatch))
    assert len(states) >= len(operations)
    assert [find_contradictions(state) for state in states] == [[]] * len(states)
    mutes = MUTES if before is ENTANGLED else {}
    assert states[-1] == edges() == {**mutes, **expected}
    assert in_step(behind)
    assert not SetAside.objects.exists()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_while_cold_and_rebuilt(behind, monkeypatch, scenario):
    """Also by a rebuild that has copied what was there before, and gets the rest from the outbox in small parts."""
    before, operations, expected = SCENARIOS[scenario]
    perform(behind, before)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()
    monkeypatch.setattr(rebuilding, "COPY_STEP", 1)
    copy = rebuilding._Rebuild._copy

    def write_after(self):
        copy(self)
        perform(behind, operations)

    monkeypatch.setattr(rebuilding._Rebuild, "_copy", write_after)
    rebuild(behind.unguarded)
    mutes = MUTES if before is ENTANGLED else {}
    assert edges() == {**mutes, **expected}
    assert in_step(behind)
    assert behind.unguarded.kinds() == behind.database.kinds()


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_redis_that_comes_back_older_notes_what_it_never_had(behind, monkeypatch, scenario):
    """It lacks the edges that the write removes, and the kinds: only the database has them."""
    before, operations, expected = SCENARIOS[scenario]
    older = memory_of(behind.unguarded.client)
    perform(behind, before)
    drain(behind.unguarded)
    restore(behind.unguarded.client, older)
    if scenario in ("accept", "restore", "archive"):
        operations = [  # Redis has no entry to take out of the list; the same edges by name
            AddEdges(relation, one, [other], at) for (relation, one, other), at in expected.items()
        ]
    perform(behind, operations)
    states = list(drain_by_entry(behind, monkeypatch))
    assert [find_contradictions(state) for state in states] == [[]] * len(states)
    for edge, at in expected.items():
        assert edges()[edge] == at
    with pytest.raises(ColdStore):
        drain(behind.unguarded)
    found = edges()
    rebuild(behind.unguarded)
    assert edges() == found
    assert find_contradictions(found) == []
    assert in_step(behind)


def test_a_block_of_an_older_redis_ends_follows_of_kinds_that_only_the_database_has(behind):
    behind.perform(Follow(FLIGHT, BOB, 1.0))
    drain(behind.unguarded)
    older = memory_of(behind.unguarded.client)
    for number in range(16):
        behind.perform(Follow(*[(ADA, BOB), (BOB, ADA)][number % 2], 5.0, f"k{number}", approval=number % 3 == 0))
    behind.perform(Follow(ADA, FLIGHT, 5.0, "k1"))
    drain(behind.unguarded)
    restore(behind.unguarded.client, older)
    assert behind.perform(AddEdges("block", ADA, [BOB], 9.0)) == [Added.MADE]
    with pytest.raises(ColdStore):
        drain(behind.unguarded)
    assert edges() == {("follow", FLIGHT, BOB): 1.0, ("follow@k1", ADA, FLIGHT): 5.0, ("block", ADA, BOB): 9.0}


def outbox():
    """The outbox's rows as (relation, from, to) -> time."""
    return {
        tuple(row.edge): None if row.timestamp is None else row.timestamp.timestamp()
        for row in OutboxEntry.objects.order_by("pk")
    }


def test_cold_writes_leave_a_row_for_each_edge_concerned(behind):
    perform(behind, ENTANGLED)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()
    assert behind.perform(AddEdges("block", ADA, [BOB], 9.0)) == [Added.CUT_BOTH]
    gone = {tuple(Edge(operation.relation, operation.from_resource, other)) for operation in ENTANGLED[:-2]
            for other in operation.others}  # fmt: skip
    assert outbox() == {**dict.fromkeys(gone), ("block", ADA, BOB): 9.0}


@pytest.mark.parametrize(
    ("before", "operation", "result", "rows"),
    [
        (
            [Follow(ADA, BOB, 5.0)],
            Follow(ADA, BOB, 9.0, approval=True),
            False,
            {("request", ADA, BOB): None, ("follow", ADA, BOB): 5.0},
        ),
        (
            [Follow(ADA, BOB, 5.0)],
            AddEdges("request", ADA, [BOB], 9.0),
            [Added.EXISTS],
            {("request", ADA, BOB): None, ("follow", ADA, BOB): 5.0},
        ),
        (
            [AddEdges("block", BOB, [ADA], 5.0)],
            AddEdges("follow", ADA, [BOB, FLIGHT], 9.0),
            [Added.BLOCKED, Added.MADE],
            {("follow", ADA, FLIGHT): 9.0},
        ),
        (
            [AddEdges("request", ADA, [BOB], 5.0)],
            Unfollow(ADA, BOB),
            Outcome.WITHDRAWN,
            {("request", ADA, BOB): None, ("follow", ADA, BOB): None},
        ),
        (
            [AddEdges("block", ADA, [BOB], 5.0)],
            AddEdges("block", ADA, [BOB], 9.0),
            [Added.EXISTS],
            {("block", ADA, BOB): 5.0},
        ),
        (
            [AddEdges("mute", ADA, [BOB], 5.0, ends=ENDED)],
            AddEdges("mute", ADA, [FLIGHT], 7.0),
            [Added.MADE],
            {("mute", ADA, BOB): None, ("mute", ADA, FLIGHT): NEVER},
        ),
    ],
    ids=["approval", "request", "blocked", "withdrawn", "block", "mute"],
)
def test_a_cold_write_notes_what_it_was_told(behind, before, operation, result, rows):
    """Also where nothing changed: a Redis that comes back may have another state. Nothing where it was refused."""
    perform(behind, before)
    drain(behind.unguarded)
    behind.unguarded.client.flushall()
    assert behind.perform(operation) == result
    assert outbox() == rows
    rebuild(behind.unguarded)
    assert in_step(behind)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_adopt_joins_what_both_have(cold, scenario):
    """Redis alone has one state, the database was written to meanwhile: each write of the outbox counts in Redis."""
    before, operations, _ = SCENARIOS[scenario]
    perform(cold.unguarded, before)
    perform(cold, operations)
    adopt(cold.unguarded)
    found = edges()
    assert find_contradictions(found) == []
    assert in_step(cold)
    if scenario == "forget":
        assert not [edge for edge in found if ADA in edge]
    for operation in operations:
        if isinstance(operation, AddEdges) and operation.relation == "block" and len(operations) < 3:
            assert (operation.relation, operation.from_resource, *operation.others) in found


def test_adopt_takes_everything_as_redis_has_it(behind):
    perform(behind, ENTANGLED)
    drain(behind.unguarded)
    close(behind.unguarded)
    perform(behind, [AddEdges("block", ADA, [BOB], 9.0), AddEdges("mute@only_here", BOB, [FLIGHT], 7.0)])
    rebuild(behind.unguarded, by_hand=True)
    expected = {**MUTES, ("block", ADA, BOB): 9.0, ("mute@only_here", BOB, FLIGHT): NEVER}
    assert edges() == expected
    release(behind.unguarded)
    perform(behind.unguarded, [MoveEdges(ADA, "blocked"), Follow(ADA, BOB, 11.0, "new"), *ENTANGLED[:1]])
    adopt(behind.unguarded)
    del expected["block", ADA, BOB]
    assert edges() == {**expected, ("follow@new", ADA, BOB): 11.0, ("follow", ADA, BOB): 5.0}
    assert in_step(behind)


def test_a_forget_of_the_outbox_also_takes_mutes_that_have_ended(cold):
    crowd = [Resource("user", str(number)) for number in range(10, 50)]
    for kind in KINDS:
        cold.unguarded.perform(AddEdges(f"mute{kind}", ADA, crowd, 2.0, ends=ENDED))
    cold.perform(Forget(ADA))
    adopt(cold.unguarded)
    assert edges() == {}
    assert in_step(cold)


#: What the one store has and what the other has, with which it cannot stand.
DIFFERING = {
    "block": (["block"], ["follow", "request@watch", "archive@like", "mute"]),
    "follow": (["follow@watch", "request"], ["request@watch", "follow"]),
    "mute": (["mute"], ["mute@watch"]),
}


@pytest.mark.parametrize("side", ["database", "redis"])
@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("name", DIFFERING)
def test_verify_mends_stores_of_which_one_excludes_the_other(behind, monkeypatch, name, side, swapped):
    """In steps of one edge, so the edge that excludes may come first: then a second pass mends the rest."""
    monkeypatch.setattr("sequere.backends.redis.behind.verify.STEP", 1)
    in_redis, in_database = DIFFERING[name][::-1] if swapped else DIFFERING[name]
    perform(behind, [AddEdges(relation, ADA, [BOB], 7.0) for relation in in_redis])
    drain(behind.unguarded)
    held = edges()
    gone = {Edge(*edge): None for edge in held}
    times = {
        Edge(relation, *ends): NEVER if relation.startswith("mute") else 6.0
        for relation in in_database
        for ends in ([(ADA, BOB), (BOB, ADA)] if name == "block" else [(ADA, BOB)])
    }
    set_edges(get_alias(), {**gone, **times})
    found = list(verify(behind.unguarded))
    assert {(tuple(difference[:3]), difference.database, difference.redis) for difference in found} == {
        *((tuple(edge), at, None) for edge, at in times.items()),
        *((edge, None, at) for edge, at in held.items()),
    }
    for _ in range(2):
        list(verify(behind.unguarded, repair=side))
    assert in_step(behind)
    assert edges() == (held if side == "redis" else {tuple(edge): at for edge, at in times.items()})


def test_the_time_of_an_endless_mute_is_the_same_everywhere(behind):
    """At both ends of what there is: the first second, and the last one of an edge's times."""
    others = [Resource("user", str(number)) for number in range(10, 14)]
    wanted = {}
    for other, since in zip(others, (0.0, 1.999999, 1_700_000_000.000001, 2.0**33 - 1e-5), strict=True):
        behind.perform(AddEdges("mute@watch", ADA, [other], since))
        wanted[Edge("mute@watch", ADA, other)] = float(FOREVER + int(since))

    def read(backend):
        return dict(zip(wanted, backend.perform(Since(list(wanted))), strict=True))

    assert read(behind) == wanted
    drain(behind.unguarded)
    assert read(behind.database) == wanted
    behind.unguarded.client.flushall()
    assert behind.perform(AddEdges("mute@watch", ADA, others, 9.0)) == [Added.EXISTS] * 4
    assert read(behind) == wanted
    rebuild(behind.unguarded)
    assert read(behind.unguarded) == wanted
    release(behind.unguarded)
    set_edges(get_alias(), dict.fromkeys(wanted))
    adopt(behind.unguarded)
    assert read(behind.database) == wanted
    assert in_step(behind)


def test_verify_sees_mutes_that_have_ended_in_a_long_list(behind):
    crowd = [Resource("user", str(number)) for number in range(10, 130)]
    for start in range(0, 120, 40):
        behind.perform(AddEdges("mute", ADA, crowd[start : start + 40], 2.0, ends=ENDED if start == 80 else LATER))
    behind.perform(AddEdges("mute", BOB, crowd[:40], 2.0, ends=ENDED))
    drain(behind.unguarded)
    assert len(edges()) == 160
    set_edges(get_alias(), {Edge(*edge): None for edge in edges()})
    assert len(list(verify(behind.unguarded, repair="redis"))) == 160
    assert in_step(behind)
    assert len(edges()) == 160


def test_a_database_may_have_more_kinds_than_one_server(behind):
    """Of two servers, each with 16: the second one came back older."""
    for number in range(15):
        behind.perform(Follow(ADA, BOB, 5.0, f"k{number}"))
    drain(behind.unguarded)
    older = memory_of(behind.unguarded.client)
    behind.perform(Follow(ADA, BOB, 5.0, "first"))
    drain(behind.unguarded)
    restore(behind.unguarded.client, older)
    behind.perform(Follow(ADA, BOB, 5.0, "second"))
    with pytest.raises(ColdStore):
        drain(behind.unguarded)
    rebuild(behind.unguarded)
    assert len(behind.unguarded.kinds()) == 17
    assert in_step(behind)
    behind.unguarded.perform(MoveEdges(ADA, "followings@second"))
    behind.unguarded.client.srem("sequere:global:kinds", "second")
    drain(behind.unguarded)
    set_edges(get_alias(), {Edge("follow@second", ADA, BOB): 6.0, Edge("follow@third", ADA, BOB): 6.0})
    assert [one.mended for one in verify(behind.unguarded, repair="database")] == [True, True]
    assert in_step(behind)
    behind.perform(AddEdges("block", BOB, [ADA], 9.0))
    drain(behind.unguarded)
    assert edges() == {("block", BOB, ADA): 9.0}
