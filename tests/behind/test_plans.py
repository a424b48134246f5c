"""Look-ups by a list of edges use the index of the digest, and a walk over the table costs what it has rows."""

from __future__ import annotations

import time

import pytest
from django.db import connections

from sequere.backends.database.bulk import get_times
from sequere.backends.database.fields import columns_of
from sequere.backends.database.models import Edge as Row
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.verify import verify
from sequere.relations import Edge
from sequere.resources import Resource
from sequere.timestamps import to_datetime

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def edge_of(number):
    return Edge("follow", Resource("user", f"u-{number % 997}"), Resource("project", f"p-{number}"))


def fill_table(numbers):
    rows = (Row(**columns_of(edge_of(number)), timestamp=to_datetime(5.0)) for number in numbers)
    Row.objects.bulk_create(rows, batch_size=1000)


@pytest.mark.parametrize("database", ["postgresql", "mariadb"], indirect=True)
def test_a_look_up_by_a_list_of_edges_uses_the_index_of_the_digest(database):
    fill_table(range(20_000))
    connection = connections[database]
    plans = []

    def explain(execute, sql, params, many, context):
        with connection.cursor() as cursor:
            cursor.cursor.execute(f"EXPLAIN {sql}", params)  # past this wrapper
            plans.append(cursor.cursor.fetchall())
        return execute(sql, params, many, context)

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sequere_edge" if database == "postgresql" else "ANALYZE TABLE sequere_edge")
        if database == "mariadb":
            cursor.fetchall()
    wanted = [edge_of(number) for number in range(0, 40_000, 400)]
    with connection.execute_wrapper(explain):
        assert len(get_times(database, wanted)) == 50
    (plan,) = plans
    if database == "postgresql":
        assert "Index Scan" in str(plan)
        assert "digest" in str(plan)
        assert "Seq Scan" not in str(plan)
    else:
        ((_, _, _, kind, _, key, _, _, rows, _),) = plan
        assert (kind, key) == ("range", "digest")
        assert int(rows) <= 2 * len(wanted)


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
