"""RedisFallbackBackend: where answers come from, and what a caller sees of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time

import pytest
from asgiref.sync import async_to_sync
from celery import Celery
from django.apps import apps
from django.contrib import admin
from django.db import router, transaction
from kombu.exceptions import OperationalError

from sequere import models as graph
from sequere.backends import get_backend
from sequere.backends.database.models import Edge
from sequere.backends.redis.behind import checks, nudge
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.models import OutboxEntry
from sequere.checks import check_server, check_settings
from sequere.exceptions import BackendUnavailable, ColdStore
from sequere.resources import Resource
from tests.conftest import use_fallback
from tests.support.calls import Ask, both_ways
from tests.support.counting import round_trips
from tests.support.replication import wait_until
from tests.support.servers import running
from tests.support.states import busy, loading
from tests.testapp.models import Project, User

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

ADA, BOB = Resource("user", "1"), Resource("user", "2")


def noted(backend):
    return backend.unguarded.client.xlen("sequere:global:journal") - 1


def test_a_call_is_one_round_trip_and_one_more_while_redis_is_cold(behind, monkeypatch):
    Ask(behind).count(ADA, "followers")
    Ask(behind.unguarded).count(ADA, "followers")
    with round_trips(monkeypatch) as sent:
        Ask(behind).follow(ADA, BOB, timestamp=1.0)
        Ask(behind).is_following(ADA, BOB)
    assert sent == ["EVALSHA", "EVALSHA"]
    drain(behind.unguarded)
    behind.unguarded.client.delete("sequere:global:journal")
    with round_trips(monkeypatch) as sent:
        assert Ask(behind).is_following(ADA, BOB) is True
        assert Ask(behind).unfollow(ADA, BOB) is True
    assert sent == ["EVALSHA"] * 3


def test_a_rolled_back_delete_leaves_no_trace(behind):
    user, project = User.objects.create(username="ada"), Project.objects.create(name="Flight")
    user.follow(project)
    drain(behind.unguarded)
    with transaction.atomic():
        user.delete()
        transaction.set_rollback(True)
    user = User.objects.get()
    assert user.is_following(project)
    assert noted(behind) == 0
    assert Edge.objects.count() == 1
    user.delete()
    assert graph.get_followers_count(project) == 0
    assert noted(behind) == 2  # the edge that was removed, and that all of them were


def test_what_is_rolled_back_while_redis_is_cold_leaves_no_trace(cold, database):
    with transaction.atomic(using=database):
        assert Ask(cold).follow(ADA, BOB, timestamp=1.0) is True
        assert Ask(cold).is_following(ADA, BOB) is True
        transaction.set_rollback(True, using=database)
    assert Ask(cold).is_following(ADA, BOB) is False
    assert not OutboxEntry.objects.exists()


@pytest.fixture
def unreachable(database, settings):
    """The server is gone after a drain, and one more follow that the database lacks."""
    with running("valkey-9.1") as server:
        backend = use_fallback("valkey-9.1", settings, lambda name: server)
        Ask(backend).follow(ADA, BOB, timestamp=1.0)
        drain(backend.unguarded)
        Ask(backend).follow(BOB, ADA, timestamp=1.0)
        server.kill()
        yield backend


def test_unreachable_is_not_cold(unreachable):
    for call in (
        lambda: Ask(unreachable).is_following(ADA, BOB),
        lambda: Ask(unreachable).follow(ADA, BOB, timestamp=2.0),
    ):
        with pytest.raises(BackendUnavailable):
            call()
    assert not OutboxEntry.objects.exists()


def test_reads_from_the_database_where_the_settings_say_so(unreachable, settings):
    settings.SEQUERE_REDIS_FALLBACK_READS = True
    assert Ask().is_following(ADA, BOB) is True
    assert Ask().is_following(BOB, ADA) is False
    assert Ask().count(BOB, "followers") == 1
    with pytest.raises(BackendUnavailable):
        Ask().unfollow(ADA, BOB)


@pytest.mark.parametrize("state", [busy, loading])
def test_a_server_that_does_not_serve_yet_counts_as_unreachable(settings, state):
    with running("valkey-9.1", "--enable-debug-command", "yes") as server, server.client() as client:
        backend = use_fallback("own", settings, lambda name: server)
        Ask(backend).follow(ADA, BOB, timestamp=1.0)
        drain(backend.unguarded)
        settings.SEQUERE_REDIS_FALLBACK_READS = True
        with state(server, client):
            for call in both_ways("is_following", ADA, BOB):
                assert call() is True
            for call in both_ways("unfollow", ADA, BOB):
                with pytest.raises(BackendUnavailable):
                    call()
        assert Ask().unfollow(ADA, BOB) is True


def test_a_redis_that_goes_cold_again_and_again(behind, monkeypatch):
    from sequere.backends.redis.behind.outbox import RedisIsBackError

    def come_back(*arguments):
        raise RedisIsBackError

    monkeypatch.setattr("sequere.backends.redis.behind.outbox.change_while_cold", come_back)
    behind.unguarded.client.flushall()
    with pytest.raises(ColdStore, match="10 times during this call"):
        Ask(behind).follow(ADA, BOB, timestamp=1.0)


def test_redis_comes_back_between_a_write_and_its_second_try(behind, monkeypatch):
    from sequere.backends.redis.behind import outbox

    locked = outbox.locked
    behind.unguarded.client.flushall()

    def rebuild_first(work, **options):
        rebuild(behind.unguarded)
        return locked(work, **options)

    monkeypatch.setattr(outbox, "locked", rebuild_first)
    assert Ask(behind).follow(ADA, BOB, timestamp=1.0) is True
    assert noted(behind) == 1
    assert not Edge.objects.exists()


def test_the_admin_removes_only_what_stays_removed(behind, rf, settings, admin_user):
    request = rf.get("/")
    request.user = admin_user
    model_admin = admin.site.get_model_admin(Edge)
    assert model_admin.has_delete_permission(request) is False
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"
    assert model_admin.has_delete_permission(request) is True


# Nudges.


@pytest.fixture
def sent(monkeypatch):
    """The messages to Celery."""
    messages = []
    application = Celery("nudged", broker="memory://", set_as_current=False)
    monkeypatch.setattr(application, "send_task", lambda name, **options: messages.append((name, options)))
    monkeypatch.setattr(apps.get_app_config("sequere"), "celery", application)
    return messages


class Pauses:
    """In place of ``time``: the pause after each message ends when the test calls ``end``."""

    def __init__(self):
        self.begun, self.ended = [], threading.Semaphore(0)

    def sleep(self, seconds):
        self.begun.append(seconds)
        self.ended.acquire()

    def end(self):
        self.ended.release()


@pytest.fixture
def pauses(monkeypatch):
    made = Pauses()
    monkeypatch.setattr(nudge, "time", made)
    return made


def test_many_writes_are_one_message(behind, sent, pauses):
    Ask(behind).follow(ADA, BOB, timestamp=1.0)
    wait_until(lambda: pauses.begun == [nudge.INTERVAL])
    for number in range(50):
        Ask(behind).follow(ADA, Resource("project", str(number)), timestamp=1.0)
    assert sent == [("sequere.drain", {"expires": 60, "retry": False, "ignore_result": True})]
    pauses.end()
    wait_until(lambda: len(pauses.begun) == 2)
    assert len(sent) == 2  # for those after the first
    pauses.end()


def test_a_read_sends_none_and_a_cold_one_does(behind, sent):
    Ask(behind).is_following(ADA, BOB)
    time.sleep(0.1)
    assert sent == []
    behind.unguarded.client.flushall()
    Ask(behind).is_following(ADA, BOB)
    wait_until(lambda: len(sent) == 1)


@pytest.mark.parametrize("error", [OperationalError("refused"), ModuleNotFoundError("No module named 'pika'")])
def test_a_broker_that_is_down_is_told_and_stops_nobody(behind, sent, pauses, monkeypatch, caplog, error):
    def refuse(name, **options):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(apps.get_app_config("sequere").celery, "send_task", refuse)
        Ask(behind).follow(ADA, BOB, timestamp=1.0)
        wait_until(lambda: len(pauses.begun) == 1)
    assert f"The broker did not accept the message; the journal waits for the next drain: {error!r}" in caplog.text
    Ask(behind).unfollow(ADA, BOB)
    pauses.end()
    wait_until(lambda: len(sent) == 1)  # the next one got through


def test_a_thread_that_does_not_start_stops_nobody(behind, sent, monkeypatch, caplog):
    def refuse(thread):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with monkeypatch.context() as patch:
        patch.setattr(nudge.threading.Thread, "start", refuse)
        assert Ask(behind).follow(ADA, BOB, timestamp=1.0) is True
    assert "No message was sent to Celery; the journal waits for the next drain: RuntimeError" in caplog.text
    assert Ask(behind).unfollow(ADA, BOB) is True
    wait_until(lambda: len(sent) == 1)  # the next one has its thread


def test_settings_of_celery_that_fail_are_told_once_and_stop_nobody(behind, monkeypatch, caplog):
    application = Celery(set_as_current=False)
    application.config_from_object("no.such.module")
    monkeypatch.setattr(apps.get_app_config("sequere"), "celery", application)
    assert Ask(behind).follow(ADA, BOB, timestamp=1.0) is True
    assert Ask(behind).unfollow(ADA, BOB) is True
    wait_until(lambda: "This process sends no messages to Celery" in caplog.text)
    assert Ask(behind).follow(ADA, BOB, timestamp=1.0) is True
    assert caplog.text.count("This process sends no messages to Celery") == 1


AT_EXIT = """
import asyncio
import atexit
import sys

