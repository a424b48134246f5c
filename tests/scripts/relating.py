"""Calls that bring two resources into a state, and what must hold in every store."""

from __future__ import annotations

from tests.scripts.conftest import OTHER, USER
from tests.support.graph import dump


def add(call, relation, *others, timestamp="5", ends="", most="", new="", window="", one=USER):
    words = [word for other in others for word in other]
    return call.add_edges(relation, *one, timestamp, ends, most, new, window, *words)


def named(base, kind):
    return f"{base}@{kind}" if kind else base


def move(call, resource, list_, target, *others, timestamp=""):
    return call.move_edges(*resource, list_, target, "50", timestamp, *(word for other in others for word in other))


def state(call, kind):
    """What is between USER and OTHER: F, R and A from the one to the other, and B or b for who blocks."""
    bits = call.relationships(
        *USER, " ".join(named(name, kind) for name in ("followings", "requested", "archived")), *OTHER
    )
    blocks = call.relationships(*USER, "blocked blocked_by", *OTHER)
    return "".join(letter for i, letter in enumerate("FRA") if bits[0] >> i & 1) + "".join(
        letter for i, letter in enumerate("Bb") if blocks[0] >> i & 1
    )


def bring(call, kind, wanted):
    """Bring the two into a state, at time 5."""
    for letter, relation, one, other in [
        ("F", named("follow", kind), USER, OTHER),
        ("R", named("request", kind), USER, OTHER),
        ("A", named("archive", kind), USER, OTHER),
        ("B", "block", USER, OTHER),
        ("b", "block", OTHER, USER),
    ]:
        if letter in wanted:
            assert add(call, relation, other, one=one)[0] > 0
    assert state(call, kind) == wanted


def shown(changes):
    """Changes of a journal as the table of verbs writes them, without the kind."""
    return [
        f"-{relation.partition('@')[0]}"
        if operation == "remove"
        else f"+{relation.partition('@')[0]} {float(since):.0f}"
        for operation, relation, _, _, since in changes
    ]


def assert_sound(client):
    """Each count is what its list holds, and each entry of a list has its counterparts."""
    stored = dump(client)
    halves = {"followings": "followers", "requested": "requests", "archived": "archived_by"}
    halves |= {"blocked": "blocked_by", "muted": "muted_by", "friends": "friends"}
    halves |= {theirs: mine for mine, theirs in halves.items()}
    names = {
        key.removeprefix("sequere:uid::"): value for key, value in stored.items() if key.startswith("sequere:uid::")
    }
    for key, entries in stored.items():
        if isinstance(entries, dict) and not key.startswith("sequere:uid::"):
            assert stored[f"{key}:count"] == str(len(entries))
            uid, list_, *narrow = key.removeprefix("sequere:uid:").split(":")
            base, at, kind = list_.partition("@")
            for other, score in entries.items():
                assert not narrow or narrow == [names[other]["identifier"]]
                assert stored[f"sequere:uid:{uid}:{list_}:{names[other]['identifier']}"][other] == score
                assert stored[f"sequere:uid:{other}:{halves[base]}{at}{kind}"][uid] == score
                if base == "friends":
                    followings = stored[f"sequere:uid:{uid}:followings{at}{kind}"][other]
                    assert score == max(followings, stored[f"sequere:uid:{uid}:followers{at}{kind}"][other])
        elif key.endswith(":count"):
            assert key.removesuffix(":count") in stored
