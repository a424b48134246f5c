"""Where follows are kept. ``SEQUERE_BACKEND_CLASS`` names the class; :mod:`.base` states the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.apps import apps
from django.utils.module_loading import import_string

from ..conf import get_setting
from ..exceptions import InvalidSettings
from .base import BaseBackend

if TYPE_CHECKING:
    from ..apps import SequereConfig

__all__ = ["BaseBackend", "get_backend", "make_backend"]


def get_backend() -> BaseBackend:
    """The configured backend, the same object until a setting changes. No round trip.

    Raises :class:`~sequere.exceptions.InvalidSettings`.
    """
    return cast("SequereConfig", apps.get_app_config("sequere")).backend


def make_backend() -> BaseBackend:
    """A new backend as the settings say. Raises :class:`~sequere.exceptions.InvalidSettings`."""
    path = get_setting("SEQUERE_BACKEND_CLASS")
    if not isinstance(path, str):
        raise InvalidSettings(f"SEQUERE_BACKEND_CLASS must be the dotted path of a class; got {path!r}")
    try:
        backend_class = import_string(path)
    except ImportError as error:
        raise InvalidSettings(f"SEQUERE_BACKEND_CLASS: cannot import {path!r}: {error}") from error
    if not (isinstance(backend_class, type) and issubclass(backend_class, BaseBackend)):
        raise InvalidSettings(f"SEQUERE_BACKEND_CLASS: {path!r} is not a subclass of sequere.backends.base.BaseBackend")
    return backend_class()
