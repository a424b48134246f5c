"""What the README and the spec of Amico do, in their order, by the public functions on every backend.

``docs/comparison.rst`` has the table of names. Users are called by their ids there: ``one`` is 1, ``eleven`` is 11.
"""

from __future__ import annotations

import pytest
from django.core.paginator import Paginator

from sequere import exceptions
from sequere.models import (
    accept,
    block,
    deny,
    deny_all,
    follow,
    forget,
    get_blocked,
    get_blocked_by,
    get_blocked_by_count,
    get_blocked_count,
    get_followers,
    get_followers_count,
    get_followings,
    get_followings_count,
    get_friends,
    get_friends_count,
    get_requested,
    get_requested_count,
    get_requests,
    get_requests_count,
    is_blocked,
    is_following,
    is_friend,
    is_requested,
    unblock,
    unfollow,
    unfollow_many,
)
from sequere.outcomes import Outcome
from tests.testapp.models import User

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("backend")]


@pytest.fixture
def one():
    return User.objects.create(username="1")


@pytest.fixture
def eleven():
    return User.objects.create(username="11")


@pytest.fixture
def twelve():
    return User.objects.create(username="12")


@pytest.fixture
def pending_follow(declare):
    declare(User, needs_approval=True)


def test_the_first_session(one, eleven):
    assert follow(one, eleven) is True
    assert (is_following(one, eleven), is_following(eleven, one)) == (True, False)
    assert follow(eleven, one) is True
    assert is_following(eleven, one)
    assert (get_followings_count(one), get_followers_count(one)) == (1, 1)
    assert unfollow(eleven, one) is True
    assert (get_followings_count(eleven), get_followings_count(one)) == (0, 1)
    assert is_following(eleven, one) is False  # follower?(1, 11)
    assert get_followings(one).instances() == [eleven]
    assert block(one, eleven) is True
    assert is_following(eleven, one) is False
    assert is_blocked(one, eleven)  # blocked?(1, 11) and blocked_by?(11, 1)
    assert unblock(one, eleven) is True
    assert is_blocked(one, eleven) is False
    assert (follow(eleven, one), follow(one, eleven)) == (True, True)
    assert is_friend(one, eleven)
    assert get_friends(one).instances() == [eleven]


@pytest.mark.usefixtures("pending_follow")
def test_the_session_with_pending_follows(one, eleven):
    assert follow(one, eleven) is follow(eleven, one) is Outcome.REQUESTED
    assert is_requested(one, eleven)  # pending?(1, 11) and pending_with?(11, 1)
    assert is_requested(eleven, one)
    assert accept(eleven, one) is True  # accept(1, 11)
    assert (is_requested(one, eleven), is_requested(eleven, one)) == (False, True)
    assert (is_following(one, eleven), is_following(eleven, one)) == (True, False)
    assert accept(one, eleven) is True
    assert (is_requested(one, eleven), is_requested(eleven, one)) == (False, False)
    assert (is_following(one, eleven), is_following(eleven, one)) == (True, True)
    assert is_friend(one, eleven)


def test_the_session_with_scopes(declare, one, eleven):
    declare(User, kinds=("project",))
    follow(one, eleven)
    assert is_following(one, eleven)
    assert get_followings(one).instances() == [eleven]
    assert is_following(one, eleven, kind="project") is False
    assert follow(one, eleven, kind="project") is True
    assert is_following(one, eleven, kind="project")
    assert get_followings(one, kind="project").instances() == [eleven]
    assert is_friend(one, eleven, kind="project") is False
    follow(eleven, one, kind="project")
    assert (is_friend(one, eleven, kind="project"), is_friend(one, eleven)) == (True, False)


def test_all_and_clear(one, eleven, twelve):
    follow(one, eleven, timestamp=1)
    follow(one, twelve, timestamp=2)
    assert get_followings(one).instances() == [twelve, eleven]  # all(1, :following)
    follow(eleven, one)
    block(twelve, one)
    assert get_followings(eleven).instances() == get_blocked(twelve).instances() == [one]
    assert forget(one) == 3  # clear(1): the follow of 12 ended when 12 blocked 1
    assert get_followings(eleven) == get_blocked(twelve) == get_followers(eleven) == []


# The spec.


def test_nobody_follows_or_blocks_themselves(one):
    for call in (follow, unfollow, block, unblock):
        with pytest.raises(exceptions.SelfFollow):
            call(one, one)
    assert get_followings_count(one) == get_blocked_count(one) == 0


def test_unfollowing_ends_a_friendship(one, eleven):
    follow(one, eleven)
    follow(eleven, one)
    assert get_friends_count(one) == get_friends_count(eleven) == 1
    unfollow(one, eleven)
    assert get_followings_count(one) == get_followers_count(eleven) == 0
    assert get_friends_count(one) == get_friends_count(eleven) == 0


def test_a_block_ends_both_follows_and_bars_new_ones(one, eleven):
    follow(eleven, one)
    follow(one, eleven)
    block(one, eleven)
    assert get_followings_count(eleven) == get_friends_count(one) == get_friends_count(eleven) == 0
    assert get_blocked_count(one) == get_blocked_by_count(eleven) == 1
    for follower, followed in ((eleven, one), (one, eleven)):  # Amico bars only the first
        with pytest.raises(exceptions.Blocked):
            follow(follower, followed)
    assert get_followings_count(eleven) == get_followings_count(one) == 0
    assert unblock(one, eleven) is True
    assert get_blocked_by_count(eleven) == 0


