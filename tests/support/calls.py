"""Calls the backend directly and asynchronously."""

from __future__ import annotations

from asgiref.sync import async_to_sync

from sequere.backends import get_backend


def both_ways(method, *arguments, **options):
    """A backend method called directly, and its asynchronous twin."""

    @async_to_sync
    async def twin():
        return await getattr(get_backend(), f"a{method}")(*arguments, **options)

    return [lambda: getattr(get_backend(), method)(*arguments, **options), twin]
