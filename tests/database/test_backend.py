"""The database backend beside its contract: its queries, their indexes, and the changes that it reports."""

from __future__ import annotations

import random
import re
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import pytest
from django.db import connections

from sequere import relations
from sequere.backends.database.backend import DatabaseBackend
from sequere.backends.database.fields import edge_of
from sequere.backends.database.models import Edge as Row
from sequere.backends.operations import (
    AddEdges,
    Count,
    Follow,
    Forget,
    IsFollowing,
    Limits,
    MoveEdges,
    ReadPage,
    Relationships,
    Since,
    Unfollow,
)
from sequere.exceptions import Blocked, FollowLimitReached
from sequere.models import get_followers
from sequere.relations import Edge
from sequere.resources import Resource
from tests.support.databases import follows_in
from tests.testapp.models import Project, User

pytestmark = pytest.mark.django_db(databases="__all__")

STAR, FAN = Resource("project", "7"), Resource("user", "1")


@contextmanager
def queries(alias):
    """The statements sent to a database, with their parameters."""
    sent = []

    def note(execute, sql, params, many, context):
        sent.append((sql, params))
        return execute(sql, params, many, context)

    with connections[alias].execute_wrapper(note):
        yield sent


# Queries.

READS = [
    IsFollowing(FAN, STAR),
    Relationships(FAN, ["followings", "followers", "friends"], [STAR, Resource("user", "2")]),
    Count(["followers"], [STAR]),
    Count(["followers:user"], [STAR]),
    Count(["followings"], [FAN]),
    Count(["friends"], [FAN]),
    Count(["followers", "followings@watch:user", "friends", "muted"], [FAN, STAR, Resource("user", "2")]),
    Relationships(FAN, ["muted", "followings@watch"], [STAR]),
    Since([Edge("follow", FAN, STAR), Edge("mute@watch", FAN, STAR)]),
    *(
        ReadPage(owner, name + narrow, desc, limit=20)
        for owner, name in [(STAR, "followers"), (FAN, "followings"), (FAN, "friends")]
        for narrow in ("", ":user")
        for desc in (True, False)
    ),
]

WRITES = [
    Follow(FAN, STAR, 1.0),
    Unfollow(FAN, STAR),
    AddEdges("follow", FAN, [STAR, Resource("user", "2")], 1.0),
    AddEdges("mute@watch", FAN, [STAR], 1.0),
    AddEdges("block", FAN, [Resource("user", "3")], 1.0),
    Follow(FAN, STAR, 1.0, "watch", approval=True, limits=Limits(1000, 1000, 60)),
    MoveEdges(FAN, "followings", [STAR]),
    MoveEdges(STAR, "followers"),
    Forget(FAN),
]


def plan_of(alias, sql, params):
    """The lines of a statement's plan."""
    vendor = connections[alias].vendor
    with connections[alias].cursor() as cursor:
        if vendor == "postgresql":
            cursor.execute("SET LOCAL random_page_cost = 1")  # as in a large table: 50 look-ups beat reading all
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if vendor == 'sqlite' else ''}{sql}", params)
        names = [column[0] for column in cursor.description]
        shown = {"sqlite": ["detail"], "postgresql": ["QUERY PLAN"], "mysql": ["type", "key", "Extra"]}[vendor]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return [" ".join(str(row[name]) for name in shown) for row in rows]


def scans(alias, sql, params):
    """What of a plan reads rows that no index leads to; on SQLite, MariaDB and MySQL also what sorts rows."""
    scan = r"^SCAN (?!CONSTANT)|\bANY\(|TEMP B-TREE|Seq Scan|^(ALL|index) |filesort"
    return [line for line in plan_of(alias, sql, params) if re.search(scan, line)]


@pytest.fixture
def crowd(database):
    """Enough edges that a database prefers an index: of each relation 3,000, 60 of the project, 50 of the user."""
    Row.objects.using(database).bulk_create(
        [
            Row(
                relation=relation,
                from_identifier="user",
                from_object_id=str(one),
                to_identifier=identifier,
                to_object_id=str(other),
                timestamp=datetime(2026, 1, 1, second=one % 60, tzinfo=UTC),
            )
            for relation in ("follow", "mute@watch")
            for one in range(1, 61)
            for identifier, others in (("project", range(1, 21)), ("user", range(61, 91)))
            for other in others
        ],
        batch_size=500,
    )
    if connections[database].vendor != "mysql":  # where this would commit
        with connections[database].cursor() as cursor:
            cursor.execute("ANALYZE sequere_edge")


def test_an_index_leads_to_the_rows(database, crowd):
    by_time = "SELECT id FROM sequere_edge WHERE timestamp > %s"
    assert scans(database, by_time, ["2026-01-01"])  # the check can fail
    for operation in [*READS, *WRITES]:
        with queries(database) as sent:
            DatabaseBackend().perform(operation)
        # The table of kinds has at most 16 rows.
        looked = [(sql, params) for sql, params in sent if re.match(r"(?!.*sequere_kind)\(?(SELECT|DELETE)", sql)]
        assert looked
        found = [line for sql, params in looked for line in scans(database, sql, params)]
        if "friends" in str(operation):  # sorted by the later of two times, which is not stored
            found = [line for line in found if not re.search("TEMP B-TREE|^(ref|range) .*filesort", line)]
        assert found == [], operation


def rows_read(alias):
    """How many rows and index entries MariaDB or MySQL has read for this connection; 0 elsewhere."""
    if connections[alias].vendor != "mysql":
        return 0
    with connections[alias].cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS WHERE Variable_name REGEXP '^Handler_(read|icp_attempts)'")
        return sum(int(count) for _, count in cursor.fetchall())


