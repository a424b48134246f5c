"""What the ModelBase of each instance says about a follow: whether it needs approval, and its limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import Model

from ..backends.operations import NO_LIMITS, Limits
from ..registry import registry
from ..twins import Operation


@dataclass(slots=True)
class Consult(Operation[Any]):
    """Call a method of a ModelBase; in asynchronous code, in a thread, because it may query the database."""

    method: Callable[..., Any]
    arguments: tuple[Model, ...]

    def perform(self) -> Any:
        return self.method(*self.arguments)

    async def aperform(self) -> Any:
        return await sync_to_async(self.method)(*self.arguments)


async def needs_approval(instance: Model, follower: Model) -> bool:
    """Return whether a follow of the instance by the follower is only a request."""
    base = registry.get_base(instance)
    value = base.needs_approval
    if callable(value):
        value = base.check_option("needs_approval", await Consult(value, (instance, follower)))
    return bool(value)


async def get_limits(follower: Model) -> Limits:
    """Return how many follows and requests an instance may have."""
    base = registry.get_base(follower)
    most, rate = base.follow_limit, base.follow_rate
    if most is None and rate is None:
        return NO_LIMITS
    if callable(most):
        most = base.check_option("follow_limit", await Consult(most, (follower,)))
    if callable(rate):
        rate = base.check_option("follow_rate", await Consult(rate, (follower,)))
    new, window = (None, None) if rate is None else (rate[0], math.ceil(rate[1].total_seconds()))
    return Limits(most, new, window)
