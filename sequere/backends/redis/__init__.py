"""The graph in Redis or Valkey, through the scripts of ``lua/``.

Needs redis-py or valkey-py: ``pip install django-sequere[redis]`` or ``django-sequere[valkey]``.
"""

from __future__ import annotations

from .backend import RedisBackend
from .behind import RedisFallbackBackend

__all__ = ["RedisBackend", "RedisFallbackBackend"]
