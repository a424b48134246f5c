"""A script that is refused half-way leaves nothing behind, whatever refused it."""

from __future__ import annotations

import re

import pytest
import redis

from sequere.backends.redis import scripts
from tests.scripts.cases import (
    ALL_CASES,
    CASES,
    EVERY_KEY,
    OTHER_STEPS,
    READS,
    RELATED,
    STEPS,
    WRITES,
    changed,
    has_evalsha_ro,
    least_of,
    plant,
    prepare,
    refused,
    touched,
)
from tests.scripts.conftest import KEYS
from tests.support.graph import dump
from tests.support.manifest import MANIFEST
from tests.support.servers import SERVERS

#: Those of the graph with edges of every relation touch many keys, and each key is a run of its own.
BY_KEY = [pytest.param(*case, marks=pytest.mark.slow) if case in RELATED else case for case in ALL_CASES]

#: fakeredis takes a second for each case.
on_each_store = pytest.mark.parametrize(
    "store", [pytest.param("fakeredis", marks=pytest.mark.slow), *SERVERS], indirect=True
)


@on_each_store
@pytest.mark.parametrize("counts", ["right", "-3"])
@pytest.mark.parametrize(("name", "arguments"), BY_KEY)
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


#: What removes edges and adds others needs these for its work and for the way back.
BOTH_WAYS = ("INCR", "DECR", "ZADD", "ZREM")

#: It sets the first mark, then needs the command that would also take the mark back.
STUCK = ("open_journal", dict(OTHER_STEPS)["open_journal"], "DEL")


@pytest.mark.parametrize(("name", "arguments"), [*BY_KEY, *READS.items()])
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
            is_stuck = refusal.startswith(f"SEQUERE_CORRUPT {name}: stopped half-way and could not undo ")
            if is_stuck and (
                (name, arguments, command) == STUCK or (command in BOTH_WAYS and (name, arguments) in RELATED)
            ):
                assert (
                    f" with {command}; run audit with repair. The first error: SEQUERE_DENIED {name} line " in refusal
                )
                continue
            assert refusal.startswith(f"SEQUERE_DENIED {name} line ")
            assert f": {command}" in refusal
            assert dump(server_call.client) == before
        server_call.client.acl_deluser(user)
    assert refusals


@pytest.mark.parametrize(("name", "arguments"), BY_KEY)
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
            # Where the guard itself is denied, the server refuses before the script begins. Of the keys of one EXISTS
            # the text names the first.
            assert refusal.startswith(f"SEQUERE_DENIED {name} line ") or key == "sequere:global:uid"
            named = "EXISTS sequere:global:journal" if key == "sequere:global:mark" else key
            named = re.sub("^(.*:)(blocked_by|requested)(@watch|@listen)?$", r"EXISTS \1blocked", named)
            assert key in refusal or named in refusal or key == "sequere:global:uid"
            assert dump(server_call.client) == before
        server_call.client.acl_deluser("narrow")
    assert refusals >= least_of(name, arguments)


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
