"""What operators do: the scripts, the names, the audit, the numbers, by ``manage.py`` and by ``python -m``."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from sequere.backends import get_backend
from sequere.backends.redis import scripts
from sequere.backends.redis.operate import audit as auditing
from sequere.backends.redis.operate import survey
from sequere.management import graph
from sequere.resources import Resource
from tests.support.calls import Ask
from tests.support.counting import round_trips
from tests.support.manifest import MANIFEST

ROOT = Path(__file__).resolve().parents[2]
USER, OTHER, PROJECT = Resource("user", "1"), Resource("user", "2"), Resource("project", "7:é")


def manage(*arguments) -> str:
    out = io.StringIO()
    call_command("sequere", *arguments, stdout=out)
    return out.getvalue()


def audit(*arguments) -> tuple[int, dict]:
    """The exit status and the JSON of the audit."""
    out, status = io.StringIO(), 0
    try:
        call_command("sequere", "audit", *arguments, "--json", stdout=out)
    except SystemExit as stop:
        status = stop.code
    return status, json.loads(out.getvalue())


def module(*arguments) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sequere", *arguments], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )


@pytest.fixture
def small(store):
    """A graph: two friends, of whom one follows a project."""
    backend = get_backend()
    Ask(backend).follow(USER, PROJECT, timestamp=1.0)
    Ask(backend).follow(USER, OTHER, timestamp=2.0)
    Ask(backend).follow(OTHER, USER, timestamp=3.0)
    return store


def test_scripts_are_listed_and_loaded(server):
    with server.client() as client:
        client.script_flush()
    listed = json.loads(manage("scripts", "--json"))
    assert [entry["name"] for entry in listed] == sorted(MANIFEST)
    assert all(entry["loaded"] == {server.socket: False} for entry in listed)
    assert "count           v1  " + MANIFEST["count"]["sha1"] + "  not loaded" in manage("scripts").splitlines()
    listed = json.loads(manage("scripts", "--load", "--json"))
    assert all(entry["loaded"] == {server.socket: True} for entry in listed)
    assert {entry["name"]: entry["sha1"] for entry in listed} == {n: e["sha1"] for n, e in MANIFEST.items()}
    url = f"unix://{server.socket}"
    assert json.loads(module("scripts", "--url", url, "--json").stdout) == listed
    with server.client() as client:
        client.script_flush()
    assert len(re.findall("  loaded$", module("scripts", "--url", url, "--load").stdout, re.MULTILINE)) == len(MANIFEST)


@pytest.mark.parametrize(
    "show", [lambda name: manage("scripts", "--show", name), lambda n: module("scripts", "--show", n).stdout]
)
def test_a_script_is_shown_byte_for_byte(settings, show):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    assert hashlib.sha1(show("page").encode()).hexdigest() == MANIFEST["page"]["sha1"]


def test_export(settings, tmp_path):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    folder = tmp_path / "new" / "lua"
    assert manage("scripts", "--export", str(folder)) == f"{len(MANIFEST) + 2} files in {folder}\n"
    (folder / "v1" / "count.lua").write_text("old")
    assert module("scripts", "--export", str(folder)).returncode == 0  # over an earlier one
    there = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}
    assert there == {name: (ROOT / "lua" / name).read_bytes() for name in there}
    assert there.keys() == {"manifest.json", "v1/sequere.functions.lua", *(f"v1/{name}.lua" for name in MANIFEST)}


@pytest.mark.parametrize("stranger", ["notes.txt", "v1/mine.lua", "v2/count.lua"])
def test_a_folder_with_something_else_is_left_alone(settings, tmp_path, stranger):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    (tmp_path / stranger).parent.mkdir(exist_ok=True)
    (tmp_path / stranger).write_text("mine")
    with pytest.raises(CommandError, match=f"must be an empty folder or an earlier export; found .*{stranger[:2]}"):
        manage("scripts", "--export", str(tmp_path))
    done = module("scripts", "--export", str(tmp_path))
    assert done.returncode == 2
    assert "must be an empty folder" in done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / stranger]


def test_a_file_is_no_folder(settings, tmp_path):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CommandError, match="must be an empty folder"):
        manage("scripts", "--export", str(tmp_path / "file"))
    with pytest.raises(CommandError, match="Not a directory"):
        manage("scripts", "--export", str(tmp_path / "file" / "below"))


def test_names(small):
    assert manage("lookup", "user", "1") == "1\n"
    assert manage("resolve", "2") == "project 7:é\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scripts", "--show", "nope"], "There is no script 'nope'; there are: add_edges, audit, "),
        (["lookup", "user", "404"], "The graph does not know user 404"),
        (["lookup", "us er", "1"], "identifier must be 1 to 50 characters"),
        (["lookup", "user", ""], "object_id must be 1 to 255 bytes"),
        (["resolve", "404"], "The graph has no uid 404"),
        (["resolve", "one"], "argument uid: must be a positive whole number of at most 15 digits; got 'one'"),
        (["audit", "usr", "1"], "The graph does not know usr 1; no model is registered as 'usr'; registered: "),
        (["audit", "user", "one"], "The graph does not know user one; no row of the model can have"),
        (["audit", "user"], "both an identifier and an object id, or neither"),
        (["audit", "12", "1"], "identifier must be 1 to 50 characters"),
        (["acl", "--user", "two words"], "user must not contain spaces or quotes"),
        (["acl", "--user", ""], "user must not be empty"),
        (["acl", "--user", "default"], "user must not be default"),
        ([], "required: subcommand"),
        (["nope"], "invalid choice: 'nope'"),
    ],
)
def test_wrong_input(valkey, arguments, words):
    with pytest.raises(CommandError, match=words):
        manage(*arguments)


def test_half_a_resource_is_wrong_usage(valkey):
    with pytest.raises(CommandError, match="both an identifier and an object id, or neither") as error:
        manage("audit", "user")
    assert error.value.returncode == 2


@pytest.mark.parametrize(
    "arguments", [["scripts"], ["scripts", "--load"], ["audit"], ["audit", "user", "1"], ["stats"], ["resolve", "1"]]
)
def test_a_server_that_is_down(settings, tmp_path, arguments):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": str(tmp_path / "nothing")}
    with pytest.raises(CommandError, match=r"connecting to .*nothing"):
        manage(*arguments)


@pytest.mark.parametrize("arguments", [["scripts", "--show", "count"], ["acl"], ["stats"]])
def test_another_backend(arguments):
    with pytest.raises(
        CommandError, match=r"for sequere.backends.redis.RedisBackend; the settings name DatabaseBackend"
    ):
        manage(*arguments)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["scripts"], 2, "no server given: pass --url, or use --show or --export"),
        (["scripts", "--show", "nope"], 2, "There is no script 'nope'"),
        (["scripts", "--url", "redis://localhost?hots=x"], 2, "--url: AbstractConnection.__init__() got an unexpected"),
        (["scripts", "--url", "valkey://127.0.0.1:1"], 1, "error: redis: cannot reach the server"),
        (["scripts", "--url", "http://localhost"], 2, "--url: Redis URL must specify one of"),
        (
            ["scripts", "--url", "unix:///no/such/socket"],
            1,
            "cannot reach the server: Error 2 connecting to",
        ),
        (["acl", "--prefix", "my graph:"], 2, "prefix must not contain spaces or quotes"),
    ],
)
def test_wrong_input_without_django(arguments, status, words):
    done = module(*arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


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
    assert sent.count("HMGET") == 101 // 10 + 2
    allowed = ("EVALSHA", "HMGET", "GET", "CLIENT", "HELLO")
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


def test_progress_without_a_terminal_is_lines():
    stream = io.StringIO()
    with graph.progress("audit", 25_000, stream) as on_step:
        for done in (9_999, 10_001, 15_000, 20_000):
            on_step(done)
    assert stream.getvalue().splitlines() == [
        "audit: 10,001 of about 25,000",
        "audit: 20,000 of about 25,000",
        "audit: 20,000 of 20,000",
    ]


@pytest.mark.parametrize("total", [18_002, None])
def test_progress_never_tells_more_than_all(total):
    stream = io.StringIO()
    with graph.progress("verify", total, stream) as on_step:
        for done in range(0, 40_005, 5_000):
            on_step(done)
        on_step(40_004)
    told = [f"verify: 10,000{'' if total is None else ' of about 18,002'}", "verify: 20,000", "verify: 30,000"]
    assert stream.getvalue().splitlines() == [*told, "verify: 40,000", "verify: 40,004 of 40,004"]


def test_progress_of_little_is_not_told():
    stream = io.StringIO()
    with graph.progress("audit", 25_000, stream) as on_step:
        on_step(9_999)
    assert stream.getvalue() == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("rich", [True, False])
def test_progress_on_a_terminal_is_a_bar_if_rich_is_there(monkeypatch, rich):
    if not rich:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    stream = Terminal()
    with graph.progress("audit", 20_000, stream) as on_step:
        on_step(20_000)
    assert ("━" in stream.getvalue() or "\x1b" in stream.getvalue()) is rich
    assert "audit" in stream.getvalue()


@pytest.mark.parametrize("total", [10, None])
def test_a_bar_that_reaches_its_end_goes_on_without_one(total):
    stream = Terminal()
    with graph.progress("audit", total, stream) as on_step:
        on_step(5)
        on_step(25)
    shown = re.findall(r"(\d+)/(\d+|\?)", stream.getvalue())
    assert all(of == "?" or int(done) <= int(of) for done, of in shown)
    assert shown[-1] == ("25", "25")


def test_every_script_knows_its_commands():
    assert {name: list(script.commands) for name, script in scripts.catalogue().items()} == {
        name: entry["commands"] for name, entry in MANIFEST.items()
    }
