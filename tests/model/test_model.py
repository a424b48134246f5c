"""The protocol holds in every state of small models, and the checker notices each rule that is left out."""

from __future__ import annotations

import pytest

from tests.model.check import Scope, check
from tests.model.protocol import Rules

LOSSES = "crash lose older restore"

#: Small models: what both stores begin with, who takes part, and how much happens.
HOLDS = [
    Scope("ready", "wdr", failures=2),
    Scope("ready", "wwdr", writes=2),
    Scope("ready", "wdr", edges=2, writes=2, kinds="lose older restore"),
    Scope("new", "wdr"),
    # Commands, and two relations with forget.
    Scope("ready", "wdr", command="close", relations=2, forget=True),
    Scope("full", "wdr", command="close"),
    Scope("ready", "wdr", command="release", relations=2, forget=True),
    Scope("ready", "wdr", failures=2, kinds="restore crash lose", command="discard", relations=2, forget=True),
    Scope("ready", "wdr", failures=2, kinds="restore crash older", command="adopt", relations=2, forget=True),
    Scope("full", "wdr", edges=2, writes=0, kinds="restore older", command="adopt"),
    Scope("full", "wdr", kinds="crash restart", command="adopt", relations=2, forget=True),
    Scope("full", "wdr", writes=0, kinds="restore", command="adopt adopt"),
]

#: Larger ones; ``check.py`` runs any other from the command line.
LARGE = [
    Scope("ready", "wdr", writes=2, failures=2),
    Scope("ready", "wwdr", writes=2, failures=2),
    Scope("ready", "wdrr", failures=2),
    Scope("ready", "wdr", failures=3),
    Scope("new", "wdr", failures=2),
    Scope("new", "wwdr", writes=2),
    # Two relations, and forget.
    Scope("ready", "wdr", writes=2, kinds=LOSSES, relations=2, forget=True),
    Scope("ready", "wdr", writes=3, kinds="older", relations=2),
    Scope("ready", "wdr", failures=2, relations=2, forget=True),
    Scope("ready", "wwdr", writes=2, relations=2, forget=True),
    Scope("new", "wdr", kinds=LOSSES, relations=2, forget=True),
    # Commands.
    Scope("new", "wdr", command="close", kinds=LOSSES),
    Scope("ready", "wdr", failures=2, command="close"),
    Scope("ready", "wdr", failures=2, command="release"),
    Scope("ready", "wdr", failures=3, kinds="restore crash lose", command="discard", relations=2, forget=True),
    Scope("ready", "wdr", failures=2, kinds="restore lose older", command="adopt"),
    Scope("ready", "wdr", writes=2, failures=2, command="adopt"),
    Scope("full", "wdr", command="adopt"),
    Scope("full", "wdr", writes=2, failures=2, kinds="crash restart older", command="adopt"),
    Scope("full", "wdr", kinds="restore crash", command="adopt adopt"),
]

#: The rule that is left out, and a scope in which that is noticed.
RULES = {
    # A journal is taken for ours without the question what it was made from.
    "seen": Scope("new", "wdr", writes=2, failures=2, kinds="restore crash"),
    # A replay does not move what the graph was made from.
    "witness": Scope("new", "wdr", edges=2, writes=2, kinds="restore"),
    # A rebuild whose transaction has died opens the journal.
    "fence": Scope("new", "wdr", kinds="restart"),
    # The journal is deleted, whatever came last.
    "delete": Scope("ready", "wwdr", writes=2, kinds="older"),
    # A cold write does not move what the database has reached.
    "position": Scope("ready", "wdr", writes=2, failures=2, kinds="lose older"),
    # Entries are removed before the transaction that applies them has committed.
    "trim": Scope("ready", "wdr", edges=2, writes=2, kinds="crash"),
    # What changes nothing is not noted.
    "no-ops": Scope("ready", "wdr", writes=3, kinds="older"),
    # A rebuild ends without the lock.
    "early": Scope("ready", "wdr", kinds="lose"),
    # A script of a rebuild compares the epoch alone.
    "compare": Scope("new", "wdr", kinds="older"),
    # A rebuild clears what may be nobody else's.
    "unmarked": Scope("ready", "wdr", failures=2, kinds="lose unguarded"),
    # A client without the guard writes into a marked graph.
    "refuse": Scope("ready", "wdr", writes=0, failures=2, kinds="lose unguarded"),
    # The drain applies an add without what it excludes.
    "exclude": Scope("ready", "wdr", writes=2, kinds="older", relations=2),
    # The drain keeps the last entry of each edge, and not what an add before it excludes.
    "merge": Scope("ready", "wdr", writes=3, kinds="older", relations=2),
    # So does the replay of the outbox into a Redis that is adopted.
    "exclude-replay": Scope("full", "wdr", failures=0, kinds="", command="adopt", relations=2),
    # To forget notes the removals alone.
    "forget": Scope("ready", "wdr", writes=2, kinds="older", forget=True),
    # Nor does that replay apply a forget.
    "forget-replay": Scope("full", "wdr", failures=0, kinds="", command="adopt", forget=True),
    # To adopt replays rows that are in Redis.
    "once": Scope("full", "wdr", writes=2, kinds="crash", command="adopt"),
    # To adopt notes the edges without moving the mark.
    "notes": Scope("full", "wdr", edges=2, writes=0, kinds="older", command="adopt"),
    # Nor does another adopt move it, that joins the journal.
    "cursor": Scope("full", "wd", writes=0, kinds="restore", command="adopt adopt"),
    # To close while Redis was never in step leaves no epoch.
    "close": Scope("new", "wdr", failures=0, kinds="", command="close"),
}


@pytest.fixture(autouse=True)
def rules(monkeypatch):
    monkeypatch.setattr(Rules, "left_out", frozenset())
    monkeypatch.setattr(Rules, "paired", False)
    return Rules


def assert_holds(scope, limit):
    report = check(scope, limit)
    assert report.complete, report
    assert not report.wrong, report


@pytest.mark.parametrize("scope", HOLDS, ids=str)
def test_the_protocol_holds(scope):
    assert_holds(scope, 200_000)


@pytest.mark.slow
@pytest.mark.parametrize("scope", LARGE, ids=str)
def test_the_protocol_holds_in_larger_models(scope):
    assert_holds(scope, 4_000_000)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_is_left_out_is_noticed(rule, rules, monkeypatch):
    monkeypatch.setattr(rules, "left_out", frozenset({rule}))
    assert check(RULES[rule], 200_000).wrong


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_nothing_is_noticed_where_no_rule_is_left_out(rule):
    assert_holds(RULES[rule], 1_000_000)
