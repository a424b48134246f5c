"""followed and unfollowed: after success, only when something changed, always from the registered model."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from sequere import exceptions, models
from sequere.signals import followed, unfollowed
from tests.testapp.models import Project, StarredUser, User

pytestmark = pytest.mark.django_db

MOMENT = datetime(2013, 10, 25, 4, 41, 31, 612067, tzinfo=UTC)


@pytest.fixture
def heard(settings):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"
    events = []

    def listen(sender, signal, from_instance, to_instance, timestamp, **kwargs):
        name = "followed" if signal is followed else "unfollowed"
        events.append((name, sender, from_instance, to_instance, timestamp))

    followed.connect(listen)
    unfollowed.connect(listen)
    yield events
    followed.disconnect(listen)
    unfollowed.disconnect(listen)


@pytest.fixture(params=["", "a"], ids=["sync", "async"])
def call(request):
    def run(name, *arguments, **options):
        function = getattr(models, request.param + name)
        return (async_to_sync(function) if request.param else function)(*arguments, **options)

    return run


@pytest.fixture
def user():
    return StarredUser.objects.create(username="thoas")


@pytest.fixture
def projects():
    return [Project.objects.create(name=str(number)) for number in range(3)]


def test_one(call, heard, user, projects):
    call("follow", user, projects[0], timestamp=MOMENT)
    assert heard == [("followed", User, user, projects[0], MOMENT)]
    call("follow", user, projects[0])
    before = timezone.now()
    call("unfollow", user, projects[0])
    assert heard[1][:4] == ("unfollowed", User, user, projects[0])
    assert before <= heard[1][4] <= timezone.now()
    call("unfollow", user, projects[0])
    assert len(heard) == 2


def test_the_signal_and_the_list_tell_the_same_time(call, heard, user, projects):
    call("follow", user, projects[0])
    assert [(user, heard[0][4])] == models.get_followers(projects[0])


def test_many(call, heard, user, projects):
    call("follow", user, projects[1])
    del heard[:]
    call("follow_many", user, projects, timestamp=MOMENT)
    assert heard == [("followed", User, user, projects[0], MOMENT), ("followed", User, user, projects[2], MOMENT)]
    del heard[:]
    call("unfollow_many", user, projects[1:])
    assert [(event[0], event[3]) for event in heard] == [("unfollowed", projects[1]), ("unfollowed", projects[2])]


def test_nothing_is_sent_for_what_failed(call, heard, user):
    with pytest.raises(exceptions.SelfFollow):
        call("follow", user, user)
    call("forget", user)
    assert heard == []
