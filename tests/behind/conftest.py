"""RedisFallbackBackend in step with the database: every database of the matrix, on one server."""

from __future__ import annotations

import pytest

from tests.conftest import use_fallback


@pytest.fixture
def behind(database, settings, servers):
    """The backend, ready, on an empty server."""
    return use_fallback("valkey-9.1", settings, servers)


@pytest.fixture
def cold(database, settings, servers):
    """The backend on a server that never had the graph."""
    return use_fallback("valkey-9.1", settings, servers, ready=False)
