"""Every console line of the documents runs, in a project made of them or at the root of the repository."""

from __future__ import annotations

import re

import pytest

from tests.support.behind import memory_of, restore
from tests.support.documents import PAGES, README, ROOT, blocks, commands, make_project, manage, steps, steps_of
from tests.support.manifest import MANIFEST


def test_the_two_commands_of_the_readme():
    """They make an environment of their own: the continuous integration runs them."""
    for line, end in zip(commands(README), ("sequere demo", "pytest"), strict=True):
        assert re.fullmatch(rf"python3 -m venv \.venv && .* -m {end}", line)


#: The pages whose lines are not typed one after the other: those of write-behind belong to different states, and the
#: others need what test_moving.py, test_operating.py and test_upgrading.py have for them.
OTHERS = ("behind", "moving", "operating", "upgrading")
SESSIONS = [name for name, page in PAGES.items() if name not in OTHERS and commands(page)]


@pytest.mark.parametrize("name", SESSIONS)
def test_the_lines_of(name, in_root, project):
    """Each ends well and prints what the page shows."""
    page = PAGES[name]
    folder = project(page)
    for line, shown in steps(page):
        printed = in_root(line, ROOT if line.startswith("redis-cli") else folder)
        assert not printed.startswith(("SEQUERE_", "ERR")), line
        if shown:
            assert printed == shown


def use_redis_alone(folder):
    """RedisBackend, with a graph."""
    follow = "from sequere.models import *; from myapp.models import *; "
    follow += "[follow(User.objects.create(), Project.objects.create()) for _ in range(3)]"
    assert manage(folder, "mysite.settings", "shell", "-c", follow).returncode == 0


def begin_with_redis(folder):
    """Write-behind in step."""
    use_redis_alone(folder)
    assert manage(folder, "mysite.production", "sequere", "rebuild", "--from", "redis").returncode == 0


def stay_cold(folder):
    """Write-behind before its first rebuild."""


@pytest.mark.parametrize("state", [begin_with_redis, use_redis_alone, stay_cold])
def test_the_lines_of_write_behind(state, valkey, tmp_path):
    """Each of them ends well in one of the states that a project can be in."""
    page = PAGES["behind"]
    make_project(tmp_path, valkey.socket, page)
    lines = {line.removeprefix("python manage.py ") for line in commands(page) if not line.startswith("redis-cli")}
    fitting = {
        begin_with_redis: lines - {"sequere rebuild", "sequere rebuild --from redis"},
        use_redis_alone: {"sequere rebuild --from redis"},
        stay_cold: {"sequere rebuild"},
    }[state]
    assert manage(tmp_path, "mysite.production", "migrate", "--run-syncdb").returncode == 0
    state(tmp_path)
    file = tmp_path / "db.sqlite3"
    with valkey.client() as client:
        memory, database = memory_of(client), file.read_bytes()
        for line in sorted(fitting):
            restore(client, memory)
            file.write_bytes(database)
            if "--watch" in line:
                line = f"{line} --help"  # it goes on until it is stopped
            done = manage(tmp_path, "mysite.production", *line.split())
            assert (done.returncode, done.stderr) == (0, ""), line


def test_the_console_lines_of_the_scripts(in_root, server):
    """Pasted one after the other, they say what the document shows."""
    with server.client() as client:
        knows_functions = not client.info("server")["redis_version"].startswith("6.")
    for language, text in blocks(ROOT / "lua" / "README.rst"):
        if language != "console" or ("FUNCTION" in text and not knows_functions):
            continue
        for line, shown in steps_of(text):
            printed = in_root(line.replace("redis-cli", "redis-cli --no-raw"))
            if shown:
                assert printed == shown


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_the_example_of_each_header(in_root, name):
    in_root("redis-cli --eval lua/v1/follow.lua sequere: sequere:global:uid , user 1 project 7")
    assert not in_root(MANIFEST[name]["example"]).startswith(("SEQUERE_", "ERR"))
