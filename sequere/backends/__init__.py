"""Where the graph is kept. ``SEQUERE_BACKEND_CLASS`` names the class; :mod:`.operations` is the contract."""

from __future__ import annotations

from .base import BaseBackend, GraphOperation, get_backend

__all__ = ["BaseBackend", "GraphOperation", "get_backend"]
