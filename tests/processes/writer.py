"""One of several processes that write and read: ``python -m tests.processes.writer SEED OPERATIONS SECONDS SHARED``.

Each has edges of its own, knows what must be said of them, and asks after each change. SHARED (0 or 1) says
whether half of the changes tear at edges that all share. Prints as JSON its own edges, for each shared edge
how many follows were new less how many unfollows found one, how many answers it compared, and what was wrong.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections import Counter

from tests.support.calls import Ask

SHARED = 4
OWN = 8


class Writer:
    def __init__(self, seed: int) -> None:
        from sequere.backends import get_backend
        from sequere.resources import Resource

        self.backend = get_backend()
        self.chance = random.Random(seed)
        self.me = Resource("user", f"own-{seed}")
        self.others = [Resource("project", f"é-{number}") for number in range(OWN)]
        self.crowd = [Resource("user", str(number)) for number in range(SHARED)]
        self.edges: dict[str, float] = {}
        self.balance: Counter[tuple[str, str]] = Counter()
        self.compared = 0
        self.wrong: list[str] = []

    def until_told(self, call):
        """The reply to a call, and whether it came at the first try: repeating is safe, but then says "already"."""
        from sequere.exceptions import BackendUnavailable, OutcomeUnknown

        first, deadline = True, time.monotonic() + 60
        while True:
            try:
                return call(), first
            except (BackendUnavailable, OutcomeUnknown):
                if time.monotonic() > deadline:
                    raise
                first = False
                time.sleep(0.02)

    def compare(self, what, got, expected) -> None:
        self.compared += 1
        if got != expected and len(self.wrong) < 20:
            self.wrong.append(f"{time.time():.3f} {what}: got {got}, expected {expected}")

    def change_shared(self) -> None:
        one, other = self.chance.sample(self.crowd, 2)
        timestamp = 1.0 + self.chance.randrange(1000)
        if self.chance.random() < 0.5:
            reply = Ask(self.backend).follow(one, other, timestamp=timestamp)
        else:
            reply = -Ask(self.backend).unfollow(one, other)
        self.balance[one.object_id, other.object_id] += reply

    def change_own(self) -> None:
        other = self.chance.choice(self.others)
        timestamp = float(self.chance.randrange(1, 10**9)) + 0.25
        match self.chance.randrange(20):
            case 0:
                reply, first = self.until_told(lambda: Ask(self.backend).forget(self.me))
                expected, self.edges = len(self.edges), {}
                what = "forget"
                first = False  # a forget that went cold half-way has removed more than it tells
            case 1 | 2:
                some = self.chance.sample(self.others, 3)
                reply, first = self.until_told(
                    lambda: Ask(self.backend).follow_many(self.me, some, timestamp=timestamp)
                )
                expected = [one.object_id not in self.edges for one in some]
                for one in some:
                    self.edges.setdefault(one.object_id, timestamp)
                what = "follow_many"
            case number if number < 12:
                reply, first = self.until_told(lambda: Ask(self.backend).follow(self.me, other, timestamp=timestamp))
                expected = other.object_id not in self.edges
                self.edges.setdefault(other.object_id, timestamp)
                what = "follow"
            case _:
                reply, first = self.until_told(lambda: Ask(self.backend).unfollow(self.me, other))
                expected = self.edges.pop(other.object_id, None) is not None
                what = "unfollow"
        if first:
            self.compare(what, reply, expected)
        self.ask(other)

    def ask(self, other) -> None:
        match self.chance.randrange(4):
            case 0:
                got, _ = self.until_told(lambda: Ask(self.backend).is_following(self.me, other))
                self.compare("is_following", got, other.object_id in self.edges)
            case 1:
                got, _ = self.until_told(lambda: Ask(self.backend).count(self.me, "followings"))
                self.compare("count", got, len(self.edges))
            case 2:
                page, _ = self.until_told(lambda: Ask(self.backend).page(self.me, "followings"))
                self.compare("page", {entry.object_id: entry.timestamp for entry in page.entries}, self.edges)
            case _:
                got, _ = self.until_told(lambda: Ask(self.backend).are_following(self.me, self.others))
                self.compare("are_following", got, [one.object_id in self.edges for one in self.others])


def main(seed: int, operations: int, seconds: float, shared: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.processes.settings")
    import django

    import tests.processes.celery  # noqa: F401  # as the __init__ of a project does

    django.setup()
    writer = Writer(seed)
    began = time.monotonic()
    for number in range(operations):
        if shared and writer.chance.random() < 0.5:
            writer.change_shared()
        else:
            writer.change_own()
        ahead = seconds * number / operations - (time.monotonic() - began)
        if ahead > 0.01:
            time.sleep(ahead)
    time.sleep(1.5)  # the last nudge goes out within a second
    balance = [[*pair, count] for pair, count in writer.balance.items()]
    print(json.dumps({"edges": writer.edges, "balance": balance, "compared": writer.compared, "wrong": writer.wrong}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]))
