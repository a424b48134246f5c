"""The queries of the database backend for Select and Suggest, and their indexes."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.db import connections

from sequere.backends.database.backend import DatabaseBackend
from sequere.backends.database.models import Edge as Row
from sequere.backends.operations import Filter, Select, Suggest
from sequere.resources import Resource
from tests.database.test_backend import queries, scans

pytestmark = pytest.mark.django_db(databases="__all__")

STAR, OTHER = Resource("project", "1"), Resource("project", "2")


@pytest.fixture
def crowd(database):
    """1,200 follow the star, every fourth of them the other too; users 1 to 60 follow 30 users each."""
    follows = [(("user", one), ("project", 1), one) for one in range(1, 1201)]
    follows += [(("user", one), ("project", 2), one) for one in range(4, 1201, 4)]
    follows += [
        (("user", one), ("user", other), other) for one in range(1, 61) for other in range(30, 60) if one != other
    ]
    rows = [
        Row(
            relation="follow",
            from_identifier=ends[0][0],
            from_object_id=str(ends[0][1]),
            to_identifier=ends[1][0],
            to_object_id=str(ends[1][1]),
            timestamp=datetime.fromtimestamp(at, UTC),
        )
        for *ends, at in follows
    ]
    Row.objects.using(database).bulk_create(rows, batch_size=500)
    if connections[database].vendor != "mysql":  # where this would commit
        with connections[database].cursor() as cursor:
            cursor.execute("ANALYZE sequere_edge")


def both(*lists, **options):
    return Select(STAR, "followers", [Filter("&", OTHER, one) for one in lists], **options)


#: An operation, its queries, and those that MariaDB needs more: each page after the first is two there.
COUNTED = [
    (Select(STAR, "followers", [Filter("-", OTHER, "blocked")], limit=20), 2, 0),
    (Select(STAR, "followers", [Filter("-", OTHER, "followers")], limit=20), 2, 0),
    (Select(STAR, "followers", [Filter("-", STAR, "followers")], limit=20), 6, 2),  # steps of 40, 500, 460
    (Select(STAR, "followers", limit=20, sized=True), 3, 0),
    (both("followers", limit=20), 4, 0),  # two counts
    (both("followers", limit=20, sized=True), 4, 0),
    (Suggest(Resource("user", "1"), limit=10), 3, 0),
    (Suggest(Resource("user", "99999"), limit=10), 1, 0),
]


def test_the_queries_are_few_and_an_index_leads_to_the_rows(database, crowd):
    is_mysql = connections[database].vendor == "mysql"
    for operation, number, more in COUNTED:
        with queries(database) as sent:
            DatabaseBackend().perform(operation)
        assert len(sent) == number + more * is_mysql, operation
        # A hundred edges at once are so much of this small table that databases read all of it. And MariaDB reads all
        # of a part of the union, which is 25 rows.
        found = [line for sql, params in sent if len(params) < 100 for line in scans(database, sql, params)]
        assert [line for line in found if not re.search("^ALL None $|part|UNION", line)] == [], operation


def test_a_continued_walk_does_not_count(database, crowd):
    first = DatabaseBackend().perform(both("followers", limit=20))
    with queries(database) as sent:
        second = DatabaseBackend().perform(both("followers", limit=20, cursor=first.cursor))
    assert len(sent) == 3 if connections[database].vendor == "mysql" else 2
    found = [int(entry.object_id) for entry in first.entries + second.entries]
    assert found == [1200 - 4 * place for place in range(40)]
