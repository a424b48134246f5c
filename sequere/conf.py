"""The settings, read when they are needed, so that ``override_settings`` works."""

from __future__ import annotations

from typing import Any

from django.conf import settings

#: Every setting of the package and its default.
DEFAULTS: dict[str, Any] = {
    "SEQUERE_BACKEND_CLASS": "sequere.backends.database.DatabaseBackend",
    "SEQUERE_REDIS_CONNECTION": None,
    "SEQUERE_REDIS_CONNECTION_CLASS": None,
    "SEQUERE_REDIS_REPLICA_CONNECTION": None,
    "SEQUERE_REDIS_PREFIX": "sequere:",
    "SEQUERE_REDIS_FALLBACK_READS": False,
    "SEQUERE_FORGET_DELETED": True,
    "SEQUERE_TEMPLATES_FAIL_SILENTLY": False,
}

#: Settings of django-sequere 0.x that this version does not read, and what replaces them.
FORMER: dict[str, str] = {
    "SEQUERE_BACKEND": "SEQUERE_BACKEND_CLASS",
    "SEQUERE_BACKEND_OPTIONS": "SEQUERE_REDIS_CONNECTION, SEQUERE_REDIS_CONNECTION_CLASS and SEQUERE_REDIS_PREFIX",
}


def get_setting(name: str) -> Any:
    """The value of a ``SEQUERE_…`` setting, or its default. No round trip."""
    return getattr(settings, name, DEFAULTS[name])
