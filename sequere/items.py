"""The items of lists: the instances behind entries, with one query per model."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet

from .backends.operations import Entry
from .base import ModelBase
from .exceptions import InvalidObjectId, NotRegistered
from .registry import registry
from .resources import Resource
from .timestamps import to_datetime, to_moment
from .twins import Operation

logger = logging.getLogger("sequere")

M_co = TypeVar("M_co", bound=Model, covariant=True)


class Item(NamedTuple, Generic[M_co]):
    """One entry of a list: the instance, and the time of the follow (a datetime, aware with ``USE_TZ``)."""

    instance: M_co
    timestamp: datetime

    def __repr__(self) -> str:
        return repr(tuple(self))


@dataclass(slots=True)
class _InBulk(Operation[dict[Any, Model]]):
    """The rows of one model by primary key: one SQL query."""

    queryset: QuerySet[Any]
    keys: Sequence[Any]

    def perform(self) -> dict[Any, Model]:
        return self.queryset.in_bulk(self.keys)

    async def aperform(self) -> dict[Any, Model]:
        return await self.queryset.ain_bulk(self.keys)


async def find_items(entries: Sequence[Entry], name: str, owner: Resource) -> list[Item[Any] | None]:
    """The entries with their instances: one query per model. None for an entry that cannot be shown.

    ``name`` and ``owner`` tell in the log which list it is.
    """
    wanted: dict[str, list[Entry]] = {}
    for entry in entries:
        wanted.setdefault(entry[0], []).append(entry)
    found: dict[str, dict[str, Any]] = {}  # by identifier and object id
    for identifier, same in wanted.items():
        found[identifier] = {}
        try:
            base = registry.get_by_identifier(identifier)
        except NotRegistered as error:
            logger.warning("Some %s of %s are left out: %s", name, owner, error)
            continue
        instances = await _InBulk(base.get_queryset(), find_keys(base, same, name, owner))
        found[identifier] = {base.primary_key.to_object_id(key): instance for key, instance in instances.items()}
    moment = to_moment if settings.USE_TZ else to_datetime
    return [
        None if (instance := found[identifier].get(object_id)) is None else Item(instance, moment(timestamp))
        for identifier, object_id, timestamp in entries
    ]


def find_keys(base: ModelBase, entries: Sequence[Entry], name: str, owner: Resource) -> list[Any]:
    """The primary keys of entries of one model; an object id that cannot be a key of the model is left out."""
    keys: list[Any] = []
    for _, object_id, _ in entries:
        try:
            keys.append(base.primary_key.from_object_id(object_id))
        except InvalidObjectId as error:
            logger.warning("An entry of the %s of %s is left out: %s", name, owner, error)
    return keys
