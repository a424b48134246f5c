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

    Lazy: nothing is read before it is iterated, measured, indexed or shown. Iterating makes one round trip
    for each 1,000 entries, by cursor, and one SQL query per model and page (SQLite takes 999 keys a query).
    Nobody shows up twice and nobody who stayed is skipped, whoever comes or goes meanwhile, as long as
    nobody comes back with a timestamp from the past. Slices are lazy too. The first page, once read, is
    kept, as a ``QuerySet`` keeps its rows.

    An object that no longer exists, that ``ModelBase.get_queryset`` hides or whose model is registered no
    more is left out; :meth:`count` and positions are those of the graph, which still has it.

    In asynchronous code: ``async for``, ``await result`` (a list), ``await result[:20]``,
    ``await result.acount()``. Everything else blocks.
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
        self._first: tuple[Page, list[Item]] | None = None

    def count(self) -> int:
        """How many entries there are now. One round trip."""
        return self._within(self._backend.count(self._resource, self._relation, identifier=self._identifier))

    async def acount(self) -> int:
        """As :meth:`count`."""
        return self._within(await self._backend.acount(self._resource, self._relation, identifier=self._identifier))

    def __len__(self) -> int:
        """The length of the list where one page holds it all; else how many entries there were."""
        page, items = self._first_page()
        return self._within(page.total) if self._next(self._start + len(page.entries), page) else len(items)

    def __bool__(self) -> bool:
        return len(self) > 0

    def __iter__(self) -> Iterator[Item]:
        # Read here, not in the generator: list() asks for the length next.
        return self._walk(*self._first_page())

    def _walk(self, page: Page, items: list[Item]) -> Iterator[Item]:
        yield from items
        position = self._start + len(page.entries)
        while where := self._next(position, page):
            page = self._backend.page(self._resource, self._relation, **where)
            yield from self._items(page.entries)
            position += len(page.entries)

    def _first_page(self) -> tuple[Page, list[Item]]:
        if self._first is None:
            where = self._next(self._start, None)
            page = self._backend.page(self._resource, self._relation, **where) if where else Page(0, "", [])
            self._first = page, self._items(page.entries)
        return self._first

    async def __aiter__(self) -> AsyncIterator[Item]:
        position, page = self._start, None
        while where := self._next(position, page):
            page = await self._backend.apage(self._resource, self._relation, **where)
            for item in await self._aitems(page.entries):
                yield item
            position += len(page.entries)

    def _next(self, position: int, page: Page | None) -> dict[str, Any] | None:
        """What reads the page from a position on, after ``page`` if there was one; None at the end."""
        limit = min(MAX_PAGE, self._room(position))
        if limit == 0 or (page is not None and not page.cursor):
            return None
        where = {"cursor": page.cursor} if page else {"offset": position}
        return {"identifier": self._identifier, "desc": self._desc, "limit": limit, **where}

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
