"""Both stores of RedisFallbackBackend."""

from __future__ import annotations

import itertools

from sequere.backends.database.models import Edge
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.verify import verify
from sequere.backends.redis.models import Journal, OutboxEntry, SetAside
from sequere.resources import Resource
from tests.support.calls import Ask
from tests.support.graph import audit

ADA, BOB, FLIGHT = Resource("user", "1"), Resource("user", "2"), Resource("project", "é:7")
CROWD = [Resource("user", str(number)) for number in range(10, 30)]
JOURNAL = "sequere:global:journal"


def start_anew(backend, *, ready=True):
    """Empty both; then Redis is in step with the database, or cold."""
    backend.unguarded.client.flushall()
    for model in (Edge, Journal, OutboxEntry, SetAside):
        model.objects.all().delete()
    if ready:
        rebuild(backend.unguarded)


def in_step(backend):
    """Whether both stores, and Redis in itself, agree."""
    return list(verify(backend.unguarded)) == [] and audit(backend.unguarded.client) == []


def fill(backend):
    """Some follows, among them friends, in the order of time and against it."""
    Ask(backend).follow(ADA, BOB, timestamp=9.0)
    Ask(backend).follow(BOB, ADA, timestamp=5.0)
    for number, one in enumerate(CROWD):
        Ask(backend).follow(one, FLIGHT, timestamp=100.5 - number)
        Ask(backend).follow(one, CROWD[number - 1], timestamp=50.0 + number)
        Ask(backend).follow(CROWD[number - 1], one, timestamp=50.0)


def answers(backend):
    """What a client sees of them all."""
    everybody = [ADA, BOB, FLIGHT, *CROWD]
    return [
        (
            Ask(backend).are_following(one, everybody),
            *(Ask(backend).count(one, relation) for relation in ("followers", "followings", "friends")),
            sorted(Ask(backend).page(one, "friends").entries),
        )
        for one in everybody
    ]


def edges():
    """What the database holds: the timestamp of each edge."""
    return {
        (
            row.relation,
            Resource(row.from_identifier, row.from_object_id),
            Resource(row.to_identifier, row.to_object_id),
        ): row.timestamp.timestamp()
        for row in Edge.objects.all()
    }


def follows():
    """The timestamps of the follows that the database holds, by their two ends."""
    return {edge[1:]: timestamp for edge, timestamp in edges().items() if edge[0] == "follow"}


def memory_of(client):
    """What a server holds, to be put back by :func:`restore`."""
    return {key: client.dump(key) for key in client.keys("*")}


def restore(client, memory):
    """Let a server come back with what it held."""
    client.flushall()
    for key, value in memory.items():
        client.restore(key, 0, value)


class Crash(BaseException):
    """What stops a process where it is."""


def crash_at(monkeypatch, graph, number, *, after):
    """Let the call of that number to Redis be the last one; ``after``: it still reached the server."""
    calls = itertools.count()
    run = graph.run

    def dying(name, *arguments):
        if next(calls) != number:
            return run(name, *arguments)
        if after:
            run(name, *arguments)
        raise Crash

    monkeypatch.setattr(graph, "run", dying)
