"""Forgets a resource in steps, with pauses; if wanted, only as long as it has no row."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from math import inf
from typing import Any

from django.db import router
from django.db.models import QuerySet

from .backends.operations import Forget, Forgotten
from .base import ModelBase
from .resources import Resource
from .twins import Operation, blocking


@dataclass(slots=True)
class Pause(Operation[None]):
    """Wait for some seconds."""

    seconds: float

    def perform(self) -> None:
        time.sleep(self.seconds)

    async def aperform(self) -> None:
        await asyncio.sleep(self.seconds)


async def forget_in_steps(
    resource: Resource, *, most: float = inf, goes_on: Callable[[int], bool] = lambda removed: True
) -> Forgotten:
    """Forget a resource, or about ``most`` of its follows, in steps of 100 follows. One round trip for each.

    After each step it pauses for as long as the step took, so that the store serves other calls half of the time.
    Before each step it calls ``goes_on`` with the number of follows removed, and stops if that returns False. Returns
    how many follows were removed, and whether that was all. Raises what the backend raises, and ``InvalidObjectId``,
    ``InvalidIdentifier``.
    """
    removed = 0
    while removed < most and goes_on(removed):
        start = time.monotonic()
        step = await Forget(resource)
        took = time.monotonic() - start
        removed += step.removed
        if step.done:
            return Forgotten(removed, done=True)
        if removed < most:
            await Pause(took)
    return Forgotten(removed, done=False)


forget_resource = blocking(forget_in_steps)


def forget_unless_live(
    base: ModelBase, resource: Resource, aliases: Collection[str], *, most: float = inf
) -> Forgotten:
    """Forget a resource as :func:`forget_resource` does, as long as it has no row in any of these databases.

    It makes one SQL query in each of them before each step. Raises ``InvalidObjectId`` and what the backend raises.
    """
    key = base.primary_key.to_python(resource.object_id)

    def is_gone(removed: int) -> bool:
        return resource.object_id not in find_live(base, [key], aliases)

    return forget_resource(resource, most=most, goes_on=is_gone)


def find_live(base: ModelBase, keys: Collection[Any], aliases: Iterable[str]) -> set[str]:
    """The object ids of those keys that have a row in one of these databases. One SQL query in each."""
    live: set[str] = set()
    for alias in aliases:
        # Not through a manager, which may hide rows.
        rows: QuerySet[Any] = QuerySet(base.model, using=alias)
        found = rows.filter(pk__in=keys).values_list("pk", flat=True)
        live |= {base.primary_key.to_object_id(key) for key in found}
    return live


def find_aliases(base: ModelBase) -> set[str]:
    """The databases that hold the live rows of a model, not copies of them.

    They are the database to which the routers write the model, without an instance, and the one that its
    ``get_queryset`` reads.
    """
    return {router.db_for_write(base.model), base.get_queryset().db}
