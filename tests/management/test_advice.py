"""What a text advises to type is a line that works when it is pasted."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from sequere.management.commands.sequere import Command
from sequere.management.console import arrange
from sequere.resources import Resource, quote

ROOT = Path(__file__).resolve().parents[2] / "sequere"
PARSER = Command().create_parser("manage.py", "sequere")
SUBCOMMANDS = {name for action in PARSER._actions if action.dest == "subcommand" for name in action.choices}


def texts(path):
    """The texts of a module that are no docstrings, with ``user 1`` for what an f-string fills in."""
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "user 1" for part in node.values)
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and {id(node)}.isdisjoint(docstrings | parts)
        ):
            yield node.value


ADVICE = [
    (path.relative_to(ROOT).as_posix(), line)
    for path in ROOT.rglob("*.py")
    if "lua" not in path.parts
    for text in texts(path)
    for line in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)
    if line.split()[0] in ("python", "manage.py", *SUBCOMMANDS)
]


@pytest.mark.parametrize(("module", "line"), ADVICE)
def test_advice_is_a_whole_command(module, line):
    python, manage, sequere, *arguments = shlex.split(line.replace("%s", "user 1"))
    assert (python, manage, sequere) == ("python", "manage.py", "sequere")
    PARSER.parse_args(arrange(PARSER, arguments))


def test_there_is_advice():
    assert len(ADVICE) > 20


@pytest.mark.parametrize(
    "resource",
    [
        Resource("user", "1"),
        Resource("tag", "a b;$(reboot)`reboot`'\"\\"),
        Resource("tag", "-x"),
        Resource("-tag", "--help"),
        Resource("tag", "\x1b[2J\n\ttab é\x7f"),
        Resource("tag", "\u202e!é"),
        Resource("tag", "#~*?[a]{b,c}=&|<>"),
    ],
)
def test_a_resource_is_quoted_for_a_shell(resource):
    shell = shutil.which("bash") or pytest.skip("missing: bash")
    line = quote(resource)
    assert line.isprintable()
    done = subprocess.run([shell, "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    words = done.stdout.decode().split("\0")[:-1]
    assert Resource(*words[-2:]) == resource
    options = PARSER.parse_args(arrange(PARSER, ["forget", *words]))
    assert (options.identifier, options.object_id) == resource
