"""The lazy list that get_followers() and its kin give."""

from __future__ import annotations

import copy
import logging
import pickle
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Paginator
from django.db import connection
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext

from sequere import registry, results
from sequere.exceptions import InvalidArgument, InvalidObjectId, NotRegistered, UnsavedInstance
from sequere.models import aget_followers, follow, get_followers
from sequere.resources import Resource
from tests.support.calls import Ask
from tests.support.counting import round_trips
from tests.testapp.models import Country, Project, Stranger, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def project(valkey):
    """Followed by users 0 to 24, one after the other."""
    project = Project.objects.create(name="La classe americaine")
    for number in range(25):
        follow(User.objects.create(username=str(number)), project, timestamp=1000 + number)
    return project


def render(followers):
    text = (
        "{% for user, since in followers %}{{ user.pk }}{% if not forloop.last %},{% endif %}{% empty %}-{% endfor %}"
    )
    return Template(text).render(Context({"followers": followers}))


def names(items):
    return [int(user.username) for user, _ in items]


def test_it_behaves_like_a_list(project):
    followers = get_followers(project)
    everybody = list(followers)
    assert names(everybody) == list(range(24, -1, -1))
    assert len(followers) == followers.count() == 25
    assert followers == everybody
    assert followers != everybody[1:]
    assert followers != "followers"
    assert bool(followers) is True
    assert bool(get_followers(Project.objects.create(name="alone"))) is False
    assert everybody[3] in followers
    assert names(reversed(followers)) == list(range(25))
    assert names(reversed(followers[5:8])) == [17, 18, 19]
    assert names(reversed(get_followers(project)[5:8])) == [17, 18, 19]
    assert followers[0] == everybody[0]
    assert followers[-1] == everybody[-1]
    assert followers[5:10][2] == everybody[7]
    assert followers[5:10][-1] == everybody[9]
    with pytest.raises(TypeError, match="unhashable"):
        hash(followers)


@pytest.mark.parametrize(
    "index",
    [
        slice(None),
        slice(3),
        slice(3, 7),
        slice(3, 3),
        slice(7, 3),
        slice(20, 40),
        slice(40, 50),
        slice(3, None),
        slice(-3, None),
        slice(-30, -20),
        slice(2, -2),
        slice(-5, 24),
        slice(10**30, None),
        slice(-(10**30), 10**30),
        slice(10**15 - 2, 10**15 - 1),
        slice(True, 2, 1),
    ],
)
def test_slices_are_those_of_a_list(project, index, monkeypatch):
    everybody, read = list(get_followers(project)), get_followers(project)
    assert list(get_followers(project)[index]) == everybody[index]
    assert len(get_followers(project)[index]) == get_followers(project)[index].count() == len(everybody[index])
    assert bool(get_followers(project)[index]) is bool(everybody[index])
    assert list(get_followers(project)[5:20][index]) == everybody[5:20][index]
    assert list(get_followers(project)[index][1:3]) == everybody[index][1:3]
    assert list(read) == everybody
    with round_trips(monkeypatch) as sent, CaptureQueriesContext(connection) as captured:
        assert list(read[index]) == everybody[index]
        assert list(read[5:20][index][1:3]) == everybody[5:20][index][1:3]
        assert list(reversed(read[index])) == everybody[index][::-1]
    assert (sent, len(captured)) == ([], 0)


def test_a_slice_has_no_steps(project):
    for step in (2, -1, 0, "x"):
        with pytest.raises(ValueError, match=f"cannot have a step; got {step!r}"):
            get_followers(project)[::step]
    for index in (slice("a", None), slice(None, 1.5), slice(None, "3")):
        with pytest.raises(TypeError, match="the ends of a slice must be whole numbers; got slice"):
            get_followers(project)[index]


def test_what_can_be_asked_of_a_list(project):
    followers, users = get_followers(project, identifier=User), list(User.objects.order_by("-pk"))
    assert followers.exists() is True
    assert followers.first() == (users[0], followers[0].timestamp)
    assert followers.first().instance == users[0]
    assert followers.instances() == users
    assert followers.ids() == [user.pk for user in users]
    assert followers[3:5].ids() == [user.pk for user in users[3:5]]
    assert users[7] in followers
    assert users[7] in followers[5:10]
    assert users[7] not in followers[:5]
    assert project not in followers
    country = Country.objects.create(code="fr")
    follow(country, project)
    assert country in get_followers(project)
    assert country not in get_followers(project, identifier=User)
    assert (users[7], followers[7].timestamp) in followers
    empty = get_followers(users[0])
    assert (empty.exists(), empty.first(), empty.instances(), list(empty), project in empty) == (
        False,
        None,
        [],
        [],
        False,
    )
    with pytest.raises(InvalidArgument, match=r"ids\(\) needs a list of one model. Pass identifier="):
        get_followers(project).ids()


