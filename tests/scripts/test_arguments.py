"""Malformed arguments: each is refused with its code, naming script, argument and value, and changes nothing."""

from __future__ import annotations

import pytest
import redis

from tests.scripts.conftest import KEYS
from tests.support.graph import audit, dump
from tests.support.manifest import MANIFEST, example_of, fields_of, places_of

#: For each script a call that works, with every argument: its example.
VALID = {
    **{name: example_of(name) for name in MANIFEST},
    "count": ["followers", "project", "7"],
    "add_edges": ["follow", "user", "1", "5", "", "9", "9", "60", "user", "2"],
}

LISTS = [
    "",
    "follower",
    "FOLLOWERS",
    "hated",
    "friends@",
    "friends@Watch",
    "friends@1",
    "friends@" + "x" * 31,
    "friends@watch:",
    "friends@watch:12",
    "friends@watch@watch",
    "friends:user@watch",
    "blocked@watch",
    "@watch",
    "followers:",
    "followers:12",
    "followers:a:b",
    "followers:count",
    "a b",
]

#: For each type of the manifest: the code, and values that it refuses.
BAD = {
    "identifier": ("SEQUERE_IDENTIFIER", ["", "12", "count", "a:b", "a b", "é", "x" * 51, "a\n", "a\0"]),
    "object_id": (
        "SEQUERE_OBJECT_ID",
        [
            *["", "x" * 256, "x" * 10_000, "é" * 128, "x" + "漢" * 90, "a\0b"],
            # Not UTF-8: no character, half of one, too long a form, half of a pair, beyond the last.
            *[b"\xff", b"ab\xc3", b"\xc0\xaf", b"\xe0\x9f\xbf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3\xe9\xa9"],
        ],
    ),
    "timestamp": (
        "SEQUERE_TIMESTAMP",
        ["nan", "inf", "-1", "1e5", "0x10", " 1", "1 ", "1.2.3", ".5", "8589934592", "9" * 21, "-0", "now"],
    ),
    "score": (
        "SEQUERE_TIMESTAMP",
        ["nan", "inf", "-1", "1e5", "0x10", " 1", "1 ", "1.2.3", ".5", "17179869184", "9" * 21, "-0", "now"],
    ),
    "kind": (
        "SEQUERE_ARGUMENT",
        ["Watch", "1st", "_watch", "watch list", "é", "x" * 31, "watch@", "@watch", "watch:user"],
    ),
    "relation": (
        "SEQUERE_ARGUMENT",
        [
            *["", "Follow", "follow follow", "hate", "followings", "follow@", "follow@Watch", "follow@1", "follow@a@b"],
            *["block@watch", "followings@watch", "@watch", "follow@" + "x" * 31],
        ],
    ),
    "list": ("SEQUERE_ARGUMENT", LISTS),
    "lists": (
        "SEQUERE_ARGUMENT",
        [*LISTS, "friends  friends", " friends", "friends ", "friends " * 10 + "friends"],
    ),
    "desc|asc": ("SEQUERE_ARGUMENT", ["", "DESC", "newest"]),
    "&|-": ("SEQUERE_ARGUMENT", ["", "+", "&&"]),
    "0|1": ("SEQUERE_ARGUMENT", ["", "2", "yes"]),
    "mark": ("SEQUERE_ARGUMENT", ["", "x" * 256]),
    "entry": ("SEQUERE_ARGUMENT", ["", "0", "1-", "-1", "1-1-1", "(1-1", "+", "1-x", "9" * 42]),
    "key": (
        "SEQUERE_ARGUMENT",
        [
            *["", "uid:user:1", "sequere:other:uid:user:1", "sequere:uid"],
            *(f"sequere:global:{name}" for name in ("mark", "fence", "journal", "journal:closed")),
        ],
    ),
    "uid": ("SEQUERE_ARGUMENT", ["", "0", "-1", "01", "1.0", "x", "9" * 16]),
    "cursor": ("SEQUERE_CURSOR", ["garbage", "1:2:3:4", ":", "x:1", "1:x", "9" * 200, 'a"\r\nb', "1e999:x", "0"]),
    "place": ("SEQUERE_CURSOR", ["garbage", "0", "1:2:3:4", ":", "x:1", "1:x", "99", "9" * 200, 'a"\r\nb', "1:5"]),
}
WHOLE_NUMBERS = ["", "-1", "1.5", "1e2", "0x10", " 1", "many", "1000000000000000", "9" * 400]


def bad_values(kind):
    """The code of a type, and values that it refuses; those of a range are just outside of it too."""
    if ".." not in kind:
        return BAD[kind]
    least, most = map(int, kind.split(".."))
    return "SEQUERE_LIMIT", [*WHOLE_NUMBERS, *[str(least - 1)] * (least > 0), str(most + 1)]


def cases():
    for name, entry in MANIFEST.items():
        position = 0
        for argument in entry["arguments"]:
            for place, kind, may_be_empty in places_of(argument):
                code, values = bad_values(kind)
                label = place if not argument["most"] else f"{argument['name']} 1"
                for value in values:
                    if not (value == "" and may_be_empty):
                        yield name, position, value, code, label
                position += 1


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