@pytest.mark.parametrize("desc", [True, False])
def test_a_page_in_the_middle_reads_its_own_rows_only(database, desc):
    Row.objects.using(database).bulk_create(
        [
            Row(
                relation="follow",
                from_identifier="user",
                from_object_id=str(number),
                to_identifier="project",
                to_object_id="7",
                timestamp=datetime.fromtimestamp(number, UTC),
            )
            for number in range(2000)
        ],
        batch_size=500,
    )
    page = DatabaseBackend().perform(ReadPage(STAR, "followers", desc=desc, limit=500))
    page = DatabaseBackend().perform(ReadPage(STAR, "followers", desc=desc, limit=500, cursor=page.cursor))
    operation = ReadPage(STAR, "followers", desc=desc, limit=20, cursor=page.cursor)
    before = rows_read(database)
    with queries(database) as sent:
        page = DatabaseBackend().perform(operation)
    assert rows_read(database) - before < 100
    numbers = range(999, 979, -1) if desc else range(1000, 1020)
    assert [entry.object_id for entry in page.entries] == [str(number) for number in numbers]
    assert len(sent) == (2 if connections[database].vendor == "mysql" else 1)
    if connections[database].vendor != "mysql":
        ((sql, params),) = sent
        from_cursor = r"(Index Cond: .*|USING INDEX \S+ \(.*)\btimestamp\b"
        assert any(re.search(from_cursor, line) for line in plan_of(database, sql, params))


@pytest.mark.parametrize("operation", READS, ids=str)
def test_a_read_is_one_query(operation):
    with queries("default") as sent:
        DatabaseBackend().perform(operation)
    first_of_a_walk = isinstance(operation, ReadPage) and not operation.desc  # which finds where the walk ends, too
    assert len(sent) == 1 + first_of_a_walk
    if not isinstance(operation, Count):
        assert "COUNT(" not in "".join(sql for sql, _ in sent)


def test_a_page_with_its_instances_is_two_queries(settings, django_assert_num_queries):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"
    project = Project.objects.create(name="Flight")
    users = [User.objects.create(username=f"user {number}") for number in range(30)]
    for number, user in enumerate(users):
        user.follow(project, timestamp=number)
    with django_assert_num_queries(2) as captured:
        assert len(list(get_followers(project)[:20])) == 20
    assert not any("COUNT(" in query["sql"] for query in captured.captured_queries)


# Changes.


def table():
    """The edges of the table, each with its time in seconds since the epoch, UTC."""
    return {edge_of(row): row.timestamp.timestamp() for row in Row.objects.using(follows_in.get())}


def apply(operation):
    """Perform a write. It must report each edge that it changed, and each that it names and does not refuse to add."""
    before = table()
    result, edges = DatabaseBackend().change(operation)
    after = table()
    assert {edge for edge in before.keys() | after.keys() if before.get(edge) != after.get(edge)} <= set(edges)
    assert named_by(operation, result) <= set(edges)
    return result


def named_by(operation, result):
    """The edges that a write names, in whatever state they are, without those that it refused to add."""
    if isinstance(operation, (Follow, Unfollow)):
        relation = relations.RELATIONS["request" if getattr(operation, "approval", False) else "follow"]
        return {Edge(relation.of_kind(operation.kind).name, operation.from_resource, operation.to_resource)}
    if isinstance(operation, AddEdges):
        outcomes = zip(operation.others, result, strict=True)
        return {Edge(operation.relation, operation.from_resource, other) for other, outcome in outcomes if outcome >= 0}
    if isinstance(operation, MoveEdges):
        relation, name, _ = relations.split_list(operation.list)
        pairs = ((operation.resource, other) for other in operation.others)
        return {Edge(relation.name, *(pair[::-1] if name == relation.backward else pair)) for pair in pairs}
    return set()


PEOPLE = [Resource("user", str(number)) for number in range(4)]


def random_write(chance):
    one, *others = chance.sample(PEOPLE, chance.randint(2, 4))
    at, kind = float(chance.randrange(10)), chance.choice(["", "watch"])
    name = f"@{kind}" if kind else ""
    return chance.choice(
        [
            Follow(one, others[0], at, kind, chance.random() < 0.5, Limits(3)),
            Unfollow(one, others[0], kind),
            AddEdges(f"follow{name}", one, others, at),
            AddEdges(f"request{name}", one, [*others, others[0]], at, limits=Limits(3, 5, 1)),
            AddEdges(f"mute{name}", one, others, at, ends=chance.choice([None, at, time.time() + 60])),
            AddEdges("block", one, others, at),
            MoveEdges(one, "blocked"),
            MoveEdges(one, chance.choice(["followings", "followers", "friends", "muted"]) + name, others),
            MoveEdges(one, f"requests{name}", chance.choice([(), others]), "follow", chance.randint(1, 3)),
            MoveEdges(one, f"requested{name}:user", others, "follow", timestamp=at),
            MoveEdges(one, f"followings{name}", others[:1], "archive"),
            MoveEdges(one, f"archived{name}", others, "follow"),
            Forget(one, limit=chance.randint(1, 3)),
        ]
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_write_reports_the_edges_that_it_is_about(database, seed):
    chance = random.Random(seed)
    for _ in range(60):
        with suppress(Blocked, FollowLimitReached):
            apply(random_write(chance))
        for edge in table():
            assert not contradicts(edge, table()), edge


def contradicts(edge, edges):
    """Whether one of the edges must not exist beside another."""
    relation, *ends = edge
    row = relations.check_relation(relation)
    if row.base == "request" and Edge(f"follow{relation.removeprefix('request')}", *ends) in edges:
        return True
    return row.base in relations.RELATIONS["block"].excludes.split() and (
        Edge("block", *ends) in edges or Edge("block", *ends[::-1]) in edges
    )
