"""Cold writers at each isolation level: none is refused, and Redis comes back meanwhile."""

from __future__ import annotations

import signal
import time

import pytest

from sequere.backends.redis.models import OutboxEntry

pytestmark = [pytest.mark.slow, pytest.mark.django_db(databases="__all__", transaction=True)]

EDGES = 10_000
#: Seconds within which Redis must answer again, once it keeps its memory.
LIMIT = 10.0
#: Writes that the database must have taken meanwhile.
LEAST = 250

LEVELS = [
    ("postgresql", "read committed"),
    ("postgresql", "repeatable read"),
    ("postgresql", "serializable"),
    ("mariadb", ""),
    ("mariadb", "repeatable read"),
]


def keep_cold(stage):
    """Let Redis lose its memory again and again, until the database has taken many writes."""
    seen = set()
    deadline = time.monotonic() + 30
    while len(seen) < 2 * LEAST:  # some writes leave several rows, and a rebuild that begins removes some unseen
        assert time.monotonic() < deadline, stage.log()
        time.sleep(0.1)
        assert stage.forget_while_cold()
        seen.update(OutboxEntry.objects.values_list("pk", flat=True))


def write_while_cold(stage, *arguments, beside=False):
    """Four writers and a drain, before, while and after Redis is cold; ``beside``: and a rebuild that began first."""
    drain = stage.manage("drain", "--watch", "--every", "0.2")
    runner = stage.runner() if beside else None
    writers = stage.endless_writers("--pause", "0.003", *arguments)
    time.sleep(1.0)
    stage.stop(writers)
    stage.wait_until_drained()
    stage.forget()
    stage.go_on(writers)
    keep_cold(stage)
    if runner:
        runner.begin("rebuild")
    seconds = stage.wait(lambda: stage.status().state == "ready", LIMIT)
    time.sleep(1.0)
    expected = stage.end_writers(writers, least=200)
    print(f"ready after {seconds:.1f} s: {dict(stage.counted)}")
    if runner:
        outcome = runner.outcome()
        print(outcome)
        assert outcome in ("done", "WriteBehindRefused")  # of two that meet, one is refused
    assert stage.counted["repeated"] == 0
    assert stage.counted["cold"] > LEAST
    stage.wait_until_drained()
    drain.send_signal(signal.SIGTERM)
    assert drain.wait(30) == 0, stage.log()
    stage.check(*expected)


@pytest.mark.parametrize(("kind", "isolation"), LEVELS)
def test_writers(set_stage, kind, isolation):
    write_while_cold(set_stage(kind, edges=EDGES, isolation=isolation))


@pytest.mark.parametrize(("kind", "isolation"), LEVELS)
def test_writers_beside_a_rebuild_that_is_under_way(set_stage, kind, isolation):
    write_while_cold(set_stage(kind, edges=EDGES, isolation=isolation), beside=True)


@pytest.mark.parametrize(("kind", "isolation"), LEVELS)
def test_writers_in_transactions_of_their_own(set_stage, kind, isolation):
    stage = set_stage(kind, edges=EDGES, isolation=isolation)
    write_while_cold(stage, "--nested")
    if isolation == "read committed":
        assert stage.counted["conflicts"] == stage.counted["commits"] == 0
