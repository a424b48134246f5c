"""The project that the README and the pages make is typed as its users type theirs."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.support.documents import PAGES, ROOT, make_project
from tests.support.servers import missing

MYPY = """
[mypy]
strict = true
plugins = mypy_django_plugin.main

[mypy.plugins.django-stubs]
django_settings_module = mysite.settings

[mypy-conftest,myapp.test_with_django,myapp.test_with_pytest]
# Their authors do not type them; test_examples.py runs them.
ignore_errors = true

[mypy-mysite.*]
# Settings replace each other's values, and the sentinels of redis-py have no types.
disable_error_code = assignment, no-untyped-call
"""

#: What a project of django-stubs' users has, and what our types must say there.
TYPES = """
from typing import assert_type

from myapp.models import Project, User
from sequere.models import get_followers
from sequere.results import FollowList, Item


def followers(project: Project) -> None:
    newest = get_followers(project, identifier=User)[:10]
    assert_type(newest, FollowList[User])
    assert_type(list(newest), list[Item[User]])
    for user, since in newest:
        assert_type(user, User)
        assert_type(since.year, int)


async def afollowers(project: Project) -> None:
    assert_type(await get_followers(project, identifier=User)[:10], list[Item[User]])
    assert_type(await project.aget_followers_count(), int)
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The whole project: what a page replaces in another page's file is not part of it."""
    folder = tmp_path_factory.mktemp("project")
    make_project(folder, "/nowhere", *PAGES.values())
    (folder / "mypy.ini").write_text(MYPY)
    (folder / "myapp" / "typed.py").write_text(TYPES)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    "checker", [("mypy", "."), ("pyright", "--pythonpath", sys.executable, ".")], ids=["mypy", "pyright"]
)
def test_a_type_checker_finds_nothing(project, checker):
    name, *options = checker
    if importlib.util.find_spec(name) is None:
        missing(f"{name} (pip install -e '.[lint]')")
    done = subprocess.run(
        [sys.executable, "-m", name, *options],
        check=False,
        cwd=project,
        env={**os.environ, "PYTHONPATH": f"{project}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
