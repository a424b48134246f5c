"""What every function of the relations tells, directly and asynchronously."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from sequere import models, signals
from sequere.backends.operations import Follow
from sequere.resources import Resource
from tests.conftest import use_redis
from tests.testapp.models import StarredUser, User

pytestmark = pytest.mark.django_db

MOMENT = datetime(2013, 10, 25, 4, 41, 31, 612067, tzinfo=UTC)


@pytest.fixture(autouse=True)
def empty(settings):
    use_redis("fakeredis", settings, None)


@pytest.fixture(params=["", "a"], ids=["sync", "async"])
def call(request):
    def run(name, *arguments, **options):
        function = getattr(models, request.param + name)
        return (async_to_sync(function) if request.param else function)(*arguments, **options)

    return run


@pytest.fixture
def tell(call, told):
    """Calls a function and returns what was told."""

    def run(name, *arguments, **options):
        del told[:]
        call(name, *arguments, **options)
        return told

    return run


@pytest.fixture(params=[None, "watch"])
def kind(request, declare):
    declare(User, kinds=("watch",))
    return request.param


def test_follows_and_requests(tell, declare, ada, bob, kind):
    assert tell("follow", ada, bob, kind=kind) == [("followed", ada, bob, {"kind": kind, "reason": "follow"})]
    assert tell("follow", ada, bob, kind=kind) == []
    assert tell("unfollow", ada, bob, kind=kind) == [("unfollowed", ada, bob, {"kind": kind, "reason": "unfollow"})]
    tell("follow", ada, bob, kind=kind)
    removed = tell("remove_follower", bob, ada, kind=kind)
    assert removed == [("unfollowed", ada, bob, {"kind": kind, "reason": "removed"})]
    declare(User, needs_approval=True)
    assert tell("follow", ada, bob, kind=kind) == [("requested", ada, bob, {"kind": kind})]
    assert tell("follow", ada, bob, kind=kind) == []
    assert tell("deny", bob, ada, kind=kind) == [("request_denied", ada, bob, {"kind": kind})]
    assert tell("deny", bob, ada, kind=kind) == tell("accept", bob, ada, kind=kind) == []
    for name in ("cancel", "unfollow"):
        tell("follow", ada, bob, kind=kind)
        assert tell(name, ada, bob, kind=kind) == [("request_cancelled", ada, bob, {"kind": kind})]
        assert tell(name, ada, bob, kind=kind) == []
    tell("follow", ada, bob, kind=kind)
    assert tell("accept", bob, ada, kind=kind) == [
        ("request_accepted", ada, bob, {"kind": kind}),
        ("followed", ada, bob, {"kind": kind, "reason": "accept"}),
    ]


def test_many(tell, declare, ada, bob, cyd, kind):
    declare(User, needs_approval=lambda instance, follower: instance == cyd)
    assert tell("follow_many", ada, [cyd, bob], kind=kind) == [
        ("followed", ada, bob, {"kind": kind, "reason": "follow"}),
        ("requested", ada, cyd, {"kind": kind}),
    ]
    assert tell("unfollow_many", ada, [cyd, bob], kind=kind) == [
        ("unfollowed", ada, bob, {"kind": kind, "reason": "unfollow"}),
        ("request_cancelled", ada, cyd, {"kind": kind}),
    ]


def test_all_requests(tell, declare, ada, bob, cyd, kind):
    declare(User, needs_approval=True)
    models.follow(bob, ada, kind=kind, timestamp=1)
    models.follow(cyd, ada, kind=kind, timestamp=2)
    assert tell("accept_all", ada, kind=kind) == [
        ("request_accepted", bob, ada, {"kind": kind}),
        ("request_accepted", cyd, ada, {"kind": kind}),
        ("followed", bob, ada, {"kind": kind, "reason": "accept"}),
        ("followed", cyd, ada, {"kind": kind, "reason": "accept"}),
    ]
    models.unfollow(bob, ada, kind=kind)
    models.follow(bob, ada, kind=kind)
    assert tell("deny_all", ada, kind=kind) == [("request_denied", bob, ada, {"kind": kind})]


def test_the_archive(tell, ada, bob, cyd, kind):
    models.follow(ada, bob, kind=kind)
    models.follow(cyd, ada, kind=kind)
    assert tell("archive", ada, kind=kind) == [
        ("unfollowed", ada, bob, {"kind": kind, "reason": "archive"}),
        ("unfollowed", cyd, ada, {"kind": kind, "reason": "archive"}),
    ]
    assert tell("restore", ada, bob, kind=kind) == [("followed", ada, bob, {"kind": kind, "reason": "restore"})]
    assert tell("restore", ada, kind=kind) == [("followed", cyd, ada, {"kind": kind, "reason": "restore"})]
    assert tell("restore", ada, kind=kind) == tell("restore", ada, bob, kind=kind) == []


def test_blocks(tell, ada, bob):
    strangers = {"kind": None, "cut_following": False, "cut_follower": False}
    assert tell("block", ada, bob) == [("blocked", ada, bob, strangers)]
    assert tell("block", ada, bob) == []
    assert tell("unblock", ada, bob) == [("unblocked", ada, bob, {"kind": None})]
    assert tell("unblock", ada, bob) == []
    models.follow(bob, ada)
    assert tell("block", ada, bob) == [
        ("blocked", ada, bob, {**strangers, "cut_follower": True}),
        ("unfollowed", bob, ada, {"kind": None, "reason": "block"}),
    ]
    models.unblock(ada, bob)
    models.follow(bob, ada)
    models.follow(ada, bob)
    assert tell("block", ada, bob) == [
        ("blocked", ada, bob, {**strangers, "cut_following": True, "cut_follower": True}),
        ("unfollowed", ada, bob, {"kind": None, "reason": "block"}),
        ("unfollowed", bob, ada, {"kind": None, "reason": "block"}),
    ]


def test_mutes(tell, ada, bob, kind):
    end = timezone.now() + timedelta(days=1)
    assert tell("mute", ada, bob, kind=kind) == [("muted", ada, bob, {"kind": kind, "until": None})]
    assert tell("mute", ada, bob, kind=kind) == []
    assert tell("mute", ada, bob, kind=kind, until=end) == [("muted", ada, bob, {"kind": kind, "until": end})]
    assert tell("unmute", ada, bob, kind=kind) == [("unmuted", ada, bob, {"kind": kind})]
    assert tell("unmute", ada, bob, kind=kind) == []


def test_the_times_and_the_sender(declare, ada, bob):
    heard = []

    def listen(sender, timestamp, **event):
        heard.append((sender, timestamp))

    for signal in (signals.followed, signals.unfollowed, signals.requested):
        signal.connect(listen)
    try:
        starred = StarredUser.objects.get(pk=ada.pk)
        models.follow(starred, bob, timestamp=MOMENT)
        models.archive(starred)
        models.restore(starred)
        models.unfollow(ada, bob)
        declare(User, needs_approval=True)
        models.follow(starred, bob, timestamp=MOMENT)
        models.accept(bob, ada)
    finally:
        for signal in (signals.followed, signals.unfollowed, signals.requested):
            signal.disconnect(listen)
    senders, times = zip(*heard, strict=True)
    assert set(senders) == {User}
    made, archived, restored, ended, requested, accepted = times
    assert made == restored == requested == MOMENT
    assert timezone.now() - timedelta(minutes=1) < archived <= ended <= accepted == models.since(ada, bob)


def test_who_is_not_registered_is_left_out(told, declare, ada, caplog):
    Follow(Resource("ghost", "1"), Resource("user", str(ada.pk)), 1.0, approval=True).perform()
    assert models.accept_all(ada) == 1
    assert told == []
    assert "No signal is sent for ghost 1" in caplog.text


def test_instances_that_were_not_passed_are_read_when_they_are_used(told, declare, ada, bob, django_assert_num_queries):
    declare(User, needs_approval=True)
    models.follow(bob, ada)
    with django_assert_num_queries(0):
        models.accept_all(ada)
    with django_assert_num_queries(1):
        assert told[-1][1].username == "bob"
