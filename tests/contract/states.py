"""States of two resources: which edges there are from the one to the other, and how to enter and look at them."""

from __future__ import annotations

import itertools

from sequere import exceptions
from sequere.backends.operations import (
    AddEdges,
    Count,
    Entry,
    ReadPage,
    Relationships,
    Since,
)
from sequere.relations import LISTS, RELATIONS, Edge
from sequere.resources import Resource

ADA, BOB, EVE, FLIGHT = Resource("user", "1"), Resource("user", "2"), Resource("user", "3"), Resource("project", "1")

#: A state of two resources is a text with a letter for each edge from the one to the other.
EDGES = {"f": "follow", "r": "request", "a": "archive", "b": "block", "m": "mute"}
TIMES = {"f": 10.0, "r": 20.0, "a": 30.0, "b": 40.0, "m": 5_000_000_000.0}


def named(relation, kind):
    return f"{relation}@{kind}" if kind and RELATIONS[relation].kinds else relation


def listed(name, kind):
    return f"{name}@{kind}" if kind and LISTS[name].kinds else name


def pairs():
    """Resources that no other state of the test is about, two at a time."""
    return ((Resource("user", f"from-{number}"), Resource("user", f"to-{number}")) for number in itertools.count())


def enter(backend, kind, state, one=ADA, other=BOB):
    """Bring the edges from one to the other into a state such as ``ra``, each with a time of its own."""
    for letter in state:
        at = TIMES[letter]
        operation = AddEdges(named(EDGES[letter], kind), one, [other], at)
        if letter == "m":
            operation = AddEdges(named("mute", kind), one, [other], 50.0, ends=at)
        (outcome,) = backend.perform(operation)
        assert outcome > 0, (state, letter)


def look(backend, kind, one=ADA, other=BOB):
    """The state of the edges from one to the other, with the time of each that is not as ``enter`` makes it.

    The lists of both sides, the counts and the relationships must say the same.
    """
    state = []
    for letter, name in EDGES.items():
        relation = RELATIONS[name].of_kind(kind if RELATIONS[name].kinds else "")
        (since,) = backend.perform(Since([Edge(relation.name, one, other)]))
        for owner, list_, answer in ((one, relation.forward, other), (other, relation.backward, one)):
            narrow = f"{list_}:{answer.identifier}"
            everybody, same = (backend.perform(ReadPage(owner, name)).entries for name in (list_, narrow))
            assert same == [entry for entry in everybody if entry.identifier == answer.identifier], narrow
            assert backend.perform(ReadPage(owner, list_, desc=False)).entries == everybody[::-1], list_
            entries = [entry for entry in everybody if entry[:2] == answer]
            assert entries == ([] if since is None else [Entry(*answer, since)]), list_
            assert backend.perform(Count([list_, narrow, f"{list_}:tag"], [owner])) == [len(everybody), len(same), 0]
            assert backend.perform(Relationships(owner, [list_, narrow], [answer])) == [3 * len(entries)]
        if since is not None:
            state.append(letter if since == TIMES[letter] else f"{letter}{since:.0f}")
    return " ".join(state)


def perform(backend, operation):
    """The result of an operation, or the class of what it raises."""
    try:
        return backend.perform(operation)
    except exceptions.SequereException as error:
        return type(error)
