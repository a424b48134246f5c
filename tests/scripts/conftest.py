"""The scripts by themselves, as any client runs them."""

from __future__ import annotations

import pytest
import redis

from sequere.backends.redis import scripts

#: What every script gets as KEYS by default.
KEYS = ("sequere:", "sequere:global:uid")


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
