"""The application: finds the registrations, listens to deletions, registers the checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks


class SequereConfig(AppConfig):
    """``'sequere'`` in ``INSTALLED_APPS``."""

    name = "sequere"
    verbose_name = "Sequere"

    def ready(self) -> None:
        from .checks import check_server, check_settings
        from .deletion import watch
        from .registry import autodiscover, registry

        checks.register(check_settings, "sequere")
        checks.register(check_server, "sequere", deploy=True)
        watch(registry)
        autodiscover()
