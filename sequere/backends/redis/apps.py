"""The application that owns the tables of write-behind; without it the Redis backend needs none."""

from __future__ import annotations

import sys
from typing import Any

from django.apps import AppConfig


class RedisConfig(AppConfig):
    """``'sequere.backends.redis'`` in ``INSTALLED_APPS``."""

    name = "sequere.backends.redis"
    label = "sequere_redis"
    verbose_name = "Sequere in Redis"
    default_auto_field = "django.db.models.BigAutoField"

    #: The project's Celery application, if it has made one. Other threads than this one would not know it.
    celery: Any = None

    def ready(self) -> None:
        if "celery" in sys.modules:
            from celery.app import app_or_default

            self.celery = app_or_default()
