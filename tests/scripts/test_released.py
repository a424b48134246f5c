"""Texts that were released: newer ones keep their contract, and both work on one graph at the same time."""

from __future__ import annotations

import copy
import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.manifest import fields_of
from tests.support.runners import CASES, RUNNERS, VECTORS

ROOT = Path(__file__).resolve().parents[2]
RELEASES = sorted(path for path in (ROOT / "tests" / "released").iterdir() if path.is_dir())


def manifest_of(folder):
    return {entry["name"]: entry for entry in json.loads((folder / "manifest.json").read_text())["scripts"]}


def broken_promises(old, new):
    """What a manifest promised and a later one does not keep."""
    for name, entry in old.items():
        later = new.get(name)
        if later is None or later["version"] != entry["version"]:
            yield f"{name} is gone"
            continue
        for kind in ("keys", "arguments"):
            were, are = (
                [(a["name"], a["type"], a["optional"], a["repeated"]) for a in e[kind]] for e in (entry, later)
            )
            if are[: len(were)] != were or not all(optional for _, _, optional, _ in are[len(were) :]):
                yield f"{name}: {kind} were {were}, are {are}"
        if entry["reply"][0] != later["reply"][0] or list(fields_of(entry)) != list(fields_of(later)):
            yield f"{name}: another reply"
        if not set(entry["errors"]) <= set(later["errors"]):
            yield f"{name}: errors are gone"
        if entry["read_only"] and not later["read_only"]:
            yield f"{name} writes"


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def release(request):
    return request.param


def test_a_release_stays_as_it_is(release):
    for name, entry in manifest_of(release).items():
        text = (release / entry["version"] / f"{name}.lua").read_bytes()
        assert hashlib.sha1(text).hexdigest() == entry["sha1"]


def test_the_contract_is_kept(release):
    assert list(broken_promises(manifest_of(release), manifest_of(ROOT / "lua"))) == []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda new: new.pop("count"), "count is gone"),
        (lambda new: new["count"].update(version="v2"), "count is gone"),
        (lambda new: new["count"]["arguments"].pop(), "count: arguments were"),
        (lambda new: new["count"]["arguments"].reverse(), "count: arguments were"),
        (
            lambda new: new["count"]["arguments"].append({**new["count"]["arguments"][0], "name": "x"}),
            "count: arguments",
        ),
        (lambda new: new["count"]["keys"][1].update(optional=False), "count: keys were"),
        (lambda new: new["follow"]["reply"].pop(), "follow: another reply"),
        (lambda new: new["count"]["errors"].pop(), "count: errors are gone"),
        (lambda new: new["count"].update(read_only=False), "count writes"),
    ],
)
def test_a_broken_contract_is_found(spoil, words):
    old = manifest_of(ROOT / "lua")
    new = copy.deepcopy(old)
    spoil(new)
    (promise,) = broken_promises(old, new)
    assert promise.startswith(words)


@pytest.mark.parametrize("turn", [0, 1])
def test_the_vectors_pass_with_every_other_script_of_a_release(release, server, tmp_path, turn):
    """The runner of the vectors, beside a ``lua/`` of which every other script is the older one."""
    runner = tmp_path / "tests" / "conformance" / "runners" / "python_redis.py"
    runner.parent.mkdir(parents=True)
    shutil.copy(RUNNERS / runner.name, runner)
    shutil.copytree(ROOT / "lua" / "v1", tmp_path / "lua" / "v1")
    mixed, older = manifest_of(ROOT / "lua"), manifest_of(release)
    for name in sorted(mixed)[turn::2]:
        if name in older:
            mixed[name] = older[name]
            shutil.copy(release / "v1" / f"{name}.lua", tmp_path / "lua" / "v1")
    (tmp_path / "lua" / "manifest.json").write_text(json.dumps({"scripts": list(mixed.values())}))
    line = [sys.executable, runner, VECTORS, server.socket, "--flushall"]
    done = subprocess.run(line, check=False, capture_output=True, text=True, timeout=60)
    assert re.fullmatch(f"{len(CASES)} passed, 0 failed\n", done.stdout)
