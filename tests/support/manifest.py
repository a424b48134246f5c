"""The manifest as the installed package has it."""

from __future__ import annotations

import json
import re
from importlib.resources import files

#: Script name -> its entry.
MANIFEST = {
    entry["name"]: entry for entry in json.loads(files("sequere.lua").joinpath("manifest.json").read_text())["scripts"]
}


def fields_of(entry) -> dict[str, str]:
    """The named parts of a reply and what the header says of each; a reply without parts has the name ""."""
    fields: dict[str, str] = {}
    for line in entry["reply"][1:]:
        part = re.match(r"(\w+)  +(.+)", line)
        name, text = part.groups() if part else (list(fields)[-1] if fields else "", line)
        fields[name] = f"{fields.get(name, '')} {text}"
    return fields


def repeats_from(entry) -> int:
    """The number of the first part of a reply that repeats; that of all parts if none does."""
    texts = list(fields_of(entry).values())
    return next((number for number, text in enumerate(texts) if "repeat" in text), len(texts))
