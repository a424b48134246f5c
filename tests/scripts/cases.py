"""Calls of every script, the graphs that they run on, and the keys that they touch: for tests that refuse them."""

from __future__ import annotations

import redis

from tests.scripts.conftest import JOURNAL
from tests.support.graph import dump
from tests.support.manifest import MANIFEST, RELATIONS, example_of

#: Scripts that only read, by their examples; an audit repairs only when told to.
READS = {name: example_of(name) for name, entry in MANIFEST.items() if entry["read_only"] or name == "audit"}

MARK, COPY, FENCED = "1-7 copy follow:1 1-7", "1-7 copy follow:2 1-7", "9-9"
ADOPT = "1-7 adopt - 1-7"

#: What write-behind and its tools write, each by the call that writes most.
STEPS = {
    "begin_rebuild": [MARK, "2-7", "0"],
    "clear_graph": [MARK, "on", "sequere:uid:user:1", "sequere:global:uid"],
    "delete_journal": ["1-2", "0"],
    "drain_journal": ["1-2", "10", "1-7"],
    "fence": ["", "7", "1"],
    "note_edges": [MARK, COPY, "follow", "user", "3", "user", "4", "follow", "user", "1", "user", "2"],
    "open_journal": [MARK, "1-7 ready - 1-7", FENCED],
}

#: Every other write, on a graph where it touches all that it ever touches; its example, unless that touches less.
WRITES = {
    **{name: example_of(name) for name in sorted(MANIFEST.keys() - READS.keys() - STEPS.keys())},
    "follow": ["user", "1", "user", "2", "9"],
    "add_edges": ["follow", "user", "1", "9", "", "", "", "", "project", "8", "user", "2"],
    "unfollow": ["user", "3", "user", "4"],
    "move_edges": ["user", "3", "followings", "", "50", "", "project", "7", "user", "4"],
    "forget": ["user", "3", "100"],
    "copy_edges": [
        *[MARK, COPY, "follow", "user", "1", "user", "2", "9", "follow", "user", "5", "project", "7", "9"],
        *["follow", "user", "3", "user", "4", "9"],
    ],
    "mend_edges": ["follow", "user", "1", "user", "2", "", "9", "follow", "user", "5", "project", "7", "", "9"],
}

#: The same scripts, when they remove.
REMOVALS = {
    "copy_edges": [MARK, COPY, "follow", "user", "3", "user", "4", "", "follow", "user", "3", "project", "7", ""],
    "mend_edges": ["follow", "user", "3", "user", "4", "2", "", "follow", "user", "3", "project", "7", "4", ""],
    "move_edges": ["user", "4", "followers", "", "50", ""],
}

#: Scripts of write-behind, where they write something else.
OTHER_STEPS = [
    ("begin_rebuild", ["", "2-7", "1"]),
    ("copy_edges", ["", COPY, "follow", "user", "1", "user", "2", "9"]),
    ("copy_edges", [ADOPT, COPY, *WRITES["copy_edges"][2:]]),
    ("delete_journal", ["1-2", "1"]),
    ("fence", ["", "7", "0"]),
    ("open_journal", ["", "1-7 ready - 1-7", FENCED]),
]

#: The writes that find nothing to change, and note that.
NOTES = [
    ("follow", ["user", "3", "user", "4", "9"]),
    ("add_edges", ["follow", "user", "3", "9", "", "", "", "", "user", "4", "project", "7"]),
    ("unfollow", ["user", "1", "user", "4"]),
    ("move_edges", ["user", "3", "followings", "", "50", "", "user", "1", "user", "2"]),
    ("forget", ["user", "9", "10"]),
]

#: What the graph with edges of every relation is made of.
RELATED_GRAPH = [
    ("follow", ["user", "1", "user", "2", "1"]),
    ("follow", ["user", "2", "user", "1", "1"]),
    ("follow", ["user", "1", "project", "7", "1"]),
    ("follow", ["user", "2", "user", "1", "2", "watch"]),
    ("follow", ["user", "1", "user", "3", "3", "", "1"]),
    ("follow", ["user", "1", "user", "2", "3", "watch", "1"]),
    ("follow", ["user", "3", "project", "7", "4", "", "", "", "9", "60"]),
    ("add_edges", ["archive", "user", "1", "5", "", "", "", "", "user", "3"]),
    ("add_edges", ["archive@watch", "user", "1", "5", "", "", "", "", "user", "2"]),
    ("add_edges", ["mute", "user", "1", "6", "7", "", "", "", "user", "3"]),
    ("add_edges", ["mute", "user", "1", "6", "", "", "", "", "project", "7"]),
]

