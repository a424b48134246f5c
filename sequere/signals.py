"""Signals, sent after success and only when something changed.

``followed`` and ``unfollowed`` come with ``from_instance``, ``to_instance`` and ``timestamp`` (a
datetime, as in lists: when the edge was created, or when it was removed). The sender is always the
registered model of ``from_instance``, so that a receiver can choose.

Every receiver is called for every edge that changed, as by ``send_robust()``: what one raises is logged with its
traceback by the logger ``sequere`` and does not reach the caller of ``follow()``. An asynchronous receiver of
``follow()`` runs in an event loop of its own; where a loop is running already it cannot be called, which is logged
too: use ``afollow()`` there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.dispatch import Signal

logger = logging.getLogger("sequere")


class EdgeSignal(Signal):
    """A signal about an edge that is stored already, whatever a receiver raises."""

    def _log_robust_failure(self, receiver: Callable[..., Any], err: Exception) -> None:
        # In place of Django's, which itself raises for a receiver without __qualname__: a partial, an instance.
        logger.error("The receiver %r raised %r; the change itself was made.", receiver, err, exc_info=err)


followed = EdgeSignal()
unfollowed = EdgeSignal()
