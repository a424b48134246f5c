"""The conformance vectors: that they cover the contract, and that every client passes them on every server."""

from __future__ import annotations

import re
import subprocess
import sys
import time

import pytest

from tests.support.graph import audit
from tests.support.manifest import MANIFEST, fields_of
from tests.support.runners import CASES, PROGRAMS, RUNNERS, VECTORS, command, run, step, vectors
from tests.support.servers import SERVERS

CALLS = [step for case in CASES for step in case["steps"] if "call" in step]

#: Codes that no case provokes, and why: script (or all) -> code -> reason.
UNREACHED = {
    "all": {"SEQUERE_FAILED": "only a bug in a script gives it, and none is known"},
    "audit": {"SEQUERE_WRONGTYPE": "it names such keys among its findings, and goes on"},
    "fence": {"SEQUERE_WRONGTYPE": "it replaces or removes the fence, whatever that holds"},
    "note_edges": {"SEQUERE_CORRUPT": "who may set the mark may set it back"},
    "clear_graph": {"SEQUERE_CORRUPT": "who may set the mark may set it back"},
    "delete_journal": {"SEQUERE_CORRUPT": "who may remove the mark may set it; see tests/scripts/test_undo.py"},
}

#: Runners that call the scripts as functions too.
FUNCTIONS = ["python_redis.py"]


@pytest.fixture(params=[name for name in SERVERS if name != "redis-6.2"])
def server_with_functions(request, servers):
    server = servers(request.param)
    yield server
    with server.client() as client:
        client.execute_command("FUNCTION", "FLUSH")


# What the vectors cover.


#: What a finding of audit can be, as its header lists it.
KINDS = re.findall(r"\w+", MANIFEST["audit"]["reply"]["fields"][2]["fields"][0]["text"].replace(" or ", " "))


def listed_values(reply):
    """What a header says that a reply, or a field of it, can be: (field, value)."""
    match reply["kind"]:
        case "outcome":
            yield from (("", outcome["value"]) for outcome in reply["outcomes"])
        case "tuple":
            once, repeated = fields_of(reply)
            for field in [*once, *repeated]:
                yield field["name"], "something"
                if field["optional"]:
                    yield field["name"], ""
        case kind:
            yield from (("", value) for value in ("something", *([0] if kind != "text" else [""] * reply["optional"])))


def shown_values(wanted, reply):
    """The same, of an expected reply."""
    items = reply if wanted["each"] else [reply]
    if wanted["kind"] == "tuple":
        once, repeated = fields_of(wanted)
        for position, item in enumerate(reply):
            field = once[position] if position < len(once) else repeated[(position - len(once)) % len(repeated)]
            yield field["name"], "" if item == "" else "something"
    elif wanted["kind"] == "outcome":
        yield from (("", item) for item in items)
    else:
        yield from (("", item if item in (0, "") else "something") for item in items)


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_every_listed_reply_has_a_case(name):
    wanted = MANIFEST[name]["reply"]
    replies = [step["reply"] for step in CALLS if step["call"] == name and "reply" in step]
    seen = {value for reply in replies for value in shown_values(wanted, reply)}
    assert set(listed_values(wanted)) - seen == set()
    if wanted["kind"] in ("outcome", "tuple"):  # what is not listed is no reply
        assert seen - set(listed_values(wanted)) == set()


def test_every_kind_of_finding_has_a_case():
    replies = [step["reply"] for step in CALLS if step["call"] == "audit" and "reply" in step]
    assert {kind for reply in replies for kind in reply[2::3]} == set(KINDS)


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_every_listed_error_has_a_case(name):
    seen = {step["error"] for step in CALLS if step["call"] == name and "error" in step}
    assert set(MANIFEST[name]["errors"]) - seen == {*UNREACHED["all"], *UNREACHED.get(name, {})}


def test_the_vectors_have_the_form_that_their_readme_describes():
    names = [case["name"] for case in CASES]
    assert len(set(names)) == len(names)
    for case in CASES:
        assert set(case) == {"name", "steps"}
        bound = set()
        for line in case["steps"]:
            kind = {"call", "keys", "arguments"} if "call" in line else {"command"}
            assert kind <= set(line) <= kind | ({"as"} if "call" in line else set()) | {"reply", "error"}
            assert not {"reply", "error"} <= set(line)
            assert line.get("call", "follow") in MANIFEST
            texts = [*line.get("keys", []), *line.get("arguments", []), *line.get("command", [])]
            assert all(isinstance(text, str) and "\0" not in text for text in texts)
            assert {text for text in texts if text.startswith("$")} <= bound
            reply = line.get("reply")
            items = reply if isinstance(reply, list) else [reply]
            assert {type(item) for item in items} <= {int, str, type(None)}
            bound |= {item for item in items if isinstance(item, str) and item.startswith("$")}


def test_the_lock_file_names_no_registry():
    assert '"resolved"' not in (RUNNERS / "package-lock.json").read_text()


# Who passes them.


@pytest.mark.parametrize("runner", [name for name in PROGRAMS if name != "redis_cli.sh"])
def test_the_vectors_pass(runner, server):
    done = run(runner, VECTORS, server.socket, "--flushall")
    assert (done.stdout, done.stderr, done.returncode) == (f"{len(CASES)} passed, 0 failed\n", "", 0)


@pytest.mark.slow
def test_the_vectors_pass_with_redis_cli(valkey):
    done = run("redis_cli.sh", VECTORS, valkey.socket, "--flushall")  # a process for each call: on one server
    assert (done.stdout, done.stderr, done.returncode) == (f"{len(CASES)} passed, 0 failed\n", "", 0)


