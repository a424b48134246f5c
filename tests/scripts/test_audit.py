"""What audit finds, and what repair makes of it."""

from __future__ import annotations

import random

import pytest
import redis

from tests.scripts.conftest import JOURNAL, noted_relations
from tests.support.graph import audit, dump
from tests.support.manifest import MANIFEST, RELATIONS


@pytest.fixture
def graph(call):
    """uid 1, 2: friends; 1 and 2 follow uid 3, a project, which follows 1."""
    call.follow("user", "1", "user", "2", "10")
    call.follow("user", "2", "user", "1", "11")
    call.follow("user", "1", "project", "7", "12")
    call.follow("user", "2", "project", "7", "13")
    call.follow("project", "7", "user", "1", "14")
    assert audit(call.client) == []
    return call


P = "sequere:uid:"


@pytest.mark.parametrize(
    ("tamper", "kind", "key"),
    [
        (lambda c: c.set(f"{P}1:followings:count", 9), "count", f"{P}1:followings:count"),
        (lambda c: c.delete(f"{P}1:friends:user:count"), "count", f"{P}1:friends:user:count"),
        (lambda c: c.set(f"{P}2:friends:project:count", 0), "count", f"{P}2:friends:project:count"),
        (lambda c: c.set(f"{P}2:friends:project:count", "x"), "count", f"{P}2:friends:project:count"),
        (lambda c: c.zrem(f"{P}1:followings", 2), "missing", f"{P}1:followings"),
        (lambda c: c.zrem(f"{P}1:followings:user", 2), "missing", f"{P}1:followings:user"),
        (lambda c: c.zrem(f"{P}2:followers", 1), "missing", f"{P}2:followers"),
        (lambda c: c.delete(f"{P}2:followers:user"), "missing", f"{P}2:followers:user"),
        (lambda c: c.delete(f"{P}1:friends"), "missing", f"{P}1:friends"),
        (lambda c: c.zrem(f"{P}2:friends:user", 1), "missing", f"{P}2:friends:user"),
        (lambda c: c.zadd(f"{P}3:followers", {"1": 99}), "score", f"{P}3:followers"),
        (lambda c: c.zadd(f"{P}1:friends", {"2": 99}), "score", f"{P}1:friends"),
        (lambda c: c.zadd(f"{P}2:friends", {"3": 99}), "surplus", f"{P}2:friends"),
        (lambda c: c.zadd(f"{P}1:followings:project", {"2": 10}), "surplus", f"{P}1:followings:project"),
        (lambda c: c.delete(f"{P}project:7"), "mapping", f"{P}project:7"),
        (lambda c: c.zadd(f"{P}1:followers", {"77": 5}), "orphan", f"{P}1:followers"),
    ],
)
def test_findings_and_repair(graph, tamper, kind, key):
    healthy = dump(graph.client)
    tamper(graph.client)
    tampered = dump(graph.client)
    findings = audit(graph.client)
    assert (kind, key) in {(found, where) for found, where, _ in findings}
    assert dump(graph.client) == tampered
    audit(graph.client, repair=True)
    assert audit(graph.client) == []
    assert dump(graph.client) == healthy


@pytest.mark.parametrize(
    "name",
    [
        {"identifier": "count"},
        {"identifier": "12"},
        {"identifier": "x y"},
        {"identifier": "x" * 51},
        {"object_id": ""},
        {"object_id": "x" * 256},
        {"object_id": "a\0b"},
        {"object_id": b"\xff"},
    ],
    ids=str,
)
def test_a_name_that_no_resource_can_have_counts_as_none(graph, name):
    healthy = dump(graph.client)
    graph.client.hset(f"{P}:3", mapping=name)
    orphan = ["orphan", f"{P}1:followings", f"uid 3 is here, but {P}:3 does not name its resource"]
    assert graph.audit("user", "1", "", "50", "1", "user", "project")[2:5] == orphan
    told = ["mapping", f"{P}:3", "should say identifier project, object_id 7"]
    assert graph.audit("project", "7", "", "50", "1", "user", "project")[2:5] == told
    assert audit(graph.client) == []
    assert dump(graph.client) == healthy


