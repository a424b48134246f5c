"""What is timed: every public call, what its script alone takes, and the peers."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import redis

from sequere import models as sequere
from sequere.backends import get_backend
from sequere.backends.operations import MAX_EDGES
from sequere.backends.redis.scripts import catalogue
from sequere.registry import registry
from sequere.signals import followed, unfollowed
from tests.support.calls import Ask
from tests.testapp.models import Project, User

from .naive import NaiveFollow
from .rounds import Operation, nothing
from .wire import replay, sent_by

#: Followers of the project that is read, and of each one that is followed while the clock runs.
POPULAR = 100_000
USUAL = 1_000

#: Projects that are followed and unfollowed while the clock runs, each by one operation.
WRITTEN = range(2, 7)

#: Projects that the follower follows all the time, and of one are_following.
MANY = 100

#: Entries of a page.
PAGE = 20

#: Rows of users in the SQL database: the newest followers of the popular project are among them.
ROWS = 1_000

#: A graph whose changes are noted: project 1 has the usual followers, user 1 follows many.
JOURNALED = "journaled:"
JOURNALED_KEYS = (2, JOURNALED, f"{JOURNALED}global:uid")

#: What the bare round trip runs.
BARE = "return 1"


def receiver(**event: Any) -> None:
    """Connected to both signals, so that sending them is part of what is timed."""


def build(client: redis.Redis) -> None:
    """Rows and graph: project 1 is popular, user 1 follows many, and some projects have the usual followers."""
    User.objects.bulk_create(User(pk=pk, username=f"user {pk}") for pk in range(1, ROWS + 1))
    script = catalogue()["follow"]
    client.script_load(script.text)
    begin = int(time.time()) - POPULAR
    pipeline = client.pipeline(transaction=False)
    for project, total in [(1, POPULAR), *((number, USUAL) for number in WRITTEN)]:
        for number in range(total):
            words = "user", total + 1 - number, "project", project, f"{begin + number}.612067"
            pipeline.evalsha(script.sha1, 2, *get_backend().keys, *words)
            if len(pipeline) == 1000:
                pipeline.execute()
    pipeline.execute()
    for number in range(USUAL):
        words = "user", USUAL + 1 - number, "project", 1, f"{begin + number}.612067"
        pipeline.evalsha(script.sha1, *JOURNALED_KEYS, *words)
    for number in range(MANY):
        pipeline.evalsha(
            script.sha1, *JOURNALED_KEYS, "user", 10**6, "project", 1000 + number, f"{begin + number}.612067"
        )
    pipeline.xadd(f"{JOURNALED}global:journal", {"operation": "open"})
    pipeline.execute()
    sequere.follow_many(registry.from_key(User, 1), _projects(1000))
    sequere.follow(registry.from_key(User, 1), registry.from_key(User, 2))
    sequere.follow(registry.from_key(User, 2), registry.from_key(User, 1))
    followed.connect(receiver)
    unfollowed.connect(receiver)


def _projects(first: int) -> list[Project]:
    return [registry.from_key(Project, pk) for pk in range(first, first + MANY)]


def _is(expected: object) -> Callable[[Any], bool]:
    return lambda reply: reply == expected


class Operations:
    """Collects operations by name, each with the bare round trip of as many arguments as its base."""

    def __init__(self, plain: redis.Redis) -> None:
        self.plain = plain
        self.sha1 = plain.script_load(BARE)
        self.all: dict[str, Operation] = {}

    def call(
        self, name: str, call: Callable[[], Any], right: Callable[[Any], bool], prepare: Callable[[], Any] = nothing
    ) -> None:
        """A call of the package."""
        self._add(Operation(name, call, right, prepare, base=self._base(sent_by(call))))

    def script(
        self, of: str, call: Callable[[], Any], right: Callable[[Any], bool], prepare: Callable[[], Any] = nothing
    ) -> None:
        """What a call sends, without the package: what it takes above the bare round trip is Lua's part."""
        words = sent_by(call)
        self._add(Operation(f"{of}: script alone", replay(self.plain, words), right, prepare, base=self._base(words)))

    def journaled(self, of: str, words: list[str], prepare: Callable[[], Any]) -> None:
        """The same script on the graph whose changes are noted, with the journal as guard."""
        sha1, *arguments = words
        words = [sha1, "2", JOURNALED, f"{JOURNALED}global:journal", *arguments]
        name = f"{of}: script alone, noted in a journal"
        self._add(Operation(name, replay(self.plain, words), _is(1), prepare, base=self._base(words)))

    def peer(
        self, name: str, call: Callable[[], Any], right: Callable[[Any], bool], prepare: Callable[[], Any], *, of: str
    ) -> None:
        """Another way to the effect of a call that is there already."""
        self._add(Operation(name, call, right, prepare, base=self.all[of].base))

    def _base(self, words: list[str]) -> str:
        name = f"bare round trip, {len(words) - 2} arguments"
        if name not in self.all:
            self._add(Operation(name, replay(self.plain, words, sha1=self.sha1), _is(1)))
        return name

    def _add(self, operation: Operation) -> None:
        self.all[operation.name] = operation


