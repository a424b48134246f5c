"""A random walk: writes of every relation, with kinds, limits and ends, against a small model in Python."""

from __future__ import annotations

import random

import pytest
import redis

from tests.scripts.conftest import JOURNAL, noted_relations
from tests.scripts.relating import assert_sound, named
from tests.support.manifest import RELATIONS

RESOURCES = [("user", "1"), ("user", "2"), ("user", "3"), ("project", "7")]
KINDS = ["", "watch"]
FOREVER, FUTURE, PAST = 2**33, "8000000000", "7"
CUTS = ("follow", "request", "archive")


class Model:
    """Edges as ``{(relation, from, to): time}``, and how many follows each resource made."""

    def __init__(self):
        self.edges = {}
        self.made = dict.fromkeys(RESOURCES, 0)

    def is_barred(self, one, other):
        return ("block", one, other) in self.edges or ("block", other, one) in self.edges

    def admit(self, base, kind, one, other, most, new):
        """What prevents a follow or a request; None if nothing does. Counts it."""
        request = (named("request", kind), one, other)
        if (named("follow", kind), one, other) in self.edges:
            return 0
        if self.is_barred(one, other):
            return -1
        if request in self.edges:
            return 3 if base == "request" else None
        mine = [edge for edge in self.edges if edge[0] in (request[0], named("follow", kind)) and edge[1] == one]
        if most is not None and len(mine) >= most:
            return -2
        if new is not None:
            if self.made[one] >= new:
                return -3
            self.made[one] += 1
        return None

    def add(self, base, kind, one, other, at, ends=None, most=None, new=None):
        """The outcome of adding an edge, as add_edges gives it."""
        edge = (named(base, kind), one, other)
        outcome = None
        if base in ("follow", "request"):
            outcome = self.admit(base, kind, one, other, most, new)
        elif base == "archive" and self.is_barred(one, other):
            outcome = -1
        if outcome is not None:
            return outcome
        if base == "mute":
            at = ends if ends is not None else FOREVER + int(at)
            before = self.edges.get(edge)
            if before is not None and (before == at or min(before, at) >= FOREVER):
                return 0
        elif edge in self.edges:
            return 0
        self.edges.pop((named("request", kind), one, other) if base == "follow" else None, None)
        cuts = set()
        if base == "block":
            for other_kind in KINDS:
                for cut in CUTS:
                    for ends_ in ((one, other), (other, one)):
                        if self.edges.pop((named(cut, other_kind), *ends_), None) and cut == "follow":
                            cuts.add(8 if ends_[0] == one else 16)
        self.edges[edge] = at
        return 2 if base == "request" else 1 + sum(cuts)

    def drop_ended(self, kind, one):
        relation = named("mute", kind)
        for edge in [edge for edge, at in self.edges.items() if edge[:2] == (relation, one) and at < 1000]:
            del self.edges[edge]

    def move(self, base, kind, one, other, target, at):
        """The time of the edge moved or removed; None if there is none."""
        since = self.edges.pop((named(base, kind), one, other), None)
        if since is None or not target:
            return since
        if target == "follow":
            self.edges.pop((named("request", kind), one, other), None)
        return self.edges.setdefault((named(target, kind), one, other), since if at is None else at)