@pytest.mark.parametrize("runner", FUNCTIONS)
def test_the_vectors_pass_as_functions(runner, server_with_functions):
    done = run(runner, VECTORS, server_with_functions.socket, "--flushall", "--functions")
    assert (done.stdout, done.stderr, done.returncode) == (f"{len(CASES)} passed, 0 failed\n", "", 0)


@pytest.mark.parametrize("runner", PROGRAMS)
def test_a_runner_finds_what_is_wrong(runner, valkey, tmp_path):
    follow = ("follow", "user", "1", "project", "é", "5")
    page = ("page", "project", "é", "followers", "desc", "1")
    wrong = [
        [step(*follow, reply=0)],
        [step(*follow, reply="1")],
        [step(*follow, reply=[1])],
        [step(*follow, reply=[])],
        [step(*follow, reply=None)],
        [step(*follow, error="SEQUERE_SELF")],
        [step(*follow), step(*page, reply=["", "user", "1"])],
        [step(*follow), step(*page, reply=["", "user", "1", "5.000000", "more"])],
        [step(*follow), step(*page, reply=["$cursor", "user", "1", "5.000000"])],
        [step(*follow), step(*page, reply=[1, "", "user", "1", "5.000000"])],
        [step(*follow), step("resolve", "2", reply=["project", "è"])],
        [step("lookup", "user", "1", reply=None)],
        [step("resolve", "1", reply=[""])],
        [step("follow", "user", "1", "user", "1")],
        [step("follow", "user", "1", "user", "1", reply=1)],
        [step("follow", "user", "1", "user", "1", error="SEQUERE_SEL")],
        [{"command": ["GET", "nothing"], "reply": ""}, step(*follow, reply=1)],
    ]
    done = run(runner, vectors(tmp_path, "wrong", *wrong), valkey.socket, "--flushall")
    assert done.stdout.splitlines()[-1] == f"0 passed, {len(wrong)} failed"
    assert done.returncode != 0
    done = run(runner, vectors(tmp_path, "mixed", [step(*follow, reply=1)], wrong[0]), valkey.socket, "--flushall")
    assert done.stdout.splitlines()[-1] == "1 passed, 1 failed"
    assert done.returncode != 0


@pytest.mark.parametrize("runner", PROGRAMS)
def test_a_script_that_there_is_not_is_no_success(runner, valkey, tmp_path):
    done = run(
        runner, vectors(tmp_path, "typo", [step("folow", "user", "1", "project", "7")]), valkey.socket, "--flushall"
    )
    assert done.returncode != 0
    assert "folow" in done.stdout + done.stderr


@pytest.mark.parametrize("runner", PROGRAMS)
@pytest.mark.parametrize("options", [(), ("--flush",), ("--flushall", "--keep")])
def test_a_runner_refuses_to_empty_a_server_unless_told(runner, options, valkey):
    with valkey.client() as client:
        client.set("precious", "1")
        done = run(runner, VECTORS, valkey.socket, *options)
        assert done.returncode != 0
        assert "--flushall" in done.stderr
        assert client.keys() == [b"precious"]


# All of them at once.

WRITERS = {"django": 600, "python_redis.py": 600, "node_redis.js": 600, "redis_cli.sh": 40}


def client_of(writer, file, server):
    """The command line of one of them."""
    if writer == "django":
        return [sys.executable, "-m", "tests.support.django_runner", str(file), server.socket, "--keep"]
    return command(writer, file, server.socket, "--keep")


def written(writer, rounds):
    """What one writes, once told to start: edges of its own, and for each some that all of them tear at."""
    yield {"command": ["BLPOP", f"start {writer}", "120"], "reply": [f"start {writer}", "now"]}
    for other in WRITERS:
        if other != writer:
            yield step("follow", "user", writer, "user", other, reply=1)
    for i in range(rounds):
        one, other = ("user", str(i % 3)), ("user", str((i + 1) % 3))
        yield step("follow", "user", writer, "project", f"é{i}", reply=1)
        yield step("follow", *one, *other)
        yield step("follow", *other, *one)
        yield step("unfollow", *(one + other if i % 2 else other + one))


def read():
    """What every one of them must find afterwards."""
    for writer, rounds in WRITERS.items():
        last = [f"é{rounds - 1}", "project", "é0"]
        yield step("count", "followings:project", "user", writer, reply=[rounds])
        yield step("count", "friends", "user", writer, reply=[len(WRITERS) - 1])
        yield step("relationships", "user", writer, "followings", "project", last[0], *last[1:], reply=[1, 1])
        arguments = ("user", writer, "followings:project", "desc", "1")
        yield step("page", *arguments, reply=["$cursor", "project", last[0], "$time"])
    yield step("count", "followers", "project", "é0", reply=[len(WRITERS)])


def test_all_write_to_one_graph_at_once_and_read_each_other(valkey, tmp_path):
    # All commands first: one that is missing skips the test before another has been started.
    commands = {
        writer: client_of(writer, vectors(tmp_path, writer, list(written(writer, rounds))), valkey)
        for writer, rounds in WRITERS.items()
    }
    running = {writer: subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for writer, line in commands.items()}
    with valkey.client() as client:
        deadline = time.monotonic() + 120
        while client.info("clients")["blocked_clients"] < len(WRITERS) and time.monotonic() < deadline:
            time.sleep(0.01)
        for writer in running:
            client.rpush(f"start {writer}", "now")
        assert {writer: process.communicate(timeout=120)[0] for writer, process in running.items()} == dict.fromkeys(
            running, "1 passed, 0 failed\n"
        )
        assert audit(client) == []
        for writer in WRITERS:
            reader = client_of(writer, vectors(tmp_path, "read", list(read())), valkey)
            done = subprocess.run(reader, check=False, capture_output=True, text=True, timeout=120)
            assert done.stdout == "1 passed, 0 failed\n"
        assert audit(client) == []
