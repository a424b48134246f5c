"""RedisFallbackBackend in step with the database: every database of the matrix, on one server."""

from __future__ import annotations

import pytest
from django.conf import settings as django_settings

from tests.conftest import DATABASES, use_fallback
from tests.support.databases import ENGINES, follows_in
from tests.support.servers import missing


@pytest.fixture(params=DATABASES)
def database(request):
    """The alias of each database of the matrix, to which the follows go."""
    alias = "default" if request.param == "sqlite" else request.param
    if alias not in django_settings.DATABASES:
        missing(f"{alias}: set {ENGINES[alias][0]} to its URL")
    token = follows_in.set(alias)
    yield alias
    follows_in.reset(token)


@pytest.fixture
def behind(database, settings, servers):
    """The backend, ready, on an empty server."""
    return use_fallback("valkey-9.1", settings, servers)


@pytest.fixture
def cold(database, settings, servers):
    """The backend on a server that never had the graph."""
    return use_fallback("valkey-9.1", settings, servers, ready=False)
