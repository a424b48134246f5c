"""Both stores of RedisFallbackBackend."""

from __future__ import annotations

import itertools
from contextlib import contextmanager

from django.db import connections

from sequere.backends.database.models import Edge
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.verify import verify
from sequere.backends.redis.models import OutboxEntry, SetAside, State
from sequere.resources import Resource
from tests.support.calls import Ask
from tests.support.graph import audit

ADA, BOB, FLIGHT = Resource("user", "1"), Resource("user", "2"), Resource("project", "é:7")
CROWD = [Resource("user", str(number)) for number in range(10, 30)]
JOURNAL = "sequere:global:journal"
MARK = "sequere:global:mark"

#: The tables of write-behind and that of the edges.
TABLES = (Edge, State, OutboxEntry, SetAside)


def start_anew(backend, *, ready=True):
    """Empty both; then Redis is in step with the database, or cold."""
    backend.unguarded.client.flushall()
    for model in TABLES:
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


def backup_of_database():
    """What the tables hold, to be put back by :func:`restore_database`."""
    return {model: list(model.objects.all()) for model in TABLES}


def restore_database(backup):
    """Let the database come back with what it held. The keys of the outbox go on from there, as a sequence would."""
    for model, rows in backup.items():
        model.objects.all().delete()
        model.objects.bulk_create(rows)


def phase():
    """The phase as committed."""
    return State.objects.get().phase


class Crash(BaseException):
    """What stops a process where it is."""


class Stops:
    """Stops a process at one of the places where it touches a store: before and after each script, and before each
    statement and each commit of the database, also as a connection that is lost with the commit."""

    def __init__(self, monkeypatch, graph, alias):
        self.monkeypatch, self.graph, self.connection = monkeypatch, graph, connections[alias]

    @contextmanager
    def at(self, number):
        """In this context the process dies at the place of that number, if it comes there."""
        places = itertools.count()

        def may_die():
            if next(places) == number:
                raise Crash

        run, commit = self.graph.run, self.connection._commit

        def run_script(name, *arguments):
            may_die()
            reply = run(name, *arguments)
            may_die()
            return reply

        def execute(execute, sql, params, many, context):
            may_die()
            return execute(sql, params, many, context)

        def commit_or_die():
            try:
                may_die()
            except Crash:
                self.connection._rollback()  # which the database does when the connection is gone
                raise
            commit()
            may_die()

        with self.monkeypatch.context() as patch, self.connection.execute_wrapper(execute):
            patch.setattr(self.graph, "run", run_script)
            patch.setattr(self.connection, "_commit", commit_or_die)
            yield

    def each(self, prepare, call):
        """Call once for each place, each time from what ``prepare`` makes, until the call lives. Gives the numbers."""
        for number in itertools.count():
            prepare()
            try:
                with self.at(number):
                    call()
            except Crash:
                self.connection.close()  # as the database sees it
                yield number
            else:
                return


def crash_at(monkeypatch, graph, name, times=1, *, after=False):
    """Let the process die at a script of this name, the one of that number; ``after``: it still reached the server."""
    calls = itertools.count(1)
    run = graph.run

    def dying(script, *arguments):
        if script != name or next(calls) != times:
            return run(script, *arguments)
        if after:
            run(script, *arguments)
        raise Crash

    monkeypatch.setattr(graph, "run", dying)
