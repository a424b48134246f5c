"""System checks: a wrong setting at once, the server with --deploy only."""

from __future__ import annotations

import re

import pytest
import redis.asyncio
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import OperationalError, connection

from sequere import exceptions
from sequere.backends import get_backend
from sequere.checks import check_server, check_settings
from tests.support.calls import Ask
from tests.support.former import Former

REDIS = "sequere.backends.redis.RedisBackend"


#: Nothing is connected until it is used.
ASYNC_POOL = redis.asyncio.ConnectionPool()
WRONG_PORT = redis.ConnectionPool(port="abc")


def unreachable():
    raise OperationalError("connection refused")


def ids(messages):
    return [message.id for message in messages]


@pytest.mark.parametrize(
    ("name", "value", "identifier", "words"),
    [
        ("SEQUERE_BACKEND_CLASS", "no.such.Backend", "sequere.E001", "cannot import 'no.such.Backend'"),
        (
            "SEQUERE_BACKEND_CLASS",
            "sequere.backends.redis.RedisBackends",
            "sequere.E001",
            r"Did you mean 'sequere\.backends\.redis\.RedisBackend'\?",
        ),
        (
            "SEQUERE_BACKEND_CLASS",
            "nowhere.Backend",
            "sequere.E001",
            r"The backends are .*\.DatabaseBackend, .*\.RedisBackend, .*\.RedisFallbackBackend\.",
        ),
        ("SEQUERE_BACKEND_CLASS", None, "sequere.E001", "must be the dotted path of a class; got None"),
        ("SEQUERE_BACKEND_CLASS", "django.db.models.Model", "sequere.E001", "is not a subclass of"),
        ("SEQUERE_REDIS_PREFIX", 5, "sequere.E001", "SEQUERE_REDIS_PREFIX must be text; got 5"),
        ("SEQUERE_REDIS_CONNECTION", 5, "sequere.E003", "must be a dictionary or a URL; got int 5"),
        ("SEQUERE_REDIS_CONNECTION", {"hots": "x"}, "sequere.E003", "cannot create a client: .*hots"),
        ("SEQUERE_REDIS_CONNECTION", "http://localhost", "sequere.E003", "cannot create a client"),
        ("SEQUERE_REDIS_CONNECTION", "redis://localhost?hots=x", "sequere.E003", "cannot create a client: .*hots"),
        ("SEQUERE_REDIS_CONNECTION", {"port": "abc"}, "sequere.E003", "port must be .* from 0 to 65535; got 'abc'"),
        ("SEQUERE_REDIS_CONNECTION", {"port": None}, "sequere.E003", "port must be .*; got None"),
        ("SEQUERE_REDIS_CONNECTION", {"port": 65536}, "sequere.E003", "port must be .*; got 65536"),
        ("SEQUERE_REDIS_CONNECTION", {"db": "abc"}, "sequere.E003", "db must be a whole number from 0; got 'abc'"),
        ("SEQUERE_REDIS_CONNECTION", {"db": -1}, "sequere.E003", "db must be a whole number from 0; got -1"),
        ("SEQUERE_REDIS_CONNECTION", {"connection_pool": WRONG_PORT}, "sequere.E003", "port must be .*; got 'abc'"),
        ("SEQUERE_REDIS_CONNECTION", "redis://localhost:abc/0", "sequere.E003", "[Pp]ort .*'abc'"),
        ("SEQUERE_REDIS_CONNECTION", "redis://localhost?port=abc", "sequere.E003", "port must be .*; got 'abc'"),
        ("SEQUERE_REDIS_CONNECTION", "redis://localhost:1/abc", "sequere.E003", "database in a URL must be .*'/abc'"),
        ("SEQUERE_REDIS_CONNECTION", "redis://localhost:1/-1", "sequere.E003", "db must be .*; got -1"),
        (
            "SEQUERE_REDIS_CONNECTION_CLASS",
            "datetime.datetime",
            "sequere.E003",
            "cannot make a client from .*: .*argument",
        ),
        ("SEQUERE_REDIS_CONNECTION_CLASS", "os.path", "sequere.E003", "cannot make a client from .*: .*not callable"),
        ("SEQUERE_REDIS_CONNECTION_CLASS", "no.such.Client", "sequere.E003", "cannot import 'no.such.Client'"),
        ("SEQUERE_REDIS_CONNECTION_CLASS", "redis.asyncio.Redis", "sequere.E003", "must use a synchronous client"),
        ("SEQUERE_REDIS_CONNECTION", {"connection_pool": ASYNC_POOL}, "sequere.E003", "must use a synchronous client"),
        (
            "SEQUERE_REDIS_CONNECTION_CLASS",
            "builtins.dict",
            "sequere.E003",
            "must return a client of redis-py or valkey-py; got dict",
        ),
    ],
)
def test_a_wrong_setting(settings, name, value, identifier, words):
    settings.SEQUERE_BACKEND_CLASS = REDIS
    setattr(settings, name, value)
    messages = check_settings()
    assert ids(messages) == [identifier]
    assert name in messages[0].msg
    with pytest.raises(SystemCheckError, match=words):
        call_command("check", "--tag", "sequere")
    with pytest.raises(exceptions.InvalidSettings, match=words):
        Ask().count(("user", "1"), "followers")
    assert check_server() == []


