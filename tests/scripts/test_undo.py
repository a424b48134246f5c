"""A refused script undoes what it wrote: each inverse that is missing is noticed, and what cannot be undone is told."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from tests.scripts.cases import STEPS, WRITES, has_evalsha_ro, plant, prepare, refused
from tests.scripts.conftest import JOURNAL, KEYS
from tests.support.graph import dump


def test_what_cannot_be_set_back_is_told(server_call, server):
    before = prepare(server_call)
    server_call.client.acl_setuser(
        "half", enabled=True, nopass=True, keys=["*"], categories=["+@all"], commands=["-hset", "-decr"]
    )
    with server.client(username="half", password="any") as client:
        refusal = refused(type(server_call)(client), "follow", ["user", "5", "user", "6"])
    server_call.client.acl_deluser("half")
    told = "SEQUERE_CORRUPT follow: stopped half-way and could not undo the write to sequere:global:uid with DECR; "
    assert refusal.startswith(f"{told}run audit with repair. The first error: SEQUERE_DENIED follow line ")
    after = dump(server_call.client)
    assert {key for key in after if before.get(key) != after[key]} == {"sequere:global:uid"}


@pytest.fixture
def tampered(tmp_path):
    """``tampered(client, file, old, new)`` gives the caller whose scripts come from sources with a fault in them."""
    lua = Path(__file__).resolve().parents[2] / "lua"
    shutil.copy(lua / "README.rst", tmp_path)
    shutil.copytree(lua / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))

    def tamper(client, file, old, new):
        path = tmp_path / "src" / file
        assert path.read_text().count(old) == 1
        path.write_text(path.read_text().replace(old, new))
        subprocess.run([sys.executable, tmp_path / "src" / "build.py"], check=True, capture_output=True)

        def run(name, *arguments):
            return client.eval((tmp_path / "v1" / f"{name}.lua").read_text(), len(KEYS), *KEYS, *arguments)

        return run

    return tamper


#: A body that stops the first time only, after its writes, which no refusal of a server makes it do.
ONCE = "if not changes then\n  changes = {}\n  error('once')\nend\nchange('add'"


def test_what_does_not_stop_again_is_a_fault_and_notes_nothing(call, tampered):
    before = prepare(call)
    once = tampered(call.client, "follow.lua", "change('add'", ONCE)
    with pytest.raises(redis.ResponseError, match=r"SEQUERE_FAILED follow .*; please report this"):
        once("follow", *WRITES["follow"])
    assert dump(call.client) == before
    # The fault planted: what the second run wrote stays.
    second = "reply = refused and stop or reply\n  --- @if undo\n  take_back()\n"
    with pytest.raises(redis.ResponseError, match="SEQUERE_FAILED"):
        tampered(call.client, "frame.lua", second, second.replace("take_back()", ""))("follow", *WRITES["follow"])
    assert dump(call.client)["sequere:global:journal"] == before["sequere:global:journal"]
    assert dump(call.client) != before


OF_THE_MARK = "undo = mark and {undo, 'SET', mark_key, mark} or {undo, 'DEL', mark_key}"


@pytest.mark.parametrize(
    ("file", "inverse", "script", "key"),
    [
        ("include/_obtain_uid.lua", "undo = {undo, 'DEL', name}", "copy_edges", "sequere:uid:6:followings"),
        (
            "include/_add_entry.lua",
            "undo = {undo, is_first and 'DEL' or 'DECR', count}",
            "follow",
            "sequere:uid:2:followers",
        ),
        ("include/_remove_entry.lua", "undo = {undo, 'ZADD', list, score, uid}", "unfollow", "sequere:uid:4:followers"),
        ("forget.lua", "undo = {undo, 'SET', key, uid}", "forget", "sequere:global:journal"),
        ("copy_edges.lua", OF_THE_MARK, "copy_edges", "sequere:uid:2:followers"),
    ],
)
def test_a_missing_inverse_is_noticed(call, tampered, file, inverse, script, key):
    run = tampered(call.client, file, inverse, "")
    prepare(call, script)
    plant(call.client, key)
    before = dump(call.client)
    assert refused(run, script, WRITES[script]).startswith("SEQUERE_")
    assert dump(call.client) != before


@pytest.mark.parametrize(
    ("script", "inverse", "command"),
    [
        ("open_journal", OF_THE_MARK, "del"),
        ("open_journal", "undo = {undo, 'SET', fence, entry}", "xadd"),
        ("note_edges", "undo = {undo, 'SET', mark_key, mark}", "xadd"),
    ],
)
def test_a_missing_inverse_is_noticed_by_a_user(server_call, server, tampered, script, inverse, command):
    before = prepare(server_call, script, STEPS[script])
    server_call.client.acl_setuser(
        "half", enabled=True, nopass=True, keys=["*"], categories=["+@all"], commands=[f"-{command}"]
    )
    with server.client(username="half", password="any") as client:
        assert refused(tampered(client, f"{script}.lua", inverse, ""), script, STEPS[script]).startswith("SEQUERE_")
    server_call.client.acl_deluser("half")
    assert dump(server_call.client) != before


def test_a_deletion_of_the_journal_that_cannot_be_set_back(server_call, server):
    """Only a right to read the journal, which servers know since 7.0, lets it come so far."""
    if not has_evalsha_ro(server_call.client):
        return
    prepare(server_call, "delete_journal")
    rights = ["~sequere:", "~sequere:global:uid", "~sequere:global:mark", "%R~sequere:global:journal", "+@all", "-set"]
    server_call.client.execute_command("ACL", "SETUSER", "half", "reset", "on", "nopass", *rights)
    with server.client(username="half", password="any") as client:
        refusal = refused(type(server_call)(client), "delete_journal", ["1-2", "1"])
    server_call.client.acl_deluser("half")
    told = "SEQUERE_CORRUPT delete_journal: stopped half-way and could not undo the write to sequere:global:mark with "
    assert refusal.startswith(f"{told}SET; ")
    assert server_call.client.exists(JOURNAL)
