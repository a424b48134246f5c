"""What the database backend costs: ``python -m tests.benchmarks.database --database postgresql``.

The project that is read has 100,000 followers. The unit is ``SELECT 1`` through Django's connection, in the same
rounds. The database is a test database that is removed at the end.
"""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

FOLLOWERS = 100_000
PAGE = 20
BARE = "SELECT 1"


def main() -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections

    from tests.support.databases import ENGINES, follows_in

    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.database", description=__doc__.splitlines()[0])
    parser.add_argument("--database", choices=["sqlite", *ENGINES], default="postgresql")
    parser.add_argument("--rounds", type=int, default=200, help="how often each operation runs (200)")
    options = parser.parse_args()
    alias = "default" if options.database == "sqlite" else options.database
    if alias not in settings.DATABASES:
        parser.error(f"set {ENGINES[alias][0]} to the URL of a {alias}")
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"
    follows_in.set(alias)
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
    creation, name = connections[alias].creation, connections[alias].settings_dict["NAME"]
    creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        fill(alias)
        run(alias, options.rounds, f"{options.database}, {FOLLOWERS:,} followers, {options.rounds} rounds")
    finally:
        creation.destroy_test_db(name, verbosity=0)


def fill(alias: str) -> None:
    from django.db import connections

    from sequere.backends.database.models import Edge
    from tests.testapp.models import User

    ends = {"relation": "follow", "from_identifier": "user", "to_identifier": "project", "to_object_id": "1"}
    for start in range(0, FOLLOWERS, 5_000):
        Edge.objects.using(alias).bulk_create(
            Edge(from_object_id=str(number + 1), timestamp=datetime.fromtimestamp(number, UTC), **ends)
            for number in range(start, start + 5_000)
        )
    newest = range(FOLLOWERS + 1, FOLLOWERS - PAGE, -1)  # and the one that follows while the clock runs
    User.objects.bulk_create(User(pk=number, username=f"user {number}") for number in newest)
    with connections[alias].cursor() as cursor:
        cursor.execute(f"ANALYZE {'TABLE ' * (connections[alias].vendor == 'mysql')}{Edge._meta.db_table}")


def run(alias: str, rounds: int, title: str) -> None:
    from django.db import connections

    from sequere import models as sequere
    from sequere.registry import registry
    from tests.support.calls import Ask
    from tests.testapp.models import Project, User

    from .operations import _is
    from .report import show
    from .rounds import Operation, measure

    def bare() -> object:
        with connections[alias].cursor() as cursor:
            cursor.execute(BARE)
            return cursor.fetchone()

    project = registry.from_key(Project, 1)
    user, other = registry.from_key(User, FOLLOWERS), registry.from_key(User, FOLLOWERS + 1)
    resource = registry.identify(project)
    far = f"{FOLLOWERS // 2 * 1_000_000}:{'f' * 32}"
    full = {
        f"page of {PAGE}, no instances": lambda: Ask().page(resource, "followers", limit=PAGE).entries,
        f"page of {PAGE} in the middle": lambda: Ask().page(resource, "followers", limit=PAGE, cursor=far).entries,
        f"list of {PAGE}, with instances": lambda: list(sequere.get_followers(project)[:PAGE]),
    }
    operations = [
        Operation(BARE, bare, _is((1,))),
        *(Operation(name, call, lambda reply: len(reply) == PAGE, base=BARE) for name, call in full.items()),
        Operation("is_following", lambda: sequere.is_following(user, project), _is(True), base=BARE),
        Operation("exists", lambda: sequere.get_followers(project).exists(), _is(True), base=BARE),
        Operation(
            "follow",
            lambda: sequere.follow(other, project),
            _is(True),
            lambda: sequere.unfollow(other, project),
            base=BARE,
        ),
        Operation(
            "get_followers_count", lambda: sequere.get_followers_count(project) >= FOLLOWERS, _is(True), base=BARE
        ),
    ]
    show(operations, measure(operations, rounds=rounds), title=title)


if __name__ == "__main__":
    main()
