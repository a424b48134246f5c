"""The manifest as the installed package has it."""

from __future__ import annotations

import json
from importlib.resources import files

#: Script name -> its entry.
MANIFEST = {
    entry["name"]: entry for entry in json.loads(files("sequere.lua").joinpath("manifest.json").read_text())["scripts"]
}
