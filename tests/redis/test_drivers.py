"""redis-py and valkey-py as equals: which of them the settings choose, and that either will do."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import fakeredis
import pytest
import redis
import redis.sentinel
import valkey as valkey_py
import valkey.sentinel

from sequere import exceptions
from sequere.backends import get_backend
from sequere.backends.redis import drivers
from sequere.resources import Resource
from tests.support.calls import Ask, both_ways
from tests.support.replication import free_ports
from tests.support.servers import running

USER, PROJECT = Resource("user", "1"), Resource("project", "7")


class Custom(valkey_py.Valkey):
    """A class of the project's own."""


@pytest.mark.parametrize(
    ("connection", "client_class", "name"),
    [
        (None, None, "redis"),
        ({"host": "localhost"}, None, "redis"),
        ("redis://localhost", None, "redis"),
        ("rediss://localhost", None, "redis"),
        ("unix:///socket", None, "redis"),
        ("valkey://localhost", None, "valkey"),
        ("valkeys://localhost", None, "valkey"),
        (None, redis.Redis, "redis"),
        ("redis://localhost", valkey_py.Valkey, "valkey"),
        (None, Custom, "valkey"),
        (None, valkey_py.ValkeyCluster, "valkey"),
        (None, valkey_py.sentinel.SentinelConnectionPool, "valkey"),
        (None, redis.sentinel.SentinelConnectionPool, "redis"),
        (None, fakeredis.FakeRedis, "redis"),
        (None, fakeredis.FakeValkey, "valkey"),
        (None, dict, "redis"),
    ],
)
def test_the_settings_choose_the_library(connection, client_class, name):
    assert drivers.find_driver(connection, client_class).name == name


def make_valkey(unix_socket_path):
    """Makes a client, and is no class."""
    return valkey_py.Valkey(unix_socket_path=unix_socket_path)


class Wrapper:
    """Has a client instead of being one."""

    def __init__(self, unix_socket_path):
        self.client = valkey_py.Valkey(unix_socket_path=unix_socket_path)

    def __getattr__(self, name):
        return getattr(self.client, name)


@pytest.mark.parametrize("maker", ["make_valkey", "Wrapper", "Custom"])
def test_a_client_that_the_project_makes_shows_its_library(valkey, settings, maker):
    settings.SEQUERE_REDIS_CONNECTION_CLASS = f"{__name__}.{maker}"
    with valkey.client() as admin:
        admin.script_flush()  # what is raised for a missing script has another class in each library
    get_backend().primary.loaded = True
    for call in both_ways("is_following", USER, PROJECT):
        assert call() is False
    assert get_backend().primary.driver.name == "valkey"
    assert get_backend().primary.async_clients == {}
    get_backend().client.close()


def test_both_perform_operations(library):
    for call, reply in zip(both_ways("follow", USER, PROJECT, timestamp=1.0), [True, False], strict=True):
        assert call() is reply
    for call in both_ways("page", PROJECT, "followers"):
        assert call().entries == [("user", "1", 1.0)]
    for call in both_ways("follow", USER, USER, timestamp=1.0):
        with pytest.raises(exceptions.SelfFollow):
            call()


def test_a_url_is_asynchronous_too(settings):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    with free_ports(1) as (port,):
        pass
    with running("valkey-9.1", "--port", str(port), "--bind", "127.0.0.1"):
        for scheme in ("valkey", "redis"):
            settings.SEQUERE_REDIS_CONNECTION = f"{scheme}://127.0.0.1:{port}/0?max_connections=7"

            async def run(scheme=scheme):
                await Ask().afollow(USER, PROJECT, timestamp=1.0)
                (own,) = get_backend().primary.async_clients.values()
                assert type(own.client).__module__.startswith(f"{scheme}.asyncio")
                assert own.client.connection_pool.max_connections == 7
                return await Ask().acount(PROJECT, "followers")

            assert asyncio.run(run()) == 1


def python(code, **missing):
    """What a Python prints that lacks libraries."""
    lacking = "import sys\nfor name in {!r}: sys.modules[name] = None\n".format(missing.get("missing", []))
    return subprocess.run([sys.executable, "-c", lacking + code], check=True, capture_output=True, text=True).stdout


CONFIGURE = """
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "sequere", "sequere.backends.database"],
    SEQUERE_BACKEND_CLASS="sequere.backends.redis.RedisBackend",
    SEQUERE_REDIS_CONNECTION={connection!r},
)
django.setup()
"""


def test_neither_library_is_imported_before_it_is_needed():
    code = CONFIGURE.format(connection=None) + (
        "import sequere.models, sequere.mixin, sequere.views, sequere.backends.redis\n"
        "from sequere.backends import get_backend\n"
        "get_backend()\n"
        "print([name for name in ('redis', 'valkey') if name in sys.modules])"
    )
    assert python(code) == "[]\n"


@pytest.mark.parametrize("missing", ["redis", "valkey"])
def test_either_will_do(valkey, missing):
    code = CONFIGURE.format(connection=valkey.connection) + (
        "import asyncio\n"
        "from django.core.management import call_command\n"
        "from sequere.backends import get_backend\n"
        "from sequere.backends.operations import Count, Follow\n"
        "from sequere.checks import check_server, check_settings\n"
        "from sequere.resources import Resource\n"
        "user, project = Resource('user', '1'), Resource('project', '7')\n"
        "print(get_backend().perform(Follow(user, project, 1.0)))\n"
        "print(asyncio.run(get_backend().aperform(Count(['followers'], [project]))))\n"
        "print(check_settings(), check_server(), get_backend().primary.driver.name)\n"
        "call_command('sequere', 'audit')\n"
    )
    name = {"redis": "valkey", "valkey": "redis"}[missing]
    assert python(code, missing=[missing]) == f"True\n[1]\n[] [] {name}\n2 resources, 0 findings: all is well.\n"


@pytest.mark.parametrize(
    ("connection", "missing", "words"),
    [
        (None, ["redis", "valkey"], "needs redis-py or valkey-py: pip install 'django-sequere[redis]' or"),
        ("redis://localhost", ["redis"], "needs redis-py: pip install 'django-sequere[redis]'."),
        ("valkeys://localhost", ["valkey"], "needs valkey-py: pip install 'django-sequere[valkey]'."),
    ],
)
def test_a_library_that_is_not_installed(connection, missing, words):
    code = CONFIGURE.format(connection=connection) + (
        "from sequere.checks import check_settings\n"
        "print(*[message.id + ' ' + message.msg for message in check_settings()])"
    )
    told = python(code, missing=missing)
    assert told.startswith("sequere.E003 ")
    assert words in told
