"""The minimal users, as ``acl`` prints them: they can do what the package does, and the system check knows."""

from __future__ import annotations

import subprocess
import sys

import pytest
import redis
import valkey
from django.core.management.base import CommandError

from sequere import exceptions
from sequere.backends import get_backend
from sequere.backends.redis.operate.audit import audit as audit_resource
from sequere.backends.redis.operate.permissions import ARGUMENTS, make_acl_line
from sequere.backends.redis.scripts import catalogue
from sequere.checks import check_server
from sequere.conf import get_setting
from sequere.lua_folder import LUA
from sequere.resources import Resource
from tests.management.conftest import manage
from tests.support.calls import Ask
from tests.support.counting import round_trips
from tests.support.graph import audit
from tests.support.manifest import MANIFEST

USER, OTHER, PROJECT = Resource("user", "1"), Resource("user", "2"), Resource("project", "7")


@pytest.fixture
def become(request, settings):
    """A function that makes a user on a server as an ACL line says, and points the settings at it."""
    name = "server" if "server" in request.fixturenames else "valkey"
    server = request.getfixturevalue(name)
    with server.client() as admin:

        def make(line, *more):
            words = line.split(" ")
            admin.execute_command(*words, "nopass", *more)
            settings.SEQUERE_REDIS_CONNECTION = {**server.connection, "username": words[2], "password": "any", "db": 1}
            admin.acl_log_reset()
            return admin

        yield make
        get_backend().client.close()
        for user in ("sequere", "reader"):
            admin.acl_deluser(user)


def denied(admin) -> list[str]:
    """What the server refused; redis-py asks for CLIENT by itself and does without."""
    return [entry["object"] for entry in admin.acl_log() if not entry["object"].startswith("client")]


def read(backend):
    """Every script that reads."""
    Ask(backend).is_following(USER, OTHER)
    Ask(backend).are_following(USER, [OTHER, PROJECT])
    Ask(backend).relationship(USER, OTHER)
    Ask(backend).count(USER, "followings")
    for options in ({}, {"desc": False, "offset": 1}, {"identifier": "user", "limit": 1}):
        page = Ask(backend).page(USER, "followings", **options)
        if page.cursor:
            Ask(backend).page(USER, "followings", **{**options, "offset": 0}, cursor=page.cursor)
    assert backend.run("resolve", backend.run("lookup", *USER))


def test_the_minimal_user_can_do_everything(server, become):
    admin = become(make_acl_line("sequere:"))
    backend = get_backend()
    backend.client.ping()
    Ask(backend).follow(USER, PROJECT, timestamp=1.0)
    backend.run("follow", *USER, *OTHER)  # by the server's clock
    Ask(backend).follow_many(OTHER, [USER, PROJECT], timestamp=2.0)
    read(backend)
    backend.client.zrem("sequere:uid:2:followers", 1)
    backend.client.hset("sequere:uid::2", "identifier", "project")
    assert audit_resource(backend, PROJECT, ["user", "project"], repair=True)
    Ask(backend).unfollow(USER, PROJECT)
    Ask(backend).unfollow_many(OTHER, [USER, PROJECT])
    Ask(backend).forget(USER)
    assert check_server() == []
    assert "edges of follow" in manage("stats")
    assert denied(admin) == []
    for command in (["SET", "other", "1"], ["FLUSHALL"], ["KEYS", "*"], ["HGETALL", "sequere:uid::1"]):
        with pytest.raises(Exception, match=r"[Nn]o permissions"):
            backend.client.execute_command(*command)


def test_the_minimal_user_of_the_functions(server, become):
    with server.client() as client:
        if client.info("server")["redis_version"].startswith("6."):
            return  # it has no functions
    admin = become(make_acl_line("sequere:"), "-eval", "-evalsha", "-script", "+fcall", "+fcall_ro")
    admin.function_load(LUA.joinpath("v1", "sequere.functions.lua").read_text(), replace=True)
    with redis.Redis(**get_setting("SEQUERE_REDIS_CONNECTION")) as client:
        keys = 2, "sequere:", "sequere:global:uid"
        assert client.fcall("sequere_follow", *keys, *USER, *PROJECT) == 1
        assert client.fcall_ro("sequere_is_following", *keys, *USER, *PROJECT) == 1
    assert denied(admin) == []


def test_an_audit_of_the_whole_graph_needs_scan_as_well(server, become):
    admin = become(make_acl_line("sequere:"))
    Ask().follow(USER, PROJECT, timestamp=1.0)
    with pytest.raises(CommandError, match=r"the server denies this user: .*scan"):
        manage("audit")
    with pytest.raises(Exception, match="script"):
        manage("scripts")
    become(make_acl_line("sequere:"), "+scan", "+script|exists")
    get_backend().client.close()
    Ask().follow(USER, PROJECT, timestamp=1.0)
    assert manage("audit") == "2 resources, 0 findings: all is well.\n"
    assert "  loaded" in manage("scripts")
    assert denied(admin) == []


