"""Requests, blocks, mutes, archived follows, kinds and limits, by the public functions on every backend."""

from __future__ import annotations

import pickle
import time
from copy import copy
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from sequere import exceptions, models, registry
from sequere.backends.operations import AddEdges
from sequere.outcomes import Outcome
from sequere.results import Item, MutedItem
from sequere.signals import request_accepted
from tests.testapp.models import Country, User

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("backend")]

MOMENT = datetime(2013, 10, 25, 4, 41, 31, 612067, tzinfo=UTC)


@pytest.fixture
def private(declare):
    declare(User, needs_approval=True)


# Requests.


@pytest.mark.usefixtures("private")
def test_a_request_waits_until_it_is_accepted(ada, bob):
    assert models.follow(ada, bob) is Outcome.REQUESTED
    assert models.follow(ada, bob) is Outcome.ALREADY_REQUESTED
    assert not Outcome.REQUESTED
    assert models.is_requested(ada, bob)
    assert not models.is_requested(bob, ada)
    assert not models.is_following(ada, bob)
    assert [item.instance for item in models.get_requests(bob)] == [ada]
    assert models.get_requested(ada).instances() == [bob]
    assert (models.get_requests_count(bob), models.get_requested_count(ada)) == (1, 1)
    before = timezone.now()
    assert models.accept(bob, ada) is True
    assert models.accept(bob, ada) is False
    assert models.is_following(ada, bob)
    assert before <= models.since(ada, bob) <= timezone.now()
    assert models.get_requests(bob) == models.get_requested(ada) == []
    assert models.follow(ada, bob) is False


@pytest.mark.usefixtures("private")
@pytest.mark.parametrize(
    "end",
    [
        lambda ada, bob: models.deny(bob, ada),
        lambda ada, bob: models.cancel(ada, bob),
        lambda ada, bob: models.unfollow(ada, bob) is Outcome.WITHDRAWN,
        lambda ada, bob: models.unfollow_many(ada, [bob]) == {bob: Outcome.WITHDRAWN},
        lambda ada, bob: models.deny_all(bob) == 1,
        lambda ada, bob: models.block(bob, ada),
        lambda ada, bob: models.block(ada, bob),
    ],
    ids=["deny", "cancel", "unfollow", "unfollow_many", "deny_all", "block", "block by the follower"],
)
def test_a_request_ends_in_many_ways(ada, bob, end):
    models.follow(ada, bob)
    assert end(ada, bob)
    assert not models.is_requested(ada, bob)
    assert models.accept(bob, ada) is False
    assert not models.is_following(ada, bob)


@pytest.mark.usefixtures("private")
def test_what_is_not_there_cannot_be_ended(ada, bob):
    assert models.deny(bob, ada) is models.cancel(ada, bob) is models.remove_follower(bob, ada) is False
    assert models.unfollow(ada, bob) is models.unblock(ada, bob) is models.unmute(ada, bob) is False
    assert models.accept_all(bob) == models.deny_all(bob) == models.archive(ada) == models.restore(ada) == 0


@pytest.mark.usefixtures("private")
def test_cancelling_too_late_leaves_the_follow(ada, bob):
    models.follow(ada, bob)
    models.accept(bob, ada)
    assert models.cancel(ada, bob) is False
    assert models.is_following(ada, bob)


def test_a_request_becomes_a_follow_when_no_approval_is_needed_any_more(declare, ada, bob):
    declare(User, needs_approval=True)
    models.follow(ada, bob)
    declare(User, needs_approval=False)
    assert models.is_requested(ada, bob)
    assert models.follow(ada, bob) is True
    assert not models.is_requested(ada, bob)


def test_a_method_decides_on_approval_for_each_pair(declare, ada, bob, cyd):
    declare(User, needs_approval=lambda instance, follower: (instance, follower) == (bob, ada))
    assert models.follow(ada, bob) is Outcome.REQUESTED
    assert models.follow(cyd, bob) is True
    assert models.follow(bob, ada) is True