#: Writes on that graph: requests, limits, kinds, blocks that cut, mutes beside one that has ended.
RELATED = [
    ("follow", ["user", "1", "user", "3", "9"]),
    ("follow", ["user", "3", "user", "2", "9", "watch", "1", "5", "5", "60"]),
    ("follow", ["user", "3", "user", "2", "9", "listen", "0", "5", "5", "60"]),
    ("follow", ["user", "2", "user", "3", "9", "", "1", "5", "5", "60"]),
    ("unfollow", ["user", "1", "user", "3"]),
    ("unfollow", ["user", "2", "user", "1", "watch"]),
    ("add_edges", ["block", "user", "1", "9", "", "", "", "", "user", "2", "user", "3", "project", "8"]),
    ("add_edges", ["mute", "user", "1", "9", "99", "", "", "", "project", "7", "user", "2"]),
    ("add_edges", ["request@watch", "user", "3", "9", "", "9", "9", "60", "user", "1", "user", "2"]),
    ("add_edges", ["follow", "user", "1", "9", "", "9", "9", "60", "user", "3", "project", "8"]),
    ("add_edges", ["archive", "user", "1", "9", "", "", "", "", "user", "2"]),
    ("move_edges", ["user", "3", "requests", "follow", "50", "9"]),
    ("move_edges", ["user", "1", "followings", "archive", "50", "", "user", "2"]),
    ("move_edges", ["user", "1", "archived@watch", "follow", "50", ""]),
    ("move_edges", ["user", "1", "muted", "", "50", ""]),
    ("forget", ["user", "1", "100"]),
    ("forget", ["user", "3", "100"]),
    (
        "copy_edges",
        [MARK, COPY, "block", "user", "1", "user", "2", "9", "request@listen", "user", "3", "user", "2", "9"],
    ),
    ("mend_edges", ["request@listen", "user", "3", "user", "2", "", "9", "mute", "user", "1", "user", "3", "7", "8"]),
]

CASES = [*WRITES.items(), *REMOVALS.items(), *RELATED]
ALL_CASES = [*CASES, *NOTES, *STEPS.items(), *OTHER_STEPS]

#: Those that work where there is no journal, or an adoption goes on: on a graph whose mark is their first argument.
REBUILD = ("begin_rebuild", "clear_graph", "copy_edges", "open_journal")


GRAPH = [
    ("follow", ["user", "2", "user", "1", "1"]),
    ("follow", ["user", "3", "user", "4", "2"]),
    ("follow", ["user", "4", "user", "3", "3"]),
    ("follow", ["user", "3", "project", "7", "4"]),
]

#: How the names of keys begin that scripts read to find out what to write.
READ = ("sequere:uid::", "sequere:uid:user:", "sequere:global:")


def prepare(call, name="follow", arguments=()):
    """A graph for the call; for most, user 2 follows user 1, and users 3 and 4 are friends and follow project 7.

    All is noted and the graph has a mark, as far as the script works there.
    """
    client = call.client
    client.flushall()
    marked = arguments[0] if arguments and name in REBUILD else MARK
    is_cold = name in (*REBUILD, "fence") and marked != ADOPT
    if not is_cold and name != "delete_journal":
        client.xadd(JOURNAL, {"operation": "open"}, id="1-1")
        client.xadd(JOURNAL, {"operation": "open"}, id="1-2")
    for write, words in RELATED_GRAPH if (name, arguments) in RELATED else GRAPH:
        call(write, *words)
    if is_cold:
        client.set("sequere:global:fence", FENCED)
    elif name == "delete_journal":
        client.xadd(JOURNAL, {"operation": "open"}, id="1-2")
    if marked:
        client.set("sequere:global:mark", marked)
    return dump(client)


def least_of(name, arguments):
    """How many refusals of a case a test must see, so that it is known to have tried."""
    return 8 if (name, arguments) in CASES else 1


def changed(call, name, arguments):
    """The keys that a write changes."""
    before = prepare(call, name, arguments)
    call(name, *arguments)
    after = dump(call.client)
    keys = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    assert keys
    return keys


def touched(call, name, arguments):
    """The keys that a write changes, and those that it only reads."""
    read = [key for key in prepare(call, name, arguments) if key.startswith(READ)]
    others = [f"sequere:uid:{uid}:{name}" for uid in (1, 2, 3) for name in ("blocked", "blocked_by", "quota")]
    return sorted({*changed(call, name, arguments), *read, JOURNAL, *(others if (name, arguments) in RELATED else [])})


def refused(call, name, arguments):
    """The text of the error that a call ends with; None if it works."""
    try:
        call(name, *arguments)
    except redis.ResponseError as error:
        return str(error)
    return None


LISTS = [
    f"{row[name]}{kind}"
    for row in RELATIONS.values()
    for name in ("forward", "backward", "mutual")
    if name in row
    for kind in ("", "@watch", "@listen")
    if not kind or "kinds" in row
]

#: All keys that a call of ALL_CASES could touch.
EVERY_KEY = {
    *("sequere:", *(f"sequere:global:{name}" for name in ("uid", "journal", "mark", "fence", "kinds"))),
    *(f"sequere:uid:{resource}" for resource in ("user:1", "user:2", "user:3", "user:4", "user:5", "user:9")),
    *(f"sequere:uid:project:{number}" for number in (7, 8, 9)),
    *(f"sequere:uid::{uid}" for uid in range(1, 10)),
    *(f"sequere:uid:{uid}:quota" for uid in range(1, 10)),
    *(
        f"sequere:uid:{uid}:{name}{narrow}{count}"
        for uid in range(1, 10)
        for name in LISTS
        for narrow in ("", ":user", ":project")
        for count in ("", ":count")
    ),
}


def plant(client, key):
    """Something that belongs to somebody else."""
    client.delete(key)
    client.rpush(key, "not", "yours")


def has_evalsha_ro(client):
    return int(client.info("server")["redis_version"].split(".")[0]) >= 7
