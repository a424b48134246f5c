"""Everything that runs beside the writers is killed at random moments, and Redis loses its memory: nothing is lost."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter

import pytest

from sequere.backends.redis.behind.adopt import adopt
from sequere.backends.redis.behind.closing import close
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.exceptions import ColdStore

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

EDGES = 1_000
#: Seconds of writing.
SECONDS = 14.0

DRAIN, REBUILD, ADOPT, CLOSE = ("drain",), ("rebuild",), ("rebuild", "--from", "redis"), ("close",)
COMMANDS = [DRAIN, REBUILD, ADOPT, CLOSE]
#: What has something to do in a state; most of the commands are of these.
FITTING = {
    "ready": [DRAIN, DRAIN, CLOSE],
    "cold": [DRAIN, REBUILD],
    "rebuilding": [REBUILD, REBUILD, DRAIN, CLOSE],
    "closed": [REBUILD, ADOPT, ADOPT],
    "adopting": [ADOPT],
}
#: The longest that a command may run, in seconds: some die at once, most in the middle, some come to their end.
LIVES = [0.02, 0.1, 0.2, 0.5, 1.5]
#: What a command may end with. Another error is one that an operator should not see.
OUTCOMES = {"done", "killed", "ColdStore", "WriteBehindRefused", "DatabaseBehind"}

#: States in which the database has all that there is, once the journal is drained: so Redis may lose its memory.
SAFE = {"ready", "cold", "rebuilding", "closed"}


def run_and_kill(stage, runners, chance):
    """One command in each runner, all at once. Returns how each ended."""
    fitting = FITTING.get(stage.status().state, COMMANDS)
    commands = [chance.choice(chance.choice([fitting, fitting, COMMANDS])) for _ in runners]
    for runner, command in zip(runners, commands, strict=True):
        runner.begin(*command, seconds=chance.uniform(0, chance.choice(LIVES)))
    return [(command, runner.outcome()) for runner, command in zip(runners, commands, strict=True)]


def make_ready(stage):
    """Do what the state says until Redis answers and the database has all of it. Returns the states on the way."""
    graph, states = stage.backend.unguarded, []
    for _ in range(5):
        states.append(stage.status().state)
        match states[-1]:
            case "ready":
                drain(graph)
                return states
            case "cold" | "rebuilding" | "closed":
                rebuild(graph, by_hand=True)
            case "behind" | "adopting":
                adopt(graph)
            case "rewound":
                with pytest.raises(ColdStore):
                    drain(graph)
            case state:
                raise AssertionError(f"{state}: no run may leave this behind")
    raise AssertionError(states)


def use_a_quiet_moment(stage, writers, chance):
    """While nobody writes: let Redis lose its memory if the database has all of it, or close. Returns what was done.

    What only an operator ends is brought to its end: nothing may be lost then.
    """
    graph = stage.backend.unguarded
    stage.stop(writers, signal.SIGUSR1)
    if stage.status().state == "ready":
        drain(graph)
    if stage.status().state not in SAFE:
        done = "went on"
        make_ready(stage)
    elif chance.random() < 0.5:
        done = "forgot"
        stage.forget()
    else:
        done = "closed"
        close(graph)  # so that there is a graph to adopt
    stage.go_on(writers)
    return done


def is_enough(outcomes, moments):
    """Whether each command was killed, and Redis has lost its memory."""
    return all(outcomes[command, "killed"] for command in COMMANDS) and moments["forgot"]


KINDS = ["sqlite", "postgresql", "mariadb"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_runs_that_are_killed_at_random(set_stage, kind):
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    stage = set_stage(kind, edges=EDGES)
    runners = [stage.runner() for _ in range(2)]
    writers = stage.endless_writers(number=3)
    outcomes, moments = Counter(), Counter()
    began = last = time.monotonic()
    while time.monotonic() < began + SECONDS or not is_enough(outcomes, moments):
        assert time.monotonic() < began + 3 * SECONDS, (outcomes, moments)
        outcomes.update(run_and_kill(stage, runners, chance))
        if time.monotonic() > last + 1.5:
            moments[use_a_quiet_moment(stage, writers, chance)] += 1
            last = time.monotonic()
    expected = stage.end_writers(writers)
    states = make_ready(stage)
    print(f"{dict(stage.counted)}, {dict(moments)}, {states}")
    for (command, outcome), count in sorted(outcomes.items()):
        print(f"{' '.join(command):<22}{outcome:<20}{count:>4}")
    assert {outcome for _, outcome in outcomes} <= OUTCOMES, stage.log()
    assert stage.counted["cold"] > 100
    stage.check(*expected)