def test_two_names_that_contradict_each_other_are_left_to_a_person(graph):
    graph.client.hset(f"{P}:1", "object_id", "5")
    graph.client.set(f"{P}project:7", 2)
    tampered = dump(graph.client)
    assert graph.audit("user", "1", "", "50", "1", "user")[2:] == [
        "mapping",
        f"{P}:1",
        "should say identifier user, object_id 1",
    ]
    assert graph.audit("project", "7", "", "50", "1", "user", "project")[2:] == [
        "mapping",
        f"{P}:2",
        "should say identifier project, object_id 7",
    ]
    assert dump(graph.client) == tampered


#: What is no uid; the last one has the form of a uid, but was never given out.
NO_UIDS = [
    "deadbeef",
    "1e5",
    "99999999999999999999",
    "",
    "-3",
    "003",
    "3.0",
    " 3",
    "nan",
    "0",
    b"\xff\x00",
    "999999999999999",
    "77",
]


@pytest.mark.parametrize("value", NO_UIDS)
def test_a_key_that_holds_no_uid_is_set_to_that_of_its_resource(graph, value):
    healthy = dump(graph.client)
    graph.client.set(f"{P}project:7", value)
    reply = graph.audit("project", "7", "", "50", "0", "user")
    assert reply[:4] == ["", 0, "mapping", f"{P}project:7"]
    assert len(reply) == 5
    assert ("mapping", f"{P}project:7") in {(kind, key) for kind, key, _ in audit(graph.client)}
    audit(graph.client, repair=True)
    assert audit(graph.client) == []
    assert dump(graph.client) == healthy


@pytest.mark.parametrize("value", NO_UIDS)
def test_a_key_that_holds_no_uid_of_a_resource_that_nobody_knows_is_removed(graph, value):
    healthy = dump(graph.client)
    graph.client.set(f"{P}user:9", value)
    assert graph.audit("user", "9", "", "50", "1", "user")[2:4] == ["mapping", f"{P}user:9"]
    assert dump(graph.client) == healthy
    assert graph.follow("user", "9", "project", "7", "15") == 1
    assert graph.follow("user", "10", "user", "9", "15") == 1
    assert graph.client.get("sequere:global:uid") == b"5"
    assert audit(graph.client) == []


def test_a_uid_of_the_first_versions_is_told_of_and_left_alone(graph):
    old = "0123456789abcdef0123456789abcdef"
    graph.client.set(f"{P}project:7", old)
    graph.client.set(f"{P}user:9", old)
    before = dump(graph.client)
    told = f'holds "{old}", a uid of django-sequere 0.x'
    assert graph.audit("user", "9", "", "50", "1", "user")[2:] == ["mapping", f"{P}user:9", told]
    assert ("mapping", f"{P}project:7", f"{told}, should lead to uid 3") in audit(graph.client, repair=True)
    assert dump(graph.client) == before
    with pytest.raises(redis.ResponseError, match=f"{P}user:9 is from django-sequere 0.x; use another prefix"):
        graph.follow("user", "9", "user", "1")


@pytest.mark.parametrize("value", ["1e5", "99999999999999999999", "9223372036854775807", "x", "", "-1", "007", b"\xff"])
def test_a_last_uid_that_is_none_is_set_to_the_highest_in_use(graph, value):
    healthy = dump(graph.client)
    graph.client.set("sequere:global:uid", value)
    assert ("count", "sequere:global:uid") in {(kind, key) for kind, key, _ in audit(graph.client)}
    audit(graph.client, repair=True)
    assert dump(graph.client) == healthy
    assert graph.follow("user", "9", "user", "10", "15") == 1
    assert audit(graph.client) == []


