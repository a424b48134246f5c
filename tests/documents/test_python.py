"""Every Python snippet of the README and the pages runs, in a project made of them, and shows what it says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.documents import PAGES, README, ROOT, blocks, make_project, session

RUN = """
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
call_command("check", "--fail-level", "WARNING")

globs, failed = {}, 0
for file in sorted(Path("sessions").iterdir()):
    test = doctest.DocTestParser().get_doctest(file.read_text(), globs, file.name, None, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    runner.run(test, clear_globs=False)
    assert runner.tries == len(test.examples)
    failed += runner.failures
    globs = test.globs
assert not failed
if Path("myapp/tests.py").exists():
    call_command("test", "myapp")
"""


WITH_PYTHON = [
    name for name, page in PAGES.items() if {"python", "pycon", "html"} & {language for language, _ in blocks(page)}
]


@pytest.mark.parametrize("name", ["README", *WITH_PYTHON])
def test_the_snippets_of(name, valkey, tmp_path):
    pages = [PAGES[name]] if name in PAGES else []
    make_project(tmp_path, valkey.socket, *pages)
    (tmp_path / "sessions").mkdir()
    # The tutorial continues the session of the README.
    sessions = [README, *pages] if name in ("README", "tutorial") else pages
    for number, page in enumerate(sessions):
        (tmp_path / "sessions" / f"{number} {page.name}").write_text(session(page))
    (tmp_path / "run.py").write_text(RUN)
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "mysite.settings",
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
    }
    done = subprocess.run(
        [sys.executable, "run.py"], check=False, cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
