"""Writes to the database that meet another transaction."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest
from django.db import OperationalError, connections, transaction

from sequere.backends.database import conflicts
from sequere.backends.database.backend import DatabaseBackend
from sequere.backends.operations import Follow, IsFollowing, Unfollow
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.verify import verify
from sequere.exceptions import WriteConflict
from sequere.resources import Resource
from tests.conftest import use_fallback

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


class Serialization(Exception):
    """What a driver raises."""

    sqlstate = "40001"


def conflict(times):
    """A write that meets another transaction so many times."""
    left = iter(range(times))

    def write():
        if next(left, None) is not None:
            raise OperationalError("could not serialize access") from Serialization()
        return "written"

    return write


def test_a_write_that_meets_another_transaction_is_repeated(database, monkeypatch):
    pauses = []
    monkeypatch.setattr(conflicts.time, "sleep", pauses.append)
    assert conflicts.despite_conflicts(database, conflict(9)) == "written"
    assert len(pauses) == 9
    assert max(pauses) <= conflicts.LONGEST_PAUSE
    with pytest.raises(OperationalError, match="could not serialize"):
        conflicts.despite_conflicts(database, conflict(10))


def test_an_error_of_another_kind_is_not_repeated(database):
    calls = []

    def write():
        calls.append(1)
        raise OperationalError("no space left on device")

    with pytest.raises(OperationalError, match="no space left"):
        conflicts.despite_conflicts(database, write)
    assert calls == [1]


@pytest.mark.parametrize(
    "error",
    [
        OperationalError(1213, "Deadlock found"),
        OperationalError(1205, "Lock wait timeout"),
        OperationalError(1020, "x"),
    ],
)
def test_what_mariadb_calls_it(database, monkeypatch, error):
    monkeypatch.setattr(conflicts.time, "sleep", lambda seconds: None)
    errors = iter([error])

    def write():
        for one in errors:
            raise one
        return "written"

    assert conflicts.despite_conflicts(database, write) == "written"


def test_in_a_transaction_of_the_caller_a_conflict_is_theirs_to_repeat(database):
    with transaction.atomic(using=database), pytest.raises(WriteConflict, match="roll it back and repeat it") as caught:
        conflicts.despite_conflicts(database, conflict(1))
    assert isinstance(caught.value, OperationalError)  # so who repeats those already, repeats this
    with transaction.atomic(using=database), pytest.raises(WriteConflict) as again:
        conflicts.despite_conflicts(database, raise_(caught.value))
    assert again.value is caught.value


def raise_(error):
    def write():
        raise error

    return write


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_conflict_of_two_transactions_on_postgresql(database):
    """At REPEATABLE READ the second of two that remove one edge."""
    one, two = Resource("user", "1"), Resource("user", "2")
    DatabaseBackend().perform(Follow(one, two, 5.0))
    url = connections[database].get_connection_params()
    with transaction.atomic(using=database):
        with connections[database].cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert DatabaseBackend().perform(IsFollowing(one, two))
        import psycopg  # only where the database is

        with psycopg.connect(**{key: url[key] for key in ("dbname", "user", "password", "host", "port")}) as other:
            other.execute("DELETE FROM sequere_edge")
        with pytest.raises(WriteConflict, match="could not serialize access"):
            DatabaseBackend().perform(Unfollow(one, two))
        transaction.set_rollback(True, using=database)
    assert not DatabaseBackend().perform(IsFollowing(one, two))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
def test_a_cold_write_that_does_not_see_another_one(database, settings, servers, level):
    """In a transaction of the caller that has read before: what it tells of the edge would be wrong."""
    backend = use_fallback("valkey-9.1", settings, servers, ready=False)
    one, two = Resource("user", "1"), Resource("user", "2")
    backend.perform(Follow(two, one, 1.0))

    def follow_elsewhere():
        try:
            return backend.perform(Follow(one, two, 5.0))
        finally:
            connections[database].close()

    with transaction.atomic(using=database):
        with connections[database].cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        assert not backend.perform(IsFollowing(one, two))
        with ThreadPoolExecutor(1) as other:
            assert other.submit(copy_context().run, follow_elsewhere).result() is True
        if level == "READ COMMITTED":
            assert backend.perform(Unfollow(one, two)) is True
        else:
            with pytest.raises(WriteConflict, match="repeat it"):
                backend.perform(Unfollow(one, two))
            transaction.set_rollback(True, using=database)
    rebuild(backend.unguarded)
    assert backend.perform(IsFollowing(one, two)) is (level != "READ COMMITTED")
    assert list(verify(backend.unguarded)) == []


def test_the_last_of_many_conflicts_tells_nobody_to_repeat_a_transaction_that_there_is_not(database, monkeypatch):
    monkeypatch.setattr(conflicts.time, "sleep", lambda seconds: None)

    def write():
        with transaction.atomic(using=database):
            conflicts.despite_conflicts(database, conflict(1))

    with pytest.raises(OperationalError, match="could not serialize") as caught:
        conflicts.despite_conflicts(database, write)
    assert not isinstance(caught.value, WriteConflict)
