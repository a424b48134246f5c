"""Fixtures: the servers, and a backend of each kind."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from hypothesis import settings as hypothesis_settings

from sequere import registry
from sequere.backends import get_backend
from sequere.backends.redis.behind.rebuild import rebuild
from tests.support.databases import ENGINES, follows_in, narrow
from tests.support.servers import SERVERS, missing, running

FAKES = {"fakeredis": "tests.support.fake.Fake", "fakevalkey": "tests.support.fake.FakeOfValkey"}
REDIS = ["fakeredis", *SERVERS]
#: The servers whose client is valkey-py, where a test does not ask for a library.
OF_VALKEY_PY = {"valkey-8.1"}
DATABASES = ["sqlite", *ENGINES]
#: Examples of each property test and steps of each state machine: few for everyday, many in CI.
hypothesis_settings.register_profile("few", max_examples=3, stateful_step_count=10)
hypothesis_settings.register_profile("many", max_examples=6, stateful_step_count=20)
hypothesis_settings.load_profile("few")

#: RedisFallbackBackend in step with each server, and with one that has no memory.
FALLBACKS = [*(f"ready {name}" for name in SERVERS), "cold valkey-9.1"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Give all skips the same place, so that the summary has one line for each reason and not for each test."""
    report = yield
    if report.skipped and isinstance(report.longrepr, tuple):  # an expected failure has another
        report.longrepr = (str(Path(__file__).parent), None, report.longrepr[2])
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """Where everything is required, a skipped test is a failed run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")  # a worker has none
    if reporter and reporter.stats.get("skipped") and os.environ.get("SEQUERE_TEST_REQUIRE") == "all":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def servers():
    """A function that gives the server of a name, started at its first use."""
    started = {}
    with ExitStack() as stack:

        def get(name):
            if name not in started:
                started[name] = stack.enter_context(running(name))
            return started[name]

        yield get


def use_redis(kind, settings, servers):
    """Point the settings at an empty Redis of this kind; returns a plain client of it."""
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    if kind in FAKES:
        settings.SEQUERE_REDIS_CONNECTION_CLASS = FAKES[kind]
        client = get_backend().client
    else:
        server = servers(kind)
        settings.SEQUERE_REDIS_CONNECTION = server.connection
        if kind in OF_VALKEY_PY:
            settings.SEQUERE_REDIS_CONNECTION_CLASS = "valkey.Valkey"
        client = server.client()
    client.flushall()
    return client


@pytest.fixture(params=REDIS)
def store(request, settings, servers):
    """A plain client of an empty Redis of each kind, to which the settings point."""
    client = use_redis(request.param, settings, servers)
    yield client
    client.close()


@pytest.fixture(params=list(SERVERS))
def server(request, settings, servers):
    """An empty real server of each kind, to which the settings point."""
    use_redis(request.param, settings, servers).close()
    return servers(request.param)


@pytest.fixture
def valkey(settings, servers):
    """One empty real server, for what does not depend on its version."""
    use_redis("valkey-9.1", settings, servers).close()
    return servers("valkey-9.1")


@pytest.fixture(params=["redis", "valkey"])
def library(request, valkey, settings):
    """Each of redis-py and valkey-py, which the settings name, on one empty server."""
    settings.SEQUERE_REDIS_CONNECTION_CLASS = f"{request.param}.{request.param.capitalize()}"
    return import_module(request.param)


def use_fallback(server, settings, servers, *, ready=True):
    """Point the settings at RedisFallbackBackend with an empty server, in step with the database or cold."""
    use_redis(server, settings, servers).close()
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisFallbackBackend"
    backend = get_backend()
    if ready:
        rebuild(backend.unguarded)
    return backend


@contextmanager
def use_database(kind):
    """Send the follows to a database of this kind; gives its alias."""
    alias = "default" if kind == "sqlite" else kind
    if alias not in django_settings.DATABASES:
        missing(f"{kind}: set {ENGINES[kind][0]} to its URL")
    token = follows_in.set(alias)
    try:
        yield alias
    finally:
        follows_in.reset(token)


@pytest.fixture(params=DATABASES)
def database(request):
    """The alias of each database, to which the follows go."""
    with use_database(request.param) as alias:
        yield alias


@pytest.fixture(params=[("mariadb", "latin1"), ("mariadb", "utf8mb3"), ("postgresql", "latin1")], ids=" ".join)
def narrow_database(request):
    """The alias of a database that does not know every character, to which the follows go."""
    kind, charset = request.param
    with use_database(kind) as alias, narrow(alias, charset):
        yield alias


@pytest.fixture(params=[*DATABASES, *FAKES, *SERVERS, *FALLBACKS])
def backend(request, settings):
    """A backend of each kind on an empty store, to which the settings point."""
    kind = request.param
    if kind in (*FAKES, *SERVERS):
        client = use_redis(kind, settings, request.getfixturevalue("servers"))
        yield get_backend()
        client.close()
        return
    if kind in FALLBACKS:
        state, server = kind.split()
        yield use_fallback(server, settings, request.getfixturevalue("servers"), ready=state == "ready")
        return
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"
    with use_database(kind):
        yield get_backend()


@pytest.fixture
def declare(monkeypatch):
    """Sets options of the ModelBase of a model, such as ``declare(User, kinds=("watch",))``."""

    def set_options(model, **options):
        for name, value in options.items():
            monkeypatch.setattr(registry.get_base(model), name, value)

    return set_options
