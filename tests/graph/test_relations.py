"""What operators use takes the names of relations and lists from the table."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

#: A program that uses the backend and the commands, and prints JSON.
PROGRAM = """
import io, json, sys
connection = json.loads(sys.argv[1])

import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "sequere", "sequere.backends.database"],
    SEQUERE_BACKEND_CLASS="sequere.backends.redis.RedisBackend",
    SEQUERE_REDIS_CONNECTION=connection,
)
django.setup()

from django.core.management import call_command
from sequere.backends import get_backend
from sequere.backends.operations import AddEdges, Follow
from sequere.backends.redis.operate.survey import walk_edges
from sequere.checks import check_server
from sequere.resources import Resource

backend, told = get_backend(), {}
ada, bob, cyd = (Resource("user", str(n)) for n in (1, 2, 3))

def command(*arguments):
    out, status = io.StringIO(), 0
    try:
        call_command("sequere", *arguments, "--json", stdout=out)
    except SystemExit as stop:
        status = stop.code
    return [status, json.loads(out.getvalue())]

backend.perform(Follow(bob, ada, 1.0))
backend.perform(AddEdges("request", ada, [bob, cyd], 2.0))
backend.perform(AddEdges("request", cyd, [bob], 3.0))
told["stats"] = command("stats")
told["edges"] = sorted(
    [edge.relation, edge.from_resource.object_id, edge.to_resource.object_id, since]
    for edges in walk_edges(backend)
    for edge, since in edges.items()
)
told["whole"] = command("audit")
backend.client.delete("sequere:uid:1:requests:count")
backend.client.zadd("sequere:uid:99:requests", {"1": 1.0})
told["damaged"] = command("audit", "--repair")
lists = [f"uid:0:{start}*" for start in ("f", "requested", "archived", "blocked", "muted")]
keys = ["", "global:*", "uid::*", "uid:sequere:check", *lists]
backend.client.execute_command("ACL", "SETUSER", "default", "resetkeys", *(f"~sequere:{key}" for key in keys))
told["denied"] = [message.msg for message in check_server()]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(servers):
    server = servers("valkey-9.1")
    with server.client() as admin:
        admin.flushall()
        try:
            done = subprocess.run(
                [sys.executable, "-c", PROGRAM, json.dumps(server.connection)],
                check=True,
                capture_output=True,
                text=True,
            )
        finally:
            admin.execute_command("ACL", "SETUSER", "default", "allkeys")
    return json.loads(done.stdout)


def test_stats_count_every_relation(told):
    status, stats = told["stats"]
    assert status == 0
    assert (stats["edges"]["request"], stats["edges"]["follow"]) == (3, 1)
    assert stats["pairs"] == {"friends": 0}
    sizes = {(entry["list"], entry["resource"][1]): entry["size"] for entry in stats["largest"]}
    assert (sizes["requested", "1"], sizes["requests", "2"], sizes["followers", "1"]) == (2, 2, 1)


def test_a_walk_gives_the_edges_of_every_relation(told):
    assert told["edges"] == [
        ["follow", "2", "1", 1_000_000],
        ["request", "1", "2", 2_000_000],
        ["request", "1", "3", 2_000_000],
        ["request", "3", "2", 3_000_000],
    ]


def test_an_audit_looks_at_every_relation(told):
    assert told["whole"] == [0, {"checked": 3, "findings": [], "left": 0}]
    status, damaged = told["damaged"]
    assert status == 1
    found = {(finding["kind"], finding["key"]) for finding in damaged["findings"]}
    assert found == {("count", "sequere:uid:1:requests:count"), ("orphan", "sequere:uid:99:requests")}
    assert damaged["left"] == 1


def test_the_check_asks_for_the_lists_of_every_relation(told):
    (message,) = told["denied"]
    assert "ZADD sequere:uid:0:requests (for " in message
    assert "uid:0:requested" not in message
    assert "uid:0:followers" not in message
