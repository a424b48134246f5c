"""Makes what is shipped out of ``lua/src``: all of ``lua/v1``, ``lua/manifest.json``, a table in ``lua/README.rst``.

    python lua/src/build.py            write them
    python lua/src/build.py --check    fail, naming the files, if they are not up to date

A line ``--- @include "_name"`` in a source stands for ``src/include/_name.lua``; each
include enters a text once, before what needs it. In the flat text a comment
``-- @from file:line`` says where the lines after it come from. The manifest is read from
the header of each source; where header and body disagree, the build fails.

The library is ``src/functions/library.lua`` with each include and each script in its place. There a piece
is run once and serves all calls, so outside its functions an include has nothing but variables: these are
set anew at each call.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SRC = Path(__file__).resolve().parent
LUA = SRC.parent
VERSION = "v1"

#: Lets Dragonfly run a script that derives keys; everybody else reads a comment.
DRAGONFLY = "--!df flags=allow-undeclared-keys"

#: The commands that the scripts may call, and whether each of them writes.
COMMANDS = {
    "DECR": True,
    "DEL": True,
    "EXISTS": False,
    "GET": False,
    "HMGET": False,
    "HSET": True,
    "INCR": True,
    "RENAME": True,
    "SET": True,
    "TIME": False,
    "TYPE": False,
    "UNLINK": True,
    "XADD": True,
    "XDEL": True,
    "XLEN": False,
    "XRANGE": False,
    "XREVRANGE": False,
    "XTRIM": True,
    "ZADD": True,
    "ZCARD": False,
    "ZCOUNT": False,
    "ZRANGE": False,
    "ZRANK": False,
    "ZREM": True,
    "ZREVRANGE": False,
    "ZREVRANK": False,
    "ZSCORE": False,
}

TYPES = {
    "cursor",
    "edge",
    "entry",
    "flag",
    "identifier",
    "key",
    "number",
    "object_id",
    "order",
    "progress",
    "relation",
    "resource",
    "text",
    "timestamp",
    "uid",
}

_INCLUDE = re.compile(r'^--- @include "(?P<name>\w+)"$')
_SECTION = re.compile(r"^-- (?P<name>KEYS|ARGV|REPLY|ERRORS|COST|EXAMPLE)\b ?(?P<rest>.*)$")
_FIELD = re.compile(r"^(?P<name>\w+) +(?P<type>\w+?)(?P<suffix>\?|\.\.\.)?(?: +(?P<text>.+))?$")
_STATE = re.compile(r"^local (?!function )(?P<names>\w+(?:, \w+)*)(?: = (?P<value>[^-]*[^-{( ]))?(?: *--.*)?$")
_MARK = re.compile(r"^(?P<indent> *)--- @(?P<name>state|begin|includes|scripts)$")
_UNPACKED = re.compile(r"^local ([\w, ]+) = ((?:ARGV\[\d+\](?:, )?)+)$", re.MULTILINE)


class BuildError(Exception):
    """A source that cannot be built; the text names the file and the line."""


@dataclass
class Flat:
    """A text being put together."""

    lines: list[str] = field(default_factory=list)
    included: set[str] = field(default_factory=set)

    def take(self, path: Path, root: Path, first: int, stack: tuple[str, ...]) -> None:
        """Add a source from its line ``first`` on, with its includes in their places."""
        name = path.relative_to(root).as_posix()
        lines = path.read_text(encoding="utf-8").splitlines()
        marked = False
        for number, line in enumerate(lines[first - 1 :], first):
            include = _INCLUDE.match(line)
            if line.startswith("--- @include") and not include:
                raise BuildError(f'{name}:{number}: write --- @include "_name"; got {line}')
            if include:
                self.include(include["name"], root, (*stack, f"{name}:{number}"))
                marked = False
            elif line or marked:
                if not marked:
                    self.lines.append(f"-- @from {name}:{number}")
                    marked = True
                self.lines.append(line)
        while self.lines[-1] == "":
            self.lines.pop()

    def include(self, name: str, root: Path, stack: tuple[str, ...]) -> None:
        path = root / "include" / f"{name}.lua"
        trace = " <- ".join(reversed(stack))
        if any(place.startswith(f"include/{name}.lua:") for place in stack):
            raise BuildError(f"{stack[-1]}: {name} includes itself: {trace}")
        if not path.is_file():
            raise BuildError(f"{stack[-1]}: there is no include/{name}.lua: {trace}")
        if name not in self.included:
            self.take(path, root, 1, stack)
            self.included.add(name)


def read_header(name: str, lines: list[str]) -> tuple[dict[str, Any], int]:
    """The header of a source as the manifest shows it, and the number of its last line."""
    end = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    header, purpose, section = lines[:end], [], ""
    sections: dict[str, list[str]] = {}
    for line in header:
        match = _SECTION.match(line)
        if match:
            section = match["name"]
            sections[section] = [match["rest"]] if match["rest"] else []
        elif section:
            sections[section].append(line.removeprefix("--"))
        elif line.startswith("--- "):
            purpose.append(line.removeprefix("--- "))
    wanted = ["KEYS", "ARGV", "REPLY", "ERRORS", "COST", "EXAMPLE"]
    if list(sections) != wanted or not purpose:
        raise BuildError(f"{name}: the header needs a purpose and {', '.join(wanted)}, in this order")
    return {
        "purpose": " ".join(purpose),
        "keys": [_field(name, line) for line in sections["KEYS"]],
        "arguments": [_field(name, line) for line in sections["ARGV"]],
        "reply": [line.strip() for line in sections["REPLY"]],
        "errors": " ".join(sections["ERRORS"]).split(),
        "cost": " ".join(line.strip() for line in sections["COST"]),
        "example": " ".join(line.strip() for line in sections["EXAMPLE"]),
    }, end


def _field(name: str, line: str) -> dict[str, Any]:
    match = _FIELD.match(line.strip())
    if not match or match["type"] not in TYPES:
        raise BuildError(f"{name}: not 'name type text' with a known type: {line.strip()!r}")
    return {
        "name": match["name"],
        "type": match["type"],
        "optional": match["suffix"] == "?",
        "repeated": match["suffix"] == "...",
        "text": match["text"] or "",
    }


def check_body(name: str, header: dict[str, Any], body: str) -> list[str]:
    """Hold a header against its flat body. Returns the commands that the body calls."""
    code = "\n".join(line for line in body.splitlines() if not line.startswith("--"))
    unpacked = [variable for names, _ in _UNPACKED.findall(code) for variable in names.split(", ")]
    declared = [argument["name"] for argument in header["arguments"] if not argument["repeated"]]
    if unpacked != declared:
        raise BuildError(f"{name}: the header declares the arguments {declared}, the body unpacks {unpacked}")
    raised = set(re.findall(r"SEQUERE_[A-Z_]+", code))
    if raised != set(header["errors"]):
        raise BuildError(f"{name}: header and body differ in these errors: {sorted(raised ^ set(header['errors']))}")
    # The first argument of a call, which may be a choice of two, and the inverses that wait for a failure.
    calls = re.findall(r"call\(([^,)]*)", code) + re.findall(r"undo\[.* = (.*)", code)
    commands = {word for call in calls for word in re.findall(r"'([A-Z]+)'", call)}
    unknown = commands - set(COMMANDS)
    if unknown:
        raise BuildError(f"{name}: commands that COMMANDS in build.py does not know: {sorted(unknown)}")
    if f"lua/{VERSION}/{name}.lua" not in header["example"]:
        raise BuildError(f"{name}: the example does not run lua/{VERSION}/{name}.lua")
    return sorted(commands)


def build_script(path: Path, root: Path, library: Library) -> tuple[str, dict[str, Any]]:
    """The flat text of a source, and its entry in the manifest; it joins the library too."""
    name = path.stem
    lines = path.read_text(encoding="utf-8").splitlines()
    header, end = read_header(name, lines)
    flat = Flat()
    flat.take(path, root, end + 1, ())
    text = "\n".join(
        [
            DRAGONFLY,
            f"-- sequere {VERSION} {name}: generated from lua/src/{name}.lua, do not edit",
            *lines[:end],
            f"local SCRIPT = '{name}'",
            *flat.lines,
            "",
        ]
    )
    commands = check_body(name, header, "\n".join(flat.lines))
    entry = {
        "name": name,
        "version": VERSION,
        "sha1": hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(),
        "read_only": not any(COMMANDS[command] for command in commands),
        "commands": commands,
        **header,
    }
    library.take(entry, flat.lines)
    return text, entry


@dataclass
class Library:
    """The second packing of the same sources: one text in which each script is a function."""

    includes: dict[str, list[str]] = field(default_factory=dict)
    scripts: list[str] = field(default_factory=list)

    def take(self, entry: dict[str, Any], lines: list[str]) -> None:
        """Add a script, given as the lines of its flat text; of its includes, those that are not there yet."""
        body: list[str] = []
        into = body
        for line in lines:
            if line.startswith("-- @from include/"):
                into = self.includes.setdefault(line, [])
                into.clear()
            elif line.startswith("-- @from "):
                into = body
            into.append(line)
        flags = "{'no-writes'}" if entry["read_only"] else "{}"
        self.scripts += [f"register('{entry['name']}', {flags}, {_quote(entry['purpose'])}, function()", *body, "end)"]

    def text(self, template: str) -> str:
        """The library: the template, with the pieces in the places of its marks."""
        names, begin, includes = [], [], []
        for line in (line for piece in self.includes.values() for line in piece):
            state = _STATE.match(line)
            if state:
                names.append(state["names"])
                begin.append(f"{state['names']} = {state['value'] or 'nil'}")
            elif re.match(r"[^ \-]", line) and not re.match(r"local function |end$", line):
                raise BuildError(f"include: outside of functions there may only be variables, one line each: {line}")
            else:
                includes.append(line)
        pieces = {
            "state": [f"local {', '.join(names)}"],
            "begin": begin,
            "includes": includes,
            "scripts": self.scripts,
        }
        flat: list[str] = []
        for line in template.splitlines():
            mark = _MARK.match(line)
            flat += [mark["indent"] + piece for piece in pieces.pop(mark["name"])] if mark else [line]
        if pieces:
            raise BuildError(f"functions/library.lua: these marks are missing: {', '.join(pieces)}")
        flat.insert(1, f"-- sequere {VERSION}: generated from lua/src, do not edit")
        return "\n".join([*flat, ""])


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def build(root: Path) -> dict[str, str]:
    """All that is generated from a folder of sources: paths below ``lua/`` and their texts."""
    texts, entries, library = {}, [], Library()
    for path in sorted(root.glob("*.lua")):
        texts[f"{VERSION}/{path.name}"], entry = build_script(path, root, library)
        entries.append(entry)
    functions = f"{VERSION}/sequere.functions.lua"
    texts[functions] = library.text((root / "functions" / "library.lua").read_text(encoding="utf-8"))
    manifest = {"version": VERSION, "functions": functions, "scripts": entries}
    texts["manifest.json"] = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    texts["README.rst"] = with_table((root.parent / "README.rst").read_text(encoding="utf-8"), entries)
    return texts


def with_table(readme: str, entries: list[dict[str, Any]]) -> str:
    """The README with the list of scripts, made from the manifest, between its two marks."""
    lines = []
    for entry in entries:
        arguments = " ".join(
            argument["name"] + ("?" if argument["optional"] else "...") * (argument["optional"] or argument["repeated"])
            for argument in entry["arguments"]
        )
        access = "read" if entry["read_only"] else "write"
        call = f"{entry['name']} {arguments}".strip()
        lines += [f"``{call}``", f"    {entry['purpose']} ({access}, {entry['cost']})", ""]
    before, begin, rest = readme.partition(".. begin: generated from the manifest\n")
    _, end, after = rest.partition(".. end: generated from the manifest\n")
    if not (begin and end):
        raise BuildError("README.rst: the marks around the list of scripts are gone")
    return "\n".join([before + begin, *lines, end + after])


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
