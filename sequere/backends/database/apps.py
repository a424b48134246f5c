"""The application that owns the table."""

from __future__ import annotations

from django.apps import AppConfig


class DatabaseConfig(AppConfig):
    """``'sequere.backends.database'`` in ``INSTALLED_APPS``."""

    name = "sequere.backends.database"
    label = "sequere_database"
    verbose_name = "Sequere follows"