@pytest.mark.parametrize("value", ["1e5", "99999999999999999999", "9223372036854775807", "999999999999999", "x", ""])
def test_a_last_uid_that_no_uid_can_follow_is_named(graph, value):
    graph.client.set("sequere:global:uid", value)
    before = dump(graph.client)
    with pytest.raises(redis.ResponseError, match=r"^SEQUERE_(WRONGTYPE|CORRUPT) follow.*sequere:global:uid"):
        graph.follow("user", "9", "project", "7")
    assert dump(graph.client) == before


@pytest.mark.parametrize("value", ["deadbeef", "1e5", "99999999999999999999", "", "-3", "003"])
@pytest.mark.parametrize("script", ["follow", "unfollow", "is_following"])
@pytest.mark.parametrize("ends", ["project 7 user 1", "user 1 project 7"])
def test_a_script_that_meets_a_key_without_a_uid_names_it(graph, script, ends, value):
    graph.client.set(f"{P}project:7", value)
    before = dump(graph.client)
    told = f'^SEQUERE_CORRUPT {script}: {P}project:7 must hold a uid, .*; run audit with repair; got "{value}"$'
    with pytest.raises(redis.ResponseError, match=told):
        graph(script, *ends.split())
    assert dump(graph.client) == before


@pytest.mark.parametrize("suffix", [":1", "user:1", "1:followings", "1:friends:user", "2:followers:count"])
def test_a_wrong_type_is_named_and_left(graph, suffix):
    graph.client.delete(P + suffix)
    graph.client.rpush(P + suffix, "not", "yours")
    tampered = dump(graph.client)
    reply = [graph.audit(*name, "", "50", "1", "user", "project") for name in (("user", "1"), ("user", "2"))]
    assert any(item[i] == "wrongtype" and item[i + 1] == P + suffix for item in reply for i in range(2, len(item), 3))
    assert graph.client.lrange(P + suffix, 0, -1) == [b"not", b"yours"]
    assert dump(graph.client).keys() == tampered.keys()


def test_any_lost_list_comes_back(graph):
    """An edge that any of its four entries still knows is an edge: after losing one key, nothing is lost."""
    healthy = dump(graph.client)
    for key in healthy:
        if key in (f"{P}:1", f"{P}:2", f"{P}:3", f"{P}user:1", f"{P}user:2"):
            continue  # the names themselves cannot be made up
        graph.client.delete(key)
        audit(graph.client, repair=True)
        assert audit(graph.client) == []
        assert dump(graph.client) == healthy


def test_repair_from_random_damage_ends_in_a_graph_that_agrees(graph):
    chance = random.Random(3)
    for number in range(40):
        graph.follow("user", str(chance.randrange(8)), "project", str(number % 5))
        graph.follow("project", str(number % 5), "user", str(chance.randrange(8)))
    for key in list(dump(graph.client)):
        if chance.random() < 0.2 and not key.startswith(f"{P}:") and key.split(":")[2].isdigit():
            graph.client.delete(key)
    assert audit(graph.client)
    audit(graph.client, repair=True)
    assert audit(graph.client) == []


def test_small_steps_find_the_same(graph):
    for number in range(20):
        graph.follow("user", str(100 + number), "project", "7", "50")
    graph.client.zrem(f"{P}3:followers:user", 15)
    graph.client.set(f"{P}3:followings:user:count", 4)

    def steps(limit):
        cursor, checked, findings = "", 0, []
        while True:
            cursor, looked_at, *fields = graph.audit("project", "7", cursor, str(limit), "0", "user", "project")
            assert looked_at <= limit
            checked += looked_at
            findings += fields
            if not cursor:
                return checked, sorted(findings)

    checked, findings = steps(50)
    assert len(findings) == 3 * 3  # the entry, and both counts
    assert steps(1) == steps(3) == (checked, findings)


