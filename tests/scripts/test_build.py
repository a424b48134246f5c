"""How sources become what is shipped, and that headers tell the truth."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from sequere.backends.base import BaseBackend
from sequere.backends.redis import scripts
from tests.support.manifest import MANIFEST

LUA = Path(__file__).resolve().parents[2] / "lua"


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("sequere_lua_build", LUA / "src" / "build.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def sources(tmp_path):
    """A copy of the sources, to spoil."""
    shutil.copy(LUA / "README.rst", tmp_path)
    shutil.copytree(LUA / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "src"


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_what_is_shipped_is_what_the_sources_give():
    subprocess.run([sys.executable, LUA / "src" / "build.py", "--check"], check=True)


def test_check_names_what_is_stale(sources):
    shutil.copytree(LUA / "v1", sources.parent / "v1")
    shutil.copy(LUA / "manifest.json", sources.parent)
    edit(sources / "include" / "_score.lua", "8589934592", "8589934591")
    check = subprocess.run(
        [sys.executable, sources / "build.py", "--check"], capture_output=True, text=True, check=False
    )
    assert check.returncode == 1
    assert "lua/v1/follow.lua is not what lua/src gives; run: python lua/src/build.py" in check.stderr
    assert "lua/v1/count.lua" not in check.stderr
    (sources / "count.lua").unlink()
    subprocess.run([sys.executable, sources / "build.py"], check=True, capture_output=True)
    assert not (sources.parent / "v1" / "count.lua").exists()
    subprocess.run([sys.executable, sources / "build.py", "--check"], check=True)


def test_the_list_of_scripts_in_the_readme(build, sources):
    text = (LUA / "README.rst").read_text()
    for name, entry in MANIFEST.items():
        first = [argument["name"] for argument in entry["arguments"][:1]]
        assert f"\n``{' '.join([name, *first])}" in text
    edit(sources.parent / "README.rst", ".. end: generated", ".. fin: generated")
    with pytest.raises(build.BuildError, match="marks around the list of scripts"):
        build.build(sources)


def test_building_twice_gives_the_same(build, sources):
    assert build.build(sources) == build.build(sources)


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_the_package_holds_the_texts_of_the_manifest(name):
    text = files("sequere.lua").joinpath("v1", f"{name}.lua").read_bytes()
    assert hashlib.sha1(text).hexdigest() == MANIFEST[name]["sha1"] == scripts.catalogue()[name].sha1
    assert text.startswith(b"--!df flags=allow-undeclared-keys\n")
    assert b"\r" not in text


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "follow.lua",
            '--- @include "_self"',
            '--- @include "_nobody"',
            r"follow.lua:\d+: there is no include/_nobody",
        ),
        ("follow.lua", '--- @include "_self"', "--- @include _self", r"follow.lua:\d+: write --- @include"),
        ("include/_run.lua", "local prefix", '--- @include "_undo"\nlocal prefix', r"_run includes itself: .* <- "),
        ("follow.lua", "-- COST\n--   O(log N)", "--   O(log N)", "follow: the header needs a purpose and KEYS, ARGV"),
        ("follow.lua", " SEQUERE_SELF", "", r"follow: header and body differ in these errors: \['SEQUERE_SELF'\]"),
        (
            "count.lua",
            " SEQUERE_ARGUMENT",
            " SEQUERE_ARGUMENT SEQUERE_NEW",
            r"differ in these errors: \['SEQUERE_NEW'\]",
        ),
        ("follow.lua", "--   to_object_id     object_id\n", "", "follow: the header declares the arguments"),
        (
            "follow.lua",
            "to_object_id     object_id",
            "to_object_id     thing",
            "follow: not 'name type text' with a known",
        ),
        ("count.lua", "call('ZCARD'", "call('ZLEXCOUNT'", r"count: commands that COMMANDS .* \['ZLEXCOUNT'\]"),
        ("count.lua", "lua/v1/count.lua", "count.lua", "count: the example does not run lua/v1/count.lua"),
        ("include/_undo.lua", "local undo = {}", "undo = {}", "only be variables, one line each: undo = {}"),
        (
            "include/_undo.lua",
            "local undo = {}",
            "local undo = {\n}",
            "only be variables, one line each: local undo = {",
        ),
        ("functions/library.lua", "--- @begin", "", "functions/library.lua: these marks are missing: begin"),
    ],
)
def test_a_source_that_contradicts_itself_is_not_built(build, sources, file, old, new, message):
    edit(sources / file, old, new)
    with pytest.raises(build.BuildError, match=message):
        build.build(sources)


def test_the_library_has_each_script_and_each_piece_once():
    text = files("sequere.lua").joinpath("v1", "sequere.functions.lua").read_text()
    registered = re.findall(r"^register\('(\w+)', (\{.*?\}), ", text, re.MULTILINE)
    assert dict(registered) == {
        name: "{'no-writes'}" if entry["read_only"] else "{}" for name, entry in MANIFEST.items()
    }
    pieces = re.findall(r"^-- @from (include/\w+\.lua):", text, re.MULTILINE)
    assert {LUA / "src" / piece for piece in pieces} == set((LUA / "src" / "include").iterdir())
    functions = re.findall(r"^local function (\w+)", text.partition("\nregister(")[0], re.MULTILINE)
    assert len(set(functions)) == len(functions)


def test_every_header_line_counts(build, sources):
    """No line can be taken out of the fields of a header unnoticed."""
    for path in sources.glob("*.lua"):
        lines = path.read_text().splitlines(keepends=True)
        for section in ("KEYS", "ARGV", "REPLY", "ERRORS", "COST", "EXAMPLE"):
            index = next(n for n, line in enumerate(lines) if line.startswith(f"-- {section}"))
            path.write_text("".join(lines[:index] + lines[index + 1 :]))
            with pytest.raises(build.BuildError):
                build.build(sources)
        path.write_text("".join(lines))


#: Scripts that no method of every backend stands for.
OPERATORS = {
    *("audit", "lookup", "resolve"),
    *("drain_journal", "journal_state", "close_journal", "open_journal", "read_edges", "mend_edges"),
    *("move_rebuild", "clear_graph", "copy_edges"),
}


@pytest.mark.parametrize("name", sorted(MANIFEST.keys() - OPERATORS))
def test_the_backend_takes_what_the_script_takes(name):
    """The arguments of a script, pairs put together as resources, are the parameters of the backend's method."""
    renamed = {
        "from": "from_resource",
        "to": "to_resource",
        "others": "to_resources",
        "other": "identifier",
        "": "resource",
        "order": "desc",
    }
    taken = []
    for argument in MANIFEST[name]["arguments"]:
        side = argument["name"].removesuffix("object_id").removesuffix("identifier").rstrip("_")
        parameter = renamed.get(side, side)
        if parameter not in taken and not (name == "forget" and parameter == "limit"):
            taken.append(parameter)
    parameters = inspect.signature(getattr(BaseBackend, name)).parameters
    assert sorted(taken) == sorted(parameters.keys() - {"self"})


def test_a_line_leads_back_to_its_source():
    script = scripts.catalogue()["follow"]
    number = next(n for n, line in enumerate(script.text.splitlines(), 1) if "'ZADD', list, 'NX'" in line)
    place, _, text = script.source_of(number).partition(": ")
    file, _, line = place.rpartition(":")
    assert file == "lua/src/include/_add_entry.lua"
    assert (LUA.parent / file).read_text().splitlines()[int(line) - 1].strip() == text
    assert script.source_of(10_000) == "lua/v1/follow.lua:10000"
