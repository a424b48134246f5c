"""The Celery tasks. Any number of them may run at once, on any number of workers, and stop at any time."""

from __future__ import annotations

import logging

from celery import shared_task

from ...exceptions import ColdStore, DatabaseBehind, InvalidSettings, WriteBehindRefused
from .. import get_backend
from .behind.backend import RedisFallbackBackend
from .behind.drain import drain as drain_journal
from .behind.rebuild import rebuild as rebuild_graph

logger = logging.getLogger("sequere")


@shared_task(name="sequere.drain", ignore_result=True)
def drain() -> None:
    """Bring the database up to the end of the journal; begin a rebuild if Redis has lost its data."""
    try:
        drain_journal(_backend().unguarded)
    except ColdStore:
        rebuild.apply_async(expires=60)
    except DatabaseBehind as error:
        logger.error("No drain: %s", error)


@shared_task(name="sequere.rebuild", ignore_result=True)
def rebuild() -> None:
    """Fill Redis from the database, unless that is already running, not needed, or up to an operator."""
    try:
        rebuild_graph(_backend().unguarded)
    except WriteBehindRefused as refusal:
        logger.warning("No rebuild: %s", refusal)


def _backend() -> RedisFallbackBackend:
    backend = get_backend()
    if not isinstance(backend, RedisFallbackBackend):
        raise InvalidSettings(
            "The tasks sequere.drain and sequere.rebuild are for sequere.backends.redis.RedisFallbackBackend; "
            f"SEQUERE_BACKEND_CLASS names {type(backend).__name__}. Remove them from the schedule."
        )
    return backend