@pytest.fixture
def kinds(journal):
    """uid 1 and 2: a follow, a request, an archived follow, mutes; of kinds too. Where a block excludes one, 1 -> 3."""
    for relation, other in [
        ("follow", "2"), ("follow@watch", "2"), ("request@like", "2"), ("archive@watch", "2"), ("archive", "2"),
        ("mute", "2"), ("mute@like", "2"), ("block", "3"), ("follow@like", "4"),
    ]:  # fmt: skip
        journal.add_edges(relation, "user", "1", "10", "", "", "", "", "user", other)
    journal.add_edges("follow@watch", "user", "2", "11", "", "", "", "", "user", "1")
    assert audit(journal.client) == []
    journal.client.delete(JOURNAL)
    journal.client.xadd(JOURNAL, {"operation": "open"})
    return journal


def set_edge(client, relation, one, other, score):
    """Put an edge into its lists without a look at others."""
    row, lists = RELATIONS[relation.partition("@")[0]], {}
    tail = relation.partition("@")[1] + relation.partition("@")[2]
    for end, list_, counterpart in ((one, row["forward"], other), (other, row["backward"], one)):
        for key in (f"{P}{end}:{list_}{tail}", f"{P}{end}:{list_}{tail}:user"):
            client.zadd(key, {counterpart: score})
            lists[key] = client.zcard(key)
    for key, size in lists.items():
        client.set(f"{key}:count", size)


@pytest.mark.parametrize(
    ("relation", "one", "other", "strong"),
    [
        ("follow", 1, 3, "1:blocked"),
        ("follow", 3, 1, "3:blocked_by"),
        ("follow@watch", 1, 3, "1:blocked"),
        ("request@like", 3, 1, "3:blocked_by"),
        ("archive", 1, 3, "1:blocked"),
        ("archive@watch", 3, 1, "3:blocked_by"),
        ("request", 1, 2, "1:followings"),
        ("request@watch", 1, 2, "1:followings@watch"),
    ],
)
@pytest.mark.parametrize("lost", ["", "forward", "backward"])
def test_a_conflict(kinds, relation, one, other, strong, lost):
    """The stronger edge stays, also where one half of it is lost."""
    healthy = dump(kinds.client)
    set_edge(kinds.client, relation, one, other, 12)
    if lost:
        base, _, tail = strong.partition(":")[2].partition("@")
        row = next(row for row in RELATIONS.values() if base in (row["forward"], row["backward"]))
        ends = ((1, other if base == "followings" else 3), (other if base == "followings" else 3, 1))
        uid = ends[0][0] if lost == "forward" else ends[1][0]
        kinds.client.delete(f"{P}{uid}:{row[lost]}{tail and '@'}{tail}")
    base, at, kind = relation.partition("@")
    told = ("conflict", f"{P}{one}:{RELATIONS[base]['forward']}{at}{kind}", f"uid {other} is here and in {P}{strong}")
    tampered = dump(kinds.client)
    assert told in audit(kinds.client)
    assert dump(kinds.client) == tampered
    audit(kinds.client, repair=True)
    ends = ("user", str(one)), ("user", str(other))
    assert ("remove", relation, *ends, "12.000000") in noted_relations(kinds.client)
    assert audit(kinds.client) == []
    assert without_journal(kinds.client) == {key: value for key, value in healthy.items() if key != JOURNAL}


def without_journal(client):
    return {key: value for key, value in dump(client).items() if key != JOURNAL}


def test_a_friendship_beside_a_block_goes_with_both_follows(kinds):
    healthy = without_journal(kinds.client)
    kinds.move_edges("user", "1", "blocked", "", "50", "", "user", "3")
    kinds.follow("user", "1", "user", "3", "12", "like")
    kinds.follow("user", "3", "user", "1", "13", "like")
    kinds.client.delete(JOURNAL)
    kinds.client.xadd(JOURNAL, {"operation": "open"})
    set_edge(kinds.client, "block", 1, 3, 10)
    assert {kind for kind, _, _ in audit(kinds.client)} == {"conflict"}
    audit(kinds.client, repair=True)
    assert audit(kinds.client) == []
    assert without_journal(kinds.client) == healthy
    ends = ("user", "1"), ("user", "3")
    assert sorted(noted_relations(kinds.client)) == [
        ("remove", "follow@like", *ends, "12.000000"),
        ("remove", "follow@like", *ends[::-1], "13.000000"),
    ]


