"""Follows in the database, with Django's ORM. Add ``'sequere.backends.database'`` to ``INSTALLED_APPS``."""

from __future__ import annotations

from .backend import DatabaseBackend

__all__ = ["DatabaseBackend"]
