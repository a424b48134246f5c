"""The public functions, called directly and through their asynchronous twins."""

from __future__ import annotations

import pytest
import redis
from asgiref.sync import async_to_sync

from sequere import models as graph
from sequere.backends import get_backend
from sequere.backends.redis.operate.permissions import make_acl_line
from sequere.results import FollowList


class Api:
    """``api.follow(a, b)`` calls ``sequere.models.follow``; lists come as real lists."""

    prefix = ""

    def __getattr__(self, name):
        return lambda *arguments, **options: self.call(name, *arguments, **options)

    def call(self, name, *arguments, **options):
        result = getattr(graph, name)(*arguments, **options)
        return list(result) if isinstance(result, FollowList) else result


class AsyncApi(Api):
    """The same through ``afollow`` and so on, each call in an event loop of its own."""

    def call(self, name, *arguments, **options):
        @async_to_sync
        async def run():
            return await getattr(graph, f"a{name}")(*arguments, **options)

        return run()


@pytest.fixture
def backend(backend, settings):
    """The backend; on a real server as the minimal user, who may do what the package does, and no more."""
    place = getattr(settings, "SEQUERE_REDIS_CONNECTION", None)
    if place:
        with redis.Redis(**place) as admin:
            admin.execute_command(*make_acl_line("sequere:").split(" "), "nopass")
        settings.SEQUERE_REDIS_CONNECTION = {**place, "username": "sequere", "password": "any"}
        assert get_backend() is not backend
    return get_backend()


@pytest.fixture(params=[Api, AsyncApi], ids=["sync", "async"])
def api(request, backend):
    return request.param()


@pytest.fixture(params=["", "watch"], ids=["plain", "watch"])
def kind(request):
    return request.param
