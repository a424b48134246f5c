"""One of several processes that follow and unfollow the same pairs: ``python -m tests.support.racer``.

Reads from its standard input, as JSON, the settings, the alias of the database and the seed. Prints, as JSON, for
each pair how many of its follows were new less how many of its unfollows found an edge: over all processes that
sum is what must exist in the end.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter

from tests.support.calls import Ask

USERS = 20
OPERATIONS = 600


def race(seed: int) -> Counter[tuple[str, str]]:
    from sequere.backends import get_backend
    from sequere.resources import Resource

    backend, chance, balance = get_backend(), random.Random(seed), Counter()

    def somebody() -> Resource:
        return Resource("user", str(chance.randrange(USERS)))

    for number in range(OPERATIONS):
        one = somebody()
        # Every tenth is new to the graph, to all processes at about the same time.
        others = [Resource("project", f"new-{number}")] if number % 10 == 0 else [somebody() for _ in range(3)]
        others = [other for other in others if other != one]
        if not others:
            continue
        timestamp = 1.0 + chance.randrange(1000)
        match chance.randrange(6):
            case 0:
                replies = Ask(backend).follow_many(one, others, timestamp=timestamp)
            case 1:
                replies = [-reply for reply in Ask(backend).unfollow_many(one, others)]
            case 2 | 3 | 4:
                replies = [Ask(backend).follow(one, others[0], timestamp=timestamp)]
            case _:
                replies = [-Ask(backend).unfollow(one, others[0])]
        for other, reply in zip(others, replies, strict=False):
            balance[one.object_id, other.object_id] += reply
    return balance


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    task = json.load(sys.stdin)
    import django
    from django.conf import settings

    from tests.support.databases import follows_in

    for name, value in task["settings"].items():
        setattr(settings, name, value)
    follows_in.set(task["alias"])
    django.setup()
    balance = race(task["seed"])
    print(json.dumps([[*pair, count] for pair, count in balance.items() if count]))


if __name__ == "__main__":
    main()