import django
from celery import Celery
from django.apps import apps
from django.conf import settings
from django.core.management import call_command

settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisFallbackBackend"
settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": sys.argv[1]}
django.setup()
call_command("migrate", verbosity=0)

from sequere.backends import get_backend
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.resources import Resource
from tests.support.calls import Ask

apps.get_app_config("sequere_redis").celery = Celery("exit", broker="memory://", set_as_current=False)
rebuild(get_backend().unguarded)


@atexit.register
def write():
    user = Resource("user", "1")
    print(Ask().follow(user, Resource("user", "2"), timestamp=1.0))
    print(asyncio.run(Ask().afollow(user, Resource("user", "3"), timestamp=1.0)))
"""


def test_a_write_while_python_ends_is_a_write():
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    with running("valkey-9.1") as server:
        command = [sys.executable, "-c", AT_EXIT, server.socket]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "True\nTrue\n", done.stderr


@pytest.mark.parametrize("settings_of_celery", [None, {}, {"broker": "memory://", "task_always_eager": True}])
def test_without_a_broker_nothing_is_sent(behind, sent, monkeypatch, settings_of_celery):
    application = None if settings_of_celery is None else Celery(set_as_current=False, **settings_of_celery)
    monkeypatch.setattr(apps.get_app_config("sequere"), "celery", application)
    Ask(behind).follow(ADA, BOB, timestamp=1.0)
    time.sleep(0.1)
    assert sent == []


def test_an_event_loop_waits_for_nobody(behind, sent):
    @async_to_sync
    async def write():
        await asyncio.gather(*(Ask(behind).afollow(ADA, Resource("project", str(n)), timestamp=1.0) for n in range(20)))
        return await Ask(behind).acount(ADA, "followings")

    assert write() == 20


# Checks.


def ids(messages):
    return [message.id for message in messages]


def test_the_checks_of_a_good_project(settings, servers):
    use_fallback("valkey-9.1", settings, servers)
    assert check_settings() == []
    assert ids(check_server()) == ["sequere.W007", "sequere.W006"]


def test_a_server_that_keeps_an_aof(behind, database):
    client = behind.unguarded.client
    client.config_set("appendonly", "yes")
    try:
        assert ids(check_server()) == ["sequere.W007"] * (database == "default")
    finally:
        client.config_set("appendonly", "no")


@pytest.mark.parametrize("missing", ["sequere.backends.database", "sequere.backends.redis"])
def test_an_application_that_is_missing(behind, monkeypatch, missing):
    monkeypatch.setattr(checks.apps, "is_installed", lambda name: name != missing)
    (message,) = check_settings()
    assert message.id == "sequere.E004"
    assert missing in message.msg
    assert check_server() == []


def test_routers_that_part_what_belongs_together(behind, monkeypatch):
    monkeypatch.setattr(router, "db_for_write", lambda model, **hints: model._meta.label_lower)
    (message,) = check_settings()
    assert message.id == "sequere.E005"


def test_a_task_for_another_backend(behind, settings):
    from sequere.backends.redis import tasks

    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    with pytest.raises(Exception, match="SEQUERE_BACKEND_CLASS names RedisBackend"):
        tasks.drain()


def test_the_tasks_do_their_work(behind, monkeypatch):
    from sequere.backends.redis import tasks

    begun = []
    monkeypatch.setattr(tasks.rebuild, "apply_async", lambda expires: begun.append(expires))
    Ask(behind).follow(ADA, BOB, timestamp=1.0)
    tasks.drain()
    assert Edge.objects.count() == 1
    behind.unguarded.client.flushall()
    tasks.drain()
    assert begun == [60]
    tasks.rebuild()
    assert Ask(behind.unguarded).is_following(ADA, BOB) is True
    tasks.rebuild()  # not needed: told in the log, no failure
    assert get_backend() is behind
    with pytest.raises(Exception, match="nothing to rebuild"):
        rebuild(behind.unguarded)