def test_all_requests_at_once_are_the_oldest_first(declare, ada, bob, cyd):
    declare(User, needs_approval=True)
    models.follow(ada, cyd, timestamp=1)
    models.follow(bob, cyd, timestamp=2)
    assert models.accept_all(cyd) == 2
    assert models.get_followers_count(cyd) == 2
    assert models.get_requests_count(cyd) == 0


def test_accepting_all_ends_while_new_requests_come_in(declare, told, ada):
    declare(User, needs_approval=True)
    others = Country.objects.bulk_create([Country(code=f"c{number}") for number in range(70)])
    for number, country in enumerate(others[:60]):
        models.follow(country, ada, timestamp=number)
    late = iter(others[60:])

    def ask_too(**event):
        if other := next(late, None):
            models.follow(other, ada)

    request_accepted.connect(ask_too)
    try:
        assert models.accept_all(ada) == 60
    finally:
        request_accepted.disconnect(ask_too)
    assert set(models.get_followers(ada).instances()) == set(others[:60])
    assert models.get_requests_count(ada) == 10


def test_a_follower_is_removed(ada, bob):
    models.follow(ada, bob)
    assert models.remove_follower(bob, ada) is True
    assert models.remove_follower(bob, ada) is False
    assert not models.is_following(ada, bob)
    assert models.follow(ada, bob) is True


# Blocks.


def test_a_block_ends_follows_and_bars_new_ones_in_both_directions(declare, ada, bob):
    models.follow(ada, bob)
    models.follow(bob, ada)
    assert models.block(ada, bob) is True
    assert models.block(ada, bob) is False
    assert models.is_blocked(ada, bob)
    assert not models.is_blocked(bob, ada)
    assert not models.is_following(ada, bob)
    assert not models.is_following(bob, ada)
    assert (models.get_blocked(ada).instances(), models.get_blocked_by(bob).instances()) == ([bob], [ada])
    assert (models.get_blocked_count(ada), models.get_blocked_by_count(bob)) == (1, 1)
    for one, other in [(ada, bob), (bob, ada)]:
        for approval in (False, True):
            declare(User, needs_approval=approval)
            with pytest.raises(exceptions.Blocked) as caught:
                models.follow(one, other)
            assert "ada" not in str(caught.value)
            assert models.follow_many(one, [other]) == {other: Outcome.BLOCKED}
    declare(User, needs_approval=False)
    assert models.unblock(bob, ada) is False
    assert models.unblock(ada, bob) is True
    assert models.follow(bob, ada) is True


def test_a_block_ends_follows_of_all_kinds_and_archived_ones(declare, ada, bob):
    declare(User, kinds=("watch",))
    models.follow(ada, bob, kind="watch")
    models.follow(bob, ada)
    models.archive(bob)
    models.block(ada, bob)
    assert not models.is_following(ada, bob, kind="watch")
    assert models.get_archived_count(bob) == 0
    with pytest.raises(exceptions.Blocked):
        models.follow(ada, bob, kind="watch")


# Mutes.


def test_a_mute_without_an_end(ada, bob):
    models.follow(ada, bob)
    assert models.mute(ada, bob) is True
    assert models.mute(ada, bob) is False
    assert models.is_muted(ada, bob)
    assert not models.is_muted(bob, ada)
    assert models.is_following(ada, bob)
    assert list(models.get_muted(ada)) == [MutedItem(bob, None)]
    assert models.get_muted_count(ada) == 1
    assert models.unmute(ada, bob) is True
    assert models.unmute(ada, bob) is False
    assert models.get_muted(ada) == []


def test_the_end_of_a_mute_is_a_datetime_or_a_time_from_now(ada, bob, cyd):
    moment = timezone.now().replace(microsecond=5) + timedelta(days=2)
    assert models.mute(ada, bob, until=moment) is True
    assert models.mute(ada, bob, until=moment) is False
    assert models.mute(ada, cyd) is True
    assert list(models.get_muted(ada)) == [(cyd, None), (bob, moment)]
    assert models.get_muted(ada)[1:][0].until == moment
    assert models.mute(ada, bob, until=timedelta(days=3)) is True
    ((_, until),) = models.get_muted(ada)[1:]
    assert timedelta(days=2, hours=23) < until - timezone.now() <= timedelta(days=3)