@pytest.mark.parametrize(
    "connection",
    [
        {"port": "6379", "db": "1"},
        {"db": None},
        {"unix_socket_path": "/nothing/is/here", "port": None},
        "redis://localhost",
        "redis://localhost:1/",
        "redis://localhost:1/2",
        "redis://localhost?db=2",
        "unix:///nothing/is/here",
        "unix:///nothing/is/here?db=2",
    ],
)
def test_what_the_clients_take_for_a_port_and_a_database_is_accepted(settings, connection):
    settings.SEQUERE_BACKEND_CLASS = REDIS
    settings.SEQUERE_REDIS_CONNECTION = connection
    assert check_settings() == []


def test_a_class_without_from_url_is_refused_where_the_connection_is_a_url(settings):
    settings.SEQUERE_BACKEND_CLASS = REDIS
    settings.SEQUERE_REDIS_CONNECTION = "redis://localhost"
    settings.SEQUERE_REDIS_CONNECTION_CLASS = "datetime.datetime"
    (message,) = check_settings()
    assert message.id == "sequere.E003"
    assert message.msg.startswith("SEQUERE_REDIS_CONNECTION_CLASS: 'datetime.datetime' has no from_url()")


@pytest.mark.parametrize("argument", [{"port": "abc"}, {"db": "abc"}])
def test_a_wrong_number_for_a_cluster_is_found_before_it_connects(settings, argument):
    settings.SEQUERE_BACKEND_CLASS = REDIS
    settings.SEQUERE_REDIS_CONNECTION = {"host": "localhost", **argument}
    settings.SEQUERE_REDIS_CONNECTION_CLASS = "redis.RedisCluster"
    (message,) = check_settings()
    assert message.id == "sequere.E003"
    assert "must be a whole number from 0" in message.msg


@pytest.mark.parametrize(
    ("name", "wrong", "wanted"),
    [
        ("SEQUERE_REDIS_FALLBACK_READS", ["False", 1, None], "True or False"),
        ("SEQUERE_TEMPLATES_FAIL_SILENTLY", ["False", 1, None], "True or False"),
        ("SEQUERE_FORGET_DELETED", ["False", -1, 1.5, None], "True, False or a whole number of follows from 0"),
    ],
)
def test_a_switch_that_is_none(settings, name, wrong, wanted):
    for value in wrong:
        setattr(settings, name, value)
        (message,) = check_settings()
        assert message.id == "sequere.E007"
        assert message.msg == f"{name} must be {wanted}; got {value!r}"


@pytest.mark.parametrize("value", [True, False, 0, 1000])
def test_what_may_be_done_about_deletions(settings, value):
    settings.SEQUERE_FORGET_DELETED = value
    assert check_settings() == []


