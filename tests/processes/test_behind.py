"""Redis answers and the database remembers, whatever dies meanwhile."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from django.db import connections

from sequere.backends.redis.behind.drain import drain
from sequere.resources import Resource
from tests.support.calls import Ask

from .conftest import BROKERS

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

OPERATIONS = 20_000
JOURNAL = "sequere:global:journal"


@pytest.mark.slow
@pytest.mark.parametrize("broker", BROKERS)
def test_two_workers_drain_while_four_processes_write(make_stage, broker):
    stage = make_stage(broker=broker)
    stage.worker()
    stage.worker()
    stage.beat()
    expected = stage.finish(stage.writers(OPERATIONS, 8.0))
    stage.wait_until_drained()
    stage.check(*expected)


def test_a_nudge_is_enough(make_stage):
    stage = make_stage()
    stage.worker()
    expected = stage.finish(stage.writers(2000, 4.0))
    stage.wait_until_drained()
    stage.check(*expected)


@pytest.mark.slow
def test_workers_that_are_killed_at_random_every_second(make_stage):
    stage = make_stage()
    stage.beat()
    for _ in range(2):
        stage.worker()
    chance = random.Random(1)
    writers = stage.writers(OPERATIONS, 16.0)
    killed = 0
    while any(writer.poll() is None for writer in writers):
        time.sleep(1.0)
        victim = stage.workers.pop(chance.randrange(2))
        victim.kill()
        victim.wait(30)
        killed += 1
        stage.worker()
    assert killed > 10
    expected = stage.finish(writers)
    stage.wait_until_drained()
    stage.check(*expected)


@pytest.mark.slow
def test_a_broker_that_is_down_for_the_middle_third(make_stage):
    stage = make_stage()
    stage.worker()
    stage.beat()
    writers = stage.writers(OPERATIONS, 12.0)
    time.sleep(4.0)
    stage.broker.cut()
    time.sleep(4.0)
    stage.broker.mend()
    expected = stage.finish(writers)
    stage.wait_until_drained()
    stage.check(*expected)


@pytest.mark.slow
def test_a_database_that_is_down_for_the_middle_third(make_stage):
    stage = make_stage()
    stage.worker()
    stage.beat()
    writers = stage.writers(OPERATIONS, 15.0)
    time.sleep(5.0)
    stage.database.cut()
    time.sleep(1.0)
    with stage.server.client() as client:
        before = client.xlen(JOURNAL)
        time.sleep(4.0)
        assert client.xlen(JOURNAL) > before + 1000
    stage.database.mend()
    expected = stage.finish(writers)
    stage.wait_until_drained()
    stage.check(*expected)


@pytest.mark.slow
def test_memory_that_is_lost_under_load(make_stage):
    stage = make_stage()
    for number in range(0, 30_000, 200):  # so that a rebuild takes its time
        Ask(stage.backend).follow_many(
            Resource("project", f"own-{number}"), [Resource("user", f"x-{n}") for n in range(200)], timestamp=1.0
        )
    drain(stage.backend.unguarded)
    stage.worker()
    stage.beat()
    writers = stage.writers(OPERATIONS, 20.0)
    time.sleep(5.0)
    for writer in writers:
        writer.send_signal(signal.SIGSTOP)
    stage.wait_until_drained()
    with stage.server.client() as client:
        client.flushall()
    for writer in writers:
        writer.send_signal(signal.SIGCONT)
    stage.wait(lambda: stage.status().state == "ready")
    with connections["postgresql"].cursor() as cursor:
        cursor.execute("SELECT last_value FROM sequere_outbox_id_seq")
        assert cursor.fetchone()[0] > 100  # so many changes were made while Redis was cold
    assert all(writer.poll() is None for writer in writers)
    own, shared = stage.finish(writers)
    own.update({(f"own-{number}", f"x-{n}"): 1.0 for number in range(0, 30_000, 200) for n in range(200)})
    stage.wait_until_drained()
    stage.check(own, shared)


@pytest.mark.slow
def test_a_redis_that_is_killed_and_restarted(make_stage):
    stage = make_stage("--appendonly", "yes", "--appendfsync", "always")
    stage.worker()
    stage.beat()
    # Of a write whose reply is lost nobody can tell whether it was new, so none of them shares edges.
    writers = stage.writers(OPERATIONS, 15.0, shared=False)
    for _ in range(2):
        time.sleep(4.0)
        stage.server.kill()
        time.sleep(0.5)
        stage.server.restart()
    expected = stage.finish(writers)
    stage.wait_until_drained()
    stage.check(*expected)


@pytest.mark.slow
def test_a_drain_that_is_stopped_inside_its_transaction(make_stage):
    stage = make_stage()
    backend = stage.backend
    ada, project = Resource("user", "own-1"), Resource("project", "7")
    for number in range(300):
        Ask(backend).follow(ada, project, timestamp=1.0 + number)
        Ask(backend).unfollow(ada, project)
    Ask(backend).follow(ada, project, timestamp=1000.0)
    stopped = stage.start("tests.processes.drain", "stop")
    assert os.WIFSTOPPED(os.waitpid(stopped.pid, os.WUNTRACED)[1])
    second = stage.start("tests.processes.drain")
    Ask(backend).unfollow(ada, project)
    Ask(backend).follow(ada, project, timestamp=2000.0)
    time.sleep(2.0)
    assert second.poll() is None  # it waits for the first one's lock
    stopped.send_signal(signal.SIGCONT)
    assert stopped.wait(30) == 0, stage.log()
    assert second.wait(30) == 0, stage.log()
    assert drain(backend.unguarded).entries == 0
    counts = [int(line.split()[1]) for line in stage.log().splitlines() if line.startswith("drained ")]
    assert sum(counts) == 904  # an unfollow has two entries: the follow and a request are gone
    stage.check({("own-1", "7"): 2000.0}, set())
