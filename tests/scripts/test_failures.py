"""A script that is refused half-way leaves nothing behind, whatever refused it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from sequere.backends.redis import scripts
from tests.scripts.conftest import JOURNAL, KEYS
from tests.support.graph import dump
from tests.support.manifest import MANIFEST, example_of

#: Scripts that only read, by their examples; an audit repairs only when told to.
READS = {name: example_of(name) for name, entry in MANIFEST.items() if entry["read_only"] or name == "audit"}

MARK, COPY, FENCED = "1-7 copy follow:1 1-7", "1-7 copy follow:2 1-7", "9-9"
ADOPT = "1-7 adopt - 1-7"

#: What write-behind and its tools write, each by the call that writes most.
STEPS = {
    "begin_rebuild": [MARK, "2-7", "0"],
    "clear_graph": [MARK, "on", "sequere:uid:user:1", "sequere:global:uid"],
    "delete_journal": ["1-2", "0"],
    "drain_journal": ["1-2", "10", "1-7"],
    "fence": ["", "7", "1"],
    "note_edges": [MARK, COPY, "follow", "user", "3", "user", "4", "follow", "user", "1", "user", "2"],
    "open_journal": [MARK, "1-7 ready - 1-7", FENCED],
}

#: Every other write, on a graph where it touches all that it ever touches; its example, unless that touches less.
WRITES = {
    **{name: example_of(name) for name in sorted(MANIFEST.keys() - READS.keys() - STEPS.keys())},
    "follow": ["user", "1", "user", "2", "9"],
    "add_edges": ["follow", "user", "1", "9", "project", "8", "user", "2"],
    "unfollow": ["user", "3", "user", "4"],
    "move_edges": ["user", "3", "followings", "", "50", "", "project", "7", "user", "4"],
    "forget": ["user", "3", "100"],
    "copy_edges": [
        *[MARK, COPY, "follow", "user", "1", "user", "2", "9", "follow", "user", "5", "project", "7", "9"],
        *["follow", "user", "3", "user", "4", "9"],
    ],
    "mend_edges": ["follow", "user", "1", "user", "2", "", "9", "follow", "user", "5", "project", "7", "", "9"],
}

#: The same scripts, when they remove.
REMOVALS = {
    "copy_edges": [MARK, COPY, "follow", "user", "3", "user", "4", "", "follow", "user", "3", "project", "7", ""],
    "mend_edges": ["follow", "user", "3", "user", "4", "2", "", "follow", "user", "3", "project", "7", "4", ""],
    "move_edges": ["user", "4", "followers", "", "50", ""],
}

#: Scripts of write-behind, where they write something else.
OTHER_STEPS = [
    ("begin_rebuild", ["", "2-7", "1"]),
    ("copy_edges", ["", COPY, "follow", "user", "1", "user", "2", "9"]),
    ("copy_edges", [ADOPT, COPY, *WRITES["copy_edges"][2:]]),
    ("delete_journal", ["1-2", "1"]),
    ("fence", ["", "7", "0"]),
    ("open_journal", ["", "1-7 ready - 1-7", FENCED]),
]

#: The writes that find nothing to change, and note that.
NOTES = [
    ("follow", ["user", "3", "user", "4", "9"]),
    ("add_edges", ["follow", "user", "3", "9", "user", "4", "project", "7"]),
    ("unfollow", ["user", "1", "user", "4"]),
    ("move_edges", ["user", "3", "followings", "", "50", "", "user", "1", "user", "2"]),
    ("forget", ["user", "9", "10"]),
]

CASES = [*WRITES.items(), *REMOVALS.items()]
ALL_CASES = [*CASES, *NOTES, *STEPS.items(), *OTHER_STEPS]

#: Those that work where there is no journal, or an adoption goes on: on a graph whose mark is their first argument.
REBUILD = ("begin_rebuild", "clear_graph", "copy_edges", "open_journal")


#: How the names of keys begin that scripts read to find out what to write.
READ = ("sequere:uid::", "sequere:uid:user:", "sequere:global:")


def prepare(call, name="follow", arguments=()):
    """User 2 follows user 1, who is about to answer; users 3 and 4 are friends and follow project 7.

    All is noted and the graph has a mark, as far as the script works there.
    """
    client = call.client
    client.flushall()
    marked = arguments[0] if arguments and name in REBUILD else MARK
    is_cold = name in (*REBUILD, "fence") and marked != ADOPT
    if not is_cold and name != "delete_journal":
        client.xadd(JOURNAL, {"operation": "open"}, id="1-1")
        client.xadd(JOURNAL, {"operation": "open"}, id="1-2")
    call.follow("user", "2", "user", "1", "1")
    call.follow("user", "3", "user", "4", "2")
    call.follow("user", "4", "user", "3", "3")
    call.follow("user", "3", "project", "7", "4")
    if is_cold:
        client.set("sequere:global:fence", FENCED)
    elif name == "delete_journal":
        client.xadd(JOURNAL, {"operation": "open"}, id="1-2")
    if marked:
        client.set("sequere:global:mark", marked)
    return dump(client)


def least_of(name, arguments):
    """How many refusals of a case a test must see, so that it is known to have tried."""
    return 8 if (name, arguments) in CASES else 1


def changed(call, name, arguments):
    """The keys that a write changes."""
    before = prepare(call, name, arguments)
    call(name, *arguments)
    after = dump(call.client)
    keys = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    assert keys
    return keys


def touched(call, name, arguments):
    """The keys that a write changes, and those that it only reads."""
    read = [key for key in prepare(call, name, arguments) if key.startswith(READ)]
    return sorted({*changed(call, name, arguments), *read, JOURNAL})


def refused(call, name, arguments):
    """The text of the error that a call ends with; None if it works."""
    try:
        call(name, *arguments)
    except redis.ResponseError as error:
        return str(error)
    return None


def plant(client, key):
    """Something that belongs to somebody else."""
    client.delete(key)
    client.rpush(key, "not", "yours")


@pytest.mark.parametrize("counts", ["right", "-3"])
@pytest.mark.parametrize(("name", "arguments"), ALL_CASES)
def test_a_key_of_the_wrong_type(call, name, arguments, counts):
    refusals = 0
    for key in touched(call, name, arguments):
        before = prepare(call, name, arguments)
        for count in [other for other in before if other.endswith(":count") and counts != "right"]:
            call.client.set(count, counts)  # damaged: that is left as it was too
        plant(call.client, key)
        before = dump(call.client)
        refusal = refused(call, name, arguments)
        if refusal:
            refusals += 1
            taken = f"SEQUERE_CORRUPT {name}: sequere:global:uid is too low: {key} exists"
            wrong = f" {key}: the key holds something that is not part of the graph"
            assert refusal.startswith((f"SEQUERE_WRONGTYPE {name} line ", taken))
            assert wrong in refusal or taken in refusal
            assert dump(call.client) == before
    assert refusals >= least_of(name, arguments) or name == "fence"  # which looks into no key


@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_a_count_that_is_no_number(call, name, arguments):
    for key in [key for key in changed(call, name, arguments) if key.endswith((":count", "global:uid"))]:
        prepare(call, name, arguments)
        call.client.set(key, "many")
        before = dump(call.client)
        with pytest.raises(redis.ResponseError, match="SEQUERE_WRONGTYPE"):
            call(name, *arguments)
        assert dump(call.client) == before


#: It sets the first mark, then needs the command that would also take the mark back.
STUCK = ("open_journal", dict(OTHER_STEPS)["open_journal"], "DEL")


@pytest.mark.parametrize(("name", "arguments"), [*ALL_CASES, *READS.items()])
def test_a_command_that_the_user_may_not_run(server_call, server, name, arguments):
    refusals = 0
    for command in MANIFEST[name]["commands"]:
        before = prepare(server_call, name, arguments)
        user = f"without-{command.lower()}"
        server_call.client.acl_setuser(
            user, enabled=True, nopass=True, keys=["*"], categories=["+@all"], commands=[f"-{command.lower()}"]
        )
        with server.client(username=user, password="any") as client:
            refusal = refused(type(server_call)(client), name, arguments)
        if refusal:
            refusals += 1
            if (name, arguments, command) == STUCK:
                assert refusal.startswith("SEQUERE_CORRUPT open_journal: stopped half-way and could not undo ")
                continue
            assert refusal.startswith(f"SEQUERE_DENIED {name} line ")
            assert f": {command}" in refusal
            assert dump(server_call.client) == before
        server_call.client.acl_deluser(user)
    assert refusals


#: All keys that a call of ALL_CASES could touch.
EVERY_KEY = {
    *("sequere:", "sequere:global:uid", "sequere:global:journal", "sequere:global:mark", "sequere:global:fence"),
    *(f"sequere:uid:{resource}" for resource in ("user:1", "user:2", "user:3", "user:4", "user:5", "user:9")),
    *(f"sequere:uid:project:{number}" for number in (7, 8, 9)),
    *(f"sequere:uid::{uid}" for uid in range(1, 10)),
    *(
        f"sequere:uid:{uid}:{name}{narrow}{count}"
        for uid in range(1, 10)
        for name in ("followers", "followings", "friends")
        for narrow in ("", ":user", ":project")
        for count in ("", ":count")
    ),
}


@pytest.mark.parametrize(("name", "arguments"), ALL_CASES)
def test_a_key_that_the_user_may_not_touch(server_call, server, name, arguments):
    refusals = 0
    for key in touched(server_call, name, arguments):
        assert key in EVERY_KEY
        before = prepare(server_call, name, arguments)
        others = [f"~{other}" for other in sorted(EVERY_KEY - {key})]
        server_call.client.execute_command("ACL", "SETUSER", "narrow", "reset", "on", "nopass", "+@all", *others)
        with server.client(username="narrow", password="any") as client:
            refusal = refused(type(server_call)(client), name, arguments)
        if refusal:
            refusals += 1
            # Where the guard itself is denied, the server refuses before the script begins. The mark is looked for
            # together with the journal, which the text names.
            assert refusal.startswith(f"SEQUERE_DENIED {name} line ") or key == "sequere:global:uid"
            named = "EXISTS sequere:global:journal" if key == "sequere:global:mark" else key
            assert key in refusal or named in refusal or key == "sequere:global:uid"
            assert dump(server_call.client) == before
        server_call.client.acl_deluser("narrow")
    assert refusals >= least_of(name, arguments)


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


#: Those that a server without memory refuses at their first write; it lets others go on.
GROW = [
    *[(name, WRITES[name]) for name in ("follow", "add_edges", "copy_edges", "mend_edges")],
    *[(name, STEPS[name]) for name in ("begin_rebuild", "fence", "note_edges", "open_journal")],
]


@pytest.mark.parametrize(("name", "arguments"), ALL_CASES)
def test_a_server_that_refuses_writes(server_call, name, arguments):
    before = prepare(server_call, name, arguments)
    admin = server_call.client
    try:
        admin.replicaof("127.0.0.1", "1")
        with pytest.raises(redis.ReadOnlyError, match=f"{name} line "):
            server_call(name, *arguments)
    finally:
        admin.replicaof("no", "one")
    assert dump(admin) == before
    if (name, arguments) in GROW:
        try:
            admin.config_set("maxmemory", "1")
            with pytest.raises(redis.exceptions.OutOfMemoryError, match=f"{name} line "):
                server_call(name, *arguments)
        finally:
            admin.config_set("maxmemory", "0")
        assert dump(admin) == before


@pytest.mark.parametrize("name", sorted(READS))
def test_reads_write_nothing(server_call, name):
    """The manifest says which scripts are reads; EVALSHA_RO, where a server has it, lets only those through."""
    before = prepare(server_call)
    server_call(name, *READS[name])
    assert dump(server_call.client) == before
    assert MANIFEST[name]["read_only"] is (name != "audit")
    if has_evalsha_ro(server_call.client):
        server_call.client.evalsha_ro(MANIFEST[name]["sha1"], len(KEYS), *KEYS, *READS[name])


@pytest.mark.parametrize(("name", "arguments"), [*WRITES.items(), *STEPS.items()])
def test_writes_are_no_reads(server_call, name, arguments):
    prepare(server_call, name, arguments)
    assert MANIFEST[name]["read_only"] is False
    if has_evalsha_ro(server_call.client):
        with pytest.raises(redis.ResponseError, match="Write commands are not allowed from read-only scripts"):
            server_call.client.eval_ro(scripts.catalogue()[name].text, len(KEYS), *KEYS, *arguments)


def has_evalsha_ro(client):
    return int(client.info("server")["redis_version"].split(".")[0]) >= 7


def test_a_uid_without_a_name(call):
    prepare(call)
    call.client.delete("sequere:uid::3")
    with pytest.raises(
        redis.ResponseError, match="SEQUERE_CORRUPT page: sequere:uid::3 does not name the resource of uid 3"
    ):
        call.page("user", "4", "followers", "desc", "20")


def test_half_an_edge_does_not_make_forget_go_on_for_ever(call):
    prepare(call)
    call.client.zadd("sequere:uid:3:followers", {"2": 1})
    with pytest.raises(
        redis.ResponseError,
        match="SEQUERE_CORRUPT forget: sequere:uid:3:followers has an entry without its counterpart",
    ):
        call.forget("user", "3", "100")


def test_half_an_edge_is_not_moved(call):
    prepare(call)
    call.client.zadd("sequere:uid:3:followers", {"2": 1})
    for others in ([], ["user", "1"]):
        with pytest.raises(redis.ResponseError, match="move_edges: sequere:uid:3:followers has an entry without"):
            call.move_edges("user", "3", "followers", "", "50", "", *others)


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
ONCE = "if not changes then\n  changes = {}\n  error('once')\nend\n  changes = {'add'"


def test_what_does_not_stop_again_is_a_fault_and_notes_nothing(call, tampered):
    before = prepare(call)
    once = tampered(call.client, "follow.lua", "changes = {'add'", ONCE)
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
    told = "stopped half-way and could not undo the write to sequere:global:mark with SET; "
    assert refusal.startswith(f"SEQUERE_CORRUPT delete_journal: {told}")
    assert server_call.client.exists(JOURNAL)
