"""One of several processes that write and read: ``python -m tests.processes.writer SEED [options]``.

Each has edges of its own, knows what must be said of them, and asks after each change; without ``--alone`` half of the
changes tear at edges that all share. Without ``--operations`` it goes on until SIGTERM; SIGUSR1 stops it before its
next operation (SIGSTOP) until SIGCONT. With ``--nested`` each write is in a transaction of the caller that has read
before.

Prints ``ready`` when it begins, and at its end as JSON its own edges, for each shared edge how many follows were new
less how many unfollows found one, what was wrong, and counts: answers ``compared``, writes that the database took
because Redis was ``cold``, calls that were ``repeated`` because a store did not answer, ``conflicts`` in a transaction
of the caller and ``commits`` that failed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import time
from collections import Counter

from tests.support.calls import Ask

SHARED = 4
OWN = 8


class Writer:
    def __init__(self, seed: int, *, nested: bool) -> None:
        from sequere.backends import get_backend
        from sequere.resources import Resource

        self.backend, self.nested = get_backend(), nested
        self.count_cold_writes()
        self.chance = random.Random(seed)
        self.me = Resource("user", f"own-{seed}")
        self.others = [Resource("project", f"é-{number}") for number in range(OWN)]
        self.crowd = [Resource("user", str(number)) for number in range(SHARED)]
        self.edges: dict[str, float] = {}
        self.balance: Counter[tuple[str, str]] = Counter()
        self.counted: Counter[str] = Counter()
        self.wrong: list[str] = []

    def count_cold_writes(self) -> None:
        perform = self.backend.perform_while_cold

        def counted(operation):
            replies = perform(operation)
            self.counted["cold"] += operation.writes and len(replies)
            return replies

        self.backend.perform_while_cold = counted

    def write(self, call):
        """The reply to a write."""
        if not self.nested:
            return call()
        from django.db import OperationalError

        from sequere.exceptions import WriteConflict

        while True:
            done, cold = [], self.counted["cold"]
            try:
                self.write_nested(call, done)
            except WriteConflict:
                self.counted["conflicts"] += 1
            except OperationalError:
                if not done:
                    raise
                self.counted["commits"] += 1  # the caller's commit, which PostgreSQL may refuse at SERIALIZABLE
                if self.counted["cold"] == cold:
                    return done[0]  # Redis does not roll back
            else:
                return done[0]
            time.sleep(self.chance.uniform(0, 0.02))

    def write_nested(self, call, done) -> None:
        from django.db import transaction

        from sequere.backends.database.models import Edge
        from sequere.backends.redis.models import get_alias

        alias = get_alias()
        with transaction.atomic(using=alias):
            Edge.objects.using(alias).exists()  # from here on the transaction sees the state of now, at some levels
            done.append(call())

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
                self.counted["repeated"] += 1
                time.sleep(0.02)

    def change(self, call):
        """As :meth:`until_told`, for a write."""
        return self.until_told(lambda: self.write(call))

    def compare(self, what, got, expected) -> None:
        self.counted["compared"] += 1
        if got != expected and len(self.wrong) < 20:
            self.wrong.append(f"{time.time():.3f} {what}: got {got}, expected {expected}")

    def change_shared(self) -> None:
        one, other = self.chance.sample(self.crowd, 2)
        timestamp = 1.0 + self.chance.randrange(1000)
        if self.chance.random() < 0.5:
            reply = self.write(lambda: Ask(self.backend).follow(one, other, timestamp=timestamp))
        else:
            reply = -self.write(lambda: Ask(self.backend).unfollow(one, other))
        self.balance[one.object_id, other.object_id] += reply

    def change_own(self) -> None:
        other = self.chance.choice(self.others)
        timestamp = float(self.chance.randrange(1, 10**9)) + 0.25
        match self.chance.randrange(20):
            case 0:
                reply, first = self.change(lambda: Ask(self.backend).forget(self.me))
                expected, self.edges = len(self.edges), {}
                what = "forget"
                first = False  # a forget that went cold half-way has removed more than it tells
            case 1 | 2:
                some = self.chance.sample(self.others, 3)
                reply, first = self.change(lambda: Ask(self.backend).follow_many(self.me, some, timestamp=timestamp))
                expected = [one.object_id not in self.edges for one in some]
                for one in some:
                    self.edges.setdefault(one.object_id, timestamp)
                what = "follow_many"
            case number if number < 12:
                reply, first = self.change(lambda: Ask(self.backend).follow(self.me, other, timestamp=timestamp))
                expected = other.object_id not in self.edges
                self.edges.setdefault(other.object_id, timestamp)
                what = "follow"
            case _:
                reply, first = self.change(lambda: Ask(self.backend).unfollow(self.me, other))
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


class Signals:
    """What the test wants of this process."""

    def __init__(self) -> None:
        self.is_ended = self.is_stopped = False
        signal.signal(signal.SIGTERM, self.end)
        signal.signal(signal.SIGUSR1, self.stop)

    def end(self, *_) -> None:
        self.is_ended = True

    def stop(self, *_) -> None:
        self.is_stopped = True


def moments(options, signals):
    """Comes back whenever the next operation is due: so many evenly over the time, or one after another."""
    began = time.monotonic()
    for number in range(options.operations) if options.operations else itertools.count():
        if signals.is_stopped:
            signals.is_stopped = False
            os.kill(os.getpid(), signal.SIGSTOP)
        if signals.is_ended and not options.operations:
            return
        yield
        if options.operations:
            ahead = options.seconds * number / options.operations - (time.monotonic() - began)
            if ahead > 0.01:
                time.sleep(ahead)
        elif options.pause:
            time.sleep(options.pause)


def read_options():
    parser = argparse.ArgumentParser()
    parser.add_argument("seed", type=int)
    parser.add_argument("--operations", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.0, help="for all the operations")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two, without --operations")
    parser.add_argument("--alone", action="store_true")
    parser.add_argument("--nested", action="store_true")
    return parser.parse_args()


def main() -> None:
    options, signals = read_options(), Signals()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.processes.settings")
    import django
    from django.conf import settings

    import tests.processes.celery  # noqa: F401  # as the __init__ of a project does

    django.setup()
    writer = Writer(options.seed, nested=options.nested)
    print("ready", flush=True)
    for _ in moments(options, signals):
        if not options.alone and writer.chance.random() < 0.5:
            writer.change_shared()
        else:
            writer.change_own()
    if settings.CELERY_BROKER_URL:
        time.sleep(1.5)  # the last nudge goes out within a second
    balance = [[*pair, count] for pair, count in writer.balance.items()]
    told = {"edges": writer.edges, "balance": balance, "wrong": writer.wrong, "counted": writer.counted}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
