"""The lines of the page on upgrading import what 0.x left: from keys, then from its table."""

from __future__ import annotations

import sqlite3

from tests.support.documents import PAGES, commands
from tests.support.former import Former

LINES = commands(PAGES["upgrading"])


def test_keys(in_root, project, valkey):
    folder = project(PAGES["upgrading"])
    with valkey.client() as client:
        Former(client).follow(("user", "1"), ("project", "7"), 1382676091.0)
    in_root("export DJANGO_SETTINGS_MODULE=mysite.production")
    assert [in_root(line, folder) for line in LINES[:2]] == [
        "1 follow read, 1 can be imported, 0 skipped, 0 left out.",
        "1 follow read, 1 imported, 0 existed, 0 blocked, 0 skipped, 0 left out.",
    ]


def test_a_table(in_root, project):
    folder = project(PAGES["backends"])  # it has the settings of the database backend
    in_root("export DJANGO_SETTINGS_MODULE=mysite.database")
    with sqlite3.connect(folder / "db.sqlite3") as connection:
        connection.execute(
            "CREATE TABLE sequere_follow (id integer PRIMARY KEY, created_at datetime, from_object_id integer, "
            "from_identifier text, to_object_id integer, to_identifier text, is_mutual bool)"
        )
        connection.execute("INSERT INTO sequere_follow VALUES (1, '2013-10-25 04:41:31', 1, 'user', 7, 'project', 0)")
    replies = [in_root(line, folder) for line in LINES[2:]]
    assert replies[-1] == "1 follow read, 1 imported, 0 existed, 0 blocked, 0 skipped, 0 left out."
