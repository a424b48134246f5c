"""System checks of the settings and, with ``--deploy``, of the store."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from .backends import get_backend
from .conf import DEFAULTS, FORMER, get_setting
from .exceptions import InvalidSettings


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Check the names of the settings, those that are True or False, and whether the configured backend can be made.

    No round trip.
    """
    messages: list[CheckMessage] = []
    for name in ("SEQUERE_REDIS_FALLBACK_READS", "SEQUERE_FORGET_DELETED", "SEQUERE_TEMPLATES_FAIL_SILENTLY"):
        value = get_setting(name)
        may_be_number = name == "SEQUERE_FORGET_DELETED"
        if not (isinstance(value, bool) or (may_be_number and isinstance(value, int) and value >= 0)):
            wanted = "True, False or a whole number of follows from 0" if may_be_number else "True or False"
            messages.append(Error(f"{name} must be {wanted}; got {value!r:.80}", id="sequere.E007"))
    messages += _check_names()
    try:
        return [*messages, *get_backend().check()]
    except InvalidSettings as error:
        return [*messages, Error(str(error), id="sequere.E001")]


def check_server(**kwargs: Any) -> list[CheckMessage]:
    """Check whether the store answers and keeps its data; run by ``check --deploy``."""
    try:
        return get_backend().check_server()
    except InvalidSettings:
        return []  # check_settings() reports it


def _check_names() -> Iterator[CheckMessage]:
    """Check for settings that look like those of this package and that nothing reads."""
    for name in sorted(set(dir(settings)).difference(DEFAULTS)):
        is_ours = name.startswith("SEQUERE_")
        similar = get_close_matches(name, DEFAULTS, n=1, cutoff=0.8 if is_ours else 0.9)
        if name in FORMER:
            yield Error(
                f"{name} is a setting of django-sequere 0.x; this version does not read it.",
                hint=f"Use {FORMER[name]}, and read the page on upgrading from 0.x in the documentation.",
                id="sequere.E009",
            )
        elif is_ours or similar:
            hint = f"Did you mean {similar[0]}?" if similar else f"The settings are {', '.join(DEFAULTS)}."
            yield checks.Warning(f"{name} is not a setting of django-sequere.", hint=hint, id="sequere.W008")