@pytest.mark.parametrize("kind", ["", "@like"])
def test_a_repair_removes_mutes_that_have_ended(kinds, kind):
    healthy = without_journal(kinds.client)
    set_edge(kinds.client, f"mute{kind}", 1, 4, 12)
    set_edge(kinds.client, f"mute{kind}", 4, 2, 12)
    assert audit(kinds.client) == []  # they count as absent
    assert audit(kinds.client, repair=True) == []
    assert without_journal(kinds.client) == healthy
    assert sorted(noted_relations(kinds.client)) == [
        ("remove", f"mute{kind}", ("user", "1"), ("user", "4"), "12.000000"),
        ("remove", f"mute{kind}", ("user", "4"), ("user", "2"), "12.000000"),
    ]


def test_lists_of_a_kind_are_checked_as_those_without(kinds):
    healthy = without_journal(kinds.client)
    for key, value in healthy.items():
        if key.endswith(":count") or (isinstance(value, dict) and not key.startswith(f"{P}:")):
            kinds.client.delete(key)
            found = audit(kinds.client)
            assert found, key
            audit(kinds.client, repair=True)
            assert audit(kinds.client) == [], key
            assert without_journal(kinds.client) == healthy, key
    # Of an edge that the from side's list lacked, the journal says that it exists.
    assert {operation for operation, *_ in noted_relations(kinds.client)} == {"add"}


def test_kinds_of_a_wrong_type_are_named_and_left(kinds):
    kinds.client.delete("sequere:global:kinds")
    kinds.client.set("sequere:global:kinds", "watch")
    before = dump(kinds.client)
    told = ("wrongtype", "sequere:global:kinds", "holds a string, should be a set")
    assert set(audit(kinds.client, repair=True)) == {told}
    assert dump(kinds.client) == before


def lose(client):
    client.zrem(f"{P}1:followings", "3")
    client.delete(f"{P}user:2", f"{P}2:followers:count")
    client.hdel(f"{P}:1", "object_id")
    client.set("sequere:global:uid", 1)


def intrude(client):
    client.zadd(f"{P}1:followings:user", {"77": 5})
    client.zadd(f"{P}1:friends", {"2": 5})
    client.set(f"{P}1:friends:count", 1)


@pytest.mark.parametrize(
    ("damage", "needed"), [(lose, {"ZADD", "SET", "HSET", "EXISTS", "XADD"}), (intrude, {"ZREM", "SET", "DEL"})]
)
def test_a_repair_that_is_refused_changes_nothing(server_call, server, damage, needed):
    client = server_call.client
    refusals = {}
    for command in MANIFEST["audit"]["commands"]:
        client.flushall()
        client.xadd("sequere:global:journal", {"operation": "open"})
        server_call.follow("user", "1", "user", "2", "10")
        server_call.follow("user", "1", "project", "7", "11")
        damage(client)
        before = dump(client)
        options = {"keys": ["*"], "categories": ["+@all"], "commands": [f"-{command.lower()}"]}
        client.acl_setuser("mender", enabled=True, nopass=True, **options)
        with server.client(username="mender", password="any") as guest:
            try:
                type(server_call)(guest).audit("user", "1", "", "50", "1", "user", "project")
            except redis.ResponseError as error:
                refusals[command] = str(error)
                assert dump(client) == before
        client.acl_deluser("mender")
    for command, text in refusals.items():
        assert text.startswith("SEQUERE_DENIED audit line ")
        assert f": {command} {'' if command == 'TIME' else 'sequere:'}" in text
    assert refusals.keys() >= needed
