"""What operators do with the scripts and the names, and what wrong usage is told."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
from django.core.management.base import CommandError

from sequere.backends.redis import scripts
from tests.management.conftest import ROOT, manage, module
from tests.support.manifest import MANIFEST


def test_scripts_are_listed_and_loaded(server):
    with server.client() as client:
        client.script_flush()
    listed = json.loads(manage("scripts", "--json"))
    assert [entry["name"] for entry in listed] == sorted(MANIFEST)
    assert all(entry["loaded"] == {server.socket: False} for entry in listed)
    assert "count           v1  " + MANIFEST["count"]["sha1"] + "  not loaded" in manage("scripts").splitlines()
    listed = json.loads(manage("scripts", "--load", "--json"))
    assert all(entry["loaded"] == {server.socket: True} for entry in listed)
    assert {entry["name"]: entry["sha1"] for entry in listed} == {n: e["sha1"] for n, e in MANIFEST.items()}
    url = f"unix://{server.socket}"
    assert json.loads(module("scripts", "--url", url, "--json").stdout) == listed
    with server.client() as client:
        client.script_flush()
    assert len(re.findall("  loaded$", module("scripts", "--url", url, "--load").stdout, re.MULTILINE)) == len(MANIFEST)


@pytest.mark.parametrize(
    "show", [lambda name: manage("scripts", "--show", name), lambda n: module("scripts", "--show", n).stdout]
)
def test_a_script_is_shown_byte_for_byte(settings, show):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    assert hashlib.sha1(show("page").encode()).hexdigest() == MANIFEST["page"]["sha1"]


def test_export(settings, tmp_path):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    folder = tmp_path / "new" / "lua"
    assert manage("scripts", "--export", str(folder)) == f"{len(MANIFEST) + 2} files in {folder}\n"
    (folder / "v1" / "count.lua").write_text("old")
    assert module("scripts", "--export", str(folder)).returncode == 0  # over an earlier one
    there = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.*")}
    assert there == {name: (ROOT / "lua" / name).read_bytes() for name in there}
    assert there.keys() == {"manifest.json", "v1/sequere.functions.lua", *(f"v1/{name}.lua" for name in MANIFEST)}


@pytest.mark.parametrize("stranger", ["notes.txt", "v1/mine.lua", "v2/count.lua"])
def test_a_folder_with_something_else_is_left_alone(settings, tmp_path, stranger):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    (tmp_path / stranger).parent.mkdir(exist_ok=True)
    (tmp_path / stranger).write_text("mine")
    with pytest.raises(CommandError, match=f"must be an empty folder or an earlier export; found .*{stranger[:2]}"):
        manage("scripts", "--export", str(tmp_path))
    done = module("scripts", "--export", str(tmp_path))
    assert done.returncode == 2
    assert "must be an empty folder" in done.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / stranger]


def test_a_file_is_no_folder(settings, tmp_path):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CommandError, match="must be an empty folder"):
        manage("scripts", "--export", str(tmp_path / "file"))
    with pytest.raises(CommandError, match="Not a directory"):
        manage("scripts", "--export", str(tmp_path / "file" / "below"))


def test_names(small):
    assert manage("lookup", "user", "1") == "1\n"
    assert manage("resolve", "2") == "project 7:é\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["scripts", "--show", "nope"], "There is no script 'nope'; there are: add_edges, audit, "),
        (["lookup", "user", "404"], "The graph does not know user 404"),
        (["lookup", "us er", "1"], "identifier must be 1 to 50 characters"),
        (["lookup", "user", ""], "object_id must be 1 to 255 bytes"),
        (["resolve", "404"], "The graph has no uid 404"),
        (["resolve", "one"], "argument uid: must be a positive whole number of at most 15 digits; got 'one'"),
        (["audit", "usr", "1"], "The graph does not know usr 1; no model is registered as 'usr'; registered: "),
        (["audit", "user", "one"], "The graph does not know user one; no row of the model can have"),
        (["audit", "user"], "both an identifier and an object id, or neither"),
        (["audit", "12", "1"], "identifier must be 1 to 50 characters"),
        (["acl", "--user", "two words"], "user must not contain spaces or quotes"),
        (["acl", "--user", ""], "user must not be empty"),
        (["acl", "--user", "default"], "user must not be default"),
        ([], "required: subcommand"),
        (["nope"], "invalid choice: 'nope'"),
    ],
)
def test_wrong_input(valkey, arguments, words):
    with pytest.raises(CommandError, match=words):
        manage(*arguments)


def test_half_a_resource_is_wrong_usage(valkey):
    with pytest.raises(CommandError, match="both an identifier and an object id, or neither") as error:
        manage("audit", "user")
    assert error.value.returncode == 2


@pytest.mark.parametrize(
    "arguments", [["scripts"], ["scripts", "--load"], ["audit"], ["audit", "user", "1"], ["stats"], ["resolve", "1"]]
)
def test_a_server_that_is_down(settings, tmp_path, arguments):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": str(tmp_path / "nothing")}
    with pytest.raises(CommandError, match=r"connecting to .*nothing"):
        manage(*arguments)


@pytest.mark.parametrize("arguments", [["scripts", "--show", "count"], ["acl"], ["stats"]])
def test_another_backend(arguments):
    with pytest.raises(
        CommandError, match=r"for sequere.backends.redis.RedisBackend; the settings name DatabaseBackend"
    ):
        manage(*arguments)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["scripts"], 2, "no server given: pass --url, or use --show or --export"),
        (["scripts", "--show", "nope"], 2, "There is no script 'nope'"),
        (["scripts", "--url", "redis://localhost?hots=x"], 2, "--url: AbstractConnection.__init__() got an unexpected"),
        (["scripts", "--url", "valkey://127.0.0.1:1"], 1, "error: redis: cannot reach the server"),
        (["scripts", "--url", "http://localhost"], 2, "--url: Redis URL must specify one of"),
        (
            ["scripts", "--url", "unix:///no/such/socket"],
            1,
            "cannot reach the server: Error 2 connecting to",
        ),
        (["acl", "--prefix", "my graph:"], 2, "prefix must not contain spaces or quotes"),
    ],
)
def test_wrong_input_without_django(arguments, status, words):
    done = module(*arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_every_script_knows_its_commands():
    assert {name: list(script.commands) for name, script in scripts.catalogue().items()} == {
        name: entry["commands"] for name, entry in MANIFEST.items()
    }