def test_a_list_of_mutes_is_a_list(ada, bob, cyd):
    moment = timezone.now() + timedelta(days=2)
    models.mute(ada, bob)
    models.mute(ada, cyd, until=moment)
    muted = models.get_muted(ada, identifier=User)
    assert muted.first() == (bob, None)
    assert muted[1] == (cyd, moment)
    assert (len(muted), muted.count(), bool(muted), cyd in muted, ada in muted) == (2, 2, True, True, False)
    assert muted.ids() == [bob.pk, cyd.pk]
    assert list(reversed(muted)) == list(models.get_muted(ada, desc=False)) == [(cyd, moment), (bob, None)]
    assert pickle.loads(pickle.dumps(muted)) == copy(muted) == muted.all() == muted[:2]
    assert repr(muted[:1]) == "[(<User: bob>, None)]"


def test_a_mute_that_has_ended_counts_as_absent(ada, bob):
    one, other = registry.identify(ada), registry.identify(bob)
    AddEdges("mute", one, [other], 1.0, ends=time.time() - 5).perform()
    assert not models.is_muted(ada, bob)
    assert models.get_muted(ada) == []
    assert models.get_muted_count(ada) == 0
    assert models.unmute(ada, bob) is False
    assert models.mute(ada, bob) is True


# Archived follows.


def test_archived_follows_are_hidden_and_come_back_with_their_times(ada, bob, cyd):
    models.follow(ada, bob, timestamp=MOMENT)
    models.follow(cyd, ada, timestamp=MOMENT)
    models.follow(cyd, bob)
    assert models.archive(ada) == 2
    assert models.get_followers(bob).instances() == [cyd]
    assert models.get_followings_count(ada) == models.get_followers_count(ada) == 0
    assert models.since(ada, bob) is None
    assert models.get_archived(ada) == [(bob, MOMENT)]
    assert (models.get_archived_count(ada), models.get_archived_count(cyd)) == (1, 1)
    assert models.restore(ada) == 2
    assert models.since(ada, bob) == models.since(cyd, ada) == MOMENT
    assert models.get_archived(ada) == []


def test_one_follow_is_archived(ada, bob, cyd):
    models.follow(ada, bob, timestamp=MOMENT)
    models.follow(ada, cyd)
    assert models.archive(ada, bob) == 1
    assert models.archive(ada, bob) == 0
    assert models.get_followings(ada).instances() == [cyd]
    assert models.follow(ada, bob, timestamp=2) is True
    assert models.restore(ada, bob) == 1
    assert models.since(ada, bob) == datetime(1970, 1, 1, 0, 0, 2, tzinfo=UTC)
    assert models.restore(ada, bob) == 0


# Kinds.


def test_a_kind_is_a_graph_of_its_own(declare, ada, bob):
    declare(User, kinds=("watch", "star"))
    assert models.follow(ada, bob, kind="watch", timestamp=MOMENT) is True
    assert models.follow(ada, bob, kind="watch") is False
    assert models.follow(bob, ada, kind="watch") is True
    assert not models.is_following(ada, bob)
    assert models.is_following(ada, bob, kind="watch")
    assert models.is_friend(ada, bob, kind="watch")
    assert not models.is_friend(ada, bob, kind="star")
    assert models.since(ada, bob, kind="watch") == MOMENT
    assert models.are_following(ada, [bob], kind="watch") == {bob: True}
    assert models.get_followers(bob, kind="watch") == [Item(ada, MOMENT)]
    assert models.get_followings(ada, kind="watch", identifier=User).ids() == [bob.pk]
    assert bob in models.get_friends(ada, kind="watch")
    assert models.get_followers(bob) == []
    assert models.get_followers_count(bob, kind="watch") == models.get_followings_count(ada, kind="watch") == 1
    assert models.get_friends_count(ada, "user", kind="watch") == 1
    assert models.follow_many(ada, [bob], kind="star") == {bob: True}
    assert models.unfollow_many(ada, [bob], kind="star") == {bob: True}
    assert models.archive(ada, kind="watch") == 2
    assert models.get_archived_count(ada, kind="watch") == 1
    assert models.restore(ada, kind="watch") == 2
    assert models.unfollow(ada, bob, kind="watch") is True
    assert models.mute(ada, bob, kind="watch")
    assert models.is_muted(ada, bob, kind="watch")
    assert not models.is_muted(ada, bob)
    assert [item.instance for item in models.get_muted(ada, kind="watch")] == [bob]
    assert models.unmute(ada, bob, kind="watch")


