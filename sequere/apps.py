"""The application: it imports the registrations, listens to deletions and registers the checks."""

from __future__ import annotations

import sys
from typing import Any

from django.apps import AppConfig
from django.core import checks


class SequereConfig(AppConfig):
    """``'sequere'`` in ``INSTALLED_APPS``."""

    name = "sequere"
    verbose_name = "Sequere"

    #: The project's Celery application, if it has created one. Celery would not find it in other threads than this one.
    celery: Any = None

    def ready(self) -> None:
        from .checks import check_server, check_settings
        from .deletion import watch
        from .registry import autodiscover, registry

        checks.register(check_settings, "sequere")
        checks.register(check_server, "sequere", deploy=True)
        if "celery" in sys.modules:
            from celery.app import app_or_default

            self.celery = app_or_default()
        watch(registry)
        autodiscover()
