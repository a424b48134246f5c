"""Fixtures that set a stage: a Redis, a database, perhaps a broker; what was started there ends with the test."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from django.db import connections

from sequere.backends.redis.behind.rebuild import rebuild
from tests.conftest import use_database
from tests.support.databases import ENGINES, ISOLATION
from tests.support.replication import free_ports
from tests.support.servers import missing, running
from tests.support.shared import use_shared
from tests.support.wire import wire

pytest.register_assert_rewrite("tests.processes.stage")

from .stage import Stage  # noqa: E402 its assertions then say what they found

BROKERS = ("rabbitmq", "redis")


def _at(url, port, path):
    """A URL with its place changed to a port of this machine."""
    parts = urlsplit(url)
    user = f"{parts.username}:{parts.password}@" if parts.username else ""
    return f"{parts.scheme}://{user}127.0.0.1:{port}{path}"


def _use_redis(stack, settings, *options):
    """A Redis of its own for a stage, to which the settings point."""
    server = stack.enter_context(running("valkey-9.1", *options))
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisFallbackBackend"
    settings.SEQUERE_REDIS_CONNECTION = server.connection
    return server


@pytest.fixture
def stages(tmp_path, transactional_db):
    """The stages that the test has set, and a stack for what they need."""
    with ExitStack() as stack:
        found = []
        yield found, stack
        for stage in found:
            stage.end()
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def make_stage(tmp_path, settings, stages):
    """A function that sets a stage with the options of its Redis and a broker; PostgreSQL and broker are behind wires
    that can be cut."""
    url = os.environ.get(ENGINES["postgresql"][0]) or missing(f"postgresql: set {ENGINES['postgresql'][0]} to its URL")
    found, stack = stages
    stack.enter_context(use_database("postgresql"))

    def make(*options, broker=""):
        rabbitmq = os.environ.get("SEQUERE_TEST_RABBITMQ")
        if broker == "rabbitmq" or (not broker and rabbitmq):
            rabbitmq = rabbitmq or missing("rabbitmq: set SEQUERE_TEST_RABBITMQ to its URL")
            parts = urlsplit(rabbitmq)
            to_broker = stack.enter_context(wire(parts.hostname, parts.port or 5672))
            broker_url = _at(rabbitmq, to_broker.port, parts.path or "//")
        else:
            with free_ports(1) as (port,):
                pass
            stack.enter_context(running("valkey-9.1", "--port", str(port)))
            to_broker = stack.enter_context(wire("127.0.0.1", port))
            broker_url = f"redis://127.0.0.1:{to_broker.port}/0"
        parts = urlsplit(url)
        to_database = stack.enter_context(wire(parts.hostname, parts.port or 5432))
        name = connections["postgresql"].settings_dict["NAME"]
        environment = {
            "SEQUERE_TEST_FOLLOWS": "postgresql",
            ENGINES["postgresql"][0]: _at(url, to_database.port, f"/{name}"),
        }
        server = _use_redis(stack, settings, *options)
        stage = Stage(tmp_path, server, environment, broker_url=broker_url, database=to_database, broker=to_broker)
        found.append(stage)
        rebuild(stage.backend.unguarded)
        return stage

    return make


@pytest.fixture
def set_stage(tmp_path, settings, stages):
    """A function that sets a stage without a broker, on a database of each kind, ready and with so many follows.

    The processes use the isolation level; empty: Django's.
    """
    found, stack = stages

    def make(kind, *, edges, isolation=""):
        environment = stack.enter_context(use_shared(kind, tmp_path / "follows.sqlite3"))
        server = _use_redis(stack, settings)
        stage = Stage(tmp_path, server, {**environment, ISOLATION: isolation})
        found.append(stage)
        stage.fill(edges)
        rebuild(stage.backend.unguarded)
        return stage

    return make