def test_the_same_asynchronously(project):
    followers, user = get_followers(project, identifier=User), User.objects.get(username="7")

    @async_to_sync
    async def read():
        assert await followers.aexists() is True
        assert await followers.acontains(user) is True
        return await followers.afirst(), await followers.ainstances(), await followers.aids(), await followers.acount()

    assert read() == (followers.first(), followers.instances(), followers.ids(), 25)


def test_what_is_in_a_list(project, monkeypatch):
    followers, user = get_followers(project), User.objects.get(username="7")
    item = followers[17]
    assert item == (user, item.timestamp)
    assert item in followers
    assert tuple(item) in followers
    long_key = Country.objects.create(code="x" * 256)
    with round_trips(monkeypatch) as sent, CaptureQueriesContext(connection) as captured:
        for other in (
            *(None, "7", 7, (), (user,), [*item], (*item, 1), (None, item.timestamp), (user.pk, item.timestamp)),
            *(Stranger(pk=1), User(), Project(), long_key, AnonymousUser()),
        ):
            assert other not in followers
    assert (sent, len(captured)) == ([], 0)
    assert (user, item.timestamp + timedelta(microseconds=1)) not in followers
    for other, error in [
        (Stranger(pk=1), NotRegistered),
        (User(), UnsavedInstance),
        (long_key, InvalidObjectId),
        (None, InvalidArgument),
        (item, InvalidArgument),
        (AnonymousUser(), InvalidArgument),
    ]:
        with pytest.raises(error):
            followers.contains(other)


def test_a_list_that_was_read_answers_from_what_it_keeps(project, monkeypatch):
    followers, everybody = get_followers(project, identifier=User), list(get_followers(project))
    users = [user for user, _ in everybody]
    assert list(followers) == everybody
    follow(User.objects.create(username="25"), project, timestamp=2000)
    follow(project, users[0])
    with round_trips(monkeypatch) as sent, CaptureQueriesContext(connection) as captured:
        assert (len(followers), followers.count(), followers.exists(), bool(followers)) == (25, 25, True, True)
        assert followers.first() == followers[0] == everybody[0]
        assert (followers[-1], followers[3], followers[2:4][1]) == (everybody[-1], everybody[3], everybody[3])
        assert (followers.instances(), followers.ids()) == (users, [user.pk for user in users])
        assert users[5] in followers
        assert users[5] in followers[5:6]
        assert users[5] not in followers[:5]
        assert everybody[5] in followers
        assert project not in followers
        assert list(reversed(followers)) == everybody[::-1]
        assert repr(followers) == f"{repr(everybody[:20])[:-1]}, ...]"
        assert list(Paginator(followers, 10).page(3)) == everybody[20:]
        for beyond in (25, -26, 10**30):
            with pytest.raises(IndexError, match=f"no item at index {beyond}"):
                followers[beyond]
    assert (sent, len(captured)) == ([], 0)
    assert len(followers.all()) == followers.all().count() == 26


def test_of_a_list_of_many_pages_the_first_is_kept(project, monkeypatch):
    monkeypatch.setattr(results, "MAX_PAGE", 10)
    followers, everybody = get_followers(project, identifier=User), list(get_followers(project))
    assert list(followers) == everybody
    for read, trips in [
        (lambda: (followers[9], list(followers[:10]), followers[3:7][-1], followers.first(), followers.exists()), 0),
        (lambda: followers[10], 1),
        (lambda: followers[-1], 2),
        (lambda: followers.count(), 1),
        (lambda: list(followers[5:15]), 1),
        (lambda: followers.ids(), 2),
        (lambda: followers.instances(), 2),
        (lambda: list(followers), 3),  # with the count that is asked for its length
    ]:
        with round_trips(monkeypatch) as sent:
            read()
        assert len(sent) == trips
    assert followers.instances() == [user for user, _ in everybody]
    assert [followers[5:15][index] for index in (0, 4, 5, 9, -1)] == [everybody[i] for i in (5, 9, 10, 14, 14)]


