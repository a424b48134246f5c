"""The application of the Redis backend; it has no table."""

from __future__ import annotations

from django.apps import AppConfig


class RedisConfig(AppConfig):
    """``'sequere.backends.redis'`` in ``INSTALLED_APPS``."""

    name = "sequere.backends.redis"
    label = "sequere_redis"
    verbose_name = "Sequere in Redis"
