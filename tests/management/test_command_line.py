"""What every command does alike: where options may stand, counts, and a reader that goes away."""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from sequere.backends import get_backend
from sequere.management import behind
from sequere.management.commands.sequere import Command
from sequere.management.console import BROKEN_PIPE, arrange, count
from sequere.resources import Resource
from tests.conftest import use_fallback
from tests.support.calls import Ask

ROOT = Path(__file__).resolve().parents[2]


def parsed(words):
    parser = Command().create_parser("manage.py", "sequere")
    return vars(parser.parse_args(arrange(parser, words.split())))


@pytest.mark.parametrize(
    ("typed", "usual"),
    [
        ("--json stats", "stats --json"),
        ("--json --max-lag 5 status", "status --json --max-lag 5"),
        ("--max-lag=5 status --json", "status --json --max-lag 5"),
        ("--repair audit user 1", "audit user 1 --repair"),
        ("--repair redis verify", "verify --repair redis"),
        ("--repair --json audit", "audit --json --repair"),
        ("--show audit scripts", "scripts --show audit"),
        ("--show=audit scripts", "scripts --show audit"),
        ("--user lookup acl", "acl --user lookup"),
        ("--from redis rebuild", "rebuild --from redis"),
        ("--dry-run --min-age 5 prune", "prune --dry-run --min-age 5"),
        ("stats --traceback", "--traceback stats"),
        ("stats --json -v 2 --no-color", "--no-color -v 2 stats --json"),
        ("stats -v2", "-v 2 stats"),
        ("stats --verbosity=2", "-v 2 stats"),
        ("--json stats --settings tests.settings", "--settings tests.settings stats --json"),
        ("forget -- user --json", "forget -- user --json"),
        ("-v 2 forget -- user -v", "-v 2 forget -- user -v"),
        ("lookup user -5", "lookup user -5"),
        ("lookup user audit", "lookup user audit"),
    ],
)
def test_an_option_may_stand_before_and_after_the_sub_command(typed, usual):
    parser = Command().create_parser("manage.py", "sequere")
    assert parsed(typed) == vars(parser.parse_args(usual.split()))


@pytest.mark.parametrize("words", ["", "--json", "--help", "-v 2"])
def test_without_a_sub_command_nothing_is_moved(words):
    parser = Command().create_parser("manage.py", "sequere")
    assert arrange(parser, words.split()) == words.split()


def test_every_option_may_stand_before_its_sub_command():
    """Whatever is added: each option of each sub-command, with a value where it takes one."""
    parser = Command().create_parser("manage.py", "sequere")
    (subparsers,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    moved = 0
    for name, subparser in subparsers.choices.items():
        for action in subparser._actions:
            for option in action.option_strings if action.dest != "help" else ():
                value = [] if action.nargs == 0 else [next(iter(action.choices or ["7"]))]
                assert arrange(parser, [option, *value, name]) == [name, option, *value]
                moved += 1
    assert moved > 15


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, encoding="utf-8", check=False, **options
    )


def test_a_count_has_a_noun_in_the_singular_or_in_the_plural():
    assert [count(number, "follow") for number in (0, 1, 2000)] == ["0 follows", "1 follow", "2,000 follows"]
    assert [count(number, "entry", "entries") for number in (1, 2)] == ["1 entry", "2 entries"]


def test_the_command_lines_put_options_in_order(tmp_path):
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    told = run("-m", "django", "sequere", "--no-color", "--dry-run", "prune", "--help", env=environment)
    assert "Forget each resource" in told.stdout
    folder = tmp_path / "scripts"
    assert run("-m", "sequere", "--export", str(folder), "scripts").stdout.endswith(f" files in {folder}\n")
    assert run("-m", "sequere", "--prefix", "other:", "acl").stdout.startswith("ACL SETUSER sequere ")


@pytest.mark.parametrize("arguments", [("acl",), ("scripts", "--show", "page"), ("demo",)])
def test_a_reader_that_goes_away_ends_a_program_in_silence(arguments):
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "sequere", *arguments],
            cwd=ROOT,
            stdout=nobody,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stderr) == (BROKEN_PIPE, b"")


@contextmanager
def nobody_reads(monkeypatch):
    """Within it standard output is read by nobody."""
    read, write = os.pipe()
    os.close(read)
    with monkeypatch.context() as patch, open(write, "w") as output, open(os.devnull, "w") as errors:
        patch.setattr(sys, "stdout", output)
        patch.setattr(sys, "stderr", errors)
        yield


@pytest.mark.django_db(databases="__all__", transaction=True)
@pytest.mark.parametrize(
    "words",
    [
        "acl",
        "audit",
        "audit --json",
        "close",
        "drain",
        "drain --watch",
        "export",
        "export user 1",
        "forget user 1",
        "lookup user 1",
        "prune",
        "rebuild --from database",
        "resolve 1",
        "scripts",
        "scripts --show page",
        "stats",
        "status",
        "verify",
    ],
)
def test_each_sub_command_ends_in_silence_when_nobody_reads_it(settings, servers, monkeypatch, words):
    monkeypatch.setattr(behind.signal, "signal", lambda number, handler: None)
    backend = use_fallback("valkey-9.1", settings, servers)
    Ask(backend).follow(Resource("user", "1"), Resource("user", "2"), timestamp=1.0)
    if words.startswith("rebuild"):
        backend.unguarded.client.flushall()
    with nobody_reads(monkeypatch), pytest.raises(SystemExit) as stop:
        Command().run_from_argv(["manage.py", "sequere", *words.split()])
    assert stop.value.code == BROKEN_PIPE


def test_a_file_that_cannot_be_written_is_still_an_error(settings, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    with pytest.raises(SystemExit) as stop:
        Command(stdout=io.StringIO()).run_from_argv(
            ["manage.py", "sequere", "scripts", "--export", str(tmp_path / "file" / "below")]
        )
    assert stop.value.code == 1
    assert "Not a directory" in capsys.readouterr().err
    assert get_backend().prefix == "sequere:"


@pytest.mark.parametrize("words", ["audit --unknown", "--unknown audit user 1", "audit user 1 2"])
def test_the_usage_of_the_sub_command_is_shown(capsys, words):
    with pytest.raises(SystemExit) as stop:
        Command().run_from_argv(["manage.py", "sequere", *words.split()])
    assert stop.value.code == 2
    usage, error = capsys.readouterr().err.rsplit("\n", 2)[:2]
    assert "usage: manage.py sequere audit [-h]" in usage
    assert error.startswith("manage.py sequere audit: error: unrecognized arguments: ")
