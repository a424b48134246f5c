"""The audit of a graph and its statistics, as commands."""

from __future__ import annotations

import io
import json
import re

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from sequere.backends import get_backend
from sequere.backends.operations import Follow
from sequere.backends.redis.operate import audit as auditing
from sequere.backends.redis.operate import survey
from sequere.resources import Resource
from tests.management.conftest import OTHER, PROJECT, USER, manage
from tests.support.calls import Ask
from tests.support.counting import round_trips
from tests.support.graph import dump


def audit(*arguments) -> tuple[int, dict]:
    """The exit status and the JSON of the audit."""
    out, status = io.StringIO(), 0
    try:
        call_command("sequere", "audit", *arguments, "--json", stdout=out)
    except SystemExit as stop:
        status = stop.code
    return status, json.loads(out.getvalue())


def test_an_empty_graph(store):
    assert audit() == (0, {"checked": 0, "findings": [], "left": 0})
    assert json.loads(manage("stats", "--json")) == {
        "resources": {},
        "edges": {"follow": 0},
        "pairs": {"friends": 0},
        "largest": [],
    }
    assert audit("user", "1")[0] == 0


def test_a_healthy_graph(small):
    small.set("sequere:other", "of another program")
    small.rpush("elsewhere:uid:1:followers", "of another program")
    assert audit() == (0, {"checked": 3, "findings": [], "left": 0})
    assert manage("audit") == "3 resources, 0 findings: all is well.\n"
    assert manage("audit", "user", "1") == "1 resource, 0 findings: all is well.\n"


