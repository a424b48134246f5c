"""Signals, sent after success and only when something changed.

``followed`` and ``unfollowed`` come with ``from_instance``, ``to_instance`` and ``timestamp`` (a
datetime, as in lists: when the edge was created, or when it was removed). The sender is always the
registered model of ``from_instance``, so that a receiver can choose.
"""

from __future__ import annotations

from django.dispatch import Signal

followed = Signal()
unfollowed = Signal()
