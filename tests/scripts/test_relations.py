"""Every relation and kind: forget, repairs, rebuilds, notes and audit."""

from __future__ import annotations

from tests.scripts.conftest import MARK, OTHER, PROJECT, USER, noted_relations
from tests.scripts.relating import add, assert_sound, bring, move, named, shown, state
from tests.support.graph import audit, dump


def test_forget_takes_every_relation_and_kind(call):
    for kind in ("", "watch"):
        for one, other in ((USER, OTHER), (OTHER, USER)):
            call.follow(*one, *other, "5", kind)
            add(call, named("archive", kind), other, one=one)
            add(call, named("mute", kind), other, one=one, ends="7" if kind else "")
            call.follow(*one, *PROJECT, "5", kind, "1")
    add(call, "block", PROJECT, one=OTHER)
    add(call, "block", ("user", "3"))
    removed, left = 0, 1
    while left:
        step, left = call.forget(*USER, "3")
        removed += step
    assert removed == 15
    assert not [key for key in dump(call.client) if key.startswith(("sequere:uid:1:", "sequere:uid::1"))]
    assert call.count("blocked", *OTHER) == [1]
    assert_sound(call.client)


def test_a_mended_edge_is_never_beside_one_that_excludes_it(journal, kind):
    follow, request, archive = (named(base, kind) for base in ("follow", "request", "archive"))
    mended = [*USER, *OTHER, "", "5"]
    add(journal, "block", USER, one=OTHER)
    assert journal.mend_edges(follow, *mended, request, *mended, archive, *mended, "block", *mended) == [0, 0, 0, 1]
    move(journal, OTHER, "blocked", "", USER)
    removed = ["block", *USER, *OTHER, "5.000000", ""]
    assert journal.mend_edges(*removed, follow, *mended, archive, *mended) == [1, 1, 1]
    assert journal.mend_edges(request, *mended, "block", *mended, "block", *OTHER, *USER, "", "5") == [0, 0, 0]
    assert journal.mend_edges(follow, *USER, *OTHER, "5.000000", "6") == [1]
    assert state(journal, kind) == "FA"
    assert_sound(journal.client)


def test_a_mended_edge_of_a_new_kind_makes_the_kind_known(call):
    assert call.mend_edges("follow@watch", *USER, *OTHER, "", "5") == [1]
    assert call.client.smembers("sequere:global:kinds") == {b"watch"}


def test_a_copied_edge_takes_the_place_of_those_that_it_excludes(journal, kind):
    follow, request, archive = (named(base, kind) for base in ("follow", "request", "archive"))
    journal.client.set(MARK, "on")
    for edges, after in [
        ([request, "5"], "R"),
        ([follow, "6"], "F"),
        ([archive, "7"], "FA"),
        (["block", "8"], "B"),
        ([request, "9"], "R"),
        (["block", "8", follow, "9"], "F"),
        ([follow, ""], ""),
    ]:
        words = [word for i in range(0, len(edges), 2) for word in (edges[i], *USER, *OTHER, edges[i + 1])]
        assert journal.copy_edges("on", "on", *words) == 1
        assert state(journal, kind) == after
        assert_sound(journal.client)
    assert shown(noted_relations(journal.client))[:7] == [
        "+request 5", "-request", "+follow 6", "+archive 7", "-follow", "-archive", "+block 8",
    ]  # fmt: skip


def test_notes_of_every_relation(journal, kind):
    journal.client.set(MARK, "seen")
    bring(journal, kind, "FA")
    add(journal, named("mute", kind), OTHER, ends="7")
    names = [named(base, kind) for base in ("follow", "request", "archive", "mute")] + ["block"]
    length = len(noted_relations(journal.client))
    assert journal.note_edges("seen", "moved", *(word for name in names for word in (name, *USER, *OTHER)))
    assert [change[:2] for change in noted_relations(journal.client)[length:]] == [
        ("remove" if name.startswith(("request", "block")) else "add", name) for name in names
    ]


def test_audit_finds_nothing_in_a_sound_graph(call):
    bring(call, "", "FA")
    add(call, "mute", OTHER, ends="7")
    add(call, "block", PROJECT)
    assert audit(call.client) == []
