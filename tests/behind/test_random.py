"""Random operations while Redis loses its memory, is filled again, and is drained now and then."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from sequere.backends.redis.behind import rebuild as module
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.rebuild import rebuild
from tests.graph.test_machine import STEPS, machine
from tests.support.behind import in_step, start_anew


@pytest.mark.django_db(databases="__all__", transaction=True)
def test_no_answer_depends_on_where_it_comes_from(behind, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    monkeypatch.setattr(module, "COPY_STEP", 2)

    class Losing(machine(behind, lambda: start_anew(behind), lambda: None, has_quota=False)):
        def __init__(self):
            super().__init__()
            self.ready = True

        @precondition(lambda self: self.ready)
        @rule()
        def drain(self):
            drain(behind.unguarded)

        @precondition(lambda self: self.ready)
        @rule()
        def lose_memory(self):
            drain(behind.unguarded)
            behind.unguarded.client.flushall()
            self.ready = False

        @precondition(lambda self: not self.ready)
        @rule()
        def rebuild(self):
            rebuild(behind.unguarded)
            self.ready = True

        def teardown(self):
            if not self.ready:
                rebuild(behind.unguarded)
            assert in_step(behind)

    steps = 2 * STEPS.stateful_step_count  # some of them lose the memory or rebuild
    run_state_machine_as_test(Losing, settings=settings(STEPS, stateful_step_count=steps))
