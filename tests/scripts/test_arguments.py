"""Malformed arguments: each is refused with its code, naming script, argument and value, and changes nothing."""

from __future__ import annotations

import pytest
import redis

from tests.support.graph import dump
from tests.support.manifest import MANIFEST, fields_of, repeats_from

#: For each script a call that works, argument by argument as the manifest names them.
VALID = {
    "are_following": ["user", "1", "project", "7"],
    "audit": ["user", "1", "", "100", "0", "user"],
    "clear_graph": ["begun", "sequere:uid:user:1"],
    "close_journal": [],
    "copy_edges": ["begun", "going", "user", "3", "project", "8", "1382676091.612067"],
    "count": ["user", "1", "followers", "user"],
    "drain_journal": ["1-1", "100", "0", "0"],
    "follow": ["user", "3", "project", "8", "1382676091.612067"],
    "follow_many": ["user", "3", "1382676091.612067", "project", "8"],
    "forget": ["user", "1", "100"],
    "is_following": ["user", "1", "project", "7"],
    "journal_state": ["1-1"],
    "lookup": ["user", "1"],
    "mend_edges": ["user", "3", "project", "8", "", "1382676091.612067"],
    "move_rebuild": ["begun", "going"],
    "open_journal": ["begun", "1-1"],
    "page": ["user", "1", "followings", "project", "desc", "20", "", ""],
    "read_edges": ["user", "1", "project", "7"],
    "relationship": ["user", "1", "project", "7"],
    "resolve": ["1"],
    "unfollow": ["user", "1", "project", "7"],
    "unfollow_many": ["user", "1", "project", "7"],
}

#: For each script that takes any number of something: how many at most.
MOST = {
    "are_following": 500,
    "audit": 100,
    "clear_graph": 500,
    "copy_edges": 200,
    "follow_many": 200,
    "mend_edges": 100,
    "read_edges": 200,
    "unfollow_many": 200,
}

