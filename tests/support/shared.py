"""Databases that the test shares with other processes."""

from __future__ import annotations

import os
from contextlib import contextmanager

from django.core.management import call_command
from django.db import connections

from tests.conftest import use_database
from tests.support.databases import ENGINES, OURS


@contextmanager
def use_shared(kind, path):
    """Send the follows to a database that processes share, SQLite in a file at ``path``; gives their environment."""
    with _use_file(path) if kind == "sqlite" else _use_server(kind) as environment:
        yield environment


@contextmanager
def _use_file(path):
    with use_database("sqlite") as alias:
        in_memory = connections[alias]
        connections[alias] = in_file = in_memory.copy()
        in_file.settings_dict["NAME"] = str(path)
        try:
            for application in OURS:
                call_command("migrate", application, database=alias, verbosity=0)
            yield {"SEQUERE_TEST_FOLLOWS": alias, "SEQUERE_TEST_SQLITE": str(path)}
        finally:
            in_file.close()
            connections[alias] = in_memory


@contextmanager
def _use_server(kind):
    with use_database(kind) as alias:
        variable = ENGINES[kind][0]
        url, _, _ = os.environ[variable].rpartition("/")
        yield {"SEQUERE_TEST_FOLLOWS": alias, variable: f"{url}/{connections[alias].settings_dict['NAME']}"}
