"""Generates ``lua/v1``, ``lua/manifest.json`` and the list of scripts in ``lua/README.rst`` from ``lua/src``.

    python lua/src/build.py            write them
    python lua/src/build.py --check    fail, naming the files, if they are not up to date

A source is a header (``header.py`` says how to write one), an empty line, and the lines that do the work. The build
puts both into ``frame.lua``, with the tests of the arguments (``argument_tests.py``) and with each
``--- @include "_name"`` once, before what needs it; an indented one stands where it is, so that a call which does not
come there creates none of its functions. ``--- @relation "follow"`` gives the body FORWARD, BACKWARD and
MUTUAL, the lists of that row of the table in ``include/_relations.lua``. ``--- @maintenance``: the script may write
into a graph that has a mark but no journal. ``-- @from file:line`` names the source of the lines after it. The build
finds errors, commands and whether a script only reads in the text, so no header can be wrong about them.

The library of functions has the same texts once more, each as the body of a function.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from argument_tests import Types, write_tests
from header import BuildError, read_header

SRC = Path(__file__).resolve().parent
LUA = SRC.parent
VERSION = "v1"
WIDTH = 100  # of lua/README.rst

#: Sources that are not scripts.
PARTS = {"frame", "types"}

#: Lets Dragonfly run a script that derives keys; for other servers it is a comment.
DRAGONFLY = "--!df flags=allow-undeclared-keys"

#: The same for every script. Two keys, so that a cluster whose slot is being moved answers TRYAGAIN to all of them.
KEYS = [
    {"name": "prefix", "text": "start of every key, such as sequere:"},
    {"name": "guard", "text": "{prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD"},
]

#: The commands that scripts may call.
WRITES = {
    *(
        "DECR",
        "DEL",
        "EXPIRE",
        "HDEL",
        "HSET",
        "INCR",
        "SADD",
        "SET",
        "SREM",
        "UNLINK",
        "XADD",
        "XTRIM",
        "ZADD",
        "ZREM",
    ),
}
READS = {
    *("EXISTS", "GET", "HMGET", "MGET", "SCARD", "SMEMBERS", "PTTL", "TIME", "TYPE", "XLEN", "XRANGE", "XREVRANGE"),
    *("ZCARD", "ZCOUNT", "ZMSCORE", "ZRANDMEMBER", "ZRANGE", "ZRANK", "ZREVRANGE", "ZREVRANK", "ZSCORE"),
}

_INCLUDE = re.compile(r'^--- @include "(?P<name>\w+)"$', re.MULTILINE)
_INNER_INCLUDE = re.compile(r'^(?P<indent> +)--- @include "(?P<name>\w+)"$')
_MAINTENANCE = re.compile(r"^--- @maintenance$", re.MULTILINE)
_RELATION = re.compile(r'^--- @relation "(?P<name>\w+)"$', re.MULTILINE)
_MARK = re.compile(r"^(?P<indent> *)--- @(?P<name>\w+)(?: (?P<condition>\w+))?$")
_TABLE = re.compile(r"^local RELATIONS = \{\n(.*?)^\}$", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"  (?P<name>\w+) = \{(?P<row>[^{}]+)\},")
_CELL = re.compile(r"(\w+) = (?:'([^']*)'|(true)),?")


@dataclass
class Sources:
    """The pieces that all scripts of a folder share."""

    root: Path
    relations: dict[str, dict[str, Any]] = field(default_factory=dict)
    frame: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        table = _TABLE.search(self._read("include/_relations.lua"))
        rows = table[1] if table else ""
        for match in _ROW.finditer(rows):
            cells = _CELL.findall(match["row"])
            self.relations[match["name"]] = {cell: True if is_true else text for cell, text, is_true in cells}
        if rest := _ROW.sub("", rows).strip():
            raise BuildError(f"include/_relations.lua: not a row: {rest.splitlines()[0]}")
        for name, row in self.relations.items():
            self._check_row(name, row)
        if not self.relations:
            raise BuildError("include/_relations.lua: there is no row")
        self.frame = self._read("frame.lua").splitlines()
        words = {}
        for start, rows in (
            ("", self.relations),
            ("KIND_", {name: row for name, row in self.relations.items() if "kinds" in row}),
        ):
            words[f"{start}RELATION_NAMES"] = " ".join(rows)
            lists = (row[column] for row in rows.values() for column in LISTS if column in row)
            words[f"{start}LIST_NAMES"] = " ".join(lists)
        self.types = Types(self.root / "types.lua", words)

    def _check_row(self, name: str, row: dict[str, Any]) -> None:
        if not {"forward", "backward"} <= row.keys() <= {*LISTS, *FLAGS, *NAMING}:
            cells = ", ".join(f"{cell}?" for cell in ("mutual", *FLAGS, *NAMING))
            raise BuildError(f"include/_relations.lua: a row has forward, backward, {cells}: {name}")
        if unknown := {other for cell in NAMING for other in row.get(cell, "").split()} - self.relations.keys():
            raise BuildError(f"include/_relations.lua: {name} names no relation: {', '.join(sorted(unknown))}")
        for cell in ("replaces", "excludes"):
            for other in row.get(cell, "").split():
                if name not in self.relations[other].get(cell, "").split():
                    raise BuildError(f"include/_relations.lua: {name} {cell} {other}, which must do so with {name} too")

    def _read(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")

    def take(self, name: str, seen: list[str], stack: tuple[str, ...]) -> list[str]:
        """The lines of an include, with those that it needs before them; none if the text has them already."""
        trace = " <- ".join(reversed((*stack, name)))
        if name in stack:
            raise BuildError(f"include/{name}.lua includes itself: {trace}")
        if not (self.root / "include" / f"{name}.lua").is_file():
            raise BuildError(f"there is no include/{name}.lua: {trace}")
        if name in seen:
            return []
        seen.append(name)
        text = self._read(f"include/{name}.lua")
        check_marks(f"include/{name}.lua line", text)
        before = [line for inner in _INCLUDE.findall(text) for line in self.take(inner, seen, (*stack, name))]
        check_calls(f"include/{name}.lua line", text)
        lines = text.splitlines()
        first = next(number for number, line in enumerate(lines) if line and not _INCLUDE.match(line))
        return [*before, f"-- @from include/{name}.lua:{first + 1}", *lines[first:]]

    def name_lists(self, name: str) -> str:
        """The line of Lua that gives a body the lists of a relation."""
        if name not in self.relations:
            raise BuildError(f"there is no relation {name}; there are {', '.join(self.relations)}")
        names = (f"'{self.relations[name][column]}'" if column in self.relations[name] else "nil" for column in LISTS)
        return f"local {', '.join(LISTS).upper()} = {', '.join(names)}"


#: The cells of a row of the table of relations that name lists, that are true or missing, that name relations.
LISTS, FLAGS, NAMING = ("forward", "backward", "mutual"), ("kinds", "expires"), ("moves", "replaces", "excludes")


def check_marks(place: str, text: str) -> None:
    """Refuse a line that begins like a mark, but is not a mark."""
    forms = (_INCLUDE, _INNER_INCLUDE, _RELATION, _MAINTENANCE)
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("--- @") and not any(form.match(line) for form in forms):
            marks = '--- @include "_name", --- @relation "name" or --- @maintenance'
            raise BuildError(f"{place} {number}: write {marks}; got {line.lstrip()}")


def check_calls(place: str, text: str) -> None:
    """Refuse code that would break the guarantees of the frame.

    It can explain a refusal only of ``call``. And since a body may run twice, only the frame appends changes to the
    journal.
    """
    lines = text.splitlines()
    for number, (line, after) in enumerate(zip(lines, [*lines[1:], ""], strict=True), 1):
        if re.search(r"\bredis\.", line):
            raise BuildError(f"{place} {number}: write call(...); got {line.strip()}")
        if "'XADD'" in line and not after.lstrip().startswith("undo = {undo, 'DEL', "):
            raise BuildError(f"{place} {number}: leave entries of changes to the frame; got {line.strip()}")


def find_commands(code: str) -> set[str]:
    """The commands that a text calls, and the inverses that run after a refusal."""
    called = re.findall(r"\bp?call\(([^,)]*)", code) + re.findall(r"\{undo, ([^,}]+)", code)
    commands = {word for call in called for word in re.findall(r"'([A-Z]+)'", call)}
    if unknown := commands - WRITES - READS:
        raise BuildError(f"commands that build.py does not know: {', '.join(sorted(unknown))}")
    return commands


def build_script(path: Path, sources: Sources) -> tuple[str, dict[str, Any]]:
    """The text of a script, and its entry in the manifest."""
    name = path.stem
    source = path.read_text(encoding="utf-8")
    head, _, rest = source.partition("\n\n")
    header = read_header(name, head)
    check_marks("line", source)
    check_calls("line", source)
    seen: list[str] = []
    includes = [line for inner in _INCLUDE.findall(rest) for line in sources.take(inner, seen, (path.name,))]
    there = re.findall(r"^local function (\w+)", "\n".join(includes), re.MULTILINE)
    tests = write_tests(header.arguments, sources.types, there)
    names = [sources.name_lists(relation) for relation in _RELATION.findall(rest)]
    body = _MAINTENANCE.sub("", _RELATION.sub("", _INCLUDE.sub("", rest))).strip().splitlines()
    if not body:
        raise BuildError("there is nothing after the header")
    line = source[: source.index(f"\n{body[0]}\n") + 1].count("\n") + 1
    work: list[str] = [f"-- @from {path.name}:{line}"]
    for number, text in enumerate(body, line):
        if inner := _INNER_INCLUDE.match(text):
            part = sources.take(inner["name"], list(seen), (path.name,))
            work += [inner["indent"] + piece if piece else "" for piece in part]
            work.append(f"{inner['indent']}-- @from {path.name}:{number + 1}")
        else:
            work.append(text)
    pieces = {
        "unpack": tests.unpack,
        "quick": tests.quick,
        "check": tests.check,
        "includes": includes,
        "body": [*tests.defaults, *names, *work],
    }
    code = re.sub(r"--.*", "", "\n".join([*includes, *pieces["body"]]))
    words = set(re.findall(r"\w+", code))
    conditions = {word: word in words for word in ("undo", "changes", "noted")}
    conditions["refuses"] = not _MAINTENANCE.search(rest)
    commands = find_commands(code) | {"EXISTS"} | ({"XADD"} if conditions["changes"] else set())
    writes = bool(commands & WRITES)
    lines = fill([name_arguments(one, tests.names) for one in sources.frame], pieces, conditions)
    errors = sorted(set(re.findall(r"SEQUERE_[A-Z_]+", "\n".join(lines))))
    text = "\n".join(
        [
            DRAGONFLY,
            f"-- sequere {VERSION} {name}: generated from lua/src/{path.name}, do not edit",
            *head.splitlines(),
            "-- KEYS",
            *(f"--   {key['name']:<10}  {key['text']}" for key in KEYS),
            "-- ERRORS",
            *textwrap.wrap(" ".join(errors), 110, initial_indent="--   ", subsequent_indent="--   "),
            f"local SCRIPT = '{name}'",
            *lines,
            "",
        ]
    )
    entry = {
        "name": name,
        "version": VERSION,
        "sha1": hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(),
        "read_only": not writes,
        "commands": sorted(commands),
        "errors": errors,
        "keys": KEYS,
        **header.manifest(),
    }
    return text, entry


def name_arguments(line: str, names: list[str]) -> str:
    """A line of the frame with the names of the header instead of ARGUMENTS."""
    return line.replace(", ARGUMENTS", "".join(f", {name}" for name in names)).replace("ARGUMENTS", ", ".join(names))


def fill(frame: list[str], pieces: dict[str, list[str]], conditions: dict[str, bool]) -> list[str]:
    """The frame with the pieces instead of its marks; lines between ``@if`` and ``@end`` only if the condition is
    true."""
    lines: list[str] = []
    kept: list[bool] = []  # of each @if that the line is in
    for line in frame:
        mark = _MARK.match(line)
        if mark and mark["name"] == "if":
            kept.append(conditions[mark["condition"]])
        elif mark and mark["name"] == "end":
            kept.pop()
        elif all(kept) and mark:
            lines += [mark["indent"] + piece if piece else "" for piece in pieces[mark["name"]]]
        elif all(kept):
            lines.append(line)
    return lines


def build(root: Path) -> dict[str, str]:
    """Return everything generated from a folder of sources: paths below ``lua/`` and their texts."""
    sources = Sources(root)
    texts: dict[str, str] = {}
    entries: list[dict[str, Any]] = []
    library = ["#!lua name=sequere", f"-- sequere {VERSION}: generated from lua/src, do not edit"]
    for path in sorted(root.glob("*.lua")):
        if path.stem in PARTS:
            continue
        try:
            text, entry = build_script(path, sources)
        except BuildError as error:
            raise BuildError(f"{path.name}: {error}") from error
        texts[f"{VERSION}/{path.name}"] = text
        entries.append(entry)
        flags = "{'no-writes'}" if entry["read_only"] else "{}"
        library += [
            f"redis.register_function({{function_name = 'sequere_{path.stem}', flags = {flags},",
            f"description = {_quote(entry['purpose'])}, callback = function(KEYS, ARGV)",
            text.rstrip("\n"),
            "end})",
        ]
    functions = f"{VERSION}/sequere.functions.lua"
    texts[functions] = "\n".join([*library, ""])
    relations = [{"name": name, **row} for name, row in sources.relations.items()]
    manifest = {"version": VERSION, "functions": functions, "relations": relations, "scripts": entries}
    texts["manifest.json"] = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    texts["README.rst"] = with_table((root.parent / "README.rst").read_text(encoding="utf-8"), entries)
    return texts


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def with_table(readme: str, entries: list[dict[str, Any]]) -> str:
    """The README with the list of scripts, made from the manifest, between its two marks."""
    lines = []
    for entry in entries:
        term = f"``{' '.join([entry['name'], *map(_show, entry['arguments'])])}``"
        access = "read" if entry["read_only"] else "write"
        text = f"{entry['purpose']} ({access}, {entry['cost']})"
        if len(term) > WIDTH:  # a term cannot have two lines: its arguments begin the text
            name, _, arguments = term.partition(" ")
            term, text = f"{name}``", f"``{arguments}: {text}"
        text = textwrap.fill(text, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)
        lines += [term, text, ""]
    before, begin, rest = readme.partition(".. begin: generated from the manifest\n")
    _, end, after = rest.partition(".. end: generated from the manifest\n")
    if not (begin and end):
        raise BuildError("README.rst: the marks around the list of scripts are gone")
    return "\n".join([before + begin, *lines, end + after])


def _show(argument: dict[str, Any]) -> str:
    """An argument as the list of scripts shows it: its places in ARGV, ``?`` for what may be empty, ``...``."""
    if argument["type"] == "group":
        name = " ".join(_show(member) for member in argument["members"])
    elif argument["type"] == "resource":
        side = "" if argument["name"] == "resource" or argument["most"] else f"{argument['name']}_"
        name = f"{side}identifier {side}object_id"
    else:
        name = argument["name"] + ("?" if argument["absent"] else "")
    return f"[{name}]..." if argument["most"] else name


def main() -> int:
    parser = argparse.ArgumentParser(description="Build lua/v1 and lua/manifest.json from lua/src.")
    parser.add_argument("--check", action="store_true", help="only say whether they are up to date")
    options = parser.parse_args()
    try:
        texts = build(SRC)
    except BuildError as error:
        print(f"lua/src: {error}", file=sys.stderr)
        return 1
    present = {path.relative_to(LUA).as_posix() for path in LUA.glob(f"{VERSION}/*.lua")}
    stale = [name for name, text in texts.items() if not _holds(LUA / name, text)]
    orphans = sorted(present - set(texts))
    if options.check:
        for name in [*stale, *orphans]:
            print(f"lua/{name} is not what lua/src gives; run: python lua/src/build.py", file=sys.stderr)
        return 1 if stale or orphans else 0
    (LUA / VERSION).mkdir(exist_ok=True)
    for name in stale:
        (LUA / name).write_bytes(texts[name].encode())
    for name in orphans:
        (LUA / name).unlink()
    print(f"{len(stale)} written, {len(orphans)} removed, {len(texts) - len(stale)} unchanged")
    return 0


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


if __name__ == "__main__":
    sys.exit(main())
