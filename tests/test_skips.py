"""What a run tells of the tests that it skips."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: Its tests need two databases: some tests the one, some the other.
TESTS = "tests/database/test_texts.py"


def run(*arguments: str, **environment: str) -> tuple[int, list[str]]:
    """The exit status of a run without database servers, and its lines about skipped tests."""
    unset = {name: text for name, text in os.environ.items() if not name.startswith(("SEQUERE_TEST_", "PYTEST_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments, TESTS],
        env={**unset, **environment},
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, [line for line in done.stdout.splitlines() if line.startswith("SKIPPED ")]


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["0", "2"])
def test_each_reason_is_told_once(processes):
    status, lines = run("-n", processes)
    assert status == 0
    reasons = [line.partition("] ")[2] for line in sorted(lines)]
    assert sorted(reasons) == [
        "tests: missing: mariadb: set SEQUERE_TEST_MARIADB to its URL",
        "tests: missing: postgresql: set SEQUERE_TEST_POSTGRESQL to its URL",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["0", "2"])
def test_where_everything_is_required_what_is_missing_fails(processes):
    status, lines = run("-n", processes, SEQUERE_TEST_REQUIRE="all")
    assert (status, lines) == (1, [])
