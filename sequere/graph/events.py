"""Signals as operations, so that a public function can await them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model

from ..backends.operations import Entry
from ..exceptions import InvalidObjectId, NotRegistered
from ..registry import registry
from ..signals import EdgeSignal
from ..timestamps import to_datetime
from ..twins import Operation

logger = logging.getLogger("sequere")

_NOT_CALLED = (
    "Asynchronous receivers were not called: in an event loop use the asynchronous function, such as afollow()."
)

#: The from and the to instance of an edge, and a time in seconds since the epoch, UTC.
Change = tuple[Model, Model, float]


@dataclass(slots=True)
class Send(Operation[None]):
    """Send a signal for each change. Exceptions of receivers are logged.

    The changes are read only if there are receivers. ``details`` are further arguments for them.
    """

    signal: EdgeSignal
    changes: Iterable[Change]
    kind: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

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
        return [
            {
                **self.details,
                "sender": registry.get_base(from_instance).model,
                "from_instance": from_instance,
                "to_instance": to_instance,
                "timestamp": to_datetime(seconds),
                "kind": self.kind or None,
            }
            for from_instance, to_instance, seconds in self.changes
        ]


def with_others(entries: Sequence[Entry]) -> Iterator[tuple[Model, float]]:
    """Yield the instance of each entry, made without a query, and the time of the entry in seconds.

    Entries without a registered model are left out and logged.
    """
    for entry in entries:
        try:
            base = registry.get_by_identifier(entry.identifier)
            key = base.primary_key.from_object_id(entry.object_id)
        except (NotRegistered, InvalidObjectId) as error:
            logger.warning("No signal is sent for %s %s: %s", entry.identifier, entry.object_id, error)
            continue
        yield registry.from_key(base.model, key), entry.timestamp
