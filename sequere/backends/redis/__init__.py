"""Follows in Redis or Valkey, by the scripts of ``lua/``. Needs redis-py: ``pip install django-sequere[redis]``."""

from __future__ import annotations

from .backend import RedisBackend
from .behind.backend import RedisFallbackBackend

__all__ = ["RedisBackend", "RedisFallbackBackend"]
