"""Every call is one round trip; more than fits into one call of a script takes more."""

from __future__ import annotations

from inspect import signature

import pytest
from asgiref.sync import async_to_sync

from sequere import models, registry
from sequere.backends import get_backend
from sequere.outcomes import Outcome
from sequere.results import FollowList, MuteList
from tests.support.counting import round_trips
from tests.testapp.models import Country, Project, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(valkey):
    get_backend().client.ping()
    models.get_followers_count(registry.from_key(User, 1))  # loads the scripts
    return [User.objects.create(username=name) for name in ("thoas", "ada", "grace")]


@pytest.fixture
def related(people, declare):
    """The people in every relation that they can be in at once."""
    one, other = people[:2]
    models.follow(one, other)
    models.follow(other, one)
    models.mute(one, other)
    declare(User, kinds=("watch",), needs_approval=True)
    models.follow(one, people[2])
    models.follow(other, people[2])
    models.follow(one, other, kind="watch")
    return people


#: The public functions that have a twin for asynchronous code: all of them.
NAMES = [name for name in models.__all__ if f"a{name}" in models.__all__]


def call(name, people, prefix=""):
    """Call a public function with one of the people, or with two, or with one and two others, as its parameters say."""
    function = getattr(models, name)
    required = [one.name for one in signature(function).parameters.values() if one.default is one.empty]
    meant = {
        "instance": people[0],
        "from_instance": people[0],
        "viewer": people[0],
        "to_instance": people[1],
        "follower": people[1],
        "other": people[2],
        "to_instances": people[1:2],
        "objects": people[1:],
    }
    return getattr(models, f"{prefix}{name}")(*[meant[one] for one in required])


#: Those that read or write the lists of both directions.
TWO = {"archive": 2, "restore": 2}


def test_every_public_function_has_a_twin():
    assert sorted(["combine", *NAMES, *[f"a{name}" for name in NAMES]]) == sorted(models.__all__)


@pytest.mark.parametrize("name", NAMES)
def test_one_call_is_one_round_trip(related, monkeypatch, name):
    with round_trips(monkeypatch) as sent:
        result = call(name, related)
        if isinstance(result, (FollowList, MuteList)):
            assert len(list(result)) == result.count()
    assert sent == ["EVALSHA"] * TWO.get(name, 1)


@pytest.mark.parametrize("name", NAMES)
def test_one_asynchronous_call_is_one_round_trip(related, monkeypatch, name):
    @async_to_sync
    async def run():
        await models.aget_followers_count(related[0])  # connects
        with round_trips(monkeypatch) as sent:
            await call(name, related, "a")
        return sent

    assert run() == ["EVALSHA"] * TWO.get(name, 1)


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


def test_many_at_once(people, declare, monkeypatch):
    """The number of round trips that each docstring says."""
    one = people[0]
    countries = Country.objects.bulk_create([Country(code=f"c{number}") for number in range(120)])
    with round_trips(monkeypatch) as sent:
        models.follow_many(one, countries[:60])
    assert len(sent) == 2
    declare(Country, needs_approval=lambda instance, follower: int(instance.code[1:]) % 2 == 1)
    with round_trips(monkeypatch) as sent:
        models.follow_many(one, countries)
    assert len(sent) == 4  # 60 of each sort
    with round_trips(monkeypatch) as sent:
        models.unfollow_many(one, countries)
    assert len(sent) == 5  # in the first 50 all are followed
    for country in countries:
        models.follow(country, one)
    with round_trips(monkeypatch) as sent:
        assert models.archive(one) == 120
    assert len(sent) == 1 + 3
    with round_trips(monkeypatch) as sent:
        assert models.restore(one) == 120
    assert len(sent) == 1 + 3
    with round_trips(monkeypatch) as sent:
        models.get_counts(countries)
    assert len(sent) == 3
    declare(User, kinds=tuple("abcdefghijklmnop"), needs_approval=True)
    with round_trips(monkeypatch) as sent:
        models.get_relationships(one, countries, kinds=["a", "b", "c"], private=True)
    assert len(sent) == 1
    with round_trips(monkeypatch) as sent:
        models.get_relationships(one, countries, kinds=list("abcdefghijklmnop"))
    assert len(sent) == 3
    for end in (models.accept_all, models.deny_all):
        for country in countries:
            models.unfollow(country, one)
            models.follow(country, one)
        with round_trips(monkeypatch) as sent:
            assert end(one) == 120
        assert len(sent) == 3


def test_options_that_query_the_database_do_so_in_a_thread(people, declare):
    declare(
        User, needs_approval=lambda instance, follower: User.objects.filter(pk=follower.pk, is_staff=False).exists()
    )

    @async_to_sync
    async def run():
        return await models.afollow(people[0], people[1]), await models.afollow_many(people[0], people[1:])

    assert run() == (Outcome.REQUESTED, {people[1]: Outcome.ALREADY_REQUESTED, people[2]: Outcome.REQUESTED})


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
