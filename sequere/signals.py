"""Signals, sent after success and only when something changed.

======================  ===================================================================================
signal                  sent when
======================  ===================================================================================
``followed``            a follow is new; ``reason``: ``follow``, ``accept``, ``restore``
``unfollowed``          a follow is gone; ``reason``: ``unfollow``, ``removed``, ``block``, ``archive``
``requested``           a request to follow is new
``request_accepted``    a request became a follow; ``followed`` is sent too
``request_denied``      the one who was asked denied it
``request_cancelled``   the one who asked withdrew it
``blocked``             a block is new; ``cut_following`` and ``cut_follower``: whether it ended a follow of the one
                        who is blocked, or by them. ``unfollowed`` is sent too, once for each direction
``unblocked``           a block is gone
``muted``               a mute is new or has another end; ``until``: a datetime, or None
``unmuted``             a mute was ended, not one that ended by itself
======================  ===================================================================================

All are sent with ``from_instance``, ``to_instance``, ``timestamp`` and ``kind`` (None for the plain follow).
``from_instance`` is the one who follows, asks, blocks or mutes, no matter who called the function. ``timestamp`` is a
datetime, as in lists: since when the edge exists, or when it was removed. ``block()`` ends follows of all kinds: then
``kind`` is None. ``followed`` with the reason ``restore`` is also sent if a new follow existed beside the archived one.

The sender is always the registered model of ``from_instance``, so that a receiver can listen to one model. A function
that works without instances, such as ``accept_all()``, sends instances as ``registry.from_key()`` returns them: their
fields are read from the database when a receiver uses them. A resource whose model is not registered is left out.

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
requested = EdgeSignal()
request_accepted = EdgeSignal()
request_denied = EdgeSignal()
request_cancelled = EdgeSignal()
blocked = EdgeSignal()
unblocked = EdgeSignal()
muted = EdgeSignal()
unmuted = EdgeSignal()
