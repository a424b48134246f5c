"""Every call is one round trip; more than fits into one call of a script takes more."""

from __future__ import annotations

from inspect import signature

import pytest
from asgiref.sync import async_to_sync

from sequere import models, registry
from sequere.backends import get_backend
from sequere.results import FollowList
from tests.support.counting import round_trips
from tests.testapp.models import Country, Project, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(valkey):
    get_backend().client.ping()
    models.get_followers_count(registry.from_key(User, 1))  # loads the scripts
    return [User.objects.create(username=name) for name in ("thoas", "ada", "grace")]


#: The public functions that have a twin for asynchronous code: all of them.
NAMES = [name for name in models.__all__ if f"a{name}" in models.__all__]


def call(name, people, prefix=""):
    """Call a public function with one of the people, or with two, or with one and two others, as its parameters say."""
    function = getattr(models, name)
    required = [one.name for one in signature(function).parameters.values() if one.default is one.empty]
    meant = {"instance": people[0], "from_instance": people[0], "to_instance": people[1], "to_instances": people[1:]}
    return getattr(models, f"{prefix}{name}")(*[meant[one] for one in required])


def test_every_public_function_has_a_twin():
    assert sorted([*NAMES, *[f"a{name}" for name in NAMES]]) == sorted(models.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_one_call_is_one_round_trip(people, monkeypatch, name):
    models.follow(people[0], people[1])
    models.follow(people[1], people[0])
    with round_trips(monkeypatch) as sent:
        result = call(name, people)
        if isinstance(result, FollowList):
            assert len(list(result)) == 1
    assert sent == ["EVALSHA"]


@pytest.mark.parametrize("name", NAMES)
def test_one_asynchronous_call_is_one_round_trip(people, monkeypatch, name):
    @async_to_sync
    async def run():
        await models.aget_followers_count(people[0])  # connects
        with round_trips(monkeypatch) as sent:
            await call(name, people, "a")
        return sent

    assert run() == ["EVALSHA"]


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
    project = registry.from_key(Project, 1)
    with round_trips(monkeypatch) as sent:
        models.get_followers_count(project)
        models.get_followers_count(project)
    assert sent.count("SCRIPT") == 1
    assert sent[-2:] == ["EVALSHA", "EVALSHA"]
    with valkey.client() as client:
        assert all(client.script_exists(*[script.sha1 for script in get_backend()._scripts.values()]))