@pytest.mark.parametrize(
    ("name", "identifier", "hint"),
    [
        ("SEQUERE_BACKEND", "sequere.E009", "Use SEQUERE_BACKEND_CLASS"),
        ("SEQUERE_BACKEND_OPTIONS", "sequere.E009", "Use SEQUERE_REDIS_CONNECTION, .* SEQUERE_REDIS_PREFIX"),
        ("SEQUERE_REDIS_PREFX", "sequere.W008", "Did you mean SEQUERE_REDIS_PREFIX"),
        ("SEQUER_BACKEND_CLASS", "sequere.W008", "Did you mean SEQUERE_BACKEND_CLASS"),
        ("SEQUERE_KEY_SEPARATOR", "sequere.W008", "The settings are SEQUERE_BACKEND_CLASS, "),
    ],
)
def test_a_setting_that_nothing_reads_is_told_with_the_right_name(settings, name, identifier, hint):
    setattr(settings, name, "x")
    (message,) = check_settings()
    assert message.id == identifier
    assert message.msg.startswith(f"{name} is ")
    assert re.match(hint, message.hint)


@pytest.mark.django_db
def test_the_database_backend_needs_its_application_and_its_table(settings, monkeypatch):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "transaction_mode", "IMMEDIATE")
    assert check_settings() == check_server() == []
    with monkeypatch.context() as patch:
        patch.setattr(connection.introspection, "table_names", lambda: ["other"])
        assert ids(check_server()) == ["sequere.W004"] * 3
        patch.setattr(connection.introspection, "table_names", unreachable)
        assert ids(check_server()) == ["sequere.W004"]
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "sequere.backends.database"]
    messages = check_settings()
    assert ids(messages) == ["sequere.E002"]
    assert "INSTALLED_APPS" in messages[0].hint


@pytest.mark.django_db
@pytest.mark.parametrize(("mode", "told"), [(None, True), ("deferred", True), ("IMMEDIATE", False)])
def test_transactions_of_sqlite_that_fail_where_they_could_wait(settings, monkeypatch, mode, told):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "transaction_mode", mode)
    messages = check_server()
    assert ids(messages) == ["sequere.W007"] * told
    assert all('"transaction_mode": "IMMEDIATE"' in message.hint for message in messages)


def test_a_server_is_asked_with_deploy_only(settings, tmp_path):
    settings.SEQUERE_BACKEND_CLASS = REDIS
    settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": str(tmp_path / "nothing")}
    assert check_settings() == []
    call_command("check", "--tag", "sequere")
    assert ids(check_server()) == ["sequere.W001"]


def test_a_healthy_server(server):
    assert check_settings() == check_server() == []


def test_a_server_that_may_drop_keys(valkey):
    with valkey.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            (message,) = check_server()
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    assert message.id == "sequere.W002"
    assert "allkeys-lru" in message.msg


def test_keys_of_django_sequere_0_2_under_the_prefix(valkey, settings):
    """The scripts do not notice them at a write: their uids are numbers too."""
    settings.SEQUERE_BACKEND_CLASS = REDIS
    Ask().follow(("user", "1"), ("user", "2"), timestamp=5.0)
    assert check_server() == []
    with valkey.client() as client:
        client.flushall()
        Former(client, numbers=True).follow(("user", "1"), ("user", "2"), 5.0)
    (message,) = check_server()
    assert message.id == "sequere.W010"
    assert "import --from sequere" in message.hint


@pytest.mark.parametrize(
    ("denied", "identifier"), [(["-evalsha", "-eval"], "sequere.W001"), (["-info"], "sequere.W003")]
)
def test_a_server_that_runs_no_scripts_or_tells_nothing(valkey, settings, denied, identifier):
    with valkey.client() as admin:
        admin.acl_setuser("app", enabled=True, nopass=True, keys=["*"], categories=["+@all"], commands=denied)
        settings.SEQUERE_REDIS_CONNECTION = {**valkey.connection, "username": "app", "password": "any"}
        assert ids(check_server()) == [identifier]
        admin.acl_deluser("app")


def test_settings_are_honoured_while_they_are_overridden(settings):
    settings.SEQUERE_REDIS_PREFIX = "one:"
    settings.SEQUERE_BACKEND_CLASS = REDIS
    assert get_backend() is get_backend()
    assert get_backend().prefix == "one:"
    settings.SEQUERE_REDIS_PREFIX = "two:"
    assert get_backend().prefix == "two:"
