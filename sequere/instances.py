"""The instances behind entries of the graph, with one query per model."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, QuerySet

from .base import ModelBase
from .exceptions import InvalidObjectId, NotRegistered
from .registry import registry
from .twins import Operation

logger = logging.getLogger("sequere")


@dataclass(slots=True)
class _InBulk(Operation[dict[Any, Model]]):
    """The rows of one model by primary key: one SQL query."""

    queryset: QuerySet[Any]
    keys: Sequence[Any]

    def perform(self) -> dict[Any, Model]:
        return self.queryset.in_bulk(self.keys)

    async def aperform(self) -> dict[Any, Model]:
        return await self.queryset.ain_bulk(self.keys)


async def find_instances(entries: Sequence[tuple[str, str, Any]], label: str) -> list[Any]:
    """Return the instance of each entry, in order; None for an entry that cannot be shown. One query per model.

    An entry begins with identifier and object id. ``label`` describes the entries in the log.
    """
    wanted: dict[str, list[tuple[str, str, Any]]] = {}
    for entry in entries:
        wanted.setdefault(entry[0], []).append(entry)
    found: dict[str, dict[str, Any]] = {}  # by identifier and object id
    for identifier, same in wanted.items():
        found[identifier] = {}
        try:
            base = registry.get_by_identifier(identifier)
        except NotRegistered as error:
            logger.warning("Some %s are left out: %s", label, error)
            continue
        instances = await _InBulk(base.get_queryset(), find_keys(base, same, label))
        found[identifier] = {base.primary_key.to_object_id(key): instance for key, instance in instances.items()}
    return [found[identifier].get(object_id) for identifier, object_id, _ in entries]


def find_keys(base: ModelBase, entries: Sequence[tuple[str, str, Any]], label: str) -> list[Any]:
    """Return the primary keys of entries of one model; an object id that cannot be a key is left out and logged."""
    keys: list[Any] = []
    for _, object_id, _ in entries:
        try:
            keys.append(base.primary_key.from_object_id(object_id))
        except InvalidObjectId as error:
            logger.warning("An entry of the %s is left out: %s", label, error)
    return keys
