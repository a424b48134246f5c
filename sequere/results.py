"""What ``get_followers()`` and its kin give: a list that is read when it is looked at."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Generator, Iterable, Iterator
from datetime import datetime
from typing import Any, overload

from django.core.exceptions import ValidationError
from django.db.models import Model

from .backends.base import MAX_PAGE, BaseBackend, Entry, Page
from .base import ModelBase
from .exceptions import NotRegistered
from .registry import Registry
from .resources import Resource
from .timestamps import to_datetime

logger = logging.getLogger("sequere")

#: One line of a result: the instance, and since when.
Item = tuple[Model, datetime]

#: How many items a result shows of itself.
_SHOWN = 20


class FollowList:
    """The followers, followings or friends of an instance: tuples ``(instance, datetime)``, newest first.

    Lazy: nothing is read before it is iterated, counted, indexed or shown. Iterating makes one round trip
    for each 1,000 entries, by cursor, so nobody shows up twice and nobody who stayed is skipped, whoever
    comes or goes meanwhile; and one SQL query per model and page. Slices are lazy too. An object that no
    longer exists, or whose model is registered no more, is left out.

    In asynchronous code: ``async for``, ``await result`` (a list), ``await result.acount()``.
    """

    def __init__(
        self,
        backend: BaseBackend,
        registry: Registry,
        resource: Resource,
        relation: str,
        *,
        identifier: str = "",
        desc: bool = True,
        start: int = 0,
        stop: int | None = None,
    ) -> None:
        self._backend = backend
        self._registry = registry
        self._resource = resource
        self._relation = relation
        self._identifier = identifier
        self._desc = desc
        self._start = start
        self._stop = stop
        self._total: int | None = None

    def count(self) -> int:
        """How many entries there are now. One round trip."""
        return self._within(self._backend.count(self._resource, self._relation, identifier=self._identifier))

    async def acount(self) -> int:
        """As :meth:`count`."""
        return self._within(await self._backend.acount(self._resource, self._relation, identifier=self._identifier))

    def __len__(self) -> int:
        """How many entries there were when this was last read, else :meth:`count`."""
        return self.count() if self._total is None else self._within(self._total)

    def __bool__(self) -> bool:
        return len(self) > 0

    def __iter__(self) -> Iterator[Item]:
        # The first page is read here, not in the generator: list() asks for the length next.
        page = self._read(self._start, "")
        return self._walk(page)

    def _walk(self, page: Page | None) -> Iterator[Item]:
        done = 0
        while page:
            yield from self._items(page.entries)
            done += len(page.entries)
            page = self._read(self._start + done, page.cursor) if page.cursor else None

    async def __aiter__(self) -> AsyncIterator[Item]:
        done, cursor = 0, ""
        while arguments := self._next(self._start + done, cursor):
            page = await self._backend.apage(self._resource, self._relation, **arguments)
            for item in await self._aitems(page.entries):
                yield item
            done, cursor = done + len(page.entries), page.cursor
            if not cursor:
                return

    def __await__(self) -> Generator[Any, None, list[Item]]:
        return self._alist().__await__()

    async def _alist(self) -> list[Item]:
        return [item async for item in self]

    def __reversed__(self) -> Iterator[Item]:
        if self._start == 0 and self._stop is None:
            return iter(self._copy(desc=not self._desc))
        return reversed(list(self))

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> FollowList | list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | FollowList | list[Item]:
        """One item, by one round trip (two if the index is negative); or a lazy part."""
        if isinstance(index, slice):
            return self._slice(index)
        if not isinstance(index, int):
            raise TypeError(f"an index must be a whole number or a slice; got {index!r}")
        position = index if index >= 0 else index + self.count()
        items = list(self._copy(start=self._start + position, length=1)) if position >= 0 else []
        if not items or (self._stop is not None and self._start + position >= self._stop):
            raise IndexError(f"nothing at index {index}: the list ends before, or that object no longer exists")
        return items[0]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (FollowList, list)):
            return list(self) == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        items = list(self._copy(start=self._start, length=min(_SHOWN + 1, self._room(self._start))))
        shown = ", ".join(repr(item) for item in items[:_SHOWN])
        return f"[{shown}, ...]" if len(items) > _SHOWN else f"[{shown}]"

    def _slice(self, index: slice) -> FollowList | list[Item]:
        if index.step not in (None, 1):
            return list(self)[index]
        start, stop = index.start or 0, index.stop
        if start < 0 or (stop is not None and stop < 0):
            start, stop, _ = index.indices(self.count())
        length = None if stop is None else max(0, stop - start)
        room = self._room(self._start + start)
        return self._copy(start=self._start + start, length=room if length is None else min(length, room))

    def _copy(self, *, desc: bool | None = None, start: int = 0, length: int | None = None) -> FollowList:
        endless = length is None or length >= _ENDLESS
        return FollowList(
            self._backend,
            self._registry,
            self._resource,
            self._relation,
            identifier=self._identifier,
            desc=self._desc if desc is None else desc,
            start=start,
            stop=None if endless or length is None else start + length,
        )

    def _room(self, start: int) -> int:
        """How many entries there may be from a position to the end of this slice."""
        return _ENDLESS if self._stop is None else max(0, self._stop - start)

    def _within(self, total: int) -> int:
        """How much of a list of this length the slice covers."""
        return max(0, min(total, self._start + self._room(self._start)) - self._start)

    def _next(self, position: int, cursor: str) -> dict[str, Any] | None:
        """The arguments that read the page from a position on; None at the end of the slice."""
        limit = min(MAX_PAGE, self._room(position))
        if limit == 0:
            return None
        where = {"cursor": cursor} if cursor else {"offset": position}
        return {"identifier": self._identifier, "desc": self._desc, "limit": limit, **where}

    def _read(self, position: int, cursor: str) -> Page | None:
        arguments = self._next(position, cursor)
        if arguments is None:
            return None
        page = self._backend.page(self._resource, self._relation, **arguments)
        self._total = page.total
        return page

    def _items(self, entries: Iterable[Entry]) -> list[Item]:
        instances = {
            identifier: base.get_queryset().in_bulk(list(keys.values()))
            for identifier, (base, keys) in self._by_model(entries).items()
        }
        return self._join(entries, instances)

    async def _aitems(self, entries: Iterable[Entry]) -> list[Item]:
        instances = {
            identifier: await base.get_queryset().ain_bulk(list(keys.values()))
            for identifier, (base, keys) in self._by_model(entries).items()
        }
        return self._join(entries, instances)

    def _by_model(self, entries: Iterable[Entry]) -> dict[str, tuple[ModelBase, dict[str, Any]]]:
        """For each identifier its ModelBase and its object ids, each with the primary key that it means."""
        found: dict[str, tuple[ModelBase, dict[str, Any]]] = {}
        unknown = set()
        for entry in entries:
            if entry.identifier not in found and entry.identifier not in unknown:
                try:
                    found[entry.identifier] = (self._registry.get_by_identifier(entry.identifier), {})
                except NotRegistered as error:
                    unknown.add(entry.identifier)
                    logger.warning("Some %s of %s are left out: %s", self._relation, self._resource, error)
            if entry.identifier in found:
                base, keys = found[entry.identifier]
                try:
                    keys[entry.object_id] = base.model._meta.pk.to_python(entry.object_id)
                except ValidationError:
                    logger.warning("%s %r cannot be a key of its model.", entry.identifier, entry.object_id)
        return found

    @staticmethod
    def _join(entries: Iterable[Entry], instances: dict[str, dict[Any, Model]]) -> list[Item]:
        by_text = {
            identifier: {str(key): instance for key, instance in found.items()}
            for identifier, found in instances.items()
        }
        return [
            (by_text[entry.identifier][entry.object_id], to_datetime(entry.timestamp))
            for entry in entries
            if entry.object_id in by_text.get(entry.identifier, ())
        ]


#: More entries than any list has.
_ENDLESS = 2**53
