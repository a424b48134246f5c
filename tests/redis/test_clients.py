"""The clients of the Redis backend: one for each event loop, pools of every kind."""

from __future__ import annotations

import asyncio
import gc
import warnings

import pytest
import redis
from asgiref.sync import async_to_sync
from django.http import HttpResponse
from django.test import AsyncClient
from django.urls import path

from sequere import exceptions, registry
from sequere.backends import get_backend
from sequere.backends.redis import connection
from sequere.models import aget_followers_count
from sequere.resources import Resource
from tests.support.calls import Ask, both_ways
from tests.support.counting import round_trips
from tests.testapp.models import User

USER, PROJECT = Resource("user", "1"), Resource("project", "7")


def connections(client):
    return int(client.info("clients")["connected_clients"])


@pytest.mark.parametrize(
    "start",
    [lambda function, *arguments: asyncio.run(function(*arguments)), lambda function, *a: async_to_sync(function)(*a)],
    ids=["asyncio.run", "async_to_sync"],
)
def test_an_event_loop_takes_its_connection_with_it(library, valkey, monkeypatch, start):
    Ask().count(USER, "followers")
    with valkey.client() as client:
        before = connections(client)
        with round_trips(monkeypatch) as sent:
            for _ in range(20):
                assert start(Ask().acount, USER, "followers") == 0
        assert sent.count("EVALSHA") == 20
        assert "SCRIPT" not in sent
        assert connections(client) <= before + 1


def test_a_loop_that_is_closed_without_being_shut_down_is_let_go(library, valkey):
    Ask().count(USER, "followers")
    with warnings.catch_warnings(), valkey.client() as client:
        warnings.simplefilter("ignore", ResourceWarning)  # of connections that nobody could close
        before = connections(client)
        for _ in range(5):
            loop = asyncio.new_event_loop()
            loop.run_until_complete(Ask().acount(USER, "followers"))
            loop.close()
        assert len(get_backend().primary.async_clients) == 1
        asyncio.run(Ask().acount(USER, "followers"))
        del loop
        gc.collect()
        assert get_backend().primary.async_clients == {}
        assert connections(client) <= before + 1


