"""A call that reaches no server, or that the server cannot serve: it changes nothing, and the error names the cause."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import struct
import threading
from contextlib import contextmanager, suppress

import pytest

from sequere import exceptions
from sequere.backends import get_backend
from sequere.backends.redis.scripts import catalogue
from sequere.resources import Resource
from tests.support.calls import both_ways
from tests.support.replication import free_ports
from tests.support.servers import running
from tests.support.states import busy, loading, without_primary

USER, PROJECT = Resource("user", "1"), Resource("project", "7")


def calls():
    return [*both_ways("follow", USER, PROJECT, timestamp=1.0), *both_ways("count", USER, "followers")]


@contextmanager
def listening(answer):
    """The port of a listener that treats each client so."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client, suppress(OSError):
                        answer(client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def close(client):
    """As a proxy does that has no server."""


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def speak_tls(client):
    with ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).wrap_socket(client, server_side=True):
        pass


def speak_http(client):
    client.recv(1 << 16)
    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize("answer", [close, reset, speak_tls, speak_http])
def test_a_listener_that_is_no_server(library, settings, answer):
    with listening(answer) as port:
        settings.SEQUERE_REDIS_CONNECTION = {"host": "127.0.0.1", "port": port}
        for call in calls():
            with pytest.raises(
                exceptions.BackendUnavailable, match=r"cannot reach the server(; nothing changed)?: \w+"
            ):
                call()


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"db": 99}, "DB index is out of range"),
        ({"db": 99, "protocol": 2}, "DB index is out of range"),
        ({"ssl": True, "socket_timeout": 0.1, "socket_connect_timeout": 0.1}, "Timeout connecting to server"),
        ({"host": "x" * 64}, "label (too|empty or too) long"),
        ({"port": 1}, "111"),
    ],
    ids=["database", "database, RESP2", "TLS", "name", "port"],
)
def test_a_connection_that_cannot_be_made(library, settings, options, cause):
    with free_ports(1) as (port,):
        pass
    with running("valkey-9.1", "--port", str(port), "--bind", "127.0.0.1"):
        settings.SEQUERE_REDIS_CONNECTION = {"host": "127.0.0.1", "port": port, **options}
        for call in calls():
            with pytest.raises(
                exceptions.BackendUnavailable, match=f"cannot reach the server(; nothing changed)?: .*{cause}"
            ):
                call()


@pytest.fixture(scope="module")
def own_server():
    with running("valkey-9.1", "--enable-debug-command", "yes") as server:
        yield server


@pytest.mark.parametrize("state", [busy, loading, without_primary])
def test_a_server_that_does_not_serve_yet(library, own_server, settings, state):
    settings.SEQUERE_REDIS_CONNECTION = own_server.connection
    with own_server.client() as admin:
        admin.flushall()
        admin.script_flush()
        with state(own_server, admin) as cause:
            for call in calls():
                with pytest.raises(
                    exceptions.BackendUnavailable, match=f"no server can answer now(; nothing changed)?: .*{cause}"
                ):
                    call()
        assert [call() for call in calls()] == [True, False, 0, 0]
        assert all(admin.script_exists(*(script.sha1 for script in catalogue().values())))
    get_backend().client.close()


@pytest.mark.parametrize("options", [{}, {"password": "wrong"}, {"username": "nobody", "password": "x"}])
def test_a_password_is_tried_once(library, own_server, settings, options):
    settings.SEQUERE_REDIS_CONNECTION = {**own_server.connection, **options, "protocol": 2}
    with own_server.client() as admin:
        admin.config_set("requirepass", "secret")
        try:
            for call in calls():
                get_backend().primary.loaded = True
                before = admin.info("stats")["total_connections_received"]
                with pytest.raises(
                    exceptions.CommandDenied, match=r"the server denies this user(; nothing changed)?: "
                ):
                    call()
                assert admin.info("stats")["total_connections_received"] == before + 1
        finally:
            admin.config_set("requirepass", "")


def test_what_asyncio_still_sends_after_a_timeout_may_be_applied(library, own_server, settings):
    """It has buffered what the socket did not take; a blocking socket has taken only a part, which nobody executes."""
    settings.SEQUERE_REDIS_CONNECTION = {**own_server.connection, "socket_timeout": 0.2}
    backend, script = get_backend(), catalogue()["follow"]
    size = 10_000_000
    call = script, backend.keys, (*USER, "project", "7" * size, "1.0")

    async def run():
        await backend.primary.arun(catalogue()["count"], backend.keys, ("followers", *USER))
        received = admin.info("stats")["total_net_input_bytes"]
        os.kill(own_server.process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(exceptions.OutcomeUnknown, match="follow: the reply was lost"):
                await backend.primary.arun(*call)
        finally:
            os.kill(own_server.process.pid, signal.SIGCONT)
        async with asyncio.timeout(20):
            while admin.info("stats")["total_net_input_bytes"] < received + size:
                await asyncio.sleep(0.01)

    with own_server.client() as admin:
        asyncio.run(run())