def refused(call, code, *words, name, arguments, keys=KEYS):
    with pytest.raises(redis.ResponseError) as caught:
        call(name, *arguments, keys=keys)
    text = str(caught.value)
    assert text.startswith(f"{code} {name}: ")
    for word in words:
        assert word in text
    assert len(text) < 400
    assert text.isprintable()


def test_bad_values(unchanged):
    for name, position, value, code, label in cases():
        arguments = list(VALID[name])
        arguments[position] = value
        text = value.encode() if isinstance(value, str) else value
        shown = "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in text[:60])
        refused(unchanged, code, label, f'got "{shown}', name=name, arguments=arguments)


@pytest.mark.parametrize(
    "object_id", ["é", "漢字", "😀", "\u07ff\u0800\uffff\U00010000\U0010ffff", "é" * 127, "a" * 255]
)
def test_any_text_is_an_object_id(call, object_id):
    assert call.follow("user", object_id, "project", object_id) == 1
    assert call.page("user", object_id, "followings", "desc", "1")[1:3] == ["project", object_id]


def is_of(kind, item):
    return isinstance(item, int) if kind == "integer" else isinstance(item, str)


@pytest.mark.parametrize("name", sorted(VALID))
def test_valid_calls_work_and_reply_as_the_header_says(graph, name):
    wanted, reply = MANIFEST[name]["reply"], graph(name, *VALID[name])
    items = reply if wanted["each"] else [reply]
    if wanted["each"]:
        assert len(reply) == 1  # each valid call has one of those that are repeated
    match wanted["kind"]:
        case "integer" | "bits":
            assert {type(item) for item in items} == {int}
        case "text":
            assert {type(item) for item in items} == {str}
        case "outcome":
            assert set(items) <= {outcome["value"] for outcome in wanted["outcomes"]}
        case "tuple":
            once, repeated = fields_of(wanted)
            first, rest = reply[: len(once)], reply[len(once) :]
            assert [is_of(field["type"], item) for field, item in zip(once, first, strict=True)] == [True] * len(once)
            assert len(rest) % (len(repeated) or 1) == 0
            assert all(is_of(repeated[i % len(repeated)]["type"], item) for i, item in enumerate(rest))


@pytest.mark.parametrize("name", sorted(VALID))
@pytest.mark.parametrize("keys", [(), ("sequere:",), (*KEYS, "more")], ids=["none", "one", "three"])
def test_there_are_always_two_keys(unchanged, name, keys):
    refused(
        unchanged, "SEQUERE_ARGUMENT", "takes 2 keys", f"got {len(keys)}", name=name, arguments=VALID[name], keys=keys
    )


@pytest.mark.parametrize("name", sorted(VALID))
def test_counts_of_arguments(unchanged, name):
    arguments = MANIFEST[name]["arguments"]
    optional = [empty for one in arguments if not one["most"] for _, _, empty in places_of(one)]
    least = max((place for place, empty in enumerate(optional, 1) if not empty), default=0)
    for given in range(least):
        refused(unchanged, "SEQUERE_ARGUMENT", f"got 2 and {given}", name=name, arguments=VALID[name][:given])
    repeated = arguments[-1] if arguments and arguments[-1]["most"] else None
    if not repeated:
        refused(unchanged, "SEQUERE_ARGUMENT", name=name, arguments=[*VALID[name], "more"])
        return
    size = len(places_of(repeated))
    fixed, one = VALID[name][:-size], VALID[name][-size:]
    refused(unchanged, "SEQUERE_ARGUMENT", name=name, arguments=[*fixed, *one * (repeated["most"] + 1)])
    if repeated["least"]:
        refused(unchanged, "SEQUERE_ARGUMENT", name=name, arguments=fixed)
    if size > 1:
        said = f"{repeated['least']} to {repeated['most']} {repeated['name']} of {size} arguments each"
        refused(unchanged, "SEQUERE_ARGUMENT", said, name=name, arguments=[*fixed, *one, "odd"])


@pytest.mark.parametrize("name", sorted(VALID))
def test_the_guard(graph, name):
    keys = ("sequere:", "sequere:journal")
    refused(graph, "SEQUERE_COLD", "guard sequere:journal", name=name, arguments=VALID[name], keys=keys)
    graph.client.set("sequere:journal", "1")
    graph(name, *VALID[name], keys=keys)


def test_the_last_uid_is_a_guard_that_always_lets_pass(call):
    assert call.follow("user", "1", "project", "7") == 1  # there was no such key
    call.client.delete("sequere:global:uid")
    assert call.is_following("user", "1", "project", "7") == 1


@pytest.mark.parametrize("name", ["follow", "unfollow"])
def test_nobody_follows_itself(unchanged, name):
    arguments = ["user", "1", "user", "1"]
    refused(unchanged, "SEQUERE_SELF", 'the same resource as from; got "user 1"', name=name, arguments=arguments)


