"""The application: finds the registrations, registers the checks, holds the backend."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.core import checks
from django.core.signals import setting_changed

if TYPE_CHECKING:
    from .backends.base import BaseBackend


class SequereConfig(AppConfig):
    """``'sequere'`` in ``INSTALLED_APPS``."""

    name = "sequere"
    verbose_name = "Sequere"

    @cached_property
    def backend(self) -> BaseBackend:
        """The configured backend; made anew when a setting of ours changes."""
        from .backends import make_backend

        return make_backend()

    def ready(self) -> None:
        from .checks import check_server, check_settings
        from .registry import autodiscover

        checks.register(check_settings, "sequere")
        checks.register(check_server, "sequere", deploy=True)
        setting_changed.connect(self._on_setting_changed)
        autodiscover()

    def _on_setting_changed(self, *, setting: str, **kwargs: Any) -> None:
        if setting.startswith("SEQUERE_"):
            self.__dict__.pop("backend", None)
