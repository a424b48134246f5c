"""The header of a source: what a script takes and what it replies, as the manifest shows it.

A header has a purpose and the sections ARGV, REPLY, COST and EXAMPLE, in this order. An argument is a line
``name type text``. The type is a name of ``types.lua``, a choice ``desc|asc``, a range ``1..500`` of whole
numbers, or ``resource``, which takes two places: ``from resource`` is from_identifier and from_object_id. What may
follow the type, in this order:

    ?          may be empty or left out: then it is nil
    =now       may be empty or left out: then it is the server's clock
    [1..50]    so many of them, to the end; the name is then the place of the first one in ARGV
    ~from      must not be the same as the resource from

``group[1..50]`` is that many groups of the arguments that are listed below it, indented further; in a group ``?`` means
that the value may be empty.

A reply is ``integer``, ``text``, ``bits``, ``outcome`` (one of the integers listed below it, each with a name) or
``tuple`` (a flat array of the fields listed below it, ``name type text``; those listed below a field of the type
``repeated``, indented further, are repeated to the end). ``[others]`` after it: an array, one for each of the others.
``?`` after text, a tuple or a field: it may be empty.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from typing import Any

SECTIONS = ["ARGV", "REPLY", "COST", "EXAMPLE"]
_SECTION = re.compile(r"^-- (ARGV|REPLY|COST|EXAMPLE)\b ?(.*)$")
_ARGUMENT = re.compile(
    r"^(?P<indent> +)(?P<name>\w+) +(?P<type>[\w|&-]+(?:\.\.\d+)?)(?P<absent>\?|=now)?"
    r"(?:\[(?P<least>\d+)\.\.(?P<most>\d+)\])?(?:~(?P<unlike>\w+))?(?: +(?P<text>\S.*))?$"
)
_REPLY = re.compile(r"^(?P<kind>integer|text|bits|outcome|tuple)(?P<optional>\?)?(?:\[(?P<each>\w+)\])?$")
_FIELD = re.compile(r"^(?P<indent> +)(?P<name>\w+) +(?P<type>\w+)(?P<optional>\?)?(?: +(?P<text>\S.*))?$")
_OUTCOME = re.compile(r"^ +(?P<value>-?\d+) +(?P<name>\w+)(?: +(?P<text>\S.*))?$")

#: The types of a field: integer is a number, repeated a group of fields, all others are text.
FIELD_TYPES = {
    *("integer", "text", "identifier", "object_id", "timestamp", "score"),
    *("cursor", "place", "entry", "repeated"),
}

#: The indentation of a line that belongs to the line above it.
_INNER = 4


class BuildError(Exception):
    """A source that cannot be built; the text names the file and what is wrong."""


@dataclass
class Argument:
    """One line of ARGV, or one of a group."""

    name: str
    type: str
    #: What it is when it is empty or left out: "?" nil, "=now" the clock, None: it must be there.
    absent: str | None
    #: How many there are; 0 and 0: it is not repeated.
    least: int
    most: int
    #: The resource that it must not be the same as.
    unlike: str | None
    text: str
    #: The arguments of a group.
    members: list[Argument] = field(default_factory=list)


@dataclass
class Header:
    """The contents of a header."""

    purpose: str
    arguments: list[Argument]
    reply: dict[str, Any]
    cost: str
    example: str

    def manifest(self) -> dict[str, Any]:
        return asdict(self)


def read_header(name: str, text: str) -> Header:
    """The header of the script of this name. Raises :class:`BuildError`."""
    sections: dict[str, list[str]] = {"": []}
    section = ""
    for line in text.splitlines():
        if match := _SECTION.match(line):
            section = match[1]
            sections[section] = [match[2]] if match[2] else []
        elif not line.startswith("--"):
            raise BuildError(f"an empty line ends the header; got {line!r} in it")
        elif line.strip("- "):
            sections[section].append(line.removeprefix("--") if section else line.lstrip("- "))
    if list(sections) != ["", *SECTIONS] or not (sections[""] and sections["COST"]):
        raise BuildError(f"the header needs a purpose and {', '.join(SECTIONS)}, in this order")
    example = " ".join(line.strip() for line in sections["EXAMPLE"])
    if not re.search(rf"lua/v\d+/{name}\.lua", example):
        raise BuildError(f"the example does not run lua/v1/{name}.lua")
    arguments = _arguments(sections["ARGV"])
    return Header(
        purpose=" ".join(sections[""]),
        arguments=arguments,
        reply=_reply(sections["REPLY"], {argument.name for argument in arguments if argument.most}),
        cost=" ".join(line.strip() for line in sections["COST"]),
        example=example,
    )


def _arguments(lines: list[str]) -> list[Argument]:
    arguments: list[Argument] = []
    for line in lines:
        match = _ARGUMENT.match(line)
        if not match:
            raise BuildError(f"not 'name type text': {line.strip()!r}")
        one = Argument(
            name=match["name"],
            type=match["type"],
            absent=match["absent"],
            least=int(match["least"] or 0),
            most=int(match["most"] or 0),
            unlike=match["unlike"],
            text=match["text"] or "",
        )
        if len(match["indent"]) < _INNER:
            arguments.append(one)
        elif arguments and arguments[-1].type == "group":
            arguments[-1].members.append(one)
        else:
            raise BuildError(f"only what belongs to a group is indented: {line.strip()!r}")
    if any(argument.most for argument in arguments[:-1]):
        raise BuildError("only the last argument may be repeated")
    names: list[str] = []
    resources: list[str] = []
    for argument in arguments:
        if (argument.type == "group") != bool(argument.members) or (argument.members and not argument.most):
            raise BuildError(f"a group has a number and arguments of its own, indented below it: {argument.name}")
        for one in (argument, *argument.members):
            _check(one, names, resources, is_member=one is not argument)
            names.append(one.name)
            resources += [one.name] if one.type == "resource" else []
    return arguments


def _check(one: Argument, names: list[str], resources: list[str], *, is_member: bool) -> None:
    """Refuse a line that the build cannot carry out, given the names above it."""
    if one.name in names:
        raise BuildError(f"two arguments have the name {one.name}")
    if one.least > one.most or (one.most and is_member):
        raise BuildError(f"not a number of times that {one.name} may come: [{one.least}..{one.most}]")
    if one.absent and (one.most or one.type == "resource" or (is_member and one.absent != "?")):
        raise BuildError(f"{one.name} cannot be {one.absent}: only a single value can, and in a group only ?")
    if one.unlike and (one.type != "resource" or one.unlike not in resources):
        raise BuildError(f"{one.name} cannot be ~{one.unlike}: both must be resources, {one.unlike} the first of them")


def _reply(lines: list[str], repeated: set[str]) -> dict[str, Any]:
    first, *rest = lines or [""]
    match = _REPLY.match(first)
    if not match:
        raise BuildError(f"not a kind of reply: {first!r}")
    if match["each"] and match["each"] not in repeated:
        raise BuildError(f"a reply for each of {match['each']}, which is no repeated argument")
    reply: dict[str, Any] = {**match.groupdict(), "optional": bool(match["optional"])}
    if match["kind"] == "outcome":
        reply["outcomes"] = [_outcome(line) for line in rest]
    elif match["kind"] == "tuple":
        reply["fields"] = _fields(rest)
    else:
        reply["text"] = " ".join(line.strip() for line in rest)
    return reply


def _outcome(line: str) -> dict[str, Any]:
    match = _OUTCOME.match(line)
    if not match:
        raise BuildError(f"not 'value name text': {line.strip()!r}")
    return {"value": int(match["value"]), "name": match["name"], "text": match["text"] or ""}


def _fields(lines: list[str]) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = []
    for line in lines:
        match = _FIELD.match(line)
        if not match or match["type"] not in FIELD_TYPES:
            raise BuildError(f"not 'name type text' with a known type: {line.strip()!r}")
        one: dict[str, Any] = {
            "name": match["name"],
            "type": match["type"],
            "optional": bool(match["optional"]),
            "text": match["text"] or "",
        }
        after_repeated = bool(fields) and "fields" in fields[-1]
        if len(match["indent"]) >= _INNER:
            if not after_repeated:
                raise BuildError(f"only what a repeated field holds is indented: {line.strip()!r}")
            fields[-1]["fields"].append(one)
        elif after_repeated:
            raise BuildError(f"only the last field may be repeated: {fields[-1]['name']}")
        else:
            fields.append({**one, "fields": []} if one["type"] == "repeated" else one)
    return fields
