"""The databases of the matrix: SQLite always; PostgreSQL and MariaDB where the environment names one.

``SEQUERE_TEST_POSTGRESQL`` and ``SEQUERE_TEST_MARIADB`` hold URLs such as ``postgresql://user:password@host:5432/name``.
The tests' own models stay in SQLite; :class:`FollowRouter` sends the follows where a test wants them.
``SEQUERE_TEST_ISOLATION`` is the isolation level of both, such as ``repeatable read``; without it Django's.
"""

from __future__ import annotations

import os
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


class FollowRouter:
    """Sends the follows to the database under test; every other model stays in the default one."""

    def db_for_read(self, model, **hints):
        return follows_in.get() if model._meta.app_label in OURS else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return db == "default" or app_label in OURS
