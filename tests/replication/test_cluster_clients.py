"""The clients of a cluster, of both libraries: while the graph's slot moves, and reading from replicas."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import redis.cluster

from sequere import exceptions
from sequere.backends import get_backend
from sequere.backends.redis import connection
from sequere.checks import check_server, check_settings
from sequere.resources import Resource
from tests.replication.conftest import use_cluster
from tests.support.calls import Ask, both_ways
from tests.support.replication import SLOTS, cluster, wait_until

USER, OTHER, PROJECT = Resource("user", "1"), Resource("user", "2"), Resource("project", "7")

CLASSES = ["redis.RedisCluster", "valkey.ValkeyCluster"]


@contextmanager
def moving(cluster, key, target=None):
    """Within it the slot of a key is marked as being moved to another node, but nothing moves."""
    owner = cluster.owner(key)
    target = target or next(port for port in cluster.primaries if port != owner)
    with cluster.nodes[owner].client() as source, cluster.nodes[target].client() as sink:
        slot = source.execute_command("CLUSTER", "KEYSLOT", key)
        ids = {client: client.execute_command("CLUSTER", "MYID") for client in (source, sink)}
        sink.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
        source.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[sink])
        try:
            yield
        finally:
            for client in (sink, source):
                client.execute_command("CLUSTER", "SETSLOT", slot, "STABLE")


@pytest.mark.parametrize("client_class", CLASSES)
@pytest.mark.parametrize("is_empty", [False, True], ids=["with a graph", "empty"])
def test_while_the_slot_moves_nothing_is_answered_and_nothing_changed(six, settings, client_class, is_empty):
    settings.SEQUERE_REDIS_CONNECTION_CLASS = client_class
    if not is_empty:
        Ask().follow(OTHER, PROJECT, timestamp=1.0)
    with moving(six, get_backend().prefix):
        for call in (*both_ways("follow", USER, PROJECT, timestamp=1.0), *both_ways("count", PROJECT, "followers")):
            with pytest.raises(
                exceptions.BackendUnavailable,
                match=r"is being moved to another node of the cluster(; nothing changed)?\. Repeat",
            ):
                call()
    assert Ask().count(PROJECT, "followers") == (0 if is_empty else 1)
    get_backend().client.close()


@pytest.mark.parametrize("client_class", CLASSES)
def test_a_slot_that_moves_to_a_node_without_slots(settings, client_class):
    """A client does not know such a node, as no list of slots has it, and sends it nothing."""
    with cluster("valkey-9.1", primaries=2, replicas=False) as two:
        first, second = (node.client() for node in two.nodes.values())
        with first, second:
            second.execute_command("CLUSTER", "DELSLOTSRANGE", SLOTS // 2, SLOTS - 1)
            first.execute_command("CLUSTER", "DELSLOTSRANGE", SLOTS // 2, SLOTS - 1)
            first.execute_command("CLUSTER", "ADDSLOTSRANGE", SLOTS // 2, SLOTS - 1)
        use_cluster(two, settings)
        settings.SEQUERE_REDIS_CONNECTION_CLASS = client_class
        Ask().count(PROJECT, "followers")
        target = next(port for port in two.nodes if port != two.owner(get_backend().prefix))
        with moving(two, get_backend().prefix, target):
            for call in (*both_ways("follow", USER, PROJECT, timestamp=1.0), *both_ways("count", PROJECT, "followers")):
                with pytest.raises(
                    exceptions.BackendUnavailable, match=r"cannot reach the server(; nothing changed)?: AttributeError"
                ):
                    call()
        assert Ask().follow(USER, PROJECT, timestamp=1.0) is True
        get_backend().client.close()


@pytest.fixture(params=CLASSES)
def with_replicas(request, six, settings):
    """Reads of each client go to the replicas of the cluster too; and whether these know of moves."""
    settings.SEQUERE_REDIS_CONNECTION_CLASS = request.param
    options = {"read_from_replicas": True}
    if request.param == "redis.RedisCluster" and hasattr(redis.cluster, "LoadBalancingStrategy"):
        options = {"load_balancing_strategy": redis.cluster.LoadBalancingStrategy.RANDOM_REPLICA}  # 5.3 or newer
    settings.SEQUERE_REDIS_REPLICA_CONNECTION = {**settings.SEQUERE_REDIS_CONNECTION, **options}
    with six.nodes[six.owner(get_backend().prefix)].client() as client:
        knows_better = "valkey_version" in client.info("server")
    yield six, knows_better
    for one in get_backend().connections:
        one.client.close()


def test_replicas_are_not_read_before_they_were_asked(with_replicas, monkeypatch):
    def lost(node):
        raise redis.ConnectionError("the connection broke")

    monkeypatch.setattr(connection, "_answers_moves", lost)
    for call in both_ways("count", PROJECT, "followers"):
        with pytest.raises(exceptions.BackendUnavailable, match="the connection broke"):
            call()


def test_replicas_are_read_where_they_know_of_moves(with_replicas):
    cluster, knows_better = with_replicas
    assert check_settings() == []
    assert Ask().follow(USER, PROJECT, timestamp=1.0) is True
    if not knows_better:
        for call in both_ways("count", PROJECT, "followers"):
            with pytest.raises(
                exceptions.InvalidSettings, match="must not name a cluster unless its server is Valkey 9 or newer"
            ):
                call()
        (error,) = check_server()
        assert error.id == "sequere.E008"
        return
    wait_until(lambda: Ask().count(PROJECT, "followers") == 1)
    assert check_server() == []
    replicas = cluster.primaries[cluster.owner(get_backend().prefix)]

    def calls():
        total = 0
        for port in replicas:
            with cluster.nodes[port].client() as client:
                total += client.info("commandstats").get("cmdstat_evalsha_ro", {"calls": 0})["calls"]
        return total

    before = calls()
    for _ in range(10):
        assert Ask().is_following(USER, PROJECT) is True
    assert calls() > before
    with moving(cluster, get_backend().prefix):
        for _ in range(4):  # some of them may go to the primary
            with pytest.raises(exceptions.BackendUnavailable, match="is being moved"):
                Ask().is_following(USER, PROJECT)
