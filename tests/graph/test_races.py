"""Many processes on the same pairs: nothing drifts, nothing is doubled, nobody is told a lie."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from django.db import connections

from sequere.backends import get_backend
from sequere.backends.redis import scripts
from sequere.backends.redis.operate.audit import audit as audit_resource
from sequere.resources import Resource
from tests.support.calls import Ask
from tests.support.databases import ENGINES, follows_in
from tests.support.graph import audit
from tests.support.servers import missing

ROOT = Path(__file__).resolve().parents[2]
PROCESSES = 4


def race(settings, alias="default", environment=()):
    """Run the racers; returns the edges that must exist by what they were told."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.racer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, **dict(environment)},
        )
        for _ in range(PROCESSES)
    ]
    for seed, racer in enumerate(racers):
        racer.stdin.write(json.dumps({"settings": settings, "alias": alias, "seed": seed}))
        racer.stdin.close()
        racer.stdin = None
    balance = Counter()
    for racer in racers:
        output, errors = racer.communicate(timeout=300)
        assert racer.returncode == 0, errors
        for one, other, count in json.loads(output):
            balance[one, other] += count
    assert set(balance.values()) <= {0, 1}
    return {pair for pair, count in balance.items() if count}


def standing(backend):
    """The edges of the racers' users that exist."""
    edges = set()
    for number in range(20):
        cursor = ""
        while True:
            page = Ask(backend).page(Resource("user", str(number)), "followings", cursor=cursor)
            edges |= {(str(number), entry.object_id) for entry in page.entries}
            cursor = page.cursor
            if not cursor:
                break
    return edges


def test_on_redis(server):
    settings = {
        "SEQUERE_BACKEND_CLASS": "sequere.backends.redis.RedisBackend",
        "SEQUERE_REDIS_CONNECTION": server.connection,
    }
    expected = race(settings)
    assert len(expected) > 100
    assert standing(get_backend()) == expected
    with server.client() as client:
        assert audit(client) == []


@pytest.mark.django_db(transaction=True, databases="__all__")
@pytest.mark.parametrize("alias", ["sqlite", *ENGINES])
def test_on_a_database(alias, settings, tmp_path):
    backend_class = "sequere.backends.database.DatabaseBackend"
    settings.SEQUERE_BACKEND_CLASS = backend_class
    if alias == "sqlite":
        environment = {
            "SEQUERE_TEST_SQLITE": str(tmp_path / "follows.sqlite3"),
            "DJANGO_SETTINGS_MODULE": "tests.settings",
        }
        migrate = [sys.executable, "-m", "django", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, check=True, cwd=ROOT, env={**os.environ, **environment})
        expected = race({"SEQUERE_BACKEND_CLASS": backend_class}, environment=environment)
        listing = subprocess.run(
            [sys.executable, "-c", LIST], check=True, cwd=ROOT, env={**os.environ, **environment}, capture_output=True
        )
        assert len(expected) > 100
        assert [tuple(edge) for edge in json.loads(listing.stdout)] == sorted(expected)
        return
    if alias not in connections:
        missing(f"{alias}: set {ENGINES[alias][0]} to its URL")
    variable = ENGINES[alias][0]
    url, _, _name = os.environ[variable].rpartition("/")
    expected = race(
        {"SEQUERE_BACKEND_CLASS": backend_class},
        alias,
        {variable: f"{url}/{connections[alias].settings_dict['NAME']}"},
    )
    token = follows_in.set(alias)
    assert len(expected) > 100
    assert standing(get_backend()) == expected
    follows_in.reset(token)


LIST = """
import django, json
django.setup()
from sequere.backends.database.models import Edge
print(json.dumps(sorted(Edge.objects.values_list("from_object_id", "to_object_id"))))
"""


@pytest.mark.slow
def test_a_walk_through_100000_followers_while_others_come_and_go(valkey):
    star, script = Resource("project", "star"), scripts.catalogue()["follow"]
    Ask().count(star, "followers")
    with valkey.client() as client:
        for start in range(0, 100_000, 5_000):
            pipeline = client.pipeline(transaction=False)
            for number in range(start, start + 5_000):
                # Ten at a time have the very same timestamp.
                pipeline.evalsha(
                    script.sha1, 2, "sequere:", "sequere:global:uid", "user", number, *star, f"{number // 10}.5"
                )
            pipeline.execute()
        clock = itertools.count(20_000.0)
        for desc in (True, False):
            assert stir_while(valkey, clock, lambda stop, desc=desc: walk(star, desc=desc, stop=stop))
        assert audit_of(star) == []


def walk(star, *, desc, stop):
    """All followers by cursor, as the lists of instances read them."""
    shown, cursor = [], ""
    while True:
        page = Ask().page(star, "followers", desc=desc, cursor=cursor)
        shown += [entry.object_id for entry in page.entries]
        cursor = page.cursor
        if not cursor:
            stop.set()
            return shown


def stir_while(server, clock, read):
    """Let followers leave, come back and newly arrive while ``read`` walks; returns who left."""
    stop, gone, errors = threading.Event(), set(), []

    def stir():
        chance, backend, star = random.Random(5), get_backend(), Resource("project", "star")
        try:
            while not stop.is_set():
                follower = Resource("user", str(chance.randrange(100_000)))
                if Ask(backend).unfollow(follower, star):
                    gone.add(follower.object_id)
                    if chance.random() < 0.5:
                        Ask(backend).follow(follower, star, timestamp=next(clock))
                Ask(backend).follow(Resource("user", f"late-{len(gone)}"), star, timestamp=next(clock))
        except Exception as error:
            errors.append(error)
            raise

    thread = threading.Thread(target=stir)
    before = set(everybody(server))
    thread.start()
    try:
        shown = read(stop)
    finally:
        stop.set()
        thread.join()
    assert not errors
    assert len(shown) == len(set(shown))
    assert set(shown) >= before - gone
    return gone


def everybody(server):
    with server.client() as client:
        uids = client.zrange(f"sequere:uid:{client.get('sequere:uid:project:star').decode()}:followers", 0, -1)
        pipeline = client.pipeline(transaction=False)
        for uid in uids:
            pipeline.hget(b"sequere:uid::" + uid, "object_id")
        return [object_id.decode() for object_id in pipeline.execute()]


def audit_of(resource):
    return audit_resource(get_backend(), resource, ["user"])
