"""The application that owns the tables of write-behind; without it the Redis backend needs none."""

from __future__ import annotations

from django.apps import AppConfig


class RedisConfig(AppConfig):
    """``'sequere.backends.redis'`` in ``INSTALLED_APPS``."""

    name = "sequere.backends.redis"
    label = "sequere_redis"
    verbose_name = "Sequere in Redis"
    default_auto_field = "django.db.models.BigAutoField"