def test_a_pickle_has_all_of_the_list(project, monkeypatch):
    monkeypatch.setattr(results, "MAX_PAGE", 10)
    followers, everybody = get_followers(project), list(get_followers(project))
    text = pickle.dumps(followers)
    follow(User.objects.create(username="25"), project, timestamp=2000)
    with round_trips(monkeypatch) as sent, CaptureQueriesContext(connection) as captured:
        assert pickle.dumps(followers) == text
        for copied in (followers, pickle.loads(text), pickle.loads(pickle.dumps(pickle.loads(text)))):
            assert copied == everybody
            assert (len(copied), copied.count(), bool(copied), copied[20]) == (25, 25, True, everybody[20])
            assert copied[15:][2:5] == everybody[17:20]
        assert pickle.loads(pickle.dumps(pickle.loads(text)[5:15][1:])) == everybody[6:15]
    assert (sent, len(captured)) == ([], 0)
    part = pickle.loads(pickle.dumps(get_followers(project)[5:][:7]))
    assert part == everybody[4:11]
    assert pickle.loads(pickle.dumps(get_followers(User.objects.first()))) == []
    assert pickle.loads(pickle.dumps(get_followers(project)[7:3])) == []
    assert pickle.loads(text).all().count() == 26


def test_a_copy_reads_nothing(project, monkeypatch):
    followers, everybody = get_followers(project)[:5], list(get_followers(project)[:5])
    with round_trips(monkeypatch) as sent:
        unread, deep = copy.copy(followers), copy.deepcopy(followers)
        assert sent == []
        assert unread == deep == everybody
    assert len(sent) == 2
    assert followers == everybody
    follow(User.objects.create(username="25"), project, timestamp=2000)
    assert copy.copy(followers) == everybody
    assert names(copy.deepcopy(followers)) == names(followers.all()) == [25, 24, 23, 22, 21]


def test_a_list_knows_no_backend(project, settings):
    pickles = []
    for path in ("redis.RedisBackend", "database.DatabaseBackend"):
        settings.SEQUERE_BACKEND_CLASS = f"sequere.backends.{path}"
        for user in User.objects.all():
            follow(user, project, timestamp=1000 + int(user.username))
        pickles.append(pickle.dumps(get_followers(project, identifier=User)[:5]))
    assert pickle.loads(pickles[0]) == pickle.loads(pickles[1])
    assert pickles[0] == pickles[1]


@pytest.mark.parametrize("index", [25, -26, 1000, 10**30, -(10**30)])
def test_an_index_beyond_the_end(project, index):
    with pytest.raises(IndexError, match=f"no item at index {index}"):
        get_followers(project)[index]
    with pytest.raises(IndexError):
        get_followers(project)[5:10][index]
    with pytest.raises(IndexError):
        get_followers(project)[5:10][5]
    for index in ("first", 1.0, None, (1, 2)):
        with pytest.raises(TypeError, match="an index must be a whole number or a slice; got "):
            get_followers(project)[index]


def test_it_shows_itself_like_a_list(project):
    followers = get_followers(project)
    assert repr(followers[:2]) == repr(list(followers[:2]))
    assert repr(followers).endswith(", ...]")
    assert repr(get_followers(User.objects.first())) == "[]"


def test_with_a_paginator_and_in_a_template(project):
    page = Paginator(get_followers(project), 10).page(2)
    assert names(page) == list(range(14, 4, -1))
    assert page.paginator.num_pages == 3
    text = (
        "{% if followers %}{{ followers.0.0 }} {% endif %}"
        "{% for user, since in followers|slice:':3' %}{{ user.username }} {% endfor %}{{ followers|length }}"
    )
    assert Template(text).render(Context({"followers": get_followers(project)})) == "24 24 23 22 25"


def test_asynchronously(project):
    @async_to_sync
    async def read():
        everybody = [item async for item in aget_followers(project)]
        assert await aget_followers(project) == everybody
        assert await aget_followers(project)[3:6] == everybody[3:6]
        assert await aget_followers(project)[3:6].acount() == 3
        return everybody

    assert read() == list(get_followers(project))


