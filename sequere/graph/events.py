"""Signals as operations, so that a public function can await them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from ..registry import registry
from ..signals import EdgeSignal
from ..timestamps import to_datetime
from ..twins import Operation

logger = logging.getLogger("sequere")

_NOT_CALLED = (
    "Asynchronous receivers were not called: in an event loop use the asynchronous function, such as afollow()."
)


@dataclass(slots=True)
class Send(Operation[None]):
    """Send a signal for each of the ``to_instances``. Exceptions of receivers are logged.

    ``timestamp`` is in seconds since the epoch, UTC.
    """

    signal: EdgeSignal
    from_instance: Model
    to_instances: Sequence[Model]
    timestamp: float

    def perform(self) -> None:
        if self.signal.receivers:
            for event in self._events():
                try:
                    self.signal.send_robust(**event)
                except RuntimeError:  # from async_to_sync, after the synchronous receivers
                    logger.exception(_NOT_CALLED)

    async def aperform(self) -> None:
        if self.signal.receivers:
            for event in self._events():
                await self.signal.asend_robust(**event)

    def _events(self) -> list[dict[str, Any]]:
        shared = {
            "sender": registry.get_base(self.from_instance).model,
            "from_instance": self.from_instance,
            "timestamp": to_datetime(self.timestamp),
        }
        return [{**shared, "to_instance": instance} for instance in self.to_instances]
