"""The sources of the scripts with one more relation in their table."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

LUA = Path(__file__).resolve().parents[2] / "lua"
ROW = "  request = {forward = 'requested', backward = 'requests', moves = 'follow'},\n"


def build_with_requests(folder: Path) -> None:
    """Builds the scripts in a folder from a copy of the sources with a second relation, ``request``."""
    shutil.copy(LUA / "README.rst", folder)
    shutil.copytree(LUA / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    table = folder / "src" / "include" / "_relations.lua"
    table.write_text(table.read_text().replace("  follow = {", f"{ROW}  follow = {{"))
    subprocess.run([sys.executable, folder / "src" / "build.py"], check=True, capture_output=True)
