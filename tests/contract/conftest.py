"""The public functions, called directly and through their asynchronous twins."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync

from sequere import models as graph
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


@pytest.fixture(params=[Api, AsyncApi], ids=["sync", "async"])
def api(request, backend):
    return request.param()
