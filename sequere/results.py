"""What ``get_followers()`` and the like return: a list that is read when it is looked at."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, TypeVar, overload

from django.conf import settings
from django.db.models import Model, QuerySet

from .backends.operations import MAX_PAGE, Count, Entry, Page, ReadPage, Relationships
from .base import ModelBase
from .exceptions import InvalidArgument, InvalidObjectId, NotRegistered
from .registry import registry
from .relations import join_list
from .resources import Resource
from .timestamps import to_datetime
from .twins import Operation, awaitable, blocking

logger = logging.getLogger("sequere")

M_co = TypeVar("M_co", bound=Model, covariant=True)

#: How many items a list shows of itself.
_SHOWN = 20

#: More entries than any list has.
_ENDLESS = 10**15 - 1


class Item(NamedTuple, Generic[M_co]):
    """One line of a list: the instance, and since when (a datetime, aware with ``USE_TZ``)."""

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


class FollowList(Generic[M_co]):
    """A list of an instance, such as its followers: tuples ``(instance, timestamp)``, newest first.

    Lazy: nothing is read before it is iterated, measured, indexed or shown. Iterating makes one round trip
    for each 500 entries, by cursor, and one SQL query per model and page. Nobody comes twice and nobody who stayed
    is skipped, whoever comes or goes meanwhile, as long as nobody returns with a timestamp from the past. Slices are
    lazy too. The first page, once read, is kept, as a ``QuerySet`` keeps its rows; pickling reads all of the list.

    An object that no longer exists, that ``ModelBase.get_queryset`` hides or whose model is registered no
    more is left out; :meth:`count`, :meth:`exists` and positions are those of the graph, which still has it.

    In asynchronous code: ``async for``, ``await result`` (a list), ``await result[:20]``, and the methods with an
    ``a`` in front. Everything else blocks.
    """

    def __init__(
        self,
        resource: Resource,
        name: str,
        *,
        identifier: str = "",
        desc: bool = True,
        start: int = 0,
        stop: int = _ENDLESS,
    ) -> None:
        self._resource = resource
        self._name = name
        self._identifier = identifier
        self._list = join_list(name, identifier)
        self._desc = desc
        self._start = start
        self._stop = stop
        self._first: tuple[Page, list[Item[M_co]]] | None = None

    # What can be asked without reading the list.

    @blocking
    async def count(self) -> int:
        """How many entries there are now. One round trip."""
        return self._within(await Count(self._resource, self._list))

    @blocking
    async def exists(self) -> bool:
        """Whether there is any entry. One round trip, or none if the first page was read; no SQL."""
        page = self._first[0] if self._first else await self._page(self._start, 1)
        return bool(page.entries)

    @blocking
    async def first(self) -> Item[M_co] | None:
        """The first item that can be shown; None if there is none. One round trip, more where some are hidden."""
        position, page = self._start, await self._page(self._start, 1)
        while page.entries:
            items = await self._items(page.entries)
            if items:
                return items[0]
            position += len(page.entries)
            if not page.cursor:
                break
            page = await self._page(position, _SHOWN, page.cursor)
        return None

    @blocking
    async def contains(self, instance: Model) -> bool:
        """Whether the list holds an instance. One round trip however long it is; of a slice the entries are read."""
        other = registry.identify(instance)
        if self._identifier and other.identifier != self._identifier:
            return False
        if self._start or self._stop < _ENDLESS:
            return any(tuple(other) == entry[:2] for page in await self._pages() for entry in page.entries)
        return await Relationships(self._resource, [self._name], [other]) == [1]

    # What reads it, by one round trip for each 500 entries.

    @blocking
    async def ids(self) -> list[Any]:
        """The primary keys, for ``pk__in=``; no SQL. Of objects that no longer exist too.

        Raises :class:`~sequere.exceptions.InvalidArgument` unless the list is of one ``identifier``.
        """
        if not self._identifier:
            raise InvalidArgument(
                f"ids() needs the {self._name} of one model; got those of every model. Pass identifier=, as in "
                f"get_{self._name}(instance, identifier=User).ids()."
            )
        base = registry.get_by_identifier(self._identifier)
        return [key for page in await self._pages() for key in self._keys(base, page.entries)]

    @blocking
    async def instances(self) -> list[M_co]:
        """The instances alone."""
        return [item.instance for page in await self._pages() for item in await self._items(page.entries)]

    acount = awaitable(count)
    aexists = awaitable(exists)
    afirst = awaitable(first)
    acontains = awaitable(contains)
    aids = awaitable(ids)
    ainstances = awaitable(instances)

    def all(self) -> FollowList[M_co]:
        """A copy that has not read anything."""
        return self._copy()

    # What Python asks.

    def __len__(self) -> int:
        """The length of the list where one page holds it all; else how many entries there are now."""
        page, items = self._load()
        return self.count() if self._goes_on(self._start + len(page.entries), page) else len(items)

    def __bool__(self) -> bool:
        return self.exists()

    def __contains__(self, item: object) -> bool:
        return self.contains(item) if isinstance(item, Model) else any(item == each for each in self)

    def __iter__(self) -> Iterator[Item[M_co]]:
        # Read here, not in the generator: list() asks for the length next.
        return self._walk(*self._load())

    def _walk(self, page: Page, items: list[Item[M_co]]) -> Iterator[Item[M_co]]:
        yield from items
        position = self._start + len(page.entries)
        while self._goes_on(position, page):
            page, items = self._next(position, page)
            yield from items
            position += len(page.entries)

    async def __aiter__(self) -> AsyncIterator[Item[M_co]]:
        page, items = await self._aload()
        position = self._start
        while True:
            for item in items:
                yield item
            position += len(page.entries)
            if not self._goes_on(position, page):
                return
            page, items = await self._anext(position, page)

    def __await__(self) -> Generator[Any, None, list[Item[M_co]]]:
        return self._alist().__await__()

    async def _alist(self) -> list[Item[M_co]]:
        return [item async for item in self]

    def __reversed__(self) -> Iterator[Item[M_co]]:
        if self._start == 0 and self._stop == _ENDLESS:
            return iter(self._copy(desc=not self._desc))
        return reversed(list(self))

    @overload
    def __getitem__(self, index: int) -> Item[M_co]: ...
    @overload
    def __getitem__(self, index: slice) -> FollowList[M_co]: ...
    def __getitem__(self, index: int | slice) -> Item[M_co] | FollowList[M_co]:
        """One item, by one round trip (two if the index is negative); or a lazy part."""
        if isinstance(index, slice):
            return self._slice(index)
        if not isinstance(index, int):
            raise TypeError(f"an index must be a whole number or a slice; got {index!r}")
        position = self._start + (index if index >= 0 else index + self.count())
        items = list(self._copy(start=position, stop=position + 1)) if self._start <= position < self._stop else []
        if not items:
            raise IndexError(f"nothing at index {index}: the list ends before, or that object no longer exists")
        return items[0]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (FollowList, list)):
            return list(self) == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        items = list(self[: _SHOWN + 1])
        shown = ", ".join(map(repr, items[:_SHOWN]))
        return f"[{shown}, ...]" if len(items) > _SHOWN else f"[{shown}]"

    def __getstate__(self) -> dict[str, Any]:
        page, items = self._load()
        entries, items = list(page.entries), list(items)
        while self._goes_on(self._start + len(entries), page):
            page, more = self._next(self._start + len(entries), page)
            entries += page.entries
            items += more
        return {**self.__dict__, "_first": (Page(entries, ""), items)}

    def _slice(self, index: slice) -> FollowList[M_co]:
        if index.step not in (None, 1):
            raise ValueError(f"a FollowList has no steps; got {index.step!r}. Take them from list(...).")
        start, stop = index.start or 0, _ENDLESS if index.stop is None else index.stop
        if start < 0 or stop < 0:
            start, stop, _ = index.indices(self.count())
        return self._copy(start=min(self._start + start, self._stop), stop=min(self._start + stop, self._stop))

    def _copy(self, *, desc: bool | None = None, start: int | None = None, stop: int | None = None) -> FollowList[M_co]:
        return FollowList(
            self._resource,
            self._name,
            identifier=self._identifier,
            desc=self._desc if desc is None else desc,
            start=self._start if start is None else start,
            stop=self._stop if stop is None else stop,
        )

    def _within(self, total: int) -> int:
        """How much of a list of this length the slice covers."""
        return max(0, min(total, self._stop) - self._start)

    # Pages.

    def _goes_on(self, position: int, page: Page) -> bool:
        return bool(page.cursor) and position < self._stop

    async def _page(self, position: int, limit: int, cursor: str = "") -> Page:
        limit = min(limit, self._stop - position)
        if limit <= 0:
            return Page([], "")
        offset = 0 if cursor else position
        return await ReadPage(self._resource, self._list, self._desc, limit, offset, cursor)

    async def _pages(self) -> list[Page]:
        pages = [self._first[0] if self._first else await self._page(self._start, MAX_PAGE)]
        position = self._start + len(pages[0].entries)
        while self._goes_on(position, pages[-1]):
            pages.append(await self._page(position, MAX_PAGE, pages[-1].cursor))
            position += len(pages[-1].entries)
        return pages

    @blocking
    async def _load(self) -> tuple[Page, list[Item[M_co]]]:
        """The first page and its items."""
        if self._first is None:
            page = await self._page(self._start, MAX_PAGE)
            self._first = page, await self._items(page.entries)
        return self._first

    @blocking
    async def _next(self, position: int, page: Page) -> tuple[Page, list[Item[M_co]]]:
        """The page after another and its items."""
        page = await self._page(position, MAX_PAGE, page.cursor)
        return page, await self._items(page.entries)

    _aload = awaitable(_load)
    _anext = awaitable(_next)

    async def _items(self, entries: Sequence[Entry]) -> list[Item[M_co]]:
        """The entries with their instances: one query per model. What is gone or hidden is left out."""
        wanted: dict[str, list[Entry]] = {}
        for entry in entries:
            wanted.setdefault(entry[0], []).append(entry)
        found: dict[str, dict[str, Any]] = {}  # by identifier and object id
        for identifier, same in wanted.items():
            found[identifier] = {}
            try:
                base = registry.get_by_identifier(identifier)
            except NotRegistered as error:
                logger.warning("Some %s of %s are left out: %s", self._name, self._resource, error)
                continue
            instances = await _InBulk(base.get_queryset(), self._keys(base, same))
            found[identifier] = {base.primary_key.to_object_id(key): instance for key, instance in instances.items()}
        moment = _aware if settings.USE_TZ else to_datetime
        return [
            Item(instance, moment(timestamp))
            for identifier, object_id, timestamp in entries
            if (instance := found[identifier].get(object_id)) is not None
        ]

    def _keys(self, base: ModelBase, entries: Sequence[Entry]) -> list[Any]:
        """The primary keys that object ids mean; what cannot be a key of its model is left out."""
        keys: list[Any] = []
        for _, object_id, _ in entries:
            try:
                keys.append(base.primary_key.from_object_id(object_id))
            except InvalidObjectId as error:
                logger.warning("An entry of the %s of %s is left out: %s", self._name, self._resource, error)
        return keys


def _aware(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
