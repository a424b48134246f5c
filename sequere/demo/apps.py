"""The application of the demo."""

from __future__ import annotations

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """The application of the demo, which only :mod:`.project` installs."""

    name = "sequere.demo"
    label = "sequere_demo"
    default_auto_field = "django.db.models.BigAutoField"