def test_the_reader_reads_and_cannot_write(server, become, settings):
    Ask().follow(USER, OTHER, timestamp=1.0)
    Ask().follow(USER, PROJECT, timestamp=1.0)
    with server.client() as client:
        version = client.info("server")["redis_version"]
    line = make_acl_line("sequere:", user="reader", read_only=True)
    if version.startswith("6."):
        with server.client() as client, pytest.raises(Exception, match=r"modifier '%R~sequere:\*'"):
            client.execute_command(*line.split(" "))
        return
    writer = get_backend()
    admin = become(line)
    settings.SEQUERE_REDIS_CONNECTION = {**settings.SEQUERE_REDIS_CONNECTION, "db": 0}
    reader = get_backend()
    assert reader is not writer
    read(reader)
    with pytest.raises(
        (redis.ResponseError, valkey.ResponseError), match="SEQUERE_COLD"
    ):  # it may pass the journal as guard
        reader.client.eval(catalogue()["count"].text, 2, "sequere:", "sequere:global:journal", "friends", *USER)
    assert denied(admin) == []
    with pytest.raises(exceptions.CommandDenied):
        Ask(reader).follow(OTHER, PROJECT, timestamp=1.0)
    with pytest.raises(exceptions.CommandDenied):
        Ask(reader).unfollow(USER, PROJECT)
    (message,) = check_server()
    assert message.id == "sequere.W005"
    names = ", ".join(sorted(name for name, entry in MANIFEST.items() if "ZADD" in entry["commands"]))
    assert f"ZADD sequere:uid:0:followers (for {names})" in message.msg
    assert "ZCARD" not in message.msg
    assert audit(admin) == []


def users_of(command):
    """The scripts that call a command."""
    return sorted(name for name, entry in MANIFEST.items() if command in entry["commands"])


def test_the_check_says_which_permission_is_missing(server, become):
    admin = become(make_acl_line("sequere:"), "-hset", "-time")
    before = admin.dbsize()
    (message,) = check_server()
    assert message.id == "sequere.W005"
    assert message.msg == (
        "The server's user lacks permissions: "
        f"HSET sequere:uid::0 (for {', '.join(users_of('HSET'))}); TIME (for {', '.join(users_of('TIME'))})"
    )
    assert {"add_edges", "drain_journal", "fence", "follow"} <= set(users_of("TIME"))
    assert "manage.py sequere acl" in message.hint
    become(make_acl_line("sequere:"), "resetkeys", "~sequere:", "~sequere:global:uid", "~sequere:uid:*")
    get_backend().client.close()
    (message,) = check_server()
    assert "XADD sequere:global:journal (for " in message.msg
    assert "uid:0" not in message.msg
    assert admin.dbsize() == before
    with server.client(db=1) as client:
        assert client.dbsize() == 0


def test_the_check_finds_it_with_either_library(library, become):
    become(make_acl_line("sequere:"), "-time")
    (message,) = check_server()
    assert message.msg.startswith("The server's user lacks permissions: TIME (for ")


def test_the_check_says_when_it_cannot_tell(server, become):
    become(make_acl_line("sequere:"), "-multi")
    (message,) = check_server()
    assert message.id == "sequere.W005"
    assert message.msg.startswith("Cannot check the permissions of the server's user: ")
    assert "multi" in message.msg


def test_the_check_leaves_nothing_behind(store, monkeypatch):
    Ask().follow(USER, PROJECT, timestamp=1.0)
    before = {key: store.dump(key) for key in store.scan_iter()}
    with round_trips(monkeypatch) as sent:
        messages = check_server()
    assert "sequere.W005" not in [message.id for message in messages]
    assert len(sent) < 120
    assert {key: store.dump(key) for key in store.scan_iter()} == before
    assert Ask().is_following(USER, PROJECT)  # the connection that was used is not in a transaction


def test_every_command_has_its_arguments():
    called = {command for entry in MANIFEST.values() for command in entry["commands"]}
    assert called == {*ARGUMENTS, "TIME"}


def test_a_newer_line_follows_an_older_one(valkey):
    with valkey.client() as admin:
        admin.execute_command(*make_acl_line("old:").split(" "), ">secret", "+flushall")
        admin.execute_command(*make_acl_line("sequere:").split(" "))
        with valkey.client(username="sequere", password="secret") as client:
            assert client.ping()
            assert client.get("sequere:nothing") is None
            for command in (["GET", "old:nothing"], ["FLUSHALL"]):
                with pytest.raises(Exception, match="ermissions"):
                    client.execute_command(*command)
        admin.acl_deluser("sequere")


@pytest.mark.parametrize("options", [[], ["--read-only"], ["--user", "app"]])
def test_both_command_lines_print_the_line(settings, options):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_REDIS_PREFIX = "{a}*:"
    printed = manage("acl", *options)
    command = [sys.executable, "-m", "sequere", "acl", "--prefix", "{a}*:", *options]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == printed
    assert printed.startswith(f"ACL SETUSER {'app' if '--user' in options else 'sequere'} on resetkeys ")
    assert ("%R~{a}\\*:* ~{a}\\*: ~{a}\\*:global:uid ~{a}\\*:global:journal " in printed) is ("--read-only" in options)
    assert ("+zadd" in printed) is ("--read-only" not in options)
    assert "+scan" not in printed


def test_both_command_lines_print_the_line_of_write_behind(settings):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisFallbackBackend"
    printed = manage("acl")
    command = [sys.executable, "-m", "sequere", "acl"]
    assert subprocess.run([*command, "--write-behind"], check=True, capture_output=True, text=True).stdout == printed
    assert "+scan" in printed
    assert "+scan" not in manage("acl", "--read-only")
    refused = subprocess.run([*command, "--write-behind", "--read-only"], check=False, capture_output=True, text=True)
    assert refused.returncode == 2
    assert "read_only and write_behind exclude each other" in refused.stderr
