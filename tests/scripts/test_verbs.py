"""What each verb does in each state of two resources, and what it leaves in the store."""

from __future__ import annotations

import pytest
import redis

from tests.scripts.conftest import JOURNAL, OTHER, PROJECT, USER, noted_relations
from tests.scripts.relating import add, assert_sound, bring, move, named, shown, state
from tests.support.graph import dump

BLOCKED, REFUSED = "SEQUERE_BLOCKED", "SEQUERE_FOLLOW_LIMIT"
MOVED, ABSENT = "moved", "absent"

#: Each verb: what runs it, with the kind, and for each state what it replies, the state after it, and the journal.
VERBS = {
    "follow": (
        lambda call, kind: call.follow(*USER, *OTHER, "9", kind),
        {
            "": (1, "F", ["+follow 9"]),
            "A": (1, "FA", ["+follow 9"]),
            "F": (0, "F", ["+follow 5"]),
            "R": (1, "F", ["-request", "+follow 9"]),
            "RA": (1, "FA", ["-request", "+follow 9"]),
            "B": (BLOCKED, "B", []),
            "b": (BLOCKED, "b", []),
        },
    ),
    "follow with approval": (
        lambda call, kind: call.follow(*USER, *OTHER, "9", kind, "1"),
        {
            "": (2, "R", ["+request 9"]),
            "A": (2, "RA", ["+request 9"]),
            "F": (0, "F", ["+follow 5"]),
            "R": (3, "R", ["+request 5"]),
            "B": (BLOCKED, "B", []),
            "b": (BLOCKED, "b", []),
        },
    ),
    "follow at a limit": (
        lambda call, kind: call.follow(*USER, *OTHER, "9", kind, "", "0", "0", "60"),
        {
            "": (REFUSED, "", []),
            "F": (0, "F", ["+follow 5"]),
            "R": (1, "F", ["-request", "+follow 9"]),
            "B": (BLOCKED, "B", []),
            "b": (BLOCKED, "b", []),
        },
    ),
    "follow with approval at a limit": (
        lambda call, kind: call.follow(*USER, *OTHER, "9", kind, "1", "0", "0", "60"),
        {
            "": (REFUSED, "", []),
            "F": (0, "F", ["+follow 5"]),
            "R": (3, "R", ["+request 5"]),
            "b": (BLOCKED, "b", []),
        },
    ),
    "unfollow": (
        lambda call, kind: call.unfollow(*USER, *OTHER, kind),
        {
            "": (0, "", ["-request", "-follow"]),
            "F": (1, "", ["-request", "-follow"]),
            "FA": (1, "A", ["-request", "-follow"]),
            "R": (2, "", ["-request", "-follow"]),
            "B": (0, "B", ["-request", "-follow"]),
        },
    ),
    "accept": (
        lambda call, kind: move(call, OTHER, named("requests", kind), "follow", USER, timestamp="9"),
        {
            "": (ABSENT, "", ["-request"]),
            "F": (ABSENT, "F", ["-request"]),
            "R": (MOVED, "F", ["-request", "+follow 9"]),
            "RA": (MOVED, "FA", ["-request", "+follow 9"]),
            "b": (ABSENT, "b", ["-request"]),
        },
    ),
    "deny": (
        lambda call, kind: move(call, OTHER, named("requests", kind), "", USER),
        {"": (ABSENT, "", ["-request"]), "R": (MOVED, "", ["-request"]), "F": (ABSENT, "F", ["-request"])},
    ),
    "cancel": (
        lambda call, kind: move(call, USER, named("requested", kind), "", OTHER),
        {"": (ABSENT, "", ["-request"]), "R": (MOVED, "", ["-request"]), "F": (ABSENT, "F", ["-request"])},
    ),
    "remove_follower": (
        lambda call, kind: move(call, OTHER, named("followers", kind), "", USER),
        {"": (ABSENT, "", ["-follow"]), "F": (MOVED, "", ["-follow"]), "R": (ABSENT, "R", ["-follow"])},
    ),
    "archive": (
        lambda call, kind: move(call, USER, named("followings", kind), "archive", OTHER),
        {
            "": (ABSENT, "", ["-follow"]),
            "F": (MOVED, "A", ["-follow", "+archive 5"]),
            "FA": (MOVED, "A", ["-follow", "+archive 5"]),
            "R": (ABSENT, "R", ["-follow"]),
        },
    ),
    "restore": (
        lambda call, kind: move(call, USER, named("archived", kind), "follow", OTHER),
        {
            "": (ABSENT, "", ["-archive"]),
            "A": (MOVED, "F", ["-archive", "+follow 5"]),
            "FA": (MOVED, "F", ["-archive", "+follow 5"]),
            "RA": (MOVED, "F", ["-archive", "-request", "+follow 5"]),
        },
    ),
    "block": (
        lambda call, kind: add(call, "block", OTHER, timestamp="9")[0],
        {
            "": (1, "B", ["+block 9"]),
            "F": (9, "B", ["-follow", "+block 9"]),
            "R": (1, "B", ["-request", "+block 9"]),
            "FA": (9, "B", ["-follow", "-archive", "+block 9"]),
            "RA": (1, "B", ["-request", "-archive", "+block 9"]),
            "B": (0, "B", ["+block 5"]),
            "b": (1, "Bb", ["+block 9"]),
        },
    ),
    "be blocked": (
        lambda call, kind: add(call, "block", USER, timestamp="9", one=OTHER)[0],
        {
            "": (1, "b", ["+block 9"]),
            "F": (17, "b", ["-follow", "+block 9"]),
            "FA": (17, "b", ["-follow", "-archive", "+block 9"]),
            "R": (1, "b", ["-request", "+block 9"]),
            "B": (1, "Bb", ["+block 9"]),
        },
    ),
    "unblock": (
        lambda call, kind: move(call, USER, "blocked", "", OTHER),
        {"B": (MOVED, "", ["-block"]), "Bb": (MOVED, "b", ["-block"]), "b": (ABSENT, "b", ["-block"])},
    ),
    "import a follow": (
        lambda call, kind: add(call, named("follow", kind), OTHER, timestamp="9")[0],
        {
            "": (1, "F", ["+follow 9"]),
            "F": (0, "F", ["+follow 5"]),
            "R": (1, "F", ["-request", "+follow 9"]),
            "A": (1, "FA", ["+follow 9"]),
            "B": (-1, "B", []),
            "b": (-1, "b", []),
        },
    ),
    "import a request": (
        lambda call, kind: add(call, named("request", kind), OTHER, timestamp="9")[0],
        {
            "": (2, "R", ["+request 9"]),
            "F": (0, "F", ["+follow 5"]),
            "R": (3, "R", ["+request 5"]),
            "B": (-1, "B", []),
            "b": (-1, "b", []),
        },
    ),
    "import an archived follow": (
        lambda call, kind: add(call, named("archive", kind), OTHER, timestamp="9")[0],
        {
            "": (1, "A", ["+archive 9"]),
            "A": (0, "A", ["+archive 5"]),
            "F": (1, "FA", ["+archive 9"]),
            "B": (-1, "B", []),
            "b": (-1, "b", []),
        },
    ),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_in_each_state(journal, kind, verb):
    run, states = VERBS[verb]
    for before, (wanted, after, changes) in states.items():
        journal.client.flushall()
        journal.client.xadd(JOURNAL, {"operation": "open"})
        bring(journal, kind, before)
        length = len(noted_relations(journal.client))
        stored = dump(journal.client)
        if isinstance(wanted, str) and wanted.startswith("SEQUERE"):
            with pytest.raises(redis.ResponseError, match=f"^{wanted} follow: "):
                run(journal, kind)
            assert dump(journal.client) == stored
        else:
            reply = run(journal, kind)
            assert (ABSENT if reply == [0] else MOVED if isinstance(reply, list) else reply) == wanted
        assert state(journal, kind) == after
        assert shown(noted_relations(journal.client)[length:]) == changes
        assert state(journal, "" if kind else "watch").strip("Bb") == ""  # the other graph is as it was
        assert_sound(journal.client)


def test_a_request_in_the_store(call):
    assert call.follow(*USER, *PROJECT, "5", "watch", "1") == 2
    stored = dump(call.client)
    assert {
        key: stored[key] for key in stored if key.startswith(("sequere:uid:1:", "sequere:uid:2:", "sequere:global:k"))
    } == {
        "sequere:global:kinds": {"watch"},
        "sequere:uid:1:requested@watch": {"2": 5},
        "sequere:uid:1:requested@watch:count": "1",
        "sequere:uid:1:requested@watch:project": {"2": 5},
        "sequere:uid:1:requested@watch:project:count": "1",
        "sequere:uid:2:requests@watch": {"1": 5},
        "sequere:uid:2:requests@watch:count": "1",
        "sequere:uid:2:requests@watch:user": {"1": 5},
        "sequere:uid:2:requests@watch:user:count": "1",
    }


def test_a_block_cuts_every_kind_both_ways(journal):
    for kind in ("", "watch", "listen"):
        journal.follow(*USER, *OTHER, "5", kind)
        journal.follow(*OTHER, *USER, "6", kind, "1" if kind else "")
        add(journal, named("archive", kind), OTHER)
        journal.follow(*OTHER, *PROJECT, "5", kind)
    add(journal, "mute", OTHER)
    length = len(noted_relations(journal.client))
    assert add(journal, "block", OTHER, PROJECT, ("user", "9"), timestamp="9") == [25, 1, 1]
    changes = noted_relations(journal.client)[length:]
    assert sorted(change[:2] for change in changes[:-3]) == sorted(
        ("remove", named(base, kind))
        for kind in ("", "watch", "listen")
        for base in ("follow", "archive", "request" if kind else "follow")
    )
    assert [change[:2] for change in changes[-3:]] == [("add", "block")] * 3
    left = [
        key
        for key in dump(journal.client)
        if key.startswith(("sequere:uid:1:", "sequere:uid:2:")) and "count" not in key
    ]
    assert {key.split(":")[3].partition("@")[0] for key in left} == {
        "blocked",
        "blocked_by",
        "muted",
        "muted_by",
        "followings",
    }
    assert journal.count("followings followings@watch followings@listen friends", *OTHER) == [1, 1, 1, 0]
    assert_sound(journal.client)


def test_friends_of_a_kind(call):
    call.follow(*USER, *OTHER, "5", "watch")
    call.follow(*OTHER, *USER, "6")
    assert call.count("friends friends@watch", *USER) == [0, 0]
    call.follow(*OTHER, *USER, "7", "watch")
    assert call.count("friends friends@watch friends@watch:user friends@watch:project", *USER) == [0, 1, 1, 0]
    assert call.page(*USER, "friends@watch", "desc", "5") == ["", *OTHER, "7.000000"]
    assert call.is_following(*USER, *OTHER) == 0
    assert call.since("follow@watch", *USER, *OTHER, "follow", *USER, *OTHER) == ["5.000000", ""]
