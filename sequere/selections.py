"""Combined lists: the entries that two lists have in common, or that one has and another lacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from django.db.models import Model

from .backends.operations import MAX_FILTERS, MAX_LISTS, MAX_SELECTED, Filter, Page, Relationships, Select
from .exceptions import InvalidArgument
from .registry import registry
from .resources import Resource
from .results import ENDLESS, FollowList, Item
from .steps import in_steps
from .twins import awaitable, blocking

M = TypeVar("M", bound=Model)
M_co = TypeVar("M_co", bound=Model, covariant=True)


class Estimate(NamedTuple):
    """How many entries a selection has, and whether that is exact."""

    number: int
    is_exact: bool


class Selection(FollowList[M_co]):
    """The entries of a list that are also in other lists, or not in them; :func:`combine` makes one.

    It is a :class:`~sequere.results.FollowList` with these differences. The server walks the smallest of the lists that
    must contain every entry, newest first by the times of that list, and looks at up to 1,000 entries in one round
    trip, divided by the number of other lists. The items have the time that they have in the first list. A round trip
    returns up to 100 of them, fewer if few pass, and SQL finds the instances of up to 100 at once.

    It has no access by position: an index or a slice reads all items before it. ``count()`` and ``len()`` read the
    whole selection; :meth:`estimate` is one round trip. ``exists()`` reads until it finds an item, and ``contains()``
    makes one round trip for each instance whose lists are compared. ``reversed()`` reads everything first.
    """

    def __init__(
        self,
        resource: Resource,
        name: str,
        list_: str,
        filters: Sequence[Filter],
        *,
        identifier: str = "",
        start: int = 0,
        stop: int = ENDLESS,
    ) -> None:
        super().__init__(resource, name, identifier=identifier, start=start, stop=stop)
        self._list = list_
        self._filters = tuple(filters)

    def both(self, other: FollowList[Any]) -> Selection[M_co]:
        """Return a selection of the entries that are also in the other list. No round trip.

        ``other`` may be a selection. Raises ``InvalidArgument`` if it is a slice or oldest first, or if more than 10
        lists are combined with the first.
        """
        filters = _check_whole(other)._filters
        return self._with(Filter("&", other._resource, other._list), *filters)

    def without(self, other: FollowList[Any]) -> Selection[M_co]:
        """Return a selection of the entries that are not in the other list. No round trip.

        ``other`` must not be a selection of several lists. Raises ``InvalidArgument`` for one; otherwise as
        :meth:`both`.
        """
        if _check_whole(other)._filters:
            raise InvalidArgument("without() takes a list that is not combined; call it for each of several lists")
        return self._with(Filter("-", other._resource, other._list))

    @blocking
    async def estimate(self) -> Estimate:
        """Return an estimate of the number of entries. One round trip; with the database, one more query.

        It is exact if that round trip reached the end of the smallest list. Otherwise it assumes that the other entries
        of this list pass at the same rate as the newest. No round trip if the selection was read to its end.
        """
        if whole := self._whole():
            return Estimate(len(whole.items), is_exact=True)
        found = await Select(self._resource, self._list, self._filters, sized=True)
        number = len(found.entries)
        if found.cursor and found.size:
            number = round(number / found.looked * found.size)
        return Estimate(self._within(number), is_exact=not found.cursor)

    aestimate = awaitable(estimate)

    def __len__(self) -> int:
        """How many items can be shown. All are read, and cached, so that ``list()`` reads them once."""
        self.__getstate__()
        return len(self._load().shown())

    def __iter__(self) -> Iterator[Item[M_co]]:
        # A generator, so that iter() reads nothing: list() calls len() after it, and then reads from the cache.
        yield from self._walk(self._load())

    def __reversed__(self) -> Iterator[Item[M_co]]:
        return reversed(list(self))

    def _with(self, *filters: Filter) -> Selection[M_co]:
        if len(self._filters) + len(filters) > MAX_FILTERS:
            raise InvalidArgument(f"a list can be combined with {MAX_FILTERS} others; got more")
        selection = _check_whole(self)._copy()
        selection._filters += filters
        return selection

    def _copy(self, *, desc: bool | None = None, start: int | None = None, stop: int | None = None) -> Selection[M_co]:
        return Selection(
            self._resource,
            self._name,
            self._list,
            self._filters,
            identifier=self._identifier,
            start=self._start if start is None else start,
            stop=self._stop if stop is None else stop,
        )

    async def _total(self) -> int:
        return sum(len(page.entries) for page in await self._pages())

    async def _page(self, position: int, limit: int, cursor: str = "") -> Page:
        """Return up to ``limit`` entries, at most 100, with several calls if necessary."""
        limit = min(limit, self._stop - position, MAX_SELECTED)
        if limit <= 0:
            return Page([], "")
        ahead, page = 0 if cursor else position, Page([], cursor)
        while len(page.entries) < limit:
            wanted = min(ahead + limit - len(page.entries), MAX_SELECTED)
            found = await Select(self._resource, self._list, self._filters, wanted, cursor=page.cursor)
            page = Page([*page.entries, *found.entries[ahead:]], found.cursor)
            ahead = max(ahead - len(found.entries), 0)
            if not page.cursor:
                break
        return page

    async def _find(self, other: Resource) -> bool:
        if self._whole() or self._start or self._stop < ENDLESS:
            return await super()._find(other)
        lists: dict[Resource, list[Filter]] = {}
        for one in (Filter("&", self._resource, self._list), *self._filters):
            lists.setdefault(one.resource, []).append(one)
        for owner, asked in lists.items():
            for step in in_steps(asked, MAX_LISTS):
                (bits,) = await Relationships(owner, [one.name for one in step], [other])
                if any(bool(bits >> place & 1) != (one.sign == "&") for place, one in enumerate(step)):
                    return False
        return True


def combine(first: FollowList[M]) -> Selection[M]:
    """Return a list that can be combined with others.

    ``combine(get_followers(a)).both(get_followings(b)).without(get_followers(c))`` has the followers of a that b
    follows and that do not follow c. Nothing is read before the result is used; see :class:`Selection`. Raises
    ``InvalidArgument`` if ``first`` is a slice or oldest first.

    A selection cannot be a union: show one list, then ``combine(other).without(one)``, which has the rest.
    """
    return _check_whole(first)


def hide_for(shown: FollowList[M], viewer: Model) -> Selection[M]:
    """Return a list without the instances that a viewer blocks, and those that block the viewer."""
    resource = registry.identify(viewer, "viewer")
    return _check_whole(shown)._with(Filter("-", resource, "blocked"), Filter("-", resource, "blocked_by"))


def _check_whole(one: FollowList[M]) -> Selection[M]:
    if not isinstance(one, FollowList) or not one._desc or one._start or one._stop < ENDLESS:
        raise InvalidArgument(f"combine a list that is newest first and not a slice; got {type(one).__name__}")
    if isinstance(one, Selection):
        return one
    return Selection(one._resource, one._name, one._list, (), identifier=one._identifier)
