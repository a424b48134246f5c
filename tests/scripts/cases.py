"""Calls of each script that write all that it can write, the graph that they need, and how they are refused."""

from __future__ import annotations

import redis

from tests.scripts.conftest import JOURNAL
from tests.support.graph import dump
from tests.support.manifest import MANIFEST, example_of

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
    "add_edges": ["follow", "user", "1", "9", "project", "8", "user", "2"],
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
    ("add_edges", ["follow", "user", "3", "9", "user", "4", "project", "7"]),
    ("unfollow", ["user", "1", "user", "4"]),
    ("move_edges", ["user", "3", "followings", "", "50", "", "user", "1", "user", "2"]),
    ("forget", ["user", "9", "10"]),
]

CASES = [*WRITES.items(), *REMOVALS.items()]
ALL_CASES = [*CASES, *NOTES, *STEPS.items(), *OTHER_STEPS]

#: Those that work where there is no journal, or an adoption goes on: on a graph whose mark is their first argument.
REBUILD = ("begin_rebuild", "clear_graph", "copy_edges", "open_journal")


def prepare(call, name="follow", arguments=()):
    """User 2 follows user 1, who is about to answer; users 3 and 4 are friends and follow project 7.

    All is noted and the graph has a mark, as far as the script works there.
    """
    client = call.client
    client.flushall()
    marked = arguments[0] if arguments and name in REBUILD else MARK
    is_cold = name in (*REBUILD, "fence") and marked != ADOPT
    if not is_cold and name != "delete_journal":
        client.xadd(JOURNAL, {"operation": "open"}, id="1-1")
        client.xadd(JOURNAL, {"operation": "open"}, id="1-2")
    call.follow("user", "2", "user", "1", "1")
    call.follow("user", "3", "user", "4", "2")
    call.follow("user", "4", "user", "3", "3")
    call.follow("user", "3", "project", "7", "4")
    if is_cold:
        client.set("sequere:global:fence", FENCED)
    elif name == "delete_journal":
        client.xadd(JOURNAL, {"operation": "open"}, id="1-2")
    if marked:
        client.set("sequere:global:mark", marked)
    return dump(client)


def refused(call, name, arguments):
    """The text of the error that a call ends with; None if it works."""
    try:
        call(name, *arguments)
    except redis.ResponseError as error:
        return str(error)
    return None


def plant(client, key):
    """Something that belongs to somebody else."""
    client.delete(key)
    client.rpush(key, "not", "yours")


def has_evalsha_ro(client):
    return int(client.info("server")["redis_version"].split(".")[0]) >= 7
