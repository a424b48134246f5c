"""Signals, sent after success and only when something changed.

``followed`` and ``unfollowed`` are sent with ``from_instance``, ``to_instance`` and ``timestamp`` (a datetime, as in
lists: when the edge was created, or when it was removed). The sender is always the registered model of
``from_instance``, so that a receiver can listen to one model.

Every receiver is called for every edge that changed, as by ``send_robust()``: an exception that one raises is logged
with its traceback by the logger ``sequere`` and does not reach the caller of ``follow()``. ``follow()`` runs an
asynchronous receiver in a new event loop. If a loop is already running, it cannot, and logs an error: use ``afollow()``
there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.dispatch import Signal

logger = logging.getLogger("sequere")


class EdgeSignal(Signal):
    """A signal about an edge that is already stored, so an exception in a receiver cannot undo it."""

    def _log_robust_failure(self, receiver: Callable[..., Any], err: Exception) -> None:
        # It replaces Django's method, which raises for a receiver without __qualname__: a partial, an instance.
        logger.error("The receiver %r raised %r; the change itself was made.", receiver, err, exc_info=err)


followed = EdgeSignal()
unfollowed = EdgeSignal()
