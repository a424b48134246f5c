"""The sessions of the pages in docs/ run, each in a new project that the README's snippets make."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.test_readme import ROOT, blocks, make_project

SESSION = """
import doctest
import itertools
import types
from pathlib import Path

import django

django.setup()

from django.core.management import call_command

import sequere.timestamps

clock = itertools.count()
sequere.timestamps.time = types.SimpleNamespace(time=lambda: 1382676091.612067 + next(clock))
call_command("migrate", "--run-syncdb", verbosity=0)
result = doctest.testfile("session.txt", module_relative=False, optionflags=doctest.ELLIPSIS)
assert result.attempted and not result.failed
"""


@pytest.mark.parametrize("page", ["lists"])
def test_the_sessions_of_a_page(valkey, tmp_path, page):
    make_project(tmp_path, valkey.socket)
    sessions = [text for language, text in blocks(ROOT / "docs" / f"{page}.rst") if language == "pycon"]
    (tmp_path / "session.txt").write_text("\n\n".join(sessions) + "\n")
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "mysite.settings", "PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", SESSION], check=False, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