def test_nobody_follows_itself_among_many(unchanged):
    arguments = [*add("follow"), "project", "9", "user", "1"]
    refused(unchanged, "SEQUERE_SELF", name="add_edges", arguments=arguments)
    arguments = ["user", "1", "followings", "", "50", "", "project", "7", "user", "1"]
    refused(unchanged, "SEQUERE_SELF", name="move_edges", arguments=arguments)
    for name, before, after in [
        ("copy_edges", ["a", "b"], [""]),
        ("mend_edges", [], ["", ""]),
        ("note_edges", ["a", "b"], []),
        ("since", [], []),
    ]:
        edges = [["follow", "user", "1", "user", "2", *after], ["follow", "user", "1", "user", "1", *after]]
        refused(unchanged, "SEQUERE_SELF", name=name, arguments=[*before, *edges[0], *edges[1]])


def test_offset_and_cursor_exclude_each_other(unchanged):
    arguments = ["user", "1", "followings", "desc", "20", "1", "1.5:2"]
    refused(unchanged, "SEQUERE_ARGUMENT", "offset or cursor, not both", name="page", arguments=arguments)


def add(relation, *, ends="", most="", new="", window=""):
    """The arguments of add_edges before the others."""
    return [relation, "user", "1", "", ends, most, new, window]


#: What edges of each list may become.
MOVES = {"followings": "archive", "friends@watch": "archive", "requests": "follow", "archived@watch": "follow"}


@pytest.mark.parametrize("list_", ["followings", "friends@watch", "requests", "archived@watch", "blocked", "muted"])
def test_edges_move_only_where_the_table_says(unchanged, list_):
    for target in ["follow", "request", "archive", "block", "mute", "follow@watch", "archive@watch"]:
        arguments = ["user", "1", list_, target, "50", "", "project", "7"]
        if MOVES.get(list_) != target:
            told = f'got "{target}"'
            refused(unchanged, "SEQUERE_ARGUMENT", "target must be", told, name="move_edges", arguments=arguments)


@pytest.mark.parametrize("relation", ["archive", "archive@watch", "block", "mute", "mute@watch"])
@pytest.mark.parametrize("limit", [{"most": "5"}, {"new": "5", "window": "60"}])
def test_only_follows_and_requests_have_limits(unchanged, relation, limit):
    arguments = [*add(relation, **limit), "user", "2"]
    told = ("most and new must be empty", f'got "{relation}"')
    refused(unchanged, "SEQUERE_ARGUMENT", *told, name="add_edges", arguments=arguments)


@pytest.mark.parametrize("relation", ["follow", "follow@watch", "request", "archive", "block"])
def test_only_a_mute_ends(unchanged, relation):
    arguments = [*add(relation, ends="9"), "user", "2"]
    told = ("ends must be empty", 'got "9.000000"')
    refused(unchanged, "SEQUERE_ARGUMENT", *told, name="add_edges", arguments=arguments)


def test_a_number_of_new_follows_needs_a_window(unchanged):
    told = "window must be there if new is, which is 5"
    arguments = [*add("follow", new="5"), "user", "2"]
    refused(unchanged, "SEQUERE_ARGUMENT", told, name="add_edges", arguments=arguments)
    arguments = ["user", "8", "user", "9", "", "watch", "", "", "5"]
    refused(unchanged, "SEQUERE_ARGUMENT", told, name="follow", arguments=arguments)


def test_a_block_is_of_eight_at_most(unchanged):
    others = [word for number in range(2, 11) for word in ("user", str(number))]
    told = ("others must be 1 to 8 for a block", 'got "9"')
    refused(unchanged, "SEQUERE_LIMIT", *told, name="add_edges", arguments=[*add("block"), *others])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("follow", ["user", "8", "user", "9", "", "k17"]),
        ("add_edges", [*add("mute@k17"), "user", "8"]),
    ],
)
def test_there_are_sixteen_kinds(graph, name, arguments):
    for number in range(1, 17):
        graph.follow("user", "1", "project", "7", "", f"k{number}")
    before = dump(graph.client)
    told = ("kind would be the 17th in sequere:global:kinds", 'got "k17"')
    refused(graph, "SEQUERE_ARGUMENT", *told, name=name, arguments=arguments)
    assert dump(graph.client) == before
    graph.follow("user", "8", "user", "9", "", "k16")
    # What is copied from a database may have others: that had the kinds of another server.
    assert graph.mend_edges("request@k17", "user", "8", "user", "9", "", "5") == [1]
    assert graph.copy_edges("", "on", "archive@k18", "user", "8", "user", "9", "5") == 1
    graph.client.delete("sequere:global:mark")
    refused(graph, "SEQUERE_ARGUMENT", told[0], name=name, arguments=[word.replace("k17", "k19") for word in arguments])
    graph.follow("user", "9", "user", "10", "", "k18")
    assert audit(graph.client) == []


def test_as_many_as_the_header_allows(graph):
    for name, arguments in VALID.items():
        repeated = MANIFEST[name]["arguments"][-1:]
        if repeated and repeated[0]["most"]:
            size = len(places_of(repeated[0]))
            graph(name, *arguments[:-size], *arguments[-size:] * repeated[0]["most"])
