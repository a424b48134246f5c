"""The manifest as the installed package has it."""

from __future__ import annotations

import json
import shlex

from sequere.lua_folder import LUA

_ALL = json.loads(LUA.joinpath("manifest.json").read_text())

#: Script name -> its entry.
MANIFEST = {entry["name"]: entry for entry in _ALL["scripts"]}

#: The table of relations.
RELATIONS = {row["name"]: row for row in _ALL["relations"]}


def places_of(argument) -> list[tuple[str, str, bool]]:
    """The places in ARGV that an argument takes once: name, type, and whether it may be empty."""
    if argument["type"] == "group":
        return [place for member in argument["members"] for place in places_of(member)]
    if argument["type"] == "resource":
        side = "" if argument["name"] == "resource" or argument["most"] else f"{argument['name']}_"
        return [(f"{side}identifier", "identifier", False), (f"{side}object_id", "object_id", False)]
    return [(argument["name"], argument["type"], argument["absent"] is not None)]


def example_of(name: str) -> list[str]:
    """The ARGV of the example in a script's header, with one of what may be repeated, and "" for what it leaves out."""
    given = shlex.split(MANIFEST[name]["example"].partition(" sequere:global:uid")[2].removeprefix(" ,"))
    arguments = MANIFEST[name]["arguments"]
    places = [place for argument in arguments for place in places_of(argument)]
    return given[: len(places)] + [""] * (len(places) - len(given))


def fields_of(reply) -> tuple[list[dict], list[dict]]:
    """The fields of a tuple: those that come once, and those that are repeated to the end."""
    once = [field for field in reply["fields"] if field["type"] != "repeated"]
    repeated = [field for group in reply["fields"] if group["type"] == "repeated" for field in group["fields"]]
    return once, repeated