def test_scripts_that_could_not_be_loaded_are_loaded_later(library, valkey, monkeypatch):
    async def cancelled():
        task = asyncio.ensure_future(Ask().acount(USER, "followers"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(cancelled())
    with round_trips(monkeypatch) as sent:
        Ask().count(USER, "followers")
        Ask().count(USER, "followers")
    assert sent.count("SCRIPT") == 1


def test_many_first_calls_at_once_share_one_client(library, valkey, monkeypatch):
    async def run():
        calls = [Ask().afollow(Resource("user", str(n)), PROJECT, timestamp=1.0) for n in range(30)]
        return await asyncio.gather(*calls)

    with round_trips(monkeypatch) as sent:
        assert asyncio.run(run()) == [True] * 30
    assert sent.count("SCRIPT") == 1
    assert Ask().count(PROJECT, "followers") == 30


@pytest.mark.parametrize(("options", "number"), [({}, 50), ({"max_connections": 5}, 5), ({"max_connections": 70}, 70)])
def test_many_calls_at_once_wait_for_a_connection(library, valkey, settings, options, number):
    settings.SEQUERE_REDIS_CONNECTION = {**valkey.connection, **options}

    async def run():
        calls = [Ask().afollow(Resource("user", str(n)), PROJECT, timestamp=1.0) for n in range(1000)]
        replies = await asyncio.gather(*calls)
        return replies, connections(client)

    with valkey.client() as client:
        before = connections(client)
        replies, after = asyncio.run(run())
    assert replies == [True] * 1000
    assert after - before <= number
    assert Ask().count(PROJECT, "followers") == 1000


@pytest.fixture
def one_connection(library, valkey, settings):
    """An event loop has one connection; a function that keeps the server busy for a second."""
    settings.SEQUERE_REDIS_CONNECTION = {**valkey.connection, "max_connections": 1}
    Ask().count(USER, "followers")
    with valkey.client() as client:
        yield lambda: client.client_pause(1000)


def test_a_call_does_not_wait_for_ever(one_connection, monkeypatch):
    monkeypatch.setattr(connection, "ASYNC_WAIT", 0.2)

    async def run():
        await Ask().acount(PROJECT, "followers")
        one_connection()
        first = asyncio.ensure_future(Ask().acount(PROJECT, "followers"))
        await asyncio.sleep(0)
        for call in (Ask().afollow(USER, PROJECT, timestamp=1.0), Ask().acount(PROJECT, "followers")):
            with pytest.raises(
                exceptions.BackendUnavailable,
                match=r"all 1 connections .* none became free .* Raise max_connections in SEQUERE_REDIS_CONNECTION",
            ):
                await call
        return await first, await Ask().acount(PROJECT, "followers")

    assert asyncio.run(run()) == (0, 0)


@pytest.mark.parametrize("cancelled", ["a call that waits", "a call that has the connection"])
def test_a_cancelled_call_leaves_its_place(one_connection, cancelled):
    async def run():
        await Ask().acount(PROJECT, "followers")
        one_connection()
        calls = [asyncio.ensure_future(Ask().acount(PROJECT, "followers")) for _ in range(3)]
        await asyncio.sleep(0.05)
        one = calls.pop(0 if cancelled == "a call that has the connection" else 1)
        one.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one
        (own,) = get_backend().primary.async_clients.values()
        assert await asyncio.gather(*calls, Ask().acount(PROJECT, "followers")) == [0, 0, 0]
        assert not own.turns.locked()

    asyncio.run(run())


def test_the_reply_of_a_cancelled_call_is_nobody_elses(one_connection):
    async def run():
        await Ask().afollow(USER, PROJECT, timestamp=1.0)
        one_connection()
        cancelled = asyncio.ensure_future(Ask().aunfollow(USER, Resource("project", "8")))
        await asyncio.sleep(0.05)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await Ask().acount(USER, "followers")
        return await Ask().acount(USER, "followings"), await Ask().ais_following(USER, PROJECT)

    assert asyncio.run(run()) == (1, True)


async def count(request):
    return HttpResponse(await aget_followers_count(registry.from_key(User, 1)))


urlpatterns = [path("followers/", count)]


@pytest.mark.parametrize("options", [{}, {"max_connections": 5}])
def test_an_asynchronous_view_answers_many_requests_at_once(library, valkey, settings, options):
    settings.SEQUERE_REDIS_CONNECTION = {**valkey.connection, **options}
    settings.ROOT_URLCONF = __name__

    async def run():
        return await asyncio.gather(*(AsyncClient().get("/followers/") for _ in range(300)))

    Ask().follow(Resource("user", "2"), USER, timestamp=1.0)
    responses = asyncio.run(run())
    assert {(response.status_code, response.content) for response in responses} == {(200, b"1")}


class Blocking(redis.Redis):
    """A client with a pool that waits for a free connection."""

    def __init__(self, unix_socket_path):
        pool = redis.BlockingConnectionPool(
            connection_class=redis.UnixDomainSocketConnection, path=unix_socket_path, max_connections=2
        )
        super().__init__(connection_pool=pool)


def test_a_pool_of_another_kind(valkey, settings):
    taken = redis.BlockingConnectionPool(
        connection_class=redis.UnixDomainSocketConnection, path=valkey.socket, max_connections=1, timeout=0.05
    )
    settings.SEQUERE_REDIS_CONNECTION = {"connection_pool": taken}
    with redis.Redis(connection_pool=taken, single_connection_client=True) as greedy:
        greedy.ping()
        with pytest.raises(exceptions.BackendUnavailable, match="all connections are in use; nothing changed"):
            Ask().follow(USER, PROJECT, timestamp=1.0)
    taken.disconnect()
    settings.SEQUERE_REDIS_CONNECTION = valkey.connection
    settings.SEQUERE_REDIS_CONNECTION_CLASS = f"{__name__}.Blocking"
    assert Ask().follow(USER, PROJECT, timestamp=1.0) is True
    for call in both_ways("is_following", USER, PROJECT):
        assert call() is True
    get_backend().client.close()


def test_clients_that_decode(library, valkey, settings):
    settings.SEQUERE_REDIS_CONNECTION = {**valkey.connection, "decode_responses": True, "protocol": 3}
    Ask().follow(USER, PROJECT, timestamp=1.5)
    for call in both_ways("page", PROJECT, "followers"):
        assert call().entries == [("user", "1", 1.5)]
