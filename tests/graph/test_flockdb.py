"""What the demo and the client of FlockDB do, in their order, by the public functions on every backend.

``docs/comparison.rst`` has the table of names.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from sequere import registry
from sequere.backends.operations import MoveEdges, ReadPage
from sequere.models import (
    archive,
    are_following,
    combine,
    follow,
    follow_many,
    forget,
    get_archived,
    get_archived_count,
    get_counts,
    get_followers,
    get_followers_count,
    get_followings,
    get_followings_count,
    get_friends,
    get_relationships,
    is_following,
    remove_follower,
    restore,
    since,
    unfollow,
    unfollow_many,
)
from tests.testapp.models import User

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("backend")]


@pytest.fixture
def nodes():
    """The nodes by their ids."""
    return {number: User.objects.create(username=str(number)) for number in (1, 2, 3, 4, 20, 21, 22, 30)}


def ids(items):
    return [int(instance.username) for instance, _ in items]


@pytest.fixture
def graph(nodes):
    """The edges of the spec of the client: 1 follows 2 and 3, 2 and 4 follow 1."""
    for position, (source, destination) in enumerate([(1, 2), (1, 3), (2, 1), (4, 1)]):
        assert follow(nodes[source], nodes[destination], timestamp=position) is True
    return nodes


def test_the_demo(nodes):
    one = nodes[1]
    assert get_followers(one) == []
    for position, number in enumerate((20, 21, 22)):
        assert follow(nodes[number], one, timestamp=position) is True
    assert ids(get_followers(one)) == [22, 21, 20]
    assert get_followers_count(one) == get_followers(one).count() == 3
    assert follow_many(one, [nodes[20], nodes[30]]) == {nodes[20]: True, nodes[30]: True}

    assert ids(get_friends(one)) == [20]
    assert ids(combine(get_followings(one)).both(get_followers(one))) == [20]
    union = [get_followings(one), combine(get_followers(one)).without(get_followings(one))]
    assert sorted(number for part in union for number in ids(part)) == [20, 21, 22, 30]
    assert ids(combine(get_followers(one)).without(get_followings(one))) == [22, 21]


def test_add_and_contains(graph):
    assert is_following(graph[1], graph[2])
    assert follow(graph[1], graph[2], timestamp=99) is False
    assert since(graph[1], graph[2]).timestamp() == 0  # the position of the edge that exists


def test_remove(graph):
    assert unfollow(graph[1], graph[2]) is True
    assert unfollow(graph[1], graph[2]) is False
    assert is_following(graph[1], graph[2]) is False
    assert since(graph[1], graph[2]) is None


def test_negate(declare, graph):
    declare(User, kinds=("negative",))
    unfollow(graph[1], graph[2])
    follow(graph[1], graph[2], kind="negative")
    assert is_following(graph[1], graph[2]) is False
    assert ids(get_followings(graph[1], kind="negative")) == [2]


def test_get_metadata_and_count(graph):
    assert get_followings_count(graph[1]) == 2
    assert get_counts([graph[1]])[graph[1]] == (2, 2, 1)


def test_archive_and_unarchive_one(graph):
    assert archive(graph[1], graph[2]) == 1
    assert is_following(graph[1], graph[2]) is False
    assert (ids(get_archived(graph[1])), get_archived_count(graph[1])) == ([2], 1)
    assert restore(graph[1], graph[2]) == 1
    assert since(graph[1], graph[2]).timestamp() == 0
    assert archive(graph[1], graph[4]) == 0  # there is no such follow


@pytest.mark.parametrize("one_by_one", [True, False], ids=["named", "all"])
def test_archive_and_unarchive_in_one_direction(graph, one_by_one):
    """FlockDB's archive(1, :follows, nil) and archive(nil, :follows, 1)."""
    one = registry.identify(graph[1])
    for name, archived, numbers in (("followings", "archived", (2, 3)), ("followers", "archived_by", (2, 4))):
        others = [registry.identify(graph[number]) for number in numbers] if one_by_one else []
        moved = MoveEdges(one, name, others, "archive").perform()
        assert len(moved.entries) == 2
        assert moved.left == 0
        assert len(MoveEdges(one, archived, others, "follow").perform().entries) == 2
    assert (ids(get_followings(graph[1])), ids(get_followers(graph[1]))) == ([3, 2], [4, 2])


def test_mass_actions_on_a_vertex(graph):
    assert archive(graph[1]) == 4
    assert get_followings(graph[1]) == get_followers(graph[1]) == []
    assert restore(graph[1]) == 4
    assert (ids(get_followings(graph[1])), ids(get_followers(graph[1]))) == ([3, 2], [4, 2])
    assert unfollow_many(graph[1], get_followings(graph[1]).instances()) == {graph[3]: True, graph[2]: True}
    assert remove_follower(graph[1], graph[2]) is True
    assert forget(graph[1]) == 1
    assert get_followings(graph[4]) == []


def test_an_archived_edge_beside_a_new_one(graph):
    archive(graph[1], graph[2])
    assert follow(graph[1], graph[2], timestamp=99) is True  # FlockDB would restore the archived one
    restore(graph[1], graph[2])
    assert since(graph[1], graph[2]).timestamp() == 99
    assert get_archived_count(graph[1]) == 0


def test_select_of_several(graph):
    asked = [graph[2], graph[3], graph[4]]
    assert are_following(graph[1], asked) == {graph[2]: True, graph[3]: True, graph[4]: False}
    rows = get_relationships(graph[1], asked)
    assert [row.followed_by for row in rows.values()] == [True, False, True]


def test_paginate(graph):
    one = registry.identify(graph[1])
    page = ReadPage(one, "followings", limit=1).perform()
    assert [entry.object_id for entry in page.entries] == [str(graph[3].pk)]
    page = ReadPage(one, "followings", limit=1, cursor=page.cursor).perform()
    assert [entry.object_id for entry in page.entries] == [str(graph[2].pk)]
    assert not page.cursor
    assert ids(get_followings(graph[1], desc=False)) == [2, 3]


def test_edges_have_positions(graph):
    item = get_followings(graph[1])[0]
    assert item.timestamp - get_followings(graph[1])[1].timestamp == timedelta(seconds=1)


def test_compound_queries_are_counted_exactly_or_estimated(graph):
    both = combine(get_followers(graph[1])).both(get_followings(graph[1]))
    assert both.count() == 1
    assert both.estimate() == (1, True)


def test_a_compound_query_takes_another(graph):
    """select(nil, :follows, 1).difference(select(1, :follows, nil).intersect(2, :follows, nil))"""
    follow(graph[2], graph[3])
    kept = combine(get_followings(graph[1])).both(get_followings(graph[2]))
    assert ids(kept) == [3]
    without = set(kept.instances())
    assert [user for user in get_followers(graph[1]).instances() if user not in without] == [graph[4], graph[2]]
