"""Any registered model instance can follow any other.

Register models in a ``sequere_registry`` module of your application; then use the functions of
``sequere.models``, or ``sequere.mixin.SequereMixin``.
"""

from __future__ import annotations

from .base import ModelBase
from .registry import Registry, autodiscover, registry

__all__ = ["ModelBase", "Registry", "__version__", "autodiscover", "register", "registry"]

__version__ = "1.0.0"

register = registry.register
