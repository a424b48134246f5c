"""Finds the resources whose rows are gone, and forgets them.

Such resources are left by deletions without Django's signals, by deletions while the store failed, and by deletions
that forget only some of the follows (``SEQUERE_FORGET_DELETED``).
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from .backends import get_backend
from .backends.operations import MAX_LISTS, Count, ReadPage
from .exceptions import InvalidObjectId
from .forgetting import find_aliases, find_live, forget_unless_live
from .registry import Registry
from .relations import FOREVER, rows_in_use
from .resources import Resource
from .steps import in_steps


class Fate(StrEnum):
    """What was done with a resource that has no row."""

    #: It is forgotten; or would be, in a dry run.
    FORGOTTEN = "forgotten"
    #: Left alone: no model is registered under its identifier.
    UNREGISTERED = "unregistered"
    #: Left alone: no row of the model can have its object id.
    NO_KEY = "no key"
    #: Left alone: it has a follow that is too young.
    RECENT = "recent"


class Pruned(NamedTuple):
    """A resource without a row, what was done with it, and how many follows were removed."""

    resource: Resource
    fate: Fate
    removed: int = 0


def prune(
    registry: Registry,
    *,
    dry_run: bool = False,
    min_age: float = 3600.0,
    on_step: Callable[[int], object] = lambda looked_at: None,
) -> Iterator[Pruned]:
    """Forget the resources of registered models whose rows are gone. Yields one item for each resource without a row.

    If a row is created meanwhile, its resource stays: the database is asked again before each 100 follows. Resources
    with a follow younger than ``min_age`` seconds are left alone, because their rows may not be committed yet. With
    ``dry_run`` nothing is removed. ``on_step`` is called with the number of resources looked at.

    One SQL query for each model and 500 resources, and what :meth:`~sequere.backends.base.BaseBackend.resources` of
    the backend needs. For each resource without a row one round trip for the kinds, one for each ten lists, one for
    each list that is not empty, and then one query and one round trip for each 100 follows. Raises what the backend
    raises; call it again to continue.
    """
    looked_at = 0
    told: set[Resource] = set()  # the database backend yields a resource once for each side of its edges
    for batch in get_backend().resources():
        for resource, fate in _find_gone(registry, batch):
            if resource not in told:
                told.add(resource)
                yield from _prune(registry, resource, fate, dry_run=dry_run, min_age=min_age)
        looked_at += len(batch)
        on_step(looked_at)


def _find_gone(registry: Registry, resources: Iterable[Resource]) -> Iterator[tuple[Resource, Fate]]:
    """The resources without a row, each with what to do with it. One SQL query for each model."""
    identifiers = set(registry.identifiers)
    keys: dict[str, dict[Any, Resource]] = defaultdict(dict)
    for resource in resources:
        if resource.identifier not in identifiers:
            yield resource, Fate.UNREGISTERED
            continue
        key = find_key(registry, resource)
        if key is None:
            yield resource, Fate.NO_KEY
        else:
            keys[resource.identifier][key] = resource
    for identifier, wanted in keys.items():
        base = registry.get_by_identifier(identifier)
        live = find_live(base, wanted, find_aliases(base))
        for resource in wanted.values():
            if resource.object_id not in live:
                yield resource, Fate.FORGOTTEN


def find_key(registry: Registry, resource: Resource) -> Any:
    """The primary key of a resource of a registered model; None if no row can have it. No query."""
    try:
        return registry.get_by_identifier(resource.identifier).primary_key.from_object_id(resource.object_id)
    except InvalidObjectId:
        return None


def _prune(registry: Registry, resource: Resource, fate: Fate, *, dry_run: bool, min_age: float) -> Iterator[Pruned]:
    if fate is not Fate.FORGOTTEN:
        yield Pruned(resource, fate)
    elif min_age and _find_newest(resource) > time.time() - min_age:
        yield Pruned(resource, Fate.RECENT)
    elif dry_run:
        yield Pruned(resource, fate)
    else:
        base = registry.get_by_identifier(resource.identifier)
        forgotten = forget_unless_live(base, resource, find_aliases(base))
        if forgotten.done or forgotten.removed:  # else it has a row by now
            yield Pruned(resource, fate, forgotten.removed)


def _find_newest(resource: Resource) -> float:
    """Since when the newest edge of a resource exists, of any relation and kind, in either direction; 0.0 without any.

    The time of a mute is when it ends; only that of one that never ends also says since when it exists.
    """
    newest = 0.0
    rows = {name: row for row in rows_in_use(get_backend().kinds()) for name in (row.forward, row.backward)}
    for lists in in_steps(rows, MAX_LISTS):
        sizes = Count(lists, [resource]).perform()
        for name in (name for name, size in zip(lists, sizes, strict=True) if size):
            for entry in ReadPage(resource, name, limit=1).perform().entries:
                is_end = rows[name].expires
                newest = max(newest, entry.timestamp - FOREVER if is_end else entry.timestamp)
    return newest
