"""Operations by name: ``Ask(backend).follow(ada, bob, timestamp=1.0)``, or ``await Ask().afollow(…)``."""

from __future__ import annotations

from asgiref.sync import async_to_sync

from sequere.backends import get_backend
from sequere.backends.operations import (
    MAX_EDGES,
    AddEdges,
    Count,
    Follow,
    Forget,
    IsFollowing,
    MoveEdges,
    ReadPage,
    Relationships,
    Unfollow,
)
from sequere.relations import join_list

BOTH_SIDES = ("followings", "followers", "friends")


def follow(one, other, *, timestamp):
    return Follow(one, other, timestamp)


def follow_many(one, others, *, timestamp):
    return AddEdges("follow", one, others, timestamp)


def unfollow_many(one, others):
    return MoveEdges(one, "followings", others)


def are_following(one, others):
    return Relationships(one, ["followings"], others)


def relationship(one, other):
    return Relationships(one, BOTH_SIDES, [other])


def count(resource, name, *, identifier=""):
    return Count([join_list(name, identifier)], [resource])


def page(resource, name, *, identifier="", **options):
    return ReadPage(resource, join_list(name, identifier), **options)


def _flags_of_moved(operation, moved):
    """For each other, in order, whether it was taken out of the list; one that is named twice was there once."""
    left = [entry[:2] for entry in moved.entries]
    flags = []
    for other in operation.others:
        flags.append(tuple(other) in left)
        if flags[-1]:
            left.remove(tuple(other))
    return flags


#: Name -> what makes the operation, and what its result is to the tests.
MAKERS = {
    "follow": (follow, None),
    "unfollow": (Unfollow, None),
    "follow_many": (follow_many, None),
    "unfollow_many": (unfollow_many, _flags_of_moved),
    "is_following": (IsFollowing, None),
    "are_following": (are_following, lambda operation, bits: [bit == 1 for bit in bits]),
    "relationship": (relationship, lambda operation, bits: tuple(bool(bits[0] >> bit & 1) for bit in range(3))),
    "count": (count, lambda operation, counts: counts[0]),
    "page": (page, None),
    "forget": (Forget, lambda operation, result: result.removed),
}


class Ask:
    """Performs operations on a backend, the configured one by default."""

    def __init__(self, backend=None):
        self.backend = backend or get_backend()

    def __getattr__(self, name):
        make, show = MAKERS[name if name in MAKERS else name.removeprefix("a")]

        def call(*arguments, **options):
            if name.endswith("_many") and len(arguments[1]) > MAX_EDGES:
                one, others = arguments
                return [*call(one, others[:MAX_EDGES], **options), *call(one, others[MAX_EDGES:], **options)]
            operation = make(*arguments, **options)
            result = self.backend.perform(operation)
            return show(operation, result) if show else result

        async def acall(*arguments, **options):
            operation = make(*arguments, **options)
            result = await self.backend.aperform(operation)
            return show(operation, result) if show else result

        return call if name in MAKERS else acall


def both_ways(method, *arguments, **options):
    """An operation performed directly, and asynchronously."""

    @async_to_sync
    async def twin():
        return await getattr(Ask(), f"a{method}")(*arguments, **options)

    return [lambda: getattr(Ask(), method)(*arguments, **options), twin]
