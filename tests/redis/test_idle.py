"""Connections that were closed while nobody used them, with either library: noticed before anything is sent."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from sequere import exceptions
from sequere.backends import get_backend
from sequere.backends.redis.connection import FRESH
from sequere.resources import Resource
from tests.support.calls import Ask
from tests.support.proxy import between_ports
from tests.support.replication import free_ports, wait_until
from tests.support.servers import running

USER, OTHER, PROJECT = Resource("user", "1"), Resource("user", "2"), Resource("project", "7")

CERTIFICATE = str(Path(__file__).parents[1] / "support" / "localhost.pem")


@pytest.fixture(scope="module")
def ports():
    """A server with a port and one for TLS, by whether it is for TLS, and proxies in front of both."""
    options = ["--tls-auth-clients", "no"]
    for name in ("cert", "key", "ca-cert"):
        options += [f"--tls-{name}-file", CERTIFICATE]
    with free_ports(2) as (plain, tls):
        pass
    options += ["--bind", "127.0.0.1", "--port", str(plain), "--tls-port", str(tls)]
    with (
        running("redis-7.0", *options) as server,
        server.client() as admin,
        between_ports(plain) as before_plain,
        between_ports(tls) as before_tls,
    ):
        yield admin, {False: plain, True: tls}, {False: before_plain, True: before_tls}


@pytest.fixture(params=["plain", "tls"])
def close_all(request, library, settings, ports):
    """A function that closes or resets the connections of the backend's clients."""
    admin, ports, proxies = ports
    is_tls = request.param == "tls"
    connection = {"host": "localhost", **({"ssl": True, "ssl_ca_certs": CERTIFICATE} if is_tls else {})}
    admin.flushall()

    def use(how, protocol):
        port = ports[is_tls] if how == "closed" else proxies[is_tls].address
        settings.SEQUERE_REDIS_CONNECTION = {**connection, "port": port, "protocol": protocol}

        def close():
            if how == "reset":
                proxies[is_tls].reset_all()
            else:
                admin.client_kill_filter(_type="normal", skipme=True)
            wait_until(lambda: admin.info("clients")["connected_clients"] == 1)

        return close

    yield use
    get_backend().client.close()


@pytest.mark.parametrize(("how", "protocol"), [("closed", 2), ("closed", 3), ("reset", 3)])
@pytest.mark.parametrize("is_busy", [False, True], ids=["idle", "busy"])
def test_a_connection_that_the_server_closed_is_noticed_before_a_write(close_all, protocol, how, is_busy):
    """While the event loop waits, or has no time to look. With RESP3 redis-py takes notifications of maintenance, and
    then looks at no connection before its use."""
    close = close_all(how, protocol)

    async def run():
        for timestamp in (1.0, 2.0):
            assert Ask().follow(OTHER, PROJECT, timestamp=timestamp) is True
            assert await Ask().afollow(USER, PROJECT, timestamp=timestamp) is True
            if is_busy:
                close()
                time.sleep(2 * FRESH)
            else:
                await asyncio.to_thread(close)
            assert Ask().unfollow(OTHER, PROJECT) is True
            assert await Ask().aunfollow(USER, PROJECT) is True

    asyncio.run(run())


#: Seconds. Redis-py for asyncio fails to connect, not to check, where connecting takes longer than this.
HEALTH = 0.25


def test_a_connection_that_fails_its_health_check_has_sent_nothing(library, settings, ports):
    admin, ports, _ = ports
    admin.flushall()
    # By TCP: redis-py 5.0 sets no time limit on a unix socket.
    settings.SEQUERE_REDIS_CONNECTION = {
        "host": "localhost",
        "port": ports[False],
        "health_check_interval": HEALTH,
        "socket_timeout": 0.3,
    }

    async def run():
        calls = Ask().afollow, lambda *arguments, **options: asyncio.to_thread(Ask().follow, *arguments, **options)
        for follow in calls:
            await follow(USER, OTHER, timestamp=1.0)
            time.sleep(1.2 * HEALTH)
            admin.client_pause(600)
            with pytest.raises(
                exceptions.BackendUnavailable, match="cannot reach the server; nothing changed: Timeout"
            ):
                await follow(USER, PROJECT, timestamp=1.0)
            admin.ping()  # which waits too

    asyncio.run(run())
    assert Ask().count(PROJECT, "followers") == 0
