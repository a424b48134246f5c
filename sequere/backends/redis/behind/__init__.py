"""Write-behind: Redis answers, the database follows."""

from __future__ import annotations

from .backend import RedisFallbackBackend

__all__ = ["RedisFallbackBackend"]