IDENTIFIERS = ["", "12", "count", "a:b", "a b", "é", "x" * 51, "a\n", "a\0"]
OBJECT_IDS = [
    *["", "x" * 256, "x" * 10_000, "é" * 128, "x" + "漢" * 90, "a\0b"],
    # Not UTF-8: no character, half of one, too long a form, half of a pair, beyond the last.
    *[b"\xff", b"ab\xc3", b"\xc0\xaf", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3\xe9\xa9"],
]

#: For each type of the manifest: the code, and values that it refuses.
BAD = {
    "identifier": ("SEQUERE_IDENTIFIER", IDENTIFIERS),
    "object_id": ("SEQUERE_OBJECT_ID", OBJECT_IDS),
    "timestamp": (
        "SEQUERE_TIMESTAMP",
        ["nan", "inf", "-1", "1e5", "0x10", " 1", "1 ", "1.2.3", ".5", "8589934592", "9" * 21, "-0", "now"],
    ),
    "relation": ("SEQUERE_ARGUMENT", ["", "follower", "FOLLOWERS", "blocked"]),
    "order": ("SEQUERE_ARGUMENT", ["", "DESC", "newest"]),
    "progress": ("SEQUERE_ARGUMENT", ["", "x" * 256]),
    "entry": ("SEQUERE_ARGUMENT", ["", "0", "1-", "-1", "1-1-1", "(1-1", "+", "1-x", "9" * 42]),
    "key": (
        "SEQUERE_ARGUMENT",
        ["", "uid:user:1", "sequere:global:rebuild", "sequere:other:uid:user:1", "sequere:uid"],
    ),
    "flag": ("SEQUERE_ARGUMENT", ["", "2", "yes"]),
    "uid": ("SEQUERE_ARGUMENT", ["", "0", "-1", "01", "1.0", "x", "9" * 16]),
    "number": ("SEQUERE_LIMIT", ["-1", "1.5", "1e2", "0x10", " 1", "many", "1000000000000000", "9" * 400]),
    "cursor": ("SEQUERE_CURSOR", ["garbage", "1:2:3:4", ":", "x:1", "1:x", "9" * 200, 'a"\r\nb', "1e999:x", "0"]),
}


def cases():
    for name, entry in MANIFEST.items():
        for position, argument_entry in enumerate(entry["arguments"]):
            argument, kind = argument_entry["name"], argument_entry["type"]
            if kind in ("resource", "edge"):
                for side, at in {"resource": [("", 0)], "edge": [("from_", 0), ("to_", 2)]}[kind]:
                    for value in IDENTIFIERS:
                        yield name, position + at, value, "SEQUERE_IDENTIFIER", f"{argument} 1 {side}identifier"
                    for value in OBJECT_IDS:
                        yield name, position + at + 1, value, "SEQUERE_OBJECT_ID", f"{argument} 1 {side}object_id"
                for at in range(position + 4, len(VALID[name])):
                    for value in BAD["timestamp"][1]:
                        yield name, at, value, "SEQUERE_TIMESTAMP", "timestamp"
                continue
            code, values = BAD[kind]
            for value in values:
                if not (value == "" and argument_entry["optional"]):
                    yield name, position, value, code, argument


@pytest.fixture
def graph(call):
    """A small graph, for calls that work."""
    call.follow("user", "1", "project", "7", "1.5")
    call.follow("project", "7", "user", "1", "2.5")
    return call


@pytest.fixture
def unchanged(graph):
    """The same graph, for calls that are refused: afterwards everything is as it was."""
    before = dump(graph.client)
    yield graph
    assert dump(graph.client) == before


def refused(call, code, *words, name, arguments, keys=("sequere:",)):
    with pytest.raises(redis.ResponseError) as caught:
        call(name, *arguments, keys=keys)
    text = str(caught.value)
    assert text.startswith(f"{code} {name}: ")
    for word in words:
        assert word in text
    assert len(text) < 400
    assert text.isprintable()


def test_bad_values(unchanged):
    for name, position, value, code, argument in cases():
        arguments = list(VALID[name])
        arguments[position] = value
        text = value.encode() if isinstance(value, str) else value
        shown = "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in text[:60])
        refused(unchanged, code, argument, f'got "{shown}', name=name, arguments=arguments)


@pytest.mark.parametrize(
    "object_id", ["é", "漢字", "😀", "\u07ff\u0800\uffff\U00010000\U0010ffff", "é" * 127, "a" * 255]
)
def test_any_text_is_an_object_id(call, object_id):
    assert call.follow("user", object_id, "project", object_id) == 1
    assert call.page("user", object_id, "followings", "", "desc", "1")[2:4] == ["project", object_id]


@pytest.mark.parametrize("name", sorted(VALID))
def test_valid_calls_work_and_reply_as_the_header_says(graph, name):
    kind, *lines = MANIFEST[name]["reply"]
    reply = graph(name, *VALID[name])
    values = [int(line.split()[0]) for line in lines if line.split()[0].isdigit()]
    if kind == "integer":
        assert isinstance(reply, int)
        assert not values or reply in values
    elif kind == "text":
        assert isinstance(reply, str)
    elif values:
        assert kind.startswith("array of integers, one for each ")
        assert set(reply) <= set(values)
    elif kind == "flat array":
        fields, first = list(fields_of(MANIFEST[name])), repeats_from(MANIFEST[name])
        assert len(reply) == first or (len(reply) - first) % (len(fields) - first) == 0
        numbers = [field for field in fields if fields_of(MANIFEST[name])[field].startswith(" integer")]
        assert [field for field, item in zip(fields, reply, strict=False) if isinstance(item, int)] == numbers
        assert {type(item) for item in reply[first:]} <= {str}
    else:
        assert kind.startswith("array")
        assert len(reply) == len(lines)


@pytest.mark.parametrize("name", sorted(VALID))
def test_counts_of_keys_and_arguments(unchanged, name):
    if not all(argument["optional"] for argument in MANIFEST[name]["arguments"]):
        refused(unchanged, "SEQUERE_ARGUMENT", "got 0", name=name, arguments=[])
    refused(unchanged, "SEQUERE_ARGUMENT", "got 0 keys", name=name, arguments=VALID[name], keys=())
    refused(unchanged, "SEQUERE_ARGUMENT", "got 3 keys", name=name, arguments=VALID[name], keys=("a", "b", "c"))
    last = MANIFEST[name]["arguments"][-1:]
    if last and last[0]["repeated"]:
        most = MOST[name]
        pair = VALID[name][len(MANIFEST[name]["arguments"]) - 1 :]
        fixed = VALID[name][: -len(pair)]
        code = "SEQUERE_ARGUMENT"
        refused(unchanged, code, name=name, arguments=fixed)
        refused(unchanged, code, name=name, arguments=[*fixed, *pair * (most + 1)])
        if len(pair) > 1:
            refused(unchanged, code, f"1 to {most} ", name=name, arguments=[*fixed, *pair, "odd"])
    else:
        refused(
            unchanged, "SEQUERE_ARGUMENT", f"got {len(VALID[name]) + 1}", name=name, arguments=[*VALID[name], "more"]
        )


@pytest.mark.parametrize("name", sorted(VALID))
def test_the_guard(graph, name):
    refused(
        graph,
        "SEQUERE_COLD",
        "guard sequere:journal",
        name=name,
        arguments=VALID[name],
        keys=("sequere:", "sequere:journal"),
    )
    graph.client.set("sequere:journal", "1")
    graph(name, *VALID[name], keys=("sequere:", "sequere:journal"))


@pytest.mark.parametrize("name", ["follow", "unfollow"])
def test_nobody_follows_itself(unchanged, name):
    refused(unchanged, "SEQUERE_SELF", 'user "1" cannot follow itself', name=name, arguments=["user", "1", "user", "1"])


def test_nobody_follows_itself_among_many(unchanged):
    refused(unchanged, "SEQUERE_SELF", name="follow_many", arguments=["user", "1", "", "project", "9", "user", "1"])
    refused(unchanged, "SEQUERE_SELF", name="unfollow_many", arguments=["user", "1", "project", "7", "user", "1"])
    for name, before, after in [("copy_edges", ["a", "b"], [""]), ("mend_edges", [], ["", ""]), ("read_edges", [], [])]:
        arguments = [*before, "user", "1", "user", "2", *after, "user", "1", "user", "1", *after]
        refused(unchanged, "SEQUERE_SELF", name=name, arguments=arguments)


def test_offset_and_cursor_exclude_each_other(unchanged):
    arguments = ["user", "1", "followings", "", "desc", "20", "1", "1.5:2"]
    refused(unchanged, "SEQUERE_ARGUMENT", "offset or cursor, not both", name="page", arguments=arguments)


@pytest.mark.parametrize(("name", "position"), [("page", 5), ("forget", 2), ("audit", 3), ("drain_journal", 1)])
def test_limits(graph, name, position):
    most = {"page": 1000, "forget": 500, "audit": 500, "drain_journal": 1000}[name]
    for value in ("0", str(most + 1)):
        arguments = list(VALID[name])
        arguments[position] = value
        refused(
            graph, "SEQUERE_LIMIT", f"limit must be a whole number from 1 to {most}", name=name, arguments=arguments
        )
    arguments[position] = str(most)
    graph(name, *arguments)
