"""What long commands show while they run."""

from __future__ import annotations

import io
import re
import sys

import pytest

from sequere.management import graph


def test_progress_without_a_terminal_is_lines():
    stream = io.StringIO()
    with graph.progress("audit", 25_000, stream) as on_step:
        for done in (9_999, 10_001, 15_000, 20_000):
            on_step(done)
    assert stream.getvalue().splitlines() == [
        "audit: 10,001 of about 25,000",
        "audit: 20,000 of about 25,000",
        "audit: 20,000 of 20,000",
    ]


@pytest.mark.parametrize("total", [18_002, None])
def test_progress_never_tells_more_than_all(total):
    stream = io.StringIO()
    with graph.progress("verify", total, stream) as on_step:
        for done in range(0, 40_005, 5_000):
            on_step(done)
        on_step(40_004)
    told = [f"verify: 10,000{'' if total is None else ' of about 18,002'}", "verify: 20,000", "verify: 30,000"]
    assert stream.getvalue().splitlines() == [*told, "verify: 40,000", "verify: 40,004 of 40,004"]


def test_progress_of_little_is_not_told():
    stream = io.StringIO()
    with graph.progress("audit", 25_000, stream) as on_step:
        on_step(9_999)
    assert stream.getvalue() == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("rich", [True, False])
def test_progress_on_a_terminal_is_a_bar_if_rich_is_there(monkeypatch, rich):
    if not rich:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    stream = Terminal()
    with graph.progress("audit", 20_000, stream) as on_step:
        on_step(20_000)
    assert ("━" in stream.getvalue() or "\x1b" in stream.getvalue()) is rich
    assert "audit" in stream.getvalue()


@pytest.mark.parametrize("total", [10, None])
def test_a_bar_that_reaches_its_end_goes_on_without_one(total):
    stream = Terminal()
    with graph.progress("audit", total, stream) as on_step:
        on_step(5)
        on_step(25)
    shown = re.findall(r"(\d+)/(\d+|\?)", stream.getvalue())
    assert all(of == "?" or int(done) <= int(of) for done, of in shown)
    assert shown[-1] == ("25", "25")
