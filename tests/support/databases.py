"""The databases of the matrix: SQLite always; PostgreSQL and MariaDB where the environment names one.

``SEQUERE_TEST_POSTGRESQL`` and ``SEQUERE_TEST_MARIADB`` hold URLs such as ``postgresql://user:password@host:5432/name``.
The tests' own models stay in SQLite; :class:`FollowRouter` sends the follows where a test wants them.
``SEQUERE_TEST_ISOLATION`` is the isolation level of both, such as ``repeatable read``; without it Django's.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from urllib.parse import unquote, urlsplit

ENGINES = {
    "postgresql": ("SEQUERE_TEST_POSTGRESQL", "django.db.backends.postgresql"),
    "mariadb": ("SEQUERE_TEST_MARIADB", "django.db.backends.mysql"),
}

ISOLATION = "SEQUERE_TEST_ISOLATION"

#: The alias of the database that holds the follows.
_DEFAULT = os.environ.get("SEQUERE_TEST_FOLLOWS", "default")
follows_in: ContextVar[str] = ContextVar("follows_in", default=_DEFAULT)


def databases() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ.get("SEQUERE_TEST_SQLITE", ":memory:"),
            "OPTIONS": {"timeout": 60},
        }
    }
    for alias, (variable, engine) in ENGINES.items():
        if os.environ.get(variable):
            url = urlsplit(os.environ[variable])
            found[alias] = {
                "ENGINE": engine,
                "NAME": url.path.lstrip("/"),
                "USER": unquote(url.username or ""),
                "PASSWORD": unquote(url.password or ""),
                "HOST": url.hostname or "",
                "PORT": str(url.port or ""),
                "OPTIONS": _options(alias),
            }
    if "mariadb" in found:
        import pymysql

        pymysql.install_as_MySQLdb()
    return found


def _options(alias: str) -> dict[str, object]:
    level = os.environ.get(ISOLATION)
    if not level:
        return {}
    if alias == "postgresql":
        from psycopg import IsolationLevel

        return {"isolation_level": IsolationLevel[level.upper().replace(" ", "_")]}
    return {"isolation_level": level}


#: The applications whose tables stand together in the database under test.
OURS = ("sequere_database", "sequere_redis")


@contextmanager
def narrow(alias, charset):
    """Within it, a database knows the characters of ``charset`` only: MariaDB's connection, PostgreSQL's database.

    For tests that are not in a transaction.
    """
    from django.core.management import call_command
    from django.db import connections

    connection = connections[alias]
    connection.close()
    before = {name: connection.settings_dict[name] for name in ("NAME", "OPTIONS")}
    if connection.vendor == "mysql":
        connection.settings_dict["OPTIONS"] = {**before["OPTIONS"], "charset": charset}
    else:
        name = f"{before['NAME']}_{charset}"
        with connection.creation._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name} ENCODING '{charset}' LOCALE 'C' TEMPLATE template0")
        connection.settings_dict["NAME"] = name
        for label in OURS:
            call_command("migrate", label, database=alias, verbosity=0)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(before)
        if connection.vendor == "postgresql":
            with connection.creation._nodb_cursor() as cursor:
                cursor.execute(f"DROP DATABASE {name}")


class FollowRouter:
    """Sends the follows to the database under test; every other model stays in the default one."""

    def db_for_read(self, model, **hints):
        return follows_in.get() if model._meta.app_label in OURS else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return db == "default" or app_label in OURS