def test_requests_have_kinds(declare, ada, bob):
    declare(User, kinds=("watch",), needs_approval=True)
    for end in (models.accept, models.deny):
        assert models.follow(ada, bob, kind="watch") is Outcome.REQUESTED
        assert models.is_requested(ada, bob, kind="watch")
        assert not models.is_requested(ada, bob)
        assert models.get_requests_count(bob, kind="watch") == models.get_requested_count(ada, kind="watch") == 1
        assert models.get_requests(bob, kind="watch").instances() == [ada]
        assert models.get_requests(bob) == []
        assert end(bob, ada) is False
        assert end(bob, ada, kind="watch") is True
        models.unfollow(ada, bob, kind="watch")
    models.follow(ada, bob, kind="watch")
    assert models.accept_all(bob) == models.deny_all(bob) == 0
    assert models.accept_all(bob, kind="watch") == 1
    assert models.remove_follower(bob, ada, kind="watch")
    models.follow(ada, bob, kind="watch")
    assert models.cancel(ada, bob, kind="watch")


# Limits.


def test_follows_and_requests_are_limited(declare, ada, bob, cyd):
    declare(User, follow_limit=1, needs_approval=True)
    assert models.follow(ada, bob) is Outcome.REQUESTED
    with pytest.raises(exceptions.FollowLimitReached) as caught:
        models.follow(ada, cyd)
    assert (caught.value.limit, caught.value.value, caught.value.retry_at) == ("follow_limit", 1, None)
    assert models.follow_many(ada, [bob, cyd]) == {bob: Outcome.ALREADY_REQUESTED, cyd: Outcome.LIMITED}
    assert models.accept(bob, ada)
    assert models.follow(ada, bob) is False
    declare(User, follow_limit=lambda follower: 2 if follower == ada else 0)
    assert models.follow(ada, cyd) is Outcome.REQUESTED
    with pytest.raises(exceptions.FollowLimitReached):
        models.follow(bob, cyd)


def test_the_rate_of_follows_is_limited(declare, ada, bob, cyd):
    declare(User, follow_rate=(1, timedelta(hours=1)))
    assert models.follow(ada, bob) is True
    assert models.unfollow(ada, bob) is True
    with pytest.raises(exceptions.FollowLimitReached) as caught:
        models.follow(ada, cyd)
    assert (caught.value.limit, caught.value.value) == ("follow_rate", 1)
    assert timedelta(minutes=59) < caught.value.retry_at - datetime.now(UTC) <= timedelta(hours=1)
    declare(User, follow_rate=lambda follower: None)
    assert models.follow(ada, cyd) is True


def test_requests_are_withdrawn_though_the_model_asks_for_no_approval_any_more(backend, declare, ada, bob, cyd):
    declare(User, needs_approval=True)
    models.follow(ada, bob)
    models.follow(ada, cyd)
    declare(User, needs_approval=False)
    assert models.unfollow_many(ada, [bob]) == {bob: Outcome.WITHDRAWN}
    assert models.unfollow(ada, cyd) is Outcome.WITHDRAWN
    assert not models.is_requested(ada, bob)
