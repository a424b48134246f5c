"""What a command advises in a state is a command that is not refused in it."""

from __future__ import annotations

import io
import re
import shlex

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from sequere.backends.redis.behind import rebuild as rebuilding
from sequere.backends.redis.behind.adopt import adopt
from sequere.backends.redis.behind.closing import close, release
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.backends.redis.behind.status import get_status
from sequere.resources import Resource
from tests.conftest import use_fallback
from tests.support.behind import (
    JOURNAL,
    MARK,
    Crash,
    backup_of_database,
    crash_at,
    memory_of,
    restore,
    restore_database,
)
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

ADA, BOB, FLIGHT = Resource("user", "1"), Resource("user", "2"), Resource("project", "1")

COMMANDS = (
    "status",
    "drain",
    "verify",
    "rebuild",
    "rebuild --from redis",
    "close",
    "close --for redis",
)


@pytest.fixture
def backend(settings, servers, monkeypatch):
    monkeypatch.setattr(rebuilding, "PATIENCE", 0.0)
    backend = use_fallback("valkey-9.1", settings, servers)
    Ask(backend).follow(ADA, BOB, timestamp=5.0)
    drain(backend.unguarded)
    return backend


def die(monkeypatch, graph, script, call, *, after=False):
    with monkeypatch.context() as patch:
        crash_at(patch, graph, script, after=after)
        with pytest.raises(Crash):
            call()


def follow_without_guard(graph):
    Ask(graph).follow(BOB, ADA, timestamp=9.0)


def lose(graph):
    graph.client.flushall()


def make_ready(backend, patch):
    pass


def make_cold(backend, patch):
    lose(backend.unguarded)


def make_cold_with_a_mark(backend, patch):
    backend.unguarded.client.delete(JOURNAL)


def make_rebuilding(backend, patch):
    lose(backend.unguarded)
    die(patch, backend.unguarded, "copy_edges", lambda: rebuild(backend.unguarded))


def make_rewound(backend, patch):
    memory = memory_of(backend.unguarded.client)
    Ask(backend).follow(ADA, FLIGHT, timestamp=6.0)
    drain(backend.unguarded)
    restore(backend.unguarded.client, memory)


def make_rewound_and_closed(backend, patch):
    memory = memory_of(backend.unguarded.client)
    close(backend.unguarded)
    Ask(backend).follow(ADA, FLIGHT, timestamp=6.0)
    restore(backend.unguarded.client, memory)


def make_rewound_without_a_mark(backend, patch):
    make_rewound(backend, patch)
    backend.unguarded.client.delete(MARK)


def make_behind(backend, patch):
    backup = backup_of_database()
    for timestamp in (20.0, 21.0):
        Ask(backend).unfollow(BOB, ADA)
        Ask(backend).follow(BOB, ADA, timestamp=timestamp)
        drain(backend.unguarded)
    restore_database(backup)


def make_behind_without_a_mark(backend, patch):
    make_behind(backend, patch)
    backend.unguarded.client.delete(MARK)


def make_adopting(backend, patch):
    close(backend.unguarded)
    die(patch, backend.unguarded, "since", lambda: adopt(backend.unguarded))


def make_adopting_without_a_journal(backend, patch):
    close(backend.unguarded)
    die(patch, backend.unguarded, "open_journal", lambda: adopt(backend.unguarded))


def make_adopting_after_a_loss(backend, patch):
    make_adopting(backend, patch)
    lose(backend.unguarded)


def make_adopting_beside_a_rebuild(backend, patch):
    make_adopting(backend, patch)
    backup = backup_of_database()
    die(patch, backend.unguarded, "copy_edges", lambda: rebuild(backend.unguarded, by_hand=True, replace=True))
    restore_database(backup)


def make_unmarked(backend, patch):
    lose(backend.unguarded)
    restore_database({model: [] for model in backup_of_database()})
    follow_without_guard(backend.unguarded)


def make_unmarked_beside_follows(backend, patch):
    make_unmarked(backend, patch)
    Ask(backend.database).follow(ADA, FLIGHT, timestamp=1.0)


