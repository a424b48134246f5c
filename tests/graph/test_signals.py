"""followed and unfollowed: after success, only when something changed, always from the registered model."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import partial

import pytest
from asgiref.sync import async_to_sync
from django.utils import timezone

from sequere import exceptions, models
from sequere.backends.database import DatabaseBackend
from sequere.signals import followed, unfollowed
from tests.testapp.models import Country, Project, StarredUser, User

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


def test_of_equal_instances_the_first_is_told(call, heard, user, projects):
    first, second = Project.objects.get(pk=projects[0].pk), projects[0]
    for name in ("follow_many", "unfollow_many"):
        call(name, user, [first, second])
        (event,) = heard
        assert event[3] is first
        del heard[:]


def test_nothing_is_sent_for_what_failed(call, heard, user):
    with pytest.raises(exceptions.SelfFollow):
        call("follow", user, user)
    call("forget", user)
    assert heard == []


class Broken:
    """A receiver without a name."""

    def __call__(self, **event):
        raise ValueError("an instance raised")


def broken(text, **event):
    raise ValueError(text)


async def broken_asynchronously(**event):
    raise ValueError("a coroutine raised")


@pytest.fixture
def receivers(heard):
    """Receivers that raise, of every kind, and between them those of ``heard``; the last one is told last."""
    told = []
    kinds = [Broken(), partial(broken, "a partial raised"), broken_asynchronously, lambda **event: told.append(event)]
    for signal in (followed, unfollowed):
        for receiver in kinds:
            signal.connect(receiver, weak=False)
    yield told
    for signal in (followed, unfollowed):
        for receiver in kinds:
            signal.disconnect(receiver)


@pytest.fixture
def countries():
    """More than two batches."""
    return Country.objects.bulk_create([Country(code=f"c{number}") for number in range(105)])


def test_what_a_receiver_raises_is_logged_and_hides_nothing(call, heard, receivers, user, countries, caplog):
    for name, many in (("follow", "follow_many"), ("unfollow", "unfollow_many")):
        assert call(name, user, countries[0]) is True
        assert call(many, user, countries) == {one: one != countries[0] for one in countries}
    assert [event[3] for event in heard] == [*countries, *countries]
    assert [event["to_instance"] for event in receivers] == [*countries, *countries]
    records = [record for record in caplog.records if record.name == "sequere"]
    assert len(records) == 3 * 2 * len(countries)
    assert all(record.levelno == logging.ERROR and record.exc_info for record in records)
    for text in ("an instance raised", "a partial raised", "a coroutine raised"):
        assert sum(text in record.getMessage() for record in records) == 2 * len(countries)


@pytest.mark.parametrize(("name", "script"), [("follow_many", "add_edges"), ("unfollow_many", "move_edges")])
def test_the_batches_before_one_that_fails_are_written_and_told(
    call, heard, receivers, user, countries, monkeypatch, name, script
):
    if name == "unfollow_many":
        models.follow_many(user, countries)
        del heard[:]
        del receivers[:]
    perform, left = getattr(DatabaseBackend, script), [2]

    def fail_at_last(self, operation):
        if not left[0]:
            raise exceptions.BackendUnavailable("the third batch")
        left[0] -= 1
        return perform(self, operation)

    monkeypatch.setattr(DatabaseBackend, script, fail_at_last)
    with pytest.raises(exceptions.BackendUnavailable, match="the third batch"):
        call(name, user, countries)
    assert [event[3] for event in heard] == [event["to_instance"] for event in receivers] == countries[:100]
    assert models.get_followings_count(user) == (100 if name == "follow_many" else 5)


def test_asynchronous_receivers_that_cannot_be_called_are_logged(valkey, settings, receivers, user, projects, caplog):
    """Of a blocking function, in an event loop that runs."""
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"

    @async_to_sync
    async def run():
        return models.follow_many(user, projects)

    assert run() == dict.fromkeys(projects, True)
    assert [event["to_instance"] for event in receivers] == projects
    assert (
        sum("in an event loop use the asynchronous function, such as afollow()" in text for text in caplog.messages)
        == 3
    )