def test_round_trips_and_queries(project, monkeypatch):
    Country.objects.bulk_create(Country(code=f"c{number}") for number in range(1500))
    for number in range(1500):
        Ask().follow(Resource("country", f"c{number}"), Resource("project", str(project.pk)), timestamp=1.0)
    for read, trips, queries in [
        (lambda: list(get_followers(project)), 5, 5),  # four pages, countries in each, and the count for len()
        (lambda: get_followers(project).instances(), 4, 5),
        (lambda: get_followers(project, identifier=Country).ids(), 3, 0),
        (lambda: get_followers(project).first(), 1, 1),
        (lambda: project in get_followers(project), 1, 0),
        (lambda: project in get_followers(project)[:700], 2, 0),
        (lambda: list(get_followers(project)[:20]), 1, 1),
        (lambda: list(get_followers(project)[10:40]), 1, 2),
        (lambda: get_followers(project)[3], 1, 1),
        (lambda: get_followers(project)[-1], 2, 1),
        (lambda: len(get_followers(project)), 2, 2),
        (lambda: len(get_followers(project)[:30]), 1, 2),
        (lambda: bool(get_followers(project)), 1, 0),
        (lambda: Template("{% if it.get_followers %}{% endif %}").render(Context({"it": project})), 1, 0),
        (lambda: Template("{{ it.get_followers.count }}").render(Context({"it": project})), 1, 0),
        (lambda: render(get_followers(project)[:30]), 1, 2),
        (lambda: render(get_followers(project)), 5, 5),
        (lambda: render(get_followers(project, identifier=Country)[:500]), 1, 1),
        (lambda: Paginator(get_followers(project), 10).page(2).object_list[0], 2, 1),
        (lambda: get_followers(project).count(), 1, 0),
        (lambda: get_followers(project)[1:5].count(), 1, 0),
        (lambda: repr(get_followers(project)), 1, 1),
        (lambda: get_followers(project)[5:], 0, 0),
    ]:
        with (
            round_trips(monkeypatch) as sent,
            CaptureQueriesContext(connection) as captured,
        ):
            read()
        assert (len(sent), len(captured)) == (trips, queries)


@pytest.mark.parametrize("desc", [True, False])
def test_who_comes_while_a_list_is_iterated_is_given_only_ahead_of_the_walk(project, monkeypatch, desc):
    monkeypatch.setattr(results, "MAX_PAGE", 10)
    everybody = names(get_followers(project, desc=desc))
    late = {name: User.objects.create(username=name) for name in ("100", "101", "102")}
    given, passed = [], everybody[9]
    for user, _ in get_followers(project, desc=desc):
        given.append(int(user.username))
        if len(given) == 10:
            for name, place in (("100", passed + 0.5), ("101", passed - 0.5), ("102", 5000)):
                follow(late[name], project, timestamp=1000 + place)
    ahead = 101 if desc else 100
    assert given == [*everybody[:10], ahead, *everybody[10:]]


@pytest.mark.parametrize(
    ("identifier", "object_id", "reason"),
    [
        ("ghost", "1", "No model is registered as 'ghost'"),
        ("document", "no-uuid", "'no-uuid' cannot be a primary key of testapp.Document"),
        ("user", "99999999999999999999", "'99999999999999999999' cannot be a primary key of testapp.User"),
        ("user", "01", "'01' is not an object id of testapp.User: the object id of that key is '1'"),
    ],
)
def test_what_the_project_cannot_load_is_left_out_and_logged(project, caplog, identifier, object_id, reason):
    Ask().follow(Resource(identifier, object_id), Resource("project", str(project.pk)), timestamp=1.0)
    with caplog.at_level(logging.WARNING, "sequere"):
        assert names(get_followers(project)) == list(range(24, -1, -1))
    (record,) = caplog.records
    assert reason in record.getMessage()
    assert f"followers of {Resource('project', str(project.pk))}" in record.getMessage()
    users = get_followers(project, identifier=User)
    assert User.objects.filter(pk__in=users.ids()).count() == len(users.instances()) == 25


def test_hidden_entries_are_not_part_of_the_list(project, monkeypatch):
    monkeypatch.setattr(
        registry.get_base(User), "get_queryset", lambda: User.objects.filter(username__in=["24", "7", "3"])
    )
    followers = get_followers(project)
    for _ in range(2):  # from the store, then from what was read
        assert followers.count() == 25
        assert names(followers[17:19]) == [7]
        assert names([followers[0], followers[17], followers[-4]]) == [24, 7, 3]
        with pytest.raises(IndexError):
            followers[1]
        assert User.objects.get(username="23") in followers
        assert followers[1:].first() == followers[17]
        assert names(followers) == [24, 7, 3]
    assert len(followers) == 3
    assert render(followers) == ",".join(str(user.pk) for user, _ in followers)
    monkeypatch.setattr(registry.get_base(User), "get_queryset", User.objects.none)
    assert get_followers(project).first() is None
    assert bool(get_followers(project)) is True  # the graph has them
    assert render(get_followers(project)) == "-"
