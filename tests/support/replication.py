"""Servers that stand in for each other: a cluster of six, and a primary with a replica and its sentinels."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import redis

from .servers import Server, find_server, running

#: After this many milliseconds without a word a node counts as dead.
PATIENCE = "1000"

#: How many slots a cluster has.
SLOTS = 16384


def wait_until(is_so, *, seconds: float = 30) -> None:
    """Wait until a function says so; a server that does not answer yet says no."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if is_so():
                return
        except redis.RedisError:
            pass
        if time.monotonic() > deadline:
            raise AssertionError(f"{is_so} was not so within {seconds} seconds")
        time.sleep(0.05)


#: A thousand ports for each process that runs tests, below those from which systems make outgoing connections: such a
#: connection, or another process, would take a port after it was found free and before its server is there.
PORTS = range(15_000, 16_000)
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 15


@contextmanager
def free_ports(number: int) -> Iterator[list[int]]:
    """Ports that nobody listens on; they are held until they are needed, so that no two are the same."""
    with ExitStack() as stack:
        ports: list[int] = []
        for offset in random.sample(PORTS, len(PORTS)):
            port = offset + _WORKER * len(PORTS)
            one = stack.enter_context(socket.socket())
            with suppress(OSError):  # somebody listens there
                one.bind(("127.0.0.1", port))
                ports.append(port)
            if len(ports) == number:
                break
        yield ports


@dataclass
class Cluster:
    """Servers by port, the primaries first."""

    nodes: dict[int, Server]

    @property
    def address(self) -> str:
        """Where a client begins: the first node that lives."""
        return f"127.0.0.1:{self.living[0]}"

    @property
    def living(self) -> list[int]:
        return [port for port, node in self.nodes.items() if node.process.poll() is None]

    @property
    def primaries(self) -> dict[int, list[int]]:
        """Port of each primary that lives -> the ports of its replicas that live."""
        with self.nodes[self.living[0]].client(decode_responses=True) as client:
            known = client.cluster("NODES")
        alive = {int(place.rpartition(":")[2]): node for place, node in known.items() if "fail" not in node["flags"]}
        return {
            port: [other for other in alive if alive[other]["master_id"] == node["node_id"]]
            for port, node in alive.items()
            if "master" in node["flags"]
        }

    def owner(self, key: str) -> int:
        """The port of the primary that has a key."""
        port = self.living[0]
        with self.nodes[port].client() as client:
            slot = client.execute_command("CLUSTER", "KEYSLOT", key)
            for first, last, (_, owner, *_), *_ in client.execute_command("CLUSTER", "SLOTS"):
                if first <= slot <= last:
                    return int(owner)
        raise AssertionError(f"nobody has slot {slot}")

    def is_well(self) -> bool:
        """Whether each node that lives can serve, and sees all who live."""
        for port in self.living:
            with self.nodes[port].client(decode_responses=True) as client:
                info = client.execute_command("CLUSTER", "INFO")
                if "cluster_state:ok" not in info or f"cluster_known_nodes:{len(self.nodes)}" not in info:
                    return False
        return True


@contextmanager
def cluster(name: str, *, primaries: int = 3, replicas: bool = True) -> Iterator[Cluster]:
    """Primaries on loopback that share the slots evenly, in order, each with a replica; ready."""
    find_server(name)
    size = 2 * primaries if replicas else primaries
    with ExitStack() as stack:
        with free_ports(2 * size) as ports:
            pass
        nodes = {}
        for port, bus in zip(ports[:size], ports[size:], strict=True):
            options = [
                "--port",
                str(port),
                "--bind",
                "127.0.0.1",
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                str(bus),
            ]
            options += ["--cluster-node-timeout", PATIENCE, "--repl-diskless-sync-delay", "0"]
            nodes[port] = stack.enter_context(running(name, *options))
        made = Cluster(nodes)
        clients = [stack.enter_context(node.client(decode_responses=True)) for node in nodes.values()]
        for port, bus in zip(ports[1:size], ports[size + 1 :], strict=True):
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", port, bus)
        edges = [round(number * SLOTS / primaries) for number in range(primaries + 1)]
        for client, first, end in zip(clients, edges, edges[1:], strict=False):
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, end - 1)
        wait_until(made.is_well)
        for primary, replica in zip(clients, clients[primaries:], strict=False):
            replica.execute_command("CLUSTER", "REPLICATE", primary.execute_command("CLUSTER", "MYID"))
        for replica in clients[primaries:]:
            wait_until(lambda replica=replica: replica.info("replication").get("master_link_status") == "up")
        wait_until(lambda: list(map(len, made.primaries.values())) == [int(replicas)] * primaries)
        yield made


@dataclass
class Watched:
    """A primary, its replica, and the ports of the sentinels that watch them."""

    primary: Server
    replica: Server
    sentinels: list[int]

    @property
    def places(self) -> list[tuple[str, int]]:
        """For redis-py's Sentinel."""
        return [("127.0.0.1", port) for port in self.sentinels]


@contextmanager
def watched(name: str) -> Iterator[Watched]:
    """A primary and a replica, and three sentinels that know them as ``mymaster``, ready."""
    program = find_server(name)
    with ExitStack() as stack:
        with free_ports(5) as ports:
            pass
        here = ["--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"]
        primary = stack.enter_context(running(name, *here, "--port", str(ports[0])))
        replica = stack.enter_context(
            running(name, *here, "--port", str(ports[1]), "--replicaof", "127.0.0.1", str(ports[0]))
        )
        with replica.client() as client:
            wait_until(lambda: client.info("replication")["master_link_status"] == "up")
        for port in ports[2:]:
            config = replica.folder / f"sentinel-{port}.conf"
            config.write_text(
                f"port {port}\nbind 127.0.0.1\nsentinel monitor mymaster 127.0.0.1 {ports[0]} 2\n"
                f"sentinel down-after-milliseconds mymaster {PATIENCE}\nsentinel failover-timeout mymaster 5000\n"
            )
            with open(replica.folder / "log", "ab") as log:
                sentinel = subprocess.Popen([program, config, "--sentinel"], stdout=log, stderr=log, cwd=replica.folder)
            stack.callback(sentinel.wait, 30)
            stack.callback(sentinel.kill)
        with ExitStack() as clients:
            asked = [clients.enter_context(redis.Redis(host="127.0.0.1", port=port)) for port in ports[2:]]

            def know_each_other() -> bool:
                seen = [client.sentinel_master("mymaster") for client in asked]
                return all(one["num-other-sentinels"] == 2 and one["num-slaves"] == 1 for one in seen)

            wait_until(know_each_other)
        yield Watched(primary, replica, ports[2:])