def make_unmarked_after_a_loss(backend, patch):
    lose(backend.unguarded)
    follow_without_guard(backend.unguarded)


def make_unmarked_by_a_release(backend, patch):
    die(patch, backend.unguarded, "delete_journal", lambda: release(backend.unguarded), after=True)


def make_closed(backend, patch):
    close(backend.unguarded)


def make_closed_after_a_loss(backend, patch):
    close(backend.unguarded)
    lose(backend.unguarded)


def make_closed_and_unmarked(backend, patch):
    make_unmarked_after_a_loss(backend, patch)
    close(backend.unguarded)


def make_released(backend, patch):
    release(backend.unguarded)


def make_released_after_a_loss(backend, patch):
    release(backend.unguarded)
    lose(backend.unguarded)


STATES = {
    make_ready: "ready",
    make_cold: "cold",
    make_cold_with_a_mark: "cold",
    make_rebuilding: "rebuilding",
    make_rewound: "rewound",
    make_rewound_and_closed: "rewound",
    make_rewound_without_a_mark: "rewound",
    make_behind: "behind",
    make_behind_without_a_mark: "behind",
    make_adopting: "adopting",
    make_adopting_without_a_journal: "adopting",
    make_adopting_after_a_loss: "adopting",
    make_adopting_beside_a_rebuild: "adopting",
    make_unmarked: "unmarked",
    make_unmarked_beside_follows: "unmarked",
    make_unmarked_after_a_loss: "unmarked",
    make_unmarked_by_a_release: "unmarked",
    make_closed: "closed",
    make_closed_after_a_loss: "closed",
    make_closed_and_unmarked: "closed",
    make_released: "released",
    make_released_after_a_loss: "released",
}


def told_by(command):
    """What a command prints, or why it is refused, and whether it is."""
    out = io.StringIO()
    try:
        call_command("sequere", *shlex.split(command), stdout=out)
    except CommandError as refusal:
        return str(refusal), True
    except SystemExit:
        pass
    return out.getvalue(), False


def advised_in(text):
    """The commands that a text says, those to run one after the other together."""
    line = r"`python manage\.py sequere [^`]+`"
    for found in re.findall(rf"{line}(?: and then {line})*", text):
        yield tuple(re.findall(r"sequere ([^`]+)`", found))


@pytest.mark.parametrize("make", STATES, ids=lambda make: make.__name__.removeprefix("make_"))
def test_what_a_command_advises_is_not_refused(backend, monkeypatch, make):
    make(backend, monkeypatch)
    memory, backup = memory_of(backend.unguarded.client), backup_of_database()
    assert get_status(backend.unguarded).state == STATES[make]
    refused = []
    for command in COMMANDS:
        restore(backend.unguarded.client, memory)
        restore_database(backup)
        text, _ = told_by(command)
        after = memory_of(backend.unguarded.client), backup_of_database()
        for lines in advised_in(text):
            restore(backend.unguarded.client, after[0])
            restore_database(after[1])
            refused += [
                (command, line, why)
                for line in lines
                if line != "drain --watch"  # which is never refused, and does not end
                for why, is_refused in [told_by(line)]
                if is_refused
            ]
    assert not refused


@pytest.mark.parametrize("command", ["status", "rebuild"])
def test_the_right_side_is_named_first_for_a_graph_that_the_database_never_followed(backend, monkeypatch, command):
    make_unmarked(backend, monkeypatch)
    text, _ = told_by(command)
    redis, database = list(advised_in(text))
    assert (redis, database) == (("rebuild --from redis",), ("rebuild --from database",))
    assert "the database has no follows" in text
    assert "`python manage.py sequere rebuild --from database` removes what Redis holds" in text


@pytest.mark.parametrize("command", ["status", "drain", "rebuild"])
def test_after_a_release_no_command_offers_to_replace_the_graph(backend, monkeypatch, command):
    make_released(backend, monkeypatch)
    text, _ = told_by(command)
    assert "--from redis" in text
    assert "--from database" not in text
