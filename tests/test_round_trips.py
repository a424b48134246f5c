"""Every call is one round trip; more than fits into one call of a script takes more."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync

from sequere import models
from sequere.backends import get_backend
from tests.support.counting import round_trips
from tests.testapp.models import Country, Project, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(valkey):
    get_backend().client.ping()
    models.get_followers_count(User(pk=1))  # loads the scripts
    return [User.objects.create(username=name) for name in ("thoas", "ada", "grace")]


CALLS = [
    ("follow", lambda a, b, c: (a, b), 1),
    ("unfollow", lambda a, b, c: (a, b), 1),
    ("follow_many", lambda a, b, c: (a, [b, c]), 1),
    ("unfollow_many", lambda a, b, c: (a, [b, c]), 1),
    ("is_following", lambda a, b, c: (a, b), 1),
    ("are_following", lambda a, b, c: (a, [b, c]), 1),
    ("is_friend", lambda a, b, c: (a, b), 1),
    ("get_followers", lambda a, b, c: (a,), 1),
    ("get_followings", lambda a, b, c: (a,), 1),
    ("get_friends", lambda a, b, c: (a,), 1),
    ("get_followers_count", lambda a, b, c: (a,), 1),
    ("get_followings_count", lambda a, b, c: (a,), 1),
    ("get_friends_count", lambda a, b, c: (a,), 1),
    ("forget", lambda a, b, c: (a,), 1),
]


def test_every_public_function_is_listed():
    assert {name for name, _, _ in CALLS} == {name for name in models.__all__ if f"a{name}" in models.__all__}


@pytest.mark.parametrize(("name", "arguments", "trips"), CALLS, ids=[name for name, _, _ in CALLS])
def test_one_call_is_one_round_trip(people, monkeypatch, name, arguments, trips):
    models.follow(people[0], people[1])
    models.follow(people[1], people[0])
    with round_trips(monkeypatch) as sent:
        result = getattr(models, name)(*arguments(*people))
        if name in ("get_followers", "get_followings", "get_friends"):
            assert len(list(result)) == 1
    assert sent == ["EVALSHA"] * trips


@pytest.mark.parametrize(("name", "arguments", "trips"), CALLS, ids=[name for name, _, _ in CALLS])
def test_one_asynchronous_call_is_one_round_trip(people, monkeypatch, name, arguments, trips):
    @async_to_sync
    async def run():
        await models.aget_followers_count(people[0])  # connects
        with round_trips(monkeypatch) as sent:
            await getattr(models, f"a{name}")(*arguments(*people))
        return sent

    assert run() == ["EVALSHA"] * trips


def test_more_than_one_step_takes(people, monkeypatch):
    countries = Country.objects.bulk_create([Country(code=f"c{number}") for number in range(1001)])
    with round_trips(monkeypatch) as sent:
        models.follow_many(people[0], countries)
    assert sent == ["EVALSHA"] * 21  # of 50
    with round_trips(monkeypatch) as sent:
        models.are_following(people[0], countries)
    assert sent == ["EVALSHA"] * 3  # of 500
    with round_trips(monkeypatch) as sent:
        assert models.forget(people[0]) == 1001
    assert sent == ["EVALSHA"] * 11  # of 100


def test_the_scripts_are_loaded_once(valkey, monkeypatch, settings):
    settings.SEQUERE_REDIS_PREFIX = "other:"
    project = Project(pk=1)
    with round_trips(monkeypatch) as sent:
        models.get_followers_count(project)
        models.get_followers_count(project)
    assert sent.count("SCRIPT") == 1
    assert sent[-2:] == ["EVALSHA", "EVALSHA"]
    with valkey.client() as client:
        assert all(client.script_exists(*[script.sha1 for script in get_backend()._scripts.values()]))
