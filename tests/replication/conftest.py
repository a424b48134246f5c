"""A cluster of six and a backend on it."""

from __future__ import annotations

import pytest

from sequere.backends import get_backend
from tests.support.replication import cluster, wait_until

PREFIX = "{sequere}:"


@pytest.fixture(scope="module", params=["redis-8.2", "valkey-9.1"])
def whole_cluster(request):
    """Three primaries and three replicas, for the tests of a module that leave them all alive."""
    with cluster(request.param) as made:
        yield made


@pytest.fixture
def six(whole_cluster, settings):
    """The same, empty, with the settings pointing to it."""
    for port in whole_cluster.primaries:
        with whole_cluster.nodes[port].client() as client:
            client.flushall()
            client.script_flush()
    use_cluster(whole_cluster, settings)
    yield whole_cluster
    get_backend().client.close()


@pytest.fixture(params=["redis.RedisCluster", "valkey.ValkeyCluster"])
def client_class(request):
    return request.param


@pytest.fixture
def mortal(client_class, settings):
    """Three primaries that a test may kill, with each client."""
    yield from _own_cluster(client_class, settings, replicas=False)


@pytest.fixture
def replicated(client_class, settings):
    """The same with a replica of each."""
    yield from _own_cluster(client_class, settings, replicas=True)


def _own_cluster(client_class, settings, *, replicas):
    with cluster("valkey-9.1", replicas=replicas) as made:
        use_cluster(made, settings)
        settings.SEQUERE_REDIS_CONNECTION_CLASS = client_class
        yield made
        get_backend().client.close()


def use_cluster(made, settings):
    """Point the settings to a cluster."""
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_REDIS_CONNECTION = {"host": "127.0.0.1", "port": made.living[0]}
    settings.SEQUERE_REDIS_CONNECTION_CLASS = "redis.RedisCluster"
    settings.SEQUERE_REDIS_PREFIX = PREFIX
    wait_until(made.is_well)
