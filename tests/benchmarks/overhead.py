"""How much Python the public functions add to the client's own call: ``python -m tests.benchmarks.overhead``.

The client's call is ``evalsha`` of the same words. Nothing is sent: what redis-py does below ``execute_command`` is
left out of both, so the difference of the two is the package's part. Each figure is the minimum of several runs.
"""

from __future__ import annotations

import os
import timeit
from unittest import mock

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

CALLS, RUNS = 5_000, 7


def main() -> None:
    import django
    import redis
    from django.conf import settings
    from rich.console import Console
    from rich.table import Table

    from tests.support.servers import running

    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    django.setup()
    from sequere import models as sequere
    from sequere import registry
    from tests.testapp.models import Project, User

    from .wire import replay, sent_by

    user = registry.from_key(User, 1)
    project, *others = [registry.from_key(Project, number) for number in range(1, 22)]
    calls = {
        "follow": (lambda: sequere.follow(user, project), 1),
        "follow, edge exists": (lambda: sequere.follow(user, project), 0),
        "unfollow": (lambda: sequere.unfollow(user, project), 1),
        "is_following": (lambda: sequere.is_following(user, project), 1),
        "is_friend": (lambda: sequere.is_friend(user, user), [1]),
        "get_followers_count": (lambda: sequere.get_followers_count(project), [5]),
        "exists": (lambda: sequere.get_followers(project).exists(), [b""]),
        "are_following of 20": (lambda: sequere.are_following(user, others), [1] * 20),
    }
    table = Table(title=f"µs of Python, redis-py {redis.__version__}", title_justify="left")
    for column in ("call", "package", "client", "difference"):
        table.add_column(column, justify="left" if column == "call" else "right", no_wrap=True)
    with running("valkey-9.1") as server, server.client() as plain:
        settings.SEQUERE_REDIS_CONNECTION = server.connection
        for name, (call, reply) in calls.items():
            alone = replay(plain, sent_by(call))
            with mock.patch.object(redis.Redis, "execute_command", lambda *words, reply=reply, **options: reply):
                ours, theirs = (
                    min(timeit.repeat(one, number=CALLS, repeat=RUNS)) / CALLS * 1e6 for one in (call, alone)
                )
            table.add_row(name, f"{ours:.1f}", f"{theirs:.1f}", f"{ours - theirs:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
