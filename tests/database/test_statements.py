"""On SQLite a transaction that writes takes the lock first: nobody who comes between makes it fail."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager, nullcontext, suppress

import pytest
from django.contrib import admin
from django.db import OperationalError, connections, transaction
from django.db.models.signals import post_delete, pre_delete

from sequere.backends.database.backend import DatabaseBackend
from sequere.backends.database.models import Edge as Row
from sequere.backends.database.statements import begin_writing
from sequere.backends.operations import AddEdges, Follow, Forget, MoveEdges, Unfollow
from sequere.backends.redis.behind.adopt import adopt
from sequere.backends.redis.behind.closing import close
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.verify import verify
from sequere.backends.redis.models import SetAside
from tests.conftest import use_fallback
from tests.support.behind import ADA, BOB, FLIGHT
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


@contextmanager
def listening():
    """Within it, a project listens to the deletions of every model."""

    def listen(**kwargs):
        pass

    for signal in (pre_delete, post_delete):
        signal.connect(listen)
    try:
        yield
    finally:
        for signal in (pre_delete, post_delete):
            signal.disconnect(listen)


@pytest.fixture
def file(tmp_path, admin_user):
    """Where the default database is for this test: in a file, to which other connections can be made."""
    before = connections["default"]
    before.ensure_connection()
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path)) as copy:
        before.connection.backup(copy)
        copy.execute("PRAGMA journal_mode = wal")  # readers do not stop a writer
        copy.execute("CREATE TABLE other (id integer)")
    connections["default"] = type(before)({**before.settings_dict, "NAME": path, "OPTIONS": {"timeout": 0}}, "default")
    yield path
    connections["default"].close()
    connections["default"] = before


@contextmanager
def intruder(path):
    """Within it, another connection writes after each statement in a transaction, if it may. Gives how often it did."""
    written = []
    connection = connections["default"]
    with closing(sqlite3.connect(path, timeout=0)) as other:

        def intrude(execute, sql, params, many, context):
            result = execute(sql, params, many, context)
            if connection.in_atomic_block:
                with suppress(sqlite3.OperationalError), other:
                    other.execute("INSERT INTO other VALUES (1)")
                    written.append(sql)
            return result

        with connection.execute_wrapper(intrude):
            yield written


OPERATIONS = [
    Follow(ADA, FLIGHT, 5.0),
    AddEdges("follow", ADA, [FLIGHT, BOB], 5.0),
    Unfollow(ADA, BOB),
    MoveEdges(ADA, "followings", [BOB]),
    MoveEdges(BOB, "followers"),
    Forget(BOB),
]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_write_is_not_stopped_by_one_that_comes_between(file, operation):
    DatabaseBackend().perform(Follow(ADA, BOB, 1.0))
    with listening(), intruder(file) as written:
        assert DatabaseBackend().perform(operation)
    assert written == []


def test_write_behind_is_not_stopped_by_a_write_that_comes_between(file, settings, servers):
    backend = use_fallback("valkey-9.1", settings, servers, ready=False)
    unguarded = backend.unguarded
    with listening(), intruder(file) as written:
        Ask(backend).follow(ADA, BOB, timestamp=1.0)
        Ask(backend).unfollow(ADA, BOB)
        rebuild(unguarded)
        Ask(backend).follow(ADA, FLIGHT, timestamp=2.0)
        Ask(backend).forget(BOB)
        drain(unguarded)
        Row.objects.all().delete()
        assert [difference.mended for difference in verify(unguarded, repair="database")] == [True]
        close(unguarded)
        adopt(unguarded)
    assert written == []


@pytest.mark.parametrize("model", [Row, SetAside])
def test_the_admin_is_not_stopped_by_a_write_that_comes_between(file, model, rf, admin_user, monkeypatch):
    if model is Row:
        DatabaseBackend().perform(Follow(ADA, BOB, 1.0))
    else:
        SetAside.objects.create(entry="1-1", content={}, reason="x")
    request = rf.post("/", {"post": "yes"})
    request.user = admin_user
    request._dont_enforce_csrf_checks = True
    model_admin = admin.site.get_model_admin(model)
    monkeypatch.setattr(model_admin, "message_user", lambda *arguments: None)
    with listening(), intruder(file) as written:
        response = model_admin.delete_view(request, str(model.objects.get().pk))
    assert response.status_code == 302
    assert not model.objects.exists()
    assert written == []


def test_a_transaction_that_reads_first_would_be_stopped(file):
    def read_and_write():
        with intruder(file), transaction.atomic():
            assert not Row.objects.exists()
            begin_writing("default", Row)

    with pytest.raises(OperationalError, match="locked"):
        read_and_write()


@pytest.mark.parametrize("operation", [Unfollow(ADA, BOB), MoveEdges(ADA, "followings", [BOB, FLIGHT])], ids=str)
def test_receivers_of_deletions_cost_no_statement(database, operation):
    sent = []

    def note(execute, sql, params, many, context):
        sent.append(sql.split()[0])
        return execute(sql, params, many, context)

    for listens in (False, True):
        DatabaseBackend().perform(Follow(ADA, BOB, 1.0))
        with connections[database].execute_wrapper(note), listening() if listens else nullcontext():
            DatabaseBackend().perform(operation)
    assert sent[: len(sent) // 2] == sent[len(sent) // 2 :]
    assert sent.count("DELETE") == 2
