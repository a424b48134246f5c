"""Look-ups by a list of edges use the index of the digest, and a walk over the table costs what it has rows."""

from __future__ import annotations

import time

import pytest
from django.db import connections, transaction

from sequere.backends.database.backend import DatabaseBackend
from sequere.backends.database.bulk import forget, get_times, set_edges
from sequere.backends.database.fields import columns_of
from sequere.backends.database.models import Edge as Row
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.verify import verify
from sequere.relations import Edge
from sequere.resources import Resource
from sequere.timestamps import to_datetime
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def edge_of(number):
    return Edge("follow", Resource("user", f"u-{number % 997}"), Resource("project", f"p-{number}"))


def fill_table(numbers):
    rows = (Row(**columns_of(edge_of(number)), timestamp=to_datetime(5.0)) for number in numbers)
    Row.objects.bulk_create(rows, batch_size=1000)


ASK = Ask(DatabaseBackend())
WANTED = [edge_of(number) for number in range(0, 40_000, 400)]
OWNER, OTHERS = WANTED[1].from_resource, [edge.to_resource for edge in WANTED]

#: What looks up, changes or removes the rows of a list of edges.
LOOK_UPS = {
    "get_times": lambda alias: get_times(alias, WANTED),
    "remove": lambda alias: set_edges(alias, dict.fromkeys(WANTED)),
    "forget": lambda alias: forget(alias, OWNER),
    "are_following": lambda alias: ASK.are_following(OWNER, OTHERS),
    "unfollow_many": lambda alias: ASK.unfollow_many(OWNER, OTHERS[:50]),
    "follow_many": lambda alias: ASK.follow_many(WANTED[1].from_resource, OTHERS[:20], timestamp=5.0),
}


def test_a_look_up_by_a_list_of_edges_uses_an_index(database):
    fill_table(range(20_000))
    connection = connections[database]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE sequere_edge" if database == "mariadb" else "ANALYZE sequere_edge")
        if database == "mariadb":
            cursor.fetchall()
    plans = []

    def explain(execute, sql, params, many, context):
        if sql.startswith(("SELECT", "DELETE")) and "sequere_kind" not in sql:  # which has at most 16 rows
            with connection.cursor() as cursor:
                plan = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
                cursor.cursor.execute(f"{plan} {sql}", params)  # past this wrapper
                plans.append((sql, cursor.cursor.fetchall()))
        return execute(sql, params, many, context)

    for name, look_up in LOOK_UPS.items():
        plans.clear()
        with connection.execute_wrapper(explain), transaction.atomic(using=database):
            look_up(database)
            transaction.set_rollback(True, using=database)
        assert plans, name
        for sql, plan in plans:
            told = f"{name}: {sql[:80]} … {plan}"
            if database == "postgresql":
                assert "Index" in str(plan), told
                assert "Seq Scan" not in str(plan), told
            elif database == "mariadb":
                for _, _, _, kind, _, key, _, _, rows, _ in plan:
                    assert kind not in ("ALL", "index"), told
                    assert key, told
                    assert int(str(rows).split()[0]) <= 2 * len(WANTED), told
            else:
                assert all(row[3].startswith(("SEARCH", "MULTI-INDEX", "INDEX")) for row in plan), told
        if name in ("remove", "forget", "unfollow_many"):
            assert [sql.split()[0] for sql, _ in plans].count("DELETE") == 1


@pytest.mark.slow
def test_a_comparison_takes_time_in_proportion_to_the_edges(cold):
    """No test of speed: four times the edges must not take ten times as long."""
    seconds = {}
    for before, size in ((0, 25_000), (25_000, 100_000)):
        cold.unguarded.client.flushall()
        fill_table(range(before, size))
        rebuild(cold.unguarded)
        began = time.monotonic()
        assert list(verify(cold.unguarded)) == []
        seconds[size] = time.monotonic() - began
    Row.objects.filter(to_object_id__endswith="77").delete()
    assert len(list(verify(cold.unguarded))) == 1000
    assert seconds[100_000] < 10 * seconds[25_000]
