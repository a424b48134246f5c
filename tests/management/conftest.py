"""A small graph, and the commands by ``manage.py`` and by ``python -m``."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from sequere.backends import get_backend
from sequere.resources import Resource
from tests.support.calls import Ask

ROOT = Path(__file__).resolve().parents[2]
USER, OTHER, PROJECT = Resource("user", "1"), Resource("user", "2"), Resource("project", "7:é")


def manage(*arguments) -> str:
    out = io.StringIO()
    call_command("sequere", *arguments, stdout=out)
    return out.getvalue()


def module(*arguments) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sequere", *arguments], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )


@pytest.fixture
def small(store):
    """A graph: two friends, of whom one follows a project."""
    backend = get_backend()
    Ask(backend).follow(USER, PROJECT, timestamp=1.0)
    Ask(backend).follow(USER, OTHER, timestamp=2.0)
    Ask(backend).follow(OTHER, USER, timestamp=3.0)
    return store