def add_writes(add: Operations) -> None:
    """What changes the graph. Each has a pair or a resource of its own, put right before each round."""
    user, fresh = registry.from_key(User, 1), registry.from_key(Project, 10**6)
    newcomer, leaver, *followers = (registry.from_key(User, 10**6 + number) for number in range(4))
    follow = {pk: partial(sequere.follow, user, registry.from_key(Project, pk)) for pk in WRITTEN}
    unfollow = {pk: partial(sequere.unfollow, user, registry.from_key(Project, pk)) for pk in WRITTEN}

    add.call("follow", follow[2], _is(True), unfollow[2])
    add.script("follow", follow[3], _is(1), unfollow[3])
    _, _, _, _, *pair, timestamp = sent_by(follow[3])
    pair[1], pair[3] = str(10**6), "1"

    def unfollow_journaled() -> None:
        add.plain.evalsha(catalogue()["unfollow"].sha1, *JOURNALED_KEYS, *pair)
        add.plain.xtrim(f"{JOURNALED}global:journal", maxlen=1, approximate=False)

    add.journaled("follow", [catalogue()["follow"].sha1, *pair, timestamp], unfollow_journaled)
    for name, way, number in [("ten commands", "follow", 1), ("pipelines", "follow_by_pipeline", 2)]:
        naive = NaiveFollow(add.plain, number=number, followings=MANY, followers=USUAL)
        add.peer(f"follow: {name}", getattr(naive, way), lambda reply: reply[0] == 1, naive.unfollow, of="follow")

    def renew() -> None:
        sequere.forget(fresh)
        fresh.pk += 1

    add.call("follow, new resource", lambda: sequere.follow(user, fresh), _is(True), renew)
    add.call("follow, edge exists", follow[4], _is(False), follow[4])
    add.call("unfollow", unfollow[5], _is(True), follow[5])
    add.script("unfollow", unfollow[6], _is(1), follow[6])

    many = _projects(2000)[:MAX_EDGES]
    add.call(
        f"follow_many of {MAX_EDGES}",
        lambda: sequere.follow_many(newcomer, many),
        lambda reply: sum(reply.values()) == MAX_EDGES,
        lambda: sequere.unfollow_many(newcomer, many),
    )

    def join() -> None:
        sequere.follow_many(leaver, many[:3])
        for follower in followers:
            sequere.follow(follower, leaver)

    add.call("forget, 5 follows", lambda: sequere.forget(leaver), _is(5), join)


def add_reads(add: Operations) -> None:
    """What only looks."""
    user, friend = registry.from_key(User, 1), registry.from_key(User, 2)
    project, many = registry.from_key(Project, 1), _projects(1000)
    is_following = partial(sequere.is_following, user, many[50])
    add.call("is_following", is_following, _is(True))
    add.script("is_following", is_following, _is(1))
    add.call(
        f"are_following of {MANY}",
        lambda: sequere.are_following(user, many),
        lambda reply: sum(reply.values()) == MANY,
    )
    add.call("is_friend", lambda: sequere.is_friend(user, friend), _is(True))

    get_count = partial(sequere.get_followers_count, project)
    add.call("get_followers_count", get_count, _is(POPULAR))
    add.script("get_followers_count", get_count, _is([POPULAR]))

    page = partial(Ask().page, registry.identify(project), "followers", limit=PAGE)
    add.call(f"page of {PAGE}, no SQL", page, lambda reply: len(reply.entries) == PAGE)
    add.script(f"page of {PAGE}, no SQL", page, lambda reply: len(reply) == 1 + 3 * PAGE)
    add.call(
        f"page of {PAGE} at {POPULAR // 2:,}",
        lambda: page(offset=POPULAR // 2),
        lambda reply: len(reply.entries) == PAGE,
    )
    listed = f"list of {PAGE}, with SQL"
    add.call(listed, lambda: list(sequere.get_followers(project)[:PAGE]), lambda reply: len(reply) == PAGE)
    script = replay(add.plain, sent_by(page))
    keys = [int(entry.object_id) for entry in page().entries]
    add.peer(
        f"{listed}: script alone, then in_bulk",
        lambda: (script(), User.objects.in_bulk(keys))[1],
        lambda reply: len(reply) == PAGE,
        nothing,
        of=listed,
    )
