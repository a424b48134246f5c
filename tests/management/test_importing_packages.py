"""``manage.py sequere import`` of what django-friendship, django-activity-stream and amico have stored."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from sequere import registry
from sequere.backends import get_backend
from sequere.backends.operations import ReadPage
from sequere.backends.redis.behind.drain import drain
from sequere.exceptions import NotRegistered
from sequere.importing import lists, tables
from sequere.relations import join_list
from sequere.resources import Resource
from tests.conftest import use_fallback
from tests.support.behind import in_step
from tests.support.calls import Ask
from tests.support.packages import BEGIN
from tests.testapp.models import User

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

ROOT = Path(__file__).resolve().parents[2]
KINDS = ["sqlite", "postgresql", "mariadb", "fakeredis", "valkey-9.1", "ready valkey-9.1", "cold valkey-9.1"]
ADA, BOB, CYD, DAN, EVE = (Resource("user", str(number)) for number in range(1, 6))
FLIGHT, FRANCE = Resource("project", "7"), Resource("country", "a:é")


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """The SQLite file that the packages have written."""
    file = tmp_path_factory.mktemp("packages") / "db.sqlite3"
    subprocess.run([sys.executable, "-m", "tests.support.packages", str(file)], cwd=ROOT, check=True)
    return file


@pytest.fixture
def old(written):
    """The alias of a database with the tables of the packages."""
    connections.settings["old"] = {**connections.settings["default"], "NAME": str(written)}
    connections["old"].connect()  # Django's tests refuse to connect to what was no database when they began
    yield "old"
    connections["old"].close()
    del connections["old"], connections.settings["old"]


@pytest.fixture
def amico(servers):
    """A client of the Redis that has the keys of amico, and its URL."""
    server = servers("valkey-9.1")
    with server.client(db=5) as client:
        yield client, f"unix://{server.socket}?db=5"
        client.flushdb()


@pytest.fixture
def run(tmp_path):
    """A function that imports: returns the exit status and what was printed."""

    def run(*arguments):
        output = StringIO()
        status = 0
        try:
            call_command("sequere", "import", *arguments, "--state", str(tmp_path / "state"), stdout=output)
        except SystemExit as stop:
            status = stop.code
        return status, output.getvalue()

    return run


def entries(owner, name, kind=""):
    page = get_backend().perform(ReadPage(owner, join_list(name, kind=kind), desc=False))
    return {Resource(*other): at - BEGIN for *other, at in page.entries}


def follow_of_amico(client, one, other, scope="default", at=0):
    """What ``Amico.follow(one, other, scope)`` writes."""
    client.zadd(f"amico:following:{scope}:{one}", {other: BEGIN + at})
    client.zadd(f"amico:followers:{scope}:{other}", {one: BEGIN + at})
    if client.zscore(f"amico:following:{scope}:{other}", one):
        client.zadd(f"amico:reciprocated:{scope}:{one}", {other: BEGIN + at})
        client.zadd(f"amico:reciprocated:{scope}:{other}", {one: BEGIN + at})


def ask_of_amico(client, one, other, scope="default", at=0):
    """The same with ``pending_follow``."""
    client.zadd(f"amico:pending:{scope}:{other}", {one: BEGIN + at})
    client.zadd(f"amico:pending_with:{scope}:{one}", {other: BEGIN + at})


def block_of_amico(client, one, other, scope="default", at=0):
    """What ``Amico.block(one, other, scope)`` writes, without the follows that it ends."""
    client.zadd(f"amico:blocked:{scope}:{one}", {other: BEGIN + at})
    client.zadd(f"amico:blocked_by:{scope}:{other}", {one: BEGIN + at})


@pytest.mark.parametrize("backend", KINDS, indirect=True)
def test_friendship(backend, old, run):
    status, output = run("--from", "friendship", "--database", old)
    assert status == 0
    assert "blocked: user 3 -> user 1\n" in output
    assert output.endswith("10 rows read, 8 imported, 0 existed, 1 blocked, 1 skipped, 0 left out.\n")
    assert entries(ADA, "blocked") == {CYD: 0}
    assert entries(ADA, "followers") == {BOB: 0, DAN: 2, EVE: 3}
    assert entries(ADA, "followings") == {BOB: 4}
    assert entries(ADA, "friends") == {BOB: 4}
    assert entries(ADA, "friends", "friend") == {DAN: 1}
    assert entries(ADA, "followings", "friend") == {DAN: 0}
    assert entries(DAN, "followings", "friend") == {ADA: 1}
    assert entries(ADA, "requests", "friend") == {BOB: 0}


@pytest.mark.parametrize("backend", KINDS, indirect=True)
def test_actstream(backend, old, run):
    status, output = run("--from", "actstream", "--database", old)
    assert status == 1
    assert "left out: actstream_follow 5: the flag must be 1 to 30 characters of a-z 0-9 _" in output
    assert "left out: actstream_follow 6: testapp.Stranger is not registered" in output
    assert output.endswith(
        "6 rows read, 4 imported, 0 existed, 0 blocked, 0 skipped, 2 left out.\n"
        "2 of them had actor_only=False, which the graph does not store.\n"
    )
    assert entries(ADA, "followings") == {FLIGHT: 0, BOB: 2}
    assert entries(ADA, "followings", "watching") == {BOB: 1}
    assert entries(BOB, "followings") == {FRANCE: 3}


@pytest.mark.parametrize("backend", KINDS, indirect=True)
def test_amico(backend, amico, run):
    client, url = amico
    follow_of_amico(client, 1, 2, at=1)
    follow_of_amico(client, 2, 1, at=2)
    follow_of_amico(client, 1, 2, "watch", at=3)
    follow_of_amico(client, 3, 1, "watch", at=4)
    follow_of_amico(client, 1, 2, "Watch Me", at=4)
    ask_of_amico(client, 4, 1, at=5)
    ask_of_amico(client, 4, 1, "watch", at=6)
    block_of_amico(client, 1, 3, "other", at=7)
    follow_of_amico(client, "seven", 1)
    status, output = run("--from", "amico", "--url", url, "--identifier", "user")
    assert status == 1
    for line in (
        "blocked: user 3 -> user 1 (follow@watch)",
        "left out: amico:following:Watch Me:1: the scope must be 1 to 30 characters of a-z 0-9 _",
        "left out: user seven -> user 1: 'seven' cannot be a primary key",
    ):
        assert line in output
    assert output.endswith("9 entries read, 6 imported, 0 existed, 1 blocked, 0 skipped, 2 left out.\n")
    assert entries(ADA, "followings") == {BOB: 1}
    assert entries(ADA, "friends") == {BOB: 2}
    assert entries(ADA, "followings", "watch") == {BOB: 3}
    assert entries(ADA, "requests") == {DAN: 5}
    assert entries(ADA, "requests", "watch") == {DAN: 6}
    assert entries(ADA, "blocked") == {CYD: 7}


def test_write_behind_brings_every_relation_to_the_database(database, settings, servers, old, run):
    backend = use_fallback("valkey-9.1", settings, servers)
    assert run("--from", "friendship", "--database", old)[0] == 0
    drain(backend.unguarded)
    assert in_step(backend)


def test_a_dry_run_writes_nothing(valkey, old, run):
    told = "10 rows read, 9 can be imported, 1 skipped, 0 left out.\n"
    assert run("--from", "friendship", "--database", old, "--dry-run") == (0, told)
    with valkey.client() as client:
        assert client.dbsize() == 0


def test_an_import_of_tables_goes_on_in_the_table_where_it_stopped(valkey, old, run, monkeypatch):
    monkeypatch.setattr(tables, "STEP", 2)
    perform, calls = get_backend().perform, []

    def stop_at_the_sixth(operation):
        calls.append(operation)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return perform(operation)

    monkeypatch.setattr(get_backend(), "perform", stop_at_the_sixth)
    with pytest.raises(KeyboardInterrupt):
        run("--from", "friendship", "--database", old)
    monkeypatch.setattr(get_backend(), "perform", perform)
    Ask().unfollow(BOB, ADA)
    output = run("--from", "friendship", "--database", old)[1]
    assert output.startswith("Continuing after 5 rows, the position stored in ")
    assert "10 rows read, 8 imported, 0 existed, 1 blocked, 1 skipped, 0 left out." in output
    assert entries(ADA, "followers") == {DAN: 2, EVE: 3}


def test_a_long_list_of_amico_is_read_in_parts_blocks_first(valkey, amico, run, monkeypatch):
    monkeypatch.setattr(lists, "STEP", 3)
    client, url = amico
    for number in range(2, 12):
        follow_of_amico(client, 1, number, at=number)
    block_of_amico(client, 11, 1)
    client.set("amico:blocked:default:9", "x")
    client.zadd("other:following:default:1", {"2": 1})
    client.zadd(b"amico:following:default:\xff", {"2": 1})
    status, output = run("--from", "amico", "--url", url, "--identifier", "user")
    assert (status, len(entries(ADA, "followings"))) == (1, 9)
    assert "left out: amico:blocked:default:9: WRONGTYPE" in output
    assert "12 entries read, 10 imported, 0 existed, 1 blocked, 0 skipped, 1 left out." in output


def test_an_import_of_an_unregistered_user_model(valkey, old, run):
    bases = dict(registry._bases)
    registry.unregister(User)
    try:
        with pytest.raises(NotRegistered, match="User is not registered"):
            registry.to_identifier(User)
        for package in ("friendship", "actstream"):
            with pytest.raises(CommandError, match="User is not registered"):
                run("--from", package, "--database", old)
    finally:
        registry._bases.clear()
        registry._bases.update(bases)
        registry._resolved.clear()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["friendship"], "no rows in a table friendship_block or friendship_follow or friendship_friend or "),
        (["actstream"], "no rows in a table actstream_follow"),
        (["friendship", "--database", "none"], "--database must be one of default"),
        (["friendship", "--url", "redis:"], "--url is for --from sequere, amico: leave it out"),
        (["amico", "--database", "default"], "--database is for --from sequere, friendship, actstream: leave it out"),
        (["sequere", "--identifier", "user"], "--identifier is for --from amico: leave it out"),
        (["amico"], "--from amico needs --identifier"),
        (["amico", "--identifier", "a:b"], "--identifier must be 1 to 50 characters"),
        (["amico", "--identifier", "user"], "There is no list such as amico:following:default:1 of amico 2"),
        (["amico", "--identifier", "user", "--prefix", "x:"], "There is no list such as x:following:default:1"),
    ],
)
def test_a_source_that_there_is_not(valkey, run, arguments, words):
    with pytest.raises(CommandError, match=words):
        run("--from", *arguments)


def test_a_backend_without_redis_needs_a_url(run, settings):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"
    with pytest.raises(CommandError, match=r"No source of edges: pass --url for keys of amico in Redis\."):
        run("--from", "amico", "--identifier", "user")
