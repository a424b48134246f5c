"""``manage.py sequere import``: the follows of django-sequere 0.x."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from sequere import registry
from sequere.backends import get_backend
from sequere.backends.operations import AddEdges, ReadPage
from sequere.backends.redis.behind.drain import drain
from sequere.exceptions import BackendUnavailable, CorruptGraph
from sequere.importing import lists, tables
from sequere.importing.keys import KeySource
from sequere.importing.state import State
from sequere.models import follow
from sequere.resources import Resource
from tests.conftest import use_fallback
from tests.support.behind import follows as follows_in_the_table
from tests.support.calls import Ask
from tests.support.former import Former, dump, table_of_follows
from tests.testapp.models import Hour, Moment, Price, Project, Span, User

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

USERS = [Resource("user", str(number)) for number in range(1, 7)]
STAR = Resource("project", "7")
#: Follows of 0.x, each with since when it is.
FOLLOWS = {
    (USERS[0], USERS[1]): 1382676091.0,
    (USERS[1], USERS[0]): 1382676092.25,
    **{(user, STAR): 1382676100.0 + number for number, user in enumerate(USERS)},
    (STAR, USERS[5]): 1382676091.0,
}


@pytest.fixture
def old(servers):
    """A client of the Redis that has the old data."""
    with servers("valkey-9.1").client(db=5) as client:
        yield client
        client.flushdb()


@pytest.fixture
def run(old, servers, tmp_path):
    """A function that imports: returns the exit status and what was printed."""

    def run(*arguments, url=True):
        output = StringIO()
        where = ["--url", f"unix://{servers('valkey-9.1').socket}?db=5"] if url else []
        state = ["--state", str(tmp_path / "state")]
        status = 0
        try:
            call_command("sequere", "import", "--from", "sequere", *where, *state, *arguments, stdout=output)
        except SystemExit as stop:
            status = stop.code
        return status, output.getvalue()

    return run


def fill(old, **options):
    former = Former(old, **options)
    for (one, other), timestamp in FOLLOWS.items():
        former.follow(one, other, timestamp)
    return former


def entries(owner, name="followings"):
    return get_backend().perform(ReadPage(owner, name)).entries


def stored():
    """The follows that the configured backend has among those resources."""
    found = {}
    for owner in (*USERS, STAR):
        for identifier, object_id, timestamp in entries(owner):
            found[owner, Resource(identifier, object_id)] = timestamp
    return found


KINDS = ["sqlite", "postgresql", "mariadb", "fakeredis", "valkey-9.1", "ready valkey-9.1", "cold valkey-9.1"]


@pytest.mark.parametrize("backend", KINDS, indirect=True)
def test_the_keys_of_0_4_become_follows_of_every_backend_with_their_times(backend, old, run):
    fill(old)
    before = dump(old)
    status, output = run()
    assert (status, stored()) == (0, FOLLOWS)
    assert "9 follows read, 9 imported, 0 existed, 0 blocked, 0 skipped, 0 left out." in output
    assert entries(USERS[0], "friends") == [(*USERS[1], 1382676092.25)]
    assert dump(old) == before


def test_an_import_with_write_behind_reaches_the_database(database, settings, servers, old, run):
    backend = use_fallback("valkey-9.1", settings, servers)
    fill(old)
    assert run()[0] == 0
    drain(backend.unguarded)
    assert follows_in_the_table() == FOLLOWS


@pytest.mark.parametrize("options", [{"numbers": True}, {"prefix": "p::"}, {"prefix": "[a]*:"}], ids=str)
def test_other_versions_and_other_prefixes(valkey, old, run, options):
    fill(old, **options)
    Former(old, "other:").follow(USERS[2], USERS[3], 5.0)
    assert run("--prefix", options.get("prefix", "sequere:"))[0] == 0
    assert stored() == FOLLOWS


@pytest.mark.parametrize("use_tz", [True, False])
def test_the_table_of_0_4_becomes_follows(database, settings, run, use_tz, monkeypatch):
    settings.USE_TZ = use_tz
    monkeypatch.setattr(tables, "STEP", 4)
    with table_of_follows(database) as rows:
        for (one, other), timestamp in FOLLOWS.items():
            moment = datetime.fromtimestamp(timestamp, UTC)
            if not use_tz:
                moment = moment.replace(tzinfo=None) + timedelta(hours=2)  # Paris
            ends = {"from_identifier": one[0], "from_object_id": one[1], "to_identifier": other[0]}
            rows.create(**ends, to_object_id=other[1], created_at=moment, is_mutual=one in USERS[:2])
        rows.create(**ends, to_object_id=other[1], created_at=moment + timedelta(hours=1))  # two at once
        status, output = run("--database", database, url=False)
        assert "10 follows read, 9 imported, 1 existed, 0 blocked, 0 skipped, 0 left out." in output
        assert (status, stored()) == (0, FOLLOWS)
        assert rows.count() == 10


def test_an_upgrade_in_place_goes_to_another_prefix(valkey, settings, run):
    """The way of a project that has the old data where the new package would put its own."""
    User.objects.create(pk=1, username="thoas")
    Project.objects.create(pk=7, name="La classe americaine")
    with valkey.client() as client:
        fill(client)
        before = dump(client)
        with pytest.raises(CorruptGraph, match=r"sequere:uid:user:1 is from django-sequere 0.x; use another prefix"):
            follow(User.objects.get(), Project.objects.get())
        with pytest.raises(CommandError, match="Set it to another text, such as 'follows:'"):
            run(url=False)
        settings.SEQUERE_REDIS_PREFIX = "follows:"
        assert run("--dry-run", url=False) == (0, "9 follows read, 9 can be imported, 0 skipped, 0 left out.\n")
        assert dump(client) == before
        assert run(url=False)[0] == 0
        assert stored() == FOLLOWS
        assert follow(User.objects.get(), Project.objects.get()) is False
        assert {key: value for key, value in dump(client).items() if not key.startswith(b"follows:")} == before


def test_an_import_that_was_stopped_goes_on_and_does_nothing_twice(valkey, old, run, monkeypatch):
    fill(old)
    monkeypatch.setattr(lists, "STEP", 2)
    perform, calls = get_backend().perform, []

    def break_at_the_fifth(operation):
        calls.append(operation)
        if len(calls) == 5:
            raise BackendUnavailable("gone")
        return perform(operation)

    monkeypatch.setattr(get_backend(), "perform", break_at_the_fifth)
    with pytest.raises(CommandError, match="gone"):
        run()
    monkeypatch.setattr(get_backend(), "perform", perform)
    assert len(stored()) == 4
    first = next(call for call in calls if isinstance(call, AddEdges))
    Ask().unfollow(first.from_resource, first.others[0])
    status, output = run()
    assert output.startswith("Continuing after 4 follows")
    assert status == 0
    assert "9 follows read, 9 imported, 0 existed, 0 blocked, 0 skipped, 0 left out." in output
    gone = (first.from_resource, first.others[0])
    assert stored() == {edge: since for edge, since in FOLLOWS.items() if edge != gone}
    status, output = run()
    assert output.endswith("says that this import is finished. Remove it to import again.\n")


def test_a_list_that_is_longer_than_a_batch(valkey, old, run, monkeypatch):
    monkeypatch.setattr(lists, "STEP", 3)
    former = Former(old)
    for number in range(10):
        former.follow(USERS[0], Resource("project", str(number)), 5.0 + number // 4)
    former.follow(USERS[1], USERS[0], 1.0)
    assert "11 follows read, 11 imported" in run()[1]
    assert len(entries(USERS[0])) == 10


@pytest.mark.parametrize(
    "instance",
    [
        Price(amount=Decimal("1.5")),
        Moment(at=datetime(2013, 10, 25, 4, 41, 31, tzinfo=UTC)),
        Span(length=timedelta(days=1, seconds=5)),
        Hour(at=time(4, 41)),
    ],
    ids=lambda instance: type(instance).__name__,
)
def test_a_key_of_any_type_gets_the_object_id_of_the_registry(valkey, old, run, instance):
    """0.x stored the text that the key has in Python."""
    instance.save()
    model = type(instance)
    registry.register(model)
    try:
        Former(old).follow(USERS[0], Resource(model._meta.model_name, str(instance.pk)), 5.0)
        assert run()[0] == 0
        assert entries(USERS[0]) == [(*registry.identify(instance), 5.0)]
    finally:
        registry.unregister(model)


def test_what_is_damaged_or_odd_is_reported_and_left_out(valkey, old, run):
    former = fill(old)
    key = document = uuid.uuid4()
    former.follow(USERS[0], ("document", document.hex), 5.0)
    for odd, timestamp in (
        (("ghost", "1"), 5.0),  # no such model
        (("user", "seven"), 5.0),  # no such key
        (("user", "9" * 20), 5.0),  # too large
        (("user", "1"), 5.0),  # herself
        (("project", "8"), -1.0),
        (("project", "9"), float("inf")),
    ):
        former.follow(USERS[0], odd, timestamp)
    lists = {name: f"sequere:uid:{former.make_uid('user', name)}:followings" for name in ("1", "20", "21", "22")}
    old.zadd(lists["1"], {"0" * 32: 5.0, b"\xff": 5.0})
    old.set(lists["20"], "x")
    old.zadd(lists["21"], {former.make_uid(*STAR): 5.0})
    old.delete(lists["21"].removesuffix(":followings"))
    old.zadd(lists["22"], {former.make_uid(*STAR): 5.0})
    old.hset(lists["22"].removesuffix(":followings"), "object_id", b"\xff")
    status, output = run()
    assert status == 1
    for words in (
        "user 1 -> ghost 1: No model is registered as 'ghost'",
        "user 1 -> user seven: 'seven' cannot be a primary key",
        f"user 1 -> user {'9' * 20}: '{'9' * 20}' cannot be a primary key",
        "user 1 -> user 1: to must not be the same resource as from",
        "user 1 -> project 8: timestamp must be from 0",
        "user 1 -> project 9: timestamp must be from 0",
        f"{lists['1']}: sequere:uid:{'0' * 32} does not name a resource",
        f"{lists['1']}: holds '\\udcff', which is not a uid",
        f"{lists['20']}: WRONGTYPE",
        f"{lists['21']}: {lists['21'].removesuffix(':followings')} does not name a resource",
        "user \udcff -> project 7: ",
    ):
        assert f"left out: {words}" in output
    assert "21 follows read, 10 imported, 0 existed, 0 blocked, 0 skipped, 11 left out." in output
    assert stored() == {**FOLLOWS, (USERS[0], Resource("document", str(key))): 5.0}


def test_what_the_store_refuses_is_left_out_alone(narrow_database, old, run, settings):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"
    former = Former(old)
    for name in ("a", "\N{GRINNING FACE}", "c"):
        former.follow(USERS[0], ("country", name), 5.0)
    status, output = run()
    assert (status, Ask().count(USERS[0], "followings")) == (1, 2)
    assert "3 follows read, 2 imported, 0 existed, 0 blocked, 0 skipped, 1 left out." in output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--database", "none"], "--database must be one of default"),
        (["--database", ""], "--database must be one of default"),
        (["--url", ""], "--url: "),
        (["--database", "default"], "has no rows in a table sequere_follow"),
        ([], "No source of edges: pass --url"),
    ],
)
def test_a_source_that_there_is_not(run, arguments, words, settings):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"
    with pytest.raises(CommandError, match=words):
        run(*arguments, url=False)


def test_keys_that_there_are_not(valkey, run):
    with pytest.raises(CommandError, match=r"There is no list sequere:uid:\*:followings of django-sequere 0.x"):
        run()


def test_the_file_of_another_import_is_refused(valkey, old, run, tmp_path):
    fill(old)
    run()
    fill(old, prefix="p:")
    with pytest.raises(
        CommandError, match=r"state belongs to the import of sequere:uid:\* in Redis .* Name another file"
    ):
        run("--prefix", "p:")
    with State(tmp_path / "busy", "a", "b"), pytest.raises(CommandError, match="Another import is using it"):
        run("--state", str(tmp_path / "busy"))
    (tmp_path / "text").write_text("no database" * 100)
    with pytest.raises(CommandError, match="it is another kind of file"):
        run("--state", str(tmp_path / "text"))
    with closing(sqlite3.connect(tmp_path / "database")) as other:
        other.execute("CREATE TABLE auth_user (id integer)")
        before = (tmp_path / "database").read_bytes()
        with pytest.raises(CommandError, match="a database with other tables"):
            run("--state", str(tmp_path / "database"))
        assert (tmp_path / "database").read_bytes() == before
    with pytest.raises(CommandError, match="its folder does not exist"):
        run("--state", str(tmp_path / "none" / "state"))


def test_lists_that_were_found_before_nothing_was_imported_are_looked_for_again(valkey, old, run, monkeypatch):
    fill(old)
    with monkeypatch.context() as patch:
        patch.setattr(KeySource, "batches", lambda source, state, place: iter([1 / 0]))
        with pytest.raises(ZeroDivisionError):
            run()
    Former(old, "p:").follow(USERS[4], USERS[5], 5.0)
    assert run("--prefix", "p:")[0] == 0
    assert stored() == {(USERS[4], USERS[5]): 5.0}
