"""System checks: what is wrong with the settings and, with ``--deploy``, with the server behind them."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error

from .backends import get_backend
from .conf import get_setting
from .exceptions import InvalidSettings


def check_settings(**kwargs: Any) -> list[CheckMessage]:
    """Check the settings that are True or False, and whether the configured backend can be made. No round trip."""
    messages: list[CheckMessage] = []
    for name in ("SEQUERE_REDIS_FALLBACK_READS", "SEQUERE_FORGET_DELETED", "SEQUERE_TEMPLATES_FAIL_SILENTLY"):
        value = get_setting(name)
        may_be_number = name == "SEQUERE_FORGET_DELETED"
        if not (isinstance(value, bool) or (may_be_number and isinstance(value, int) and value >= 0)):
            wanted = "True, False or a whole number of follows from 0" if may_be_number else "True or False"
            messages.append(Error(f"{name} must be {wanted}; got {value!r:.80}", id="sequere.E007"))
    try:
        return [*messages, *get_backend().check()]
    except InvalidSettings as error:
        return [*messages, Error(str(error), id="sequere.E001")]


def check_server(**kwargs: Any) -> list[CheckMessage]:
    """Whether the store behind it answers and keeps what it is given; run by ``check --deploy``."""
    try:
        return get_backend().check_server()
    except InvalidSettings:
        return []  # check_settings tells