DAMAGE = {
    # what is broken -> (kinds found, whether repair can mend it)
    "count": (lambda client: client.set("sequere:uid:2:followers:count", 5), {"count"}, True),
    "entry": (lambda client: client.zrem("sequere:uid:2:followers", 1), {"count", "missing"}, True),
    "name": (lambda client: client.delete("sequere:uid::2"), {"mapping", "orphan"}, True),
    "half a name": (lambda client: client.hdel("sequere:uid::2", "object_id"), {"mapping", "orphan"}, True),
    "identifier that is none": (
        lambda client: client.hset("sequere:uid::2", "identifier", "count"),
        {"mapping", "orphan"},
        True,
    ),
    "object id that is none": (
        lambda client: client.hset("sequere:uid::2", "object_id", ""),
        {"mapping", "orphan"},
        True,
    ),
    "object id that is no text": (
        lambda client: client.hset("sequere:uid::2", "object_id", b"\xff"),
        {"mapping", "orphan"},
        True,
    ),
    "uid": (lambda client: client.delete("sequere:uid:user:1"), {"mapping"}, True),
    "uid of another": (lambda client: client.set("sequere:uid:user:1", 3), {"mapping"}, False),
    "last uid": (lambda client: client.delete("sequere:global:uid"), {"count"}, True),
    "last uid that is none": (lambda client: client.set("sequere:global:uid", "1e5"), {"count"}, True),
    "uid that is none": (lambda client: client.set("sequere:uid:user:1", "99999999999999999999"), {"mapping"}, True),
    "uid of a stranger that is none": (lambda client: client.set("sequere:uid:user:9", "deadbeef"), {"mapping"}, True),
    "bytes that are no text": (lambda client: client.set("sequere:uid:2:followers:count", b"\xff"), {"count"}, True),
    "wrong type": (
        lambda client: (client.delete("sequere:uid::2"), client.rpush("sequere:uid::2", "x")),
        {"wrongtype"},
        False,
    ),
    "list of nobody": (lambda client: client.zadd("sequere:uid:99:followers:user", {"1": 1}), {"orphan"}, False),
    "unknown identifier": (
        lambda client: client.zadd("sequere:uid:1:followers:alien", {"3": 1}),
        {"count", "surplus"},
        True,
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_mended(small, damage):
    harm, kinds, mends = DAMAGE[damage]
    harm(small)
    status, told = audit()
    assert status == 1
    assert {finding["kind"] for finding in told["findings"]} == kinds
    assert told["left"] == len(told["findings"])
    status, told = audit("--repair")
    assert {finding["kind"] for finding in told["findings"]} <= kinds
    if mends:
        assert (status, told["left"]) == (0, 0)
        assert audit()[1]["findings"] == []
    else:
        assert status == 1
        assert told["left"] > 0


def test_kinds_that_lists_have_are_in_use(small):
    """Without them no script finds the lists of these kinds, so the audit adds them before it looks at lists."""
    get_backend().perform(Follow(USER, OTHER, 4.0, "watch"))
    get_backend().perform(Follow(USER, PROJECT, 4.0, "like"))
    healthy = dump(small)
    small.srem("sequere:global:kinds", "watch")
    small.zrem("sequere:uid:3:followers@watch", 1)
    status, told = audit()
    assert (status, told["left"], len(told["findings"])) == (1, 1, 1)
    (finding,) = told["findings"]
    assert (finding["resource"], finding["kind"], finding["key"]) == (None, "missing", "sequere:global:kinds")
    assert re.fullmatch(r"kind watch should be here, because sequere:uid:\d:\w+@watch(:\w+)? exists", finding["detail"])
    status, told = audit("--repair")
    assert (status, told["left"]) == (0, 0)
    assert "sequere:uid:3:followers@watch" in {finding["key"] for finding in told["findings"]}
    assert audit() == (0, {"checked": 3, "findings": [], "left": 0})
    assert dump(small) == healthy
    small.delete("sequere:global:kinds")
    assert [finding["detail"].split()[1] for finding in audit("--repair")[1]["findings"]] == ["like", "watch"]
    assert dump(small) == healthy
    small.delete("sequere:global:kinds")
    small.set("sequere:global:kinds", "watch")
    assert {finding["kind"] for finding in audit("--repair")[1]["findings"]} == {"wrongtype"}
    assert small.get("sequere:global:kinds") == b"watch"


def test_damage_behind_damage_is_mended_too(small):
    """Without its uid the resource cannot be audited; the audit of its follower gives it back."""
    small.delete("sequere:uid:user:1")
    small.set("sequere:uid:1:followings:count", 9)
    assert {finding["kind"] for finding in audit()[1]["findings"]} == {"mapping"}
    status, told = audit("--repair")
    assert {finding["kind"] for finding in told["findings"]} == {"mapping", "count"}
    assert (status, told["left"]) == (0, 0)


def test_findings_are_told_to_people(small, capsys):
    small.set("sequere:uid:2:followers:count", 5)
    with pytest.raises(SystemExit, match="1"):
        manage("audit", "project", "7:é")
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("sequere", "audit", stdout=out)
    assert out.getvalue().splitlines() == [
        "project 7:é: count sequere:uid:2:followers:count: says 5, the list holds 1",
        "3 resources, 1 finding: run `python manage.py sequere audit --repair`.",
    ]
    assert manage("audit", "--repair").splitlines()[-1] == "3 resources, 1 finding: 0 left after the repair."


def test_stats(small):
    backend = get_backend()
    for number in range(12):
        Ask(backend).follow(Resource("country", str(number)), USER, timestamp=1.0)
    told = json.loads(manage("stats", "--json"))
    assert told["resources"] == {"country": 12, "project": 1, "user": 2}
    assert (told["edges"], told["pairs"]) == ({"follow": 15}, {"friends": 1})
    assert told["largest"][:2] == [
        {"size": 13, "list": "followers", "resource": ["user", "1"]},
        {"size": 2, "list": "followings", "resource": ["user", "1"]},
    ]
    assert len(told["largest"]) == 10
    assert "          13  followers of user 1" in manage("stats").splitlines()
    small.delete("sequere:uid:1:friends")
    small.set("sequere:uid:1:friends", "x")
    with pytest.raises(CommandError, match="uid 1: WRONGTYPE"):
        manage("stats")
    small.set("sequere:global:uid", "x")
    with pytest.raises(CommandError, match=r"sequere:global:uid must hold the last uid .* got 'x'\. Run `"):
        manage("stats")


@pytest.mark.parametrize("prefix", ["", "{g}:", "g[a*]?\\:"])
def test_a_prefix_is_taken_literally(store, settings, prefix):
    settings.SEQUERE_REDIS_PREFIX = prefix
    Ask().follow(USER, PROJECT, timestamp=1.0)
    settings.SEQUERE_REDIS_PREFIX = "ga:"
    Ask().follow(USER, OTHER, timestamp=1.0)
    settings.SEQUERE_REDIS_PREFIX = prefix
    assert audit()[1] == {"checked": 2, "findings": [], "left": 0}
    assert json.loads(manage("stats", "--json"))["resources"] == {"project": 1, "user": 1}


def test_walks_take_bounded_steps(valkey, monkeypatch):
    monkeypatch.setattr(survey, "STEP", 40)
    monkeypatch.setattr(auditing, "MAX_IDENTIFIERS", 2)
    others = [Resource(f"kind-{number % 5}", str(number)) for number in range(100)]
    backend = get_backend()
    Ask(backend).follow_many(USER, others, timestamp=1.0)
    with round_trips(monkeypatch) as sent:
        assert audit() == (0, {"checked": 101, "findings": [], "left": 0})
    assert "KEYS" not in sent
    with valkey.client() as client:
        assert sent.count("SCAN") >= 2 * client.dbsize() // 40
    with round_trips(monkeypatch) as sent:
        told = json.loads(manage("stats", "--json"))
    assert told["edges"] == {"follow": 100}
    assert sent.count("HMGET") == 101 // 3 + 2
    allowed = ("EVALSHA", "SMEMBERS", "HMGET", "GET", "CLIENT", "HELLO")
    assert sum(map(sent.count, allowed)) == len(sent)
    assert sent.count("EVALSHA") == 1


def test_an_audit_beside_traffic_finds_nothing(valkey):
    """Resources come and go between the steps of the walk."""
    backend = get_backend()
    for number in range(50):
        Ask(backend).follow(Resource("user", str(number)), PROJECT, timestamp=1.0)
    ask, asked = survey.ask, 0

    def meanwhile(of, commands):
        nonlocal asked
        Ask(backend).forget(Resource("user", str(asked)))
        Ask(backend).follow(Resource("user", f"new-{asked}"), PROJECT, timestamp=1.0)
        asked += 1
        return ask(of, commands)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(survey, "STEP", 10)
        patch.setattr(survey, "ask", meanwhile)
        assert [item for item in survey.audit_graph(backend, ["user"]) if item.findings] == []
    assert asked > 50
