"""Models of the tests in each database of the matrix, not in the default one alone."""

from __future__ import annotations

from contextlib import contextmanager

from django.conf import settings
from django.db import connections

from tests.support.databases import ENGINES


@contextmanager
def tables_of(models):
    """The tables of these models in the databases that lack them."""
    aliases = [alias for alias in ENGINES if alias in settings.DATABASES]
    for alias in aliases:
        with connections[alias].schema_editor() as editor:
            for model in models:
                editor.create_model(model)
    yield
    for alias in aliases:
        with connections[alias].schema_editor() as editor:
            for model in models:
                editor.delete_model(model)


class ModelRouter:
    """Sends these models to one database."""

    def __init__(self, models, alias):
        self.models, self.alias = models, alias

    def db_for_read(self, model, **hints):
        return self.alias if model in self.models else None

    db_for_write = db_for_read
