"""Both stores of RedisFallbackBackend."""

from __future__ import annotations

from sequere.backends.database.models import Follow
from sequere.backends.redis.models import Journal, OutboxEntry, SetAside
from sequere.backends.redis.rebuild import rebuild
from sequere.backends.redis.verify import verify
from tests.support.graph import audit


def start_anew(backend, *, ready=True):
    """Empty both; then Redis is in step with the database, or cold."""
    backend.graph.client.flushall()
    for model in (Follow, Journal, OutboxEntry, SetAside):
        model.objects.all().delete()
    if ready:
        rebuild(backend.graph)


def in_step(backend):
    """Whether both stores, and Redis in itself, agree."""
    return list(verify(backend.graph)) == [] and audit(backend.graph.client) == []
