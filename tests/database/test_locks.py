"""The lock of a resource: what it costs, who waits for it, and what a transaction sees that has read before it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context

import pytest
from django.db import connections, transaction

from sequere.backends.database import DatabaseBackend
from sequere.backends.database.models import Edge as Row
from sequere.backends.database.models import Resource as ResourceRow
from sequere.backends.operations import Added, AddEdges, Follow, Forget, Limits, MoveEdges, Unfollow
from sequere.exceptions import Blocked, FollowLimitReached, WriteConflict
from sequere.resources import Resource

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

ADA, BOB, STAR = Resource("user", "1"), Resource("user", "2"), Resource("project", "1")

SERVERS = pytest.mark.parametrize("database", ["postgresql", "mariadb"], indirect=True)


def perform(operation):
    return DatabaseBackend().perform(operation)


STATEMENTS = [
    (Follow(ADA, BOB, 1.0), "lock SELECT INSERT"),
    (Follow(ADA, STAR, 1.0), "lock SELECT"),  # it exists
    (Follow(ADA, BOB, 1.0, "watch"), "lock kinds SELECT INSERT"),
    (Follow(ADA, BOB, 1.0, "other"), "lock kinds lock kinds KIND SELECT INSERT"),
    (Follow(ADA, BOB, 1.0, limits=Limits(9, 9, 9)), "lock SELECT SELECT quota INSERT quota"),
    (Unfollow(ADA, STAR), "lock SELECT DELETE"),
    (AddEdges("follow", ADA, [BOB, STAR], 1.0), "lock SELECT INSERT"),
    (AddEdges("block", ADA, [BOB, STAR], 1.0), "lock kinds SELECT DELETE INSERT"),
    (AddEdges("mute", ADA, [BOB], 1.0), "lock SELECT SELECT INSERT"),
    (MoveEdges(ADA, "followings", [STAR], "archive"), "lock SELECT DELETE INSERT SELECT"),
    (MoveEdges(STAR, "followers"), "SELECT lock SELECT DELETE SELECT"),
    (Forget(STAR), "unlock kinds SELECT DELETE"),
]


@pytest.mark.parametrize(("operation", "expected"), STATEMENTS, ids=lambda value: f"{value!s:.50}")
def test_the_statements_of_a_write(database, operation, expected):
    perform(Follow(ADA, STAR, 1.0))
    perform(AddEdges("request@watch", ADA, [STAR], 1.0))
    sent = []

    def note(execute, sql, params, many, context):
        verb = sql.lstrip("(").split()[0]
        for table, names in (
            ("sequere_resource", {"INSERT": "lock", "DELETE": "unlock", "SELECT": "quota", "UPDATE": "quota"}),
            ("sequere_kind", {"SELECT": "kinds", "INSERT": "KIND"}),
        ):
            if table in sql:
                verb = names[verb]
        if verb not in ("BEGIN", "SET"):
            sent.append(verb)
        return execute(sql, params, many, context)

    with connections[database].execute_wrapper(note):
        perform(operation)
    assert " ".join(sent) == expected


def test_forget_removes_the_row_of_the_resource(database):
    perform(Follow(ADA, BOB, 1.0))
    perform(Follow(STAR, BOB, 1.0))
    assert ResourceRow.objects.using(database).count() == 2  # who is followed is not locked
    perform(Forget(ADA))
    assert ResourceRow.objects.using(database).count() == 1


@contextmanager
def meanwhile(database, operation):
    """Perform an operation in another connection, which must wait for the block of the caller. Gives its future."""

    def run():
        try:
            return perform(operation)
        finally:
            connections[database].close()

    with ThreadPoolExecutor(1) as other:
        yield lambda: other.submit(copy_context().run, run)


@SERVERS
@pytest.mark.parametrize("block", [AddEdges("block", ADA, [BOB], 2.0), AddEdges("block", BOB, [ADA], 2.0)], ids=str)
def test_a_block_waits_for_a_follow_with_a_kind_that_is_new(database, block):
    with meanwhile(database, block) as submit:
        with transaction.atomic(using=database):
            assert perform(Follow(ADA, BOB, 1.0, "fresh")) is True
            future = submit()
            assert not threading.Event().wait(0.2)
            assert not future.done()
        assert future.result() == [Added.CUT_FOLLOWING if block.from_resource == ADA else Added.CUT_FOLLOWER]
    assert list(Row.objects.using(database).values_list("relation", flat=True)) == ["block"]


@SERVERS
def test_followers_of_one_do_not_wait_for_each_other(database):
    with meanwhile(database, Follow(BOB, STAR, 1.0)) as submit, transaction.atomic(using=database):
        assert perform(Follow(ADA, STAR, 1.0)) is True
        assert submit().result(30) is True


@contextmanager
def after_a_read(database, level):
    """A transaction of the caller at this isolation level that has read; others commit before it goes on."""
    connection = connections[database]
    connection.close()
    before = connection.settings_dict["OPTIONS"]
    if connection.vendor == "postgresql":
        from psycopg import IsolationLevel  # only where the database is

        connection.settings_dict["OPTIONS"] = {**before, "isolation_level": IsolationLevel[level.replace(" ", "_")]}
    else:
        connection.settings_dict["OPTIONS"] = {**before, "isolation_level": level.lower()}
    try:
        with transaction.atomic(using=database):
            Row.objects.using(database).exists()
            yield
            transaction.set_rollback(True, using=database)
    finally:
        connection.close()
        connection.settings_dict["OPTIONS"] = before


def elsewhere(database, *operations):
    for operation in operations:
        with meanwhile(database, operation) as submit:
            submit().result(30)


@SERVERS
@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ"])
def test_a_follow_sees_a_block_that_came_after_the_transaction_began(database, level):
    perform(Follow(ADA, STAR, 1.0))
    with after_a_read(database, level):
        elsewhere(database, AddEdges("block", BOB, [ADA], 1.0))
        with pytest.raises((Blocked, WriteConflict)):
            perform(Follow(ADA, BOB, 1.0))


@SERVERS
@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ"])
def test_a_block_sees_a_kind_that_came_after_the_transaction_began(database, level):
    perform(Follow(ADA, STAR, 1.0))
    with after_a_read(database, level):
        elsewhere(database, Follow(ADA, BOB, 1.0, "fresh"))
        try:
            assert perform(AddEdges("block", ADA, [BOB], 1.0)) == [Added.CUT_FOLLOWING]
        except WriteConflict:
            assert level != "READ COMMITTED"


@SERVERS
@pytest.mark.parametrize("level", ["READ COMMITTED", "REPEATABLE READ"])
@pytest.mark.parametrize("limits", [Limits(2), Limits(None, 2, 60)], ids=["most", "new"])
def test_a_limit_counts_what_came_after_the_transaction_began(database, level, limits):
    perform(Follow(ADA, STAR, 1.0, limits=limits))
    with after_a_read(database, level):
        elsewhere(database, Follow(ADA, Resource("project", "2"), 1.0, limits=limits))
        with pytest.raises((FollowLimitReached, WriteConflict)):
            perform(Follow(ADA, BOB, 1.0, limits=limits))