class Walk:
    """Does the same in a store and in the model, and compares the replies."""

    def __init__(self, call, seed):
        self.call, self.model, self.random = call, Model(), random.Random(seed)

    def step(self, at):
        chosen = self.random
        one, other = chosen.sample(RESOURCES, 2)
        kind = chosen.choice(KINDS)
        most, new = chosen.choice([(None, None), (None, None), (2, None), (None, 4), (3, 6)])
        getattr(self, chosen.choice(["follow", "follow", "unfollow", "add", "add", "move", "move", "forget"]))(
            one, other, kind, at, most, new
        )

    def follow(self, one, other, kind, at, most, new):
        approval = self.random.random() < 0.4
        words = ["1" if approval else "", *("" if limit is None else str(limit) for limit in (most, new)), "9999"]
        wanted = self.model.add("request" if approval else "follow", kind, one, other, at, None, most, new)
        code = {-1: "SEQUERE_BLOCKED", -2: "SEQUERE_FOLLOW_LIMIT", -3: "SEQUERE_FOLLOW_LIMIT"}.get(wanted)
        if code:
            with pytest.raises(redis.ResponseError, match=f"^{code} follow: "):
                self.call.follow(*one, *other, str(at), kind, *words)
        else:
            assert self.call.follow(*one, *other, str(at), kind, *words) == wanted

    def unfollow(self, one, other, kind, *_):
        found = [self.model.edges.pop((named(base, kind), one, other), None) for base in ("follow", "request")]
        assert self.call.unfollow(*one, *other, kind) == (1 if found[0] else 2 if found[1] else 0)

    def add(self, one, other, kind, at, most, new):
        base = self.random.choice(list(RELATIONS))
        others = [other, *self.random.sample([some for some in RESOURCES if some != one], 2)]
        kind = kind if RELATIONS[base].get("kinds") else ""
        limits = (
            ["" if limit is None else str(limit) for limit in (most, new)]
            if base in ("follow", "request")
            else ["", ""]
        )
        ends = self.random.choice(["", FUTURE, PAST]) if base == "mute" else ""
        words = [named(base, kind), *one, str(at), ends, *limits, "9999"]
        if base == "mute":
            self.model.drop_ended(kind, one)
        most, new = (int(limit) if limit else None for limit in limits)
        wanted = [
            self.model.add(base, kind, one, some, at, float(ends) if ends else None, most, new) for some in others
        ]
        assert self.call.add_edges(*words, *(word for some in others for word in some)) == wanted

    def move(self, one, other, kind, at, *_):
        base = self.random.choice([*RELATIONS, "archive", "archive"])
        row = RELATIONS[base]
        kind = kind if "kinds" in row else ""
        target = self.random.choice(["", row.get("moves", ""), row.get("moves", "")])
        time = self.random.choice([None, at])
        side = self.random.choice(["forward", "backward"])
        mine = self.random.choice([[other], [other, other], []])
        list_ = named(row[side], kind)
        taken = mine
        if not mine:
            pages = self.call.client.zrange(f"sequere:uid:{self.call.lookup(*one)}:{list_}", 0, 1)
            taken = [tuple(self.call.resolve(uid)) for uid in pages]
        wanted = []
        for some in taken:
            ends = (one, some) if side == "forward" else (some, one)
            since = self.model.move(base, kind, *ends, target, time)
            wanted += [] if since is None else [*some, f"{since:.6f}"]
        words = [*one, list_, target, "2", "" if time is None else str(time)]
        assert self.call.move_edges(*words, *(word for some in mine for word in some))[1:] == wanted

    def forget(self, one, *_):
        if self.random.random() < 0.8:
            return
        edges = [edge for edge in self.model.edges if one in edge[1:]]
        for edge in edges:
            del self.model.edges[edge]
        self.model.made[one] = 0
        assert self.call.forget(*one, "100") == [len(edges), 0]

    def compare(self):
        """The lists, counters and both halves are those of the model."""
        for one in RESOURCES:
            for base, row in RELATIONS.items():
                for kind in KINDS if "kinds" in row else [""]:
                    self.compare_lists(one, named(base, kind), row, kind)
        assert_sound(self.call.client)

    def compare_lists(self, one, relation, row, kind):
        edges = {
            edge[1:]: at
            for edge, at in self.model.edges.items()
            if edge[0] == relation and (at > 1000 or relation[0] != "m")
        }
        forward = {to: at for (from_, to), at in edges.items() if from_ == one}
        backward = {from_: at for (from_, to), at in edges.items() if to == one}
        mutual = {other: max(at, backward[other]) for other, at in forward.items() if other in backward}
        lists = {"forward": forward, "backward": backward, "mutual": mutual}
        for side, wanted in lists.items():
            if side in row:
                _, *fields = self.call.page(*one, named(row[side], kind), "desc", "50")
                found = {tuple(fields[i : i + 2]): float(fields[i + 2]) for i in range(0, len(fields), 3)}
                assert found == wanted
                users = sum(other[0] == "user" for other in wanted)
                list_ = named(row[side], kind)
                assert self.call.count(f"{list_} {list_}:user", *one) == [len(wanted), users]
                bits = self.call.relationships(*one, list_, *(word for other in RESOURCES for word in other))
                assert bits == [int(other in wanted) for other in RESOURCES]


def assert_no_prefix_breaks_the_rules(changes):
    """A reader that applies the journal entry by entry never has a follow, request or archive beside a block, and never
    a request beside a follow of its kind; in the end it has all edges."""
    edges = {}
    for operation, relation, one, other, since in changes:
        if operation == "add":
            edges[relation, one, other] = float(since)
        elif operation == "remove":
            edges.pop((relation, one, other), None)
        else:
            edges = {edge: at for edge, at in edges.items() if one not in edge[1:]}
        base, _, kind = relation.partition("@")
        assert (named("request", kind), one, other) not in edges or (named("follow", kind), one, other) not in edges
        if base == "block" or base in CUTS:
            pair = {edge[0].partition("@")[0] for edge in edges if {*edge[1:]} == {one, other}}
            assert "block" not in pair or not pair & {*CUTS}
    return edges


@pytest.mark.parametrize("seed", range(2))
def test_a_random_walk(call, seed):
    call.client.xadd(JOURNAL, {"operation": "open"})
    walk = Walk(call, seed)
    for at in range(1001, 1401):
        walk.step(at)
        if at % 20 == 0:
            walk.compare()
    walk.compare()
    assert assert_no_prefix_breaks_the_rules(noted_relations(call.client)) == walk.model.edges
