"""The lists that ``get_followers()`` and similar functions return: they are read only when they are used."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator, Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, Generic, Self, overload

from django.conf import settings
from django.db.models import Model

from .backends.operations import MAX_PAGE, Count, Entry, Page, ReadPage, Relationships
from .exceptions import InvalidArgument, InvalidObjectId, NotRegistered, UnsavedInstance
from .instances import find_instances, find_keys
from .items import I_co, Item, M_co, MutedItem, Part
from .registry import registry
from .relations import FOREVER, join_list
from .resources import Resource, check_resource
from .timestamps import to_datetime, to_moment
from .twins import awaitable, blocking

__all__ = ["FollowList", "Item", "MuteList", "MutedItem"]

#: How many items ``repr()`` shows.
_SHOWN = 20

#: More entries than any list has.
ENDLESS = 10**15 - 1


class _List(Generic[M_co, I_co]):
    """What :class:`FollowList` and :class:`MuteList` share: all but the form of an item."""

    def __init__(
        self,
        resource: Resource,
        name: str,
        *,
        identifier: str = "",
        desc: bool = True,
        start: int = 0,
        stop: int = ENDLESS,
    ) -> None:
        self._resource = resource
        self._name = name
        self._identifier = identifier
        self._list = join_list(name, identifier)
        self._desc = desc
        self._start = start
        self._stop = stop
        self._first: Part[I_co] | None = None

    @property
    def _label(self) -> str:
        """How log messages call the list."""
        return f"{self._name} of {self._resource}"

    # Methods that do not read the list.

    @blocking
    async def count(self) -> int:
        """Return how many entries there are. One round trip, or none if the list was read to its end."""
        whole = self._whole()
        return len(whole.items) if whole else await self._total()

    @blocking
    async def exists(self) -> bool:
        """Return whether there is any entry. One round trip, or none if the first page was read; no SQL."""
        page = self._first.page if self._first else await self._page(self._start, 1)
        return bool(page.entries)

    @blocking
    async def first(self) -> I_co | None:
        """Return the first item that can be shown; None if there is none. One round trip; more if some are hidden."""
        position = self._start
        part = self._first or await self._part(position, 1)
        while part.items:
            if shown := part.shown():
                return shown[0]
            position += len(part.items)
            if not self._goes_on(position, part.page):
                break
            part = await self._part(position, _SHOWN, part.page.cursor)
        return None

    @blocking
    async def contains(self, instance: Model) -> bool:
        """Return whether the list holds an instance. One round trip; for a slice, the slice is read.

        No round trip if the list was read to its end. Raises ``NotRegistered``, ``UnsavedInstance``,
        ``InvalidObjectId`` and ``InvalidArgument`` for a value that cannot be in any list; ``instance in result`` is
        False then.
        """
        return await self._find(check_resource(registry.identify(instance), "instance"))

    # Methods that read it, with one round trip for each 500 entries.

    @blocking
    async def ids(self) -> list[Any]:
        """Return the primary keys, for ``pk__in=``, including those of objects that no longer exist. No SQL.

        Raises :class:`~sequere.exceptions.InvalidArgument` unless the list is of one ``identifier``.
        """
        if not self._identifier:
            raise InvalidArgument(
                "ids() needs a list of one model. Pass identifier=, as in "
                f"get_{self._name.partition('@')[0]}(instance, identifier=User).ids()."
            )
        base = registry.get_by_identifier(self._identifier)
        return [key for page in await self._pages() for key in find_keys(base, page.entries, self._label)]

    @blocking
    async def instances(self) -> list[M_co]:
        """Return the instances without their timestamps."""
        parts = [await self._read()]
        position = self._start + len(parts[0].items)
        while self._goes_on(position, parts[-1].page):
            parts.append(await self._part(position, MAX_PAGE, parts[-1].page.cursor))
            position += len(parts[-1].items)
        return [item.instance for part in parts for item in part.shown()]

    acount = awaitable(count)
    aexists = awaitable(exists)
    afirst = awaitable(first)
    acontains = awaitable(contains)
    aids = awaitable(ids)
    ainstances = awaitable(instances)

    def all(self) -> Self:
        """Return a copy with an empty cache."""
        return self._copy()

    # The protocols of Python.

    def __len__(self) -> int:
        """The number of items if one page holds the whole list; otherwise the number of entries."""
        self._load()
        whole = self._whole()
        return len(whole.shown()) if whole else self.count()

    def __bool__(self) -> bool:
        return self.exists()

    def __contains__(self, item: object) -> bool:
        """Whether an instance, or an item, is in the list; False for anything that cannot be."""
        if isinstance(item, Model):
            try:
                other = check_resource(registry.identify(item))
            except (NotRegistered, UnsavedInstance, InvalidObjectId):
                return False
            return self._holds(other)
        if not (isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], Model)):
            return False
        return item[0] in self and any(item == each for each in self)

    def __iter__(self) -> Iterator[I_co]:
        # Read here, not in the generator: list() asks for the length next.
        return self._walk(self._load())

    def _walk(self, part: Part[I_co]) -> Iterator[I_co]:
        yield from part.shown()
        position = self._start + len(part.items)
        while self._goes_on(position, part.page):
            part = self._next(position, MAX_PAGE, part.page.cursor)
            yield from part.shown()
            position += len(part.items)

    async def __aiter__(self) -> AsyncIterator[I_co]:
        part = await self._aload()
        position = self._start
        while True:
            for item in part.shown():
                yield item
            position += len(part.items)
            if not self._goes_on(position, part.page):
                return
            part = await self._anext(position, MAX_PAGE, part.page.cursor)

    def __await__(self) -> Generator[Any, None, list[I_co]]:
        return self._alist().__await__()

    async def _alist(self) -> list[I_co]:
        return [item async for item in self]

    def __reversed__(self) -> Iterator[I_co]:
        if self._start or self._stop < ENDLESS or self._whole():
            return iter(list(self)[::-1])
        other: Iterable[I_co] = self._copy(desc=not self._desc)
        return iter(other)

    @overload
    def __getitem__(self, index: int) -> I_co: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> I_co | Self:
        """Return one item, with one round trip (two if the index is negative), or a lazy slice."""
        if isinstance(index, slice):
            return self._slice(index)
        try:
            number = operator.index(index)
        except TypeError as error:
            raise TypeError(f"an index must be a whole number or a slice; got {index!r:.80}") from error
        position = number if number >= 0 else number + self.count()
        item = self._at(position) if 0 <= position < self._stop - self._start else None
        if item is None:
            raise IndexError(
                f"no item at index {index}: the list is shorter, or the instance no longer exists or is hidden"
            )
        return item

    def _at(self, position: int) -> I_co | None:
        if self._first and (position < len(self._first.items) or self._whole()):
            return next(iter(self._first.items[position : position + 1]), None)
        position += self._start
        return next(iter(self._next(position, 1).items), None)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, (_List, list)):
            return list(self) == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        items = list(self[: _SHOWN + 1])
        shown = ", ".join(map(repr, items[:_SHOWN]))
        return f"[{shown}, ...]" if len(items) > _SHOWN else f"[{shown}]"

    def __copy__(self) -> Self:
        same = self._copy()
        same._first = self._first
        return same

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self._copy()

    def __getstate__(self) -> dict[str, Any]:
        page, items = self._load()
        entries, items = list(page.entries), list(items)
        while self._goes_on(self._start + len(entries), page):
            page, more = self._next(self._start + len(entries), MAX_PAGE, page.cursor)
            entries += page.entries
            items += more
        self._first = Part(Page(entries, ""), items)
        return self.__dict__

    def _slice(self, index: slice) -> Self:
        if index.step not in (None, 1):
            raise ValueError(f"a FollowList slice cannot have a step; got {index.step!r:.80}. Use list(...)[::n].")
        try:
            start = 0 if index.start is None else operator.index(index.start)
            stop = ENDLESS if index.stop is None else operator.index(index.stop)
        except TypeError as error:
            raise TypeError(f"the ends of a slice must be whole numbers; got {index!r:.80}") from error
        if start < 0 or stop < 0:
            start, stop, _ = index.indices(self.count())
        part = self._copy(start=min(self._start + start, self._stop), stop=min(self._start + stop, self._stop))
        if self._first and (self._whole() or stop <= len(self._first.items)):
            part._first = Part(Page(self._first.page.entries[start:stop], ""), self._first.items[start:stop])
        return part

    def _copy(self, *, desc: bool | None = None, start: int | None = None, stop: int | None = None) -> Self:
        return type(self)(
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

    async def _total(self) -> int:
        return self._within((await Count([self._list], [self._resource]))[0])

    # Pages.

    def _goes_on(self, position: int, page: Page) -> bool:
        return bool(page.cursor) and position < self._stop

    def _whole(self) -> Part[I_co] | None:
        """The whole list, if it was read to its end and is cached."""
        part = self._first
        return part if part and not self._goes_on(self._start + len(part.items), part.page) else None

    async def _page(self, position: int, limit: int, cursor: str = "") -> Page:
        limit = min(limit, self._stop - position)
        if limit <= 0:
            return Page([], "")
        offset = 0 if cursor else position
        return await ReadPage(self._resource, self._list, self._desc, limit, offset, cursor)

    async def _part(self, position: int, limit: int, cursor: str = "") -> Part[I_co]:
        page = await self._page(position, limit, cursor)
        return Part(page, await self._items(page.entries))

    async def _read(self) -> Part[I_co]:
        """The first page and its items."""
        if self._first is None:
            self._first = await self._part(self._start, MAX_PAGE)
        return self._first

    async def _find(self, other: Resource) -> bool:
        """Whether the list holds a resource."""
        whole = self._whole()
        if not whole and not self._start and self._stop == ENDLESS:
            is_wanted = self._identifier in ("", other.identifier)
            return is_wanted and await Relationships(self._resource, [self._name], [other]) == [1]
        pages = [whole.page] if whole else await self._pages()
        return any(entry[:2] == other for page in pages for entry in page.entries)

    _load = blocking(_read)
    _aload = awaitable(_load)
    _next = blocking(_part)
    _anext = awaitable(_next)

    @blocking
    async def _holds(self, other: Resource) -> bool:
        return await self._find(other)

    async def _pages(self) -> list[Page]:
        pages = [self._first.page if self._first else await self._page(self._start, MAX_PAGE)]
        position = self._start + len(pages[0].entries)
        while self._goes_on(position, pages[-1]):
            pages.append(await self._page(position, MAX_PAGE, pages[-1].cursor))
            position += len(pages[-1].entries)
        return pages

    async def _items(self, entries: Sequence[Entry]) -> list[I_co | None]:
        """The entries with their instances: one query per model. None for an entry that cannot be shown."""
        instances = await find_instances(entries, self._label)
        item = self._item_maker()
        return [
            None if instance is None else item(instance, entry.timestamp)
            for instance, entry in zip(instances, entries, strict=True)
        ]

    @staticmethod
    def _item_maker() -> Callable[[Any, float], Any]:
        """A function that makes the item of an instance and the time of its entry."""
        raise NotImplementedError


class FollowList(_List[M_co, Item[M_co]]):
    """A list of an instance, such as its followers: tuples ``(instance, timestamp)``, newest first.

    It is lazy, like a ``QuerySet``: nothing is read before you iterate over it, index it, print it or ask for its
    length. Iterating makes one round trip for each page of 500 entries, and one SQL query per model and page.
    ``list()`` of more than 500 entries makes one more round trip, for the length.

    Iterating over the pages is called a walk. It returns every entry that stays in the list from the first page to the
    last exactly once. It returns an entry that is added meanwhile only if the place of the entry is still ahead: newest
    first, if its timestamp is older than that of the last entry returned; oldest first, if its timestamp is newer, up
    to that of the newest entry when the walk began. It may or may not return an entry that is added with the same
    timestamp as the last entry returned.

    Slices are lazy too. The first page that is read is cached, and operations within it, slices included, need no round
    trip; :meth:`all` returns a list with an empty cache. Pickling reads the whole list and stores it; ``copy.copy()``
    copies the cache, ``copy.deepcopy()`` does not.

    An object that no longer exists, that ``ModelBase.get_queryset`` hides or whose model is no longer registered is
    left out. :meth:`count`, :meth:`exists`, :meth:`contains` and positions include it, because the graph still has it.

    In asynchronous code: ``async for``, ``await result`` (a list), ``await result[:20]``, and the methods whose names
    begin with ``a``. Everything else blocks.
    """

    @staticmethod
    def _item_maker() -> Callable[[Any, float], Any]:
        moment = to_moment if settings.USE_TZ else to_datetime
        return lambda instance, timestamp: Item(instance, moment(timestamp))


class MuteList(_List[M_co, MutedItem[M_co]]):
    """As :class:`FollowList`, of tuples ``(instance, until)``, where ``until`` is None for a mute that never ends.

    Mutes that end last come first. A mute that ends during a walk may or may not be returned.
    """

    @staticmethod
    def _item_maker() -> Callable[[Any, float], Any]:
        return lambda instance, end: MutedItem(instance, to_datetime(end) if end < FOREVER else None)
