"""The items of lists, which callers get for the entries of the graph."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from django.db.models import Model

from .backends.operations import Page

M_co = TypeVar("M_co", bound=Model, covariant=True)
I_co = TypeVar("I_co", bound="Item[Any] | MutedItem[Any]", covariant=True)


class Item(NamedTuple, Generic[M_co]):
    """One entry of a list: the instance, and the time of the follow (a datetime, aware with ``USE_TZ``)."""

    instance: M_co
    timestamp: datetime

    def __repr__(self) -> str:
        return repr(tuple(self))


class MutedItem(NamedTuple, Generic[M_co]):
    """One entry of a list of mutes: the instance, and when the mute ends (a datetime as in ``Item``, or None)."""

    instance: M_co
    until: datetime | None

    def __repr__(self) -> str:
        return repr(tuple(self))


class Part(NamedTuple, Generic[I_co]):
    """Entries, and the item of each; None for an entry that cannot be shown."""

    page: Page
    items: list[I_co | None]

    def shown(self) -> list[I_co]:
        return [item for item in self.items if item is not None]
