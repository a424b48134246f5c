"""How sources become what is shipped, and that headers tell the truth."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sequere import lua_folder
from sequere.backends import operations
from sequere.backends.database import DatabaseBackend
from sequere.backends.redis import scripts
from tests.support.manifest import MANIFEST, RELATIONS, places_of

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
    edit(sources / "include" / "_add_entry.lua", "call('INCR', count)", "call('INCR', list .. ':count')")
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
        first = [place for argument in entry["arguments"][:1] for place, _, _ in places_of(argument)]
        assert f"\n``{name}" in text
        assert first == [] or re.search(rf"\n``{name}(``\n    ``| )\[?{first[0]}", text)
    assert max(map(len, text.splitlines())) <= 100
    edit(sources.parent / "README.rst", ".. end: generated", ".. fin: generated")
    with pytest.raises(build.BuildError, match="marks around the list of scripts"):
        build.build(sources)


def test_building_twice_gives_the_same(build, sources):
    assert build.build(sources) == build.build(sources)


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_the_package_holds_the_texts_of_the_manifest(name):
    text = lua_folder.LUA.joinpath("v1", f"{name}.lua").read_bytes()
    assert hashlib.sha1(text).hexdigest() == MANIFEST[name]["sha1"] == scripts.catalogue()[name].sha1
    assert text.startswith(b"--!df flags=allow-undeclared-keys\n")
    assert b"\r" not in text


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "follow.lua",
            '--- @include "_complete_edge"',
            '--- @include "_nobody"',
            "follow.lua: there is no include/_nobody",
        ),
        (
            "follow.lua",
            '--- @include "_complete_edge"',
            "--- @include _complete_edge",
            r"follow.lua: line \d+: write --- @include",
        ),
        ("include/_uid.lua", "local", "--- @included\nlocal", r"include/_uid.lua line 4: write --- @include"),
        ("include/_add_edge.lua", '"_complete_edge"', '"_add_edge"', "_add_edge.lua includes itself: .*<- _add_edge"),
        ("follow.lua", '--- @relation "follow"', '--- @relation "hate"', "there is no relation hate; there are follow"),
        ("include/_relations.lua", "  follow = {", "  follow =\n  {", "_relations.lua: not a row: follow ="),
        ("include/_relations.lua", "local RELATIONS", "local relations", "_relations.lua: there is no row"),
        (
            "include/_relations.lua",
            "backward = ",
            "back = ",
            r"a row has forward, backward, mutual\?, kinds\?, expires\?, moves\?, replaces\?, excludes\?: follow",
        ),
        ("include/_relations.lua", "moves = 'archive'", "moves = 'hate'", "follow names no relation: hate"),
        ("include/_relations.lua", "replaces = 'request'", "replaces = 'hate'", "follow names no relation: hate"),
        ("include/_relations.lua", "excludes = 'block'", "excludes = 'hate'", "follow names no relation: hate"),
        (
            "include/_relations.lua",
            "replaces = 'request'",
            "replaces = 'archive'",
            "follow replaces archive, which must do so with follow too",
        ),
        (
            "include/_relations.lua",
            "'follow request archive'",
            "'follow request'",
            "archive excludes block, which must do so with archive too",
        ),
        (
            "include/_relations.lua",
            "'follow request archive'",
            "'follow request archive mute'",
            "block excludes mute, which must do so with block too",
        ),
        (
            "audit.lua",
            "--- @maintenance",
            "--- @maintenence",
            r"audit.lua: line \d+: write .* or --- @maintenance; got",
        ),
        ("audit.lua", "--- @maintenance", '--- @maintenance "audit"', r"audit.lua: line \d+: write .*--- @maintenance"),
        ("include/_uid.lua", "local", "--- @maintain\nlocal", r"include/_uid.lua line 4: write .*--- @maintenance"),
        (
            "follow.lua",
            '  --- @include "_admit"',
            "  --- @includes",
            r"follow.lua: line \d+: write .*; got --- @includes",
        ),
        ("follow.lua", "-- COST\n--   O(log N)", "--   O(log N)", "follow.lua: the header needs a purpose and ARGV"),
        ("follow.lua", "-- COST\n", "\n-- COST\n", "follow.lua: the header needs a purpose and ARGV, REPLY"),
        (
            "count.lua",
            "--   O(L M), L lists, M resources\n",
            "",
            "count.lua: the header needs a purpose and ARGV, REPLY, COST",
        ),
        (
            "count.lua",
            "--- Counts the entries of lists of up to 50 resources.\n",
            "",
            "count.lua: the header needs a purpose",
        ),
        (
            "follow.lua",
            "to          resource~from",
            "to          thing",
            "follow.lua: not a type: thing; types.lua",
        ),
        ("follow.lua", "to          resource~from   the followed resource", "to", "follow.lua: not 'name type text'"),
        ("follow.lua", "to          resource~from", "from        resource~from", "two arguments have the name from"),
        ("follow.lua", "resource~from", "resource~me", "to cannot be ~me: both must be resources"),
        ("follow.lua", "resource~from", "resource?~from", r"to cannot be \?: only a single value can"),
        ("mend_edges.lua", "seen        score?", "seen        score=now", "seen cannot be =now"),
        ("page.lua", "limit       1..500", "limit       1..many", "page.lua: not 'name type text'"),
        ("add_edges.lua", "=now", "[1..2]", "add_edges.lua: only the last argument may be repeated"),
        ("add_edges.lua", "[1..50]", "[50..1]", r"not a number of times that others may come: \[50..1\]"),
        ("copy_edges.lua", "--   edges       group[0..50]\n", "", "only what belongs to a group is indented"),
        ("copy_edges.lua", "group[0..50]", "uid[0..50]", "only what belongs to a group is indented"),
        ("copy_edges.lua", "group[0..50]", "group", "a group has a number and arguments of its own"),
        ("clear_graph.lua", "key[1..500]", "group[1..500]", "a group has a number and arguments of its own"),
        ("follow.lua", "REPLY outcome", "REPLY number", "follow.lua: not a kind of reply: 'number'"),
        ("follow.lua", "REPLY outcome", "REPLY outcome[to]", "a reply for each of to, which is no repeated argument"),
        ("follow.lua", "--   1 made ", "--   made ", "follow.lua: not 'value name text'"),
        ("page.lua", "object_id   object_id", "object_id   thing", "not 'name type text' with a known type"),
        ("page.lua", "--   entries     repeated\n", "", "only what a repeated field holds is indented"),
        ("audit.lua", "checked      integer", "checked      repeated", "only the last field may be repeated: checked"),
        ("count.lua", "call('ZCARD'", "call('ZLEXCOUNT'", "count.lua: commands that build.py does not know: ZLEXCOUNT"),
        ("count.lua", "call('ZCARD'", "redis.call('ZCARD'", r"count.lua: line \d+: write call\(...\)"),
        ("include/_uid.lua", "call('GET'", "redis.pcall('GET'", r"include/_uid.lua line \d+: write call\(...\)"),
        (
            "follow.lua",
            "return outcome",
            "call('XADD', last_uid)\nreturn outcome",
            r"follow.lua: line \d+: leave entries of changes",
        ),
        ("count.lua", "lua/v1/count.lua", "count.lua", "count.lua: the example does not run lua/v1/count.lua"),
        (
            "lookup.lua",
            "return find_uid(identifier, object_id) or ''",
            "",
            "lookup.lua: there is nothing after",
        ),
    ],
)
def test_a_source_that_cannot_be_right_is_not_built(build, sources, file, old, new, message):
    edit(sources / file, old, new)
    with pytest.raises(build.BuildError, match=message):
        build.build(sources)


def test_errors_commands_and_access_are_read_from_the_text(build, sources):
    edit(sources / "count.lua", "return replies", "call('SET', 'x', 1)\nerror({'SEQUERE_NEW', 'why'})\nreturn replies")
    entry = next(e for e in json.loads(build.build(sources)["manifest.json"])["scripts"] if e["name"] == "count")
    assert entry["read_only"] is False
    assert "SET" in entry["commands"]
    assert "SEQUERE_NEW" in entry["errors"]


def test_the_table_of_relations_is_in_the_manifest():
    assert RELATIONS["follow"] == {
        "name": "follow",
        "forward": "followings",
        "backward": "followers",
        "mutual": "friends",
        "kinds": True,
        "moves": "archive",
        "replaces": "request",
        "excludes": "block",
    }
    assert RELATIONS["mute"] == {
        "name": "mute", "forward": "muted", "backward": "muted_by", "kinds": True, "expires": True,
    }  # fmt: skip
    assert list(RELATIONS) == ["follow", "request", "archive", "block", "mute"]


def test_only_a_script_of_maintenance_notes_where_there_is_a_mark_and_no_journal(build, sources):
    refusal = "global:mark exists"
    refusing = {name for name in MANIFEST if refusal in (LUA / "v1" / f"{name}.lua").read_text(encoding="utf-8")}
    assert "follow" in refusing
    assert "audit" not in refusing
    edit(sources / "audit.lua", "--- @maintenance\n", "")
    edit(sources / "follow.lua", '--- @relation "follow"\n', '--- @relation "follow"\n--- @maintenance\n')
    files = build.build(sources)
    assert refusal in files["v1/audit.lua"]
    assert refusal not in files["v1/follow.lua"]


def test_the_library_has_the_text_of_each_script():
    text = lua_folder.LUA.joinpath("v1", "sequere.functions.lua").read_text()
    registered = re.findall(r"function_name = 'sequere_(\w+)', flags = (\{.*?\}),", text)
    assert dict(registered) == {
        name: "{'no-writes'}" if entry["read_only"] else "{}" for name, entry in MANIFEST.items()
    }
    for script in scripts.catalogue().values():
        assert script.text in text


def test_every_header_section_counts(build, sources):
    for path in [path for path in sources.glob("*.lua") if path.stem not in ("frame", "types")]:
        lines = path.read_text().splitlines(keepends=True)
        for section in ("ARGV", "REPLY", "COST", "EXAMPLE"):
            index = next(n for n, line in enumerate(lines) if line.startswith(f"-- {section}"))
            path.write_text("".join(lines[:index] + lines[index + 1 :]))
            with pytest.raises(build.BuildError):
                build.build(sources)
        path.write_text("".join(lines))


#: Scripts that are no operations: for operators and for write-behind.
OTHERS = {
    *("audit", "lookup", "resolve"),
    *("drain_journal", "fence", "open_journal", "delete_journal", "note_edges", "mend_edges"),
    *("begin_rebuild", "clear_graph", "copy_edges"),
}


def test_every_script_that_serves_is_an_operation():
    made = {operation.script: operation for operation in vars(operations).values() if hasattr(operation, "script")}
    assert made.keys() == MANIFEST.keys() - OTHERS
    for name, operation in made.items():
        assert operation.writes is not MANIFEST[name]["read_only"]
        assert hasattr(DatabaseBackend, name)


@pytest.mark.parametrize(
    ("name", "argument", "most"),
    [
        ("page", "limit", operations.MAX_PAGE),
        ("select", "limit", operations.MAX_SELECTED),
        ("select", "budget", operations.MAX_BUDGET),
        ("select", "filters", operations.MAX_FILTERS),
        ("suggest", "sample", operations.MAX_SAMPLE),
        ("suggest", "each", operations.MAX_EACH),
        ("suggest", "limit", operations.MAX_SUGGESTED),
        ("forget", "limit", operations.MAX_FORGET),
        ("move_edges", "limit", operations.MAX_EDGES),
        ("add_edges", "others", operations.MAX_EDGES),
        ("move_edges", "others", operations.MAX_EDGES),
        ("relationships", "others", operations.MAX_OTHERS),
        ("count", "resources", operations.MAX_COUNTED),
    ],
)
def test_the_limits_of_python_are_those_of_the_headers(name, argument, most):
    (entry,) = [one for one in MANIFEST[name]["arguments"] if one["name"] == argument]
    assert most == entry["most"] or entry["type"].endswith(f"..{most}")


def test_a_line_leads_back_to_its_source():
    script = scripts.catalogue()["follow"]
    number = next(n for n, line in enumerate(script.text.splitlines(), 1) if "'ZADD', list, 'NX'" in line)
    place, _, text = script.source_of(number).partition(": ")
    file, _, line = place.rpartition(":")
    assert file == "lua/src/include/_add_entry.lua"
    assert (LUA.parent / file).read_text().splitlines()[int(line) - 1].strip() == text
    assert script.source_of(10_000) == "lua/v1/follow.lua:10000"


def test_an_indented_include_is_where_it_stands():
    script = scripts.catalogue()["follow"]
    lines = script.text.splitlines()
    (created,) = [number for number, line in enumerate(lines, 1) if "local function use_kind" in line]
    (called,) = [number for number, line in enumerate(lines, 1) if line.strip() == "use_kind(kind)"]
    assert lines[created - 4].strip() == "if kind then"
    assert created < called
    assert script.source_of(created).startswith("lua/src/include/_use_kind.lua:")
    place, _, text = script.source_of(called).partition(": ")
    file, _, number = place.rpartition(":")
    assert (LUA.parent / file).read_text().splitlines()[int(number) - 1].strip() == text == "use_kind(kind)"
