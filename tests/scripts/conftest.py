"""The scripts by themselves, as any client runs them."""

from __future__ import annotations

import pytest
import redis

from sequere.backends.redis import scripts

#: What every script gets as KEYS by default.
KEYS = ("sequere:", "sequere:global:uid")

#: The keys of write-behind.
JOURNAL, MARK, FENCE = "sequere:global:journal", "sequere:global:mark", "sequere:global:fence"

USER, OTHER, PROJECT = ("user", "1"), ("user", "2"), ("project", "7:é")


class Caller:
    """``caller.follow("user", "1", "project", "7")`` runs a script; text comes back decoded."""

    def __init__(self, client):
        self.client = client

    def __getattr__(self, name):
        return lambda *arguments, **options: self(name, *arguments, **options)

    def __call__(self, name, *arguments, keys=KEYS):
        script = scripts.catalogue()[name]
        try:
            reply = self.client.evalsha(script.sha1, len(keys), *keys, *arguments)
        except redis.exceptions.NoScriptError:
            reply = self.client.eval(script.text, len(keys), *keys, *arguments)
        return _decoded(reply)


def _decoded(reply):
    if isinstance(reply, list):
        return [_decoded(item) for item in reply]
    return reply.decode() if isinstance(reply, bytes) else reply


@pytest.fixture
def call(store):
    return Caller(store)


@pytest.fixture
def server_call(server):
    """The same on real servers only."""
    client = server.client()
    yield Caller(client)
    client.close()


def noted_relations(client):
    """The changes in the journal, in order, as (operation, relation, from, to, timestamp)."""
    entries = [{name.decode(): text.decode() for name, text in fields.items()} for _, fields in client.xrange(JOURNAL)]
    return [
        (
            entry["operation"],
            entry["relation"],
            (entry["from_identifier"], entry["from_object_id"]),
            (entry["to_identifier"], entry["to_object_id"]),
            entry["timestamp"],
        )
        for entry in entries
        if entry["operation"] != "open"
    ]


def noted(client):
    """The same without the relation, where it is always the same one."""
    return [(operation, *others) for operation, _, *others in noted_relations(client)]


@pytest.fixture
def journal(call):
    call.client.xadd(JOURNAL, {"operation": "open"})
    return call


@pytest.fixture(params=["", "watch"], ids=["plain", "watch"])
def kind(request):
    return request.param