def test_a_block_holds_in_every_scope(declare, one, eleven):
    declare(User, kinds=("project",))
    follow(eleven, one, kind="project")
    block(one, eleven)
    assert get_followers_count(one, kind="project") == 0
    with pytest.raises(exceptions.Blocked):
        follow(eleven, one, kind="project")


def test_following_again_keeps_the_time(one, eleven):
    follow(one, eleven, timestamp=1)
    assert follow(one, eleven, timestamp=2) is False
    assert get_followings(one)[0].timestamp.timestamp() == 1


@pytest.fixture
def crowd():
    return [User.objects.create(username=f"u{number}") for number in range(25)]


def befriend(one, others):
    for number, other in enumerate(others):
        follow(one, other, timestamp=number)
        follow(other, one, timestamp=number)


def block_both(one, others):
    for other in others:
        block(one, other)
        block(other, one)


@pytest.mark.parametrize(
    ("relate", "approval", "get", "count"),
    [
        (befriend, False, get_followings, get_followings_count),
        (befriend, False, get_followers, get_followers_count),
        (befriend, False, get_friends, get_friends_count),
        (befriend, True, get_requests, get_requests_count),
        (befriend, True, get_requested, get_requested_count),
        (block_both, False, get_blocked, get_blocked_count),
        (block_both, False, get_blocked_by, get_blocked_by_count),
    ],
    ids=["following", "followers", "reciprocated", "pending", "pending_with", "blocked", "blocked_by"],
)
def test_each_list_has_pages_and_counts(declare, one, crowd, relate, approval, get, count):
    declare(User, needs_approval=approval)
    relate(one, crowd)
    assert count(one) == 25  # also count(1, type)
    assert set(get(one).instances()) == set(crowd)  # all(1, type)
    assert [Paginator(get(one), size).num_pages for size in (25, 10, 5)] == [1, 3, 5]  # the *_page_count
    assert [len(get(one)[:size]) for size in (5, 10, 26)] == [5, 10, 25]
    pages = Paginator(get(one), 10)
    assert len(pages.get_page(1).object_list) == 10
    assert len(pages.get_page(99).object_list) == 5  # the last one, as page: 99


def test_lists_are_newest_first(one, eleven, twelve):
    for number, other in enumerate((eleven, twelve)):
        follow(one, other, timestamp=number)
        follow(other, one, timestamp=number)
    assert get_followings(one).instances() == get_followers(one).instances() == [twelve, eleven]


@pytest.mark.usefixtures("pending_follow")
def test_a_pending_follow_is_withdrawn_denied_or_ended_by_a_block(one, eleven):
    follow(one, eleven)
    assert (get_followings_count(one), get_requests_count(eleven), get_requested_count(one)) == (0, 1, 1)
    assert unfollow(one, eleven) is Outcome.WITHDRAWN
    assert get_requests_count(eleven) == get_requested_count(one) == 0

    follow(one, eleven)
    assert deny(eleven, one) is True  # deny(1, 11)
    assert is_following(one, eleven) is is_requested(one, eleven) is is_blocked(one, eleven) is False

    follow(eleven, one)
    follow(one, eleven)
    block(one, eleven)
    assert is_requested(eleven, one) is False
    assert is_requested(one, eleven) is False  # Amico keeps the request of the one who blocks
    assert is_blocked(one, eleven)


def test_accepting_needs_a_request(one, eleven):
    assert accept(eleven, one) is False  # Amico makes a follow
    assert is_following(one, eleven) is False


def test_the_switch_decides_for_each_call(declare, one, eleven, twelve):
    declare(User, needs_approval=lambda instance, follower: instance == eleven)
    assert follow(one, eleven) is Outcome.REQUESTED
    assert follow(one, eleven) is Outcome.ALREADY_REQUESTED
    assert follow(one, twelve) is True


def test_clearing_ends_requests_and_blocks(declare, one, eleven, twelve):
    declare(User, needs_approval=lambda instance, follower: instance == eleven)
    follow(one, eleven)
    block(one, twelve)
    assert forget(one) == 2
    assert get_requests_count(eleven) == get_blocked_by_count(twelve) == 0


def test_clearing_one_scope(declare, one, eleven, twelve):
    declare(User, kinds=("project",))
    for kind in (None, "project"):
        declare(User, needs_approval=False)
        follow(one, eleven, kind=kind)
        follow(twelve, one, kind=kind)
        declare(User, needs_approval=True)
        follow(eleven, one, kind=kind)
    unfollow_many(one, get_followings(one, kind="project").instances(), kind="project")
    for follower in get_followers(one, kind="project").instances():
        unfollow(follower, one, kind="project")
    assert deny_all(one, kind="project") == 1
    counts = (get_followings_count, get_followers_count, get_requests_count)
    assert [count(one, kind="project") for count in counts] == [0, 0, 0]
    assert [count(one) for count in counts] == [1, 1, 1]
