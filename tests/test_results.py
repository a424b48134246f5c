"""The lazy list that get_followers() and its kin give."""

from __future__ import annotations

import logging
import pickle

import pytest
from asgiref.sync import async_to_sync
from django.core.paginator import Paginator
from django.db import connection
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext

from sequere import registry
from sequere.exceptions import InvalidArgument
from sequere.models import aget_followers, follow, get_followers
from sequere.resources import Resource
from tests.support.calls import Ask
from tests.support.counting import round_trips
from tests.testapp.models import Country, Project, User

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
    ],
)
def test_slices_are_those_of_a_list(project, index):
    everybody = list(get_followers(project))
    assert list(get_followers(project)[index]) == everybody[index]
    assert len(get_followers(project)[index]) == len(everybody[index])
    assert list(get_followers(project)[5:20][index]) == everybody[5:20][index]


def test_a_slice_has_no_steps(project):
    for step in (2, -1):
        with pytest.raises(ValueError, match=f"no steps; got {step}"):
            get_followers(project)[::step]


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
    assert (users[7], followers[7].timestamp) in followers
    empty = get_followers(users[0])
    assert (empty.exists(), empty.first(), empty.instances(), list(empty), project in empty) == (
        False,
        None,
        [],
        [],
        False,
    )
    with pytest.raises(InvalidArgument, match=r"ids\(\) needs the followers of one model; got those of every model"):
        get_followers(project).ids()


def test_the_same_asynchronously(project):
    followers, user = get_followers(project, identifier=User), User.objects.get(username="7")

    @async_to_sync
    async def read():
        assert await followers.aexists() is True
        assert await followers.acontains(user) is True
        return await followers.afirst(), await followers.ainstances(), await followers.aids(), await followers.acount()

    assert read() == (followers.first(), followers.instances(), followers.ids(), 25)


def test_a_copy_reads_anew_and_a_pickle_keeps_what_was_read(project, monkeypatch):
    followers = get_followers(project)
    everybody = list(followers)
    copied = pickle.loads(pickle.dumps(get_followers(project)))
    part = pickle.loads(pickle.dumps(get_followers(project)[5:10]))
    with round_trips(monkeypatch) as sent, CaptureQueriesContext(connection) as captured:
        assert list(copied) == everybody
        assert list(part) == everybody[5:10]
        assert (len(copied), bool(copied), len(part)) == (25, True, 5)
    assert (sent, len(captured)) == ([], 0)
    follow(User.objects.create(username="25"), project, timestamp=2000)
    assert len(followers) == len(copied) == 25
    assert len(followers.all()) == copied.count() == 26


def test_a_list_knows_no_backend(project, settings):
    pickles = []
    for path in ("redis.RedisBackend", "database.DatabaseBackend"):
        settings.SEQUERE_BACKEND_CLASS = f"sequere.backends.{path}"
        for user in User.objects.all():
            follow(user, project, timestamp=1000 + int(user.username))
        pickles.append(pickle.dumps(get_followers(project, identifier=User)[:5]))
    assert pickle.loads(pickles[0]) == pickle.loads(pickles[1])
    assert pickles[0] == pickles[1]


@pytest.mark.parametrize("index", [25, -26, 1000])
def test_an_index_beyond_the_end(project, index):
    with pytest.raises(IndexError, match=f"nothing at index {index}"):
        get_followers(project)[index]
    with pytest.raises(IndexError):
        get_followers(project)[5:10][index]
    with pytest.raises(IndexError):
        get_followers(project)[5:10][5]
    with pytest.raises(TypeError, match="an index must be a whole number"):
        get_followers(project)["first"]


def test_it_shows_itself_like_a_list(project):
    followers = get_followers(project)
    assert repr(followers[:2]) == repr(list(followers[:2]))
    assert repr(followers).endswith(", ...]")
    assert repr(get_followers(User.objects.first())) == "[]"


def test_with_a_paginator_and_in_a_template(project):
    page = Paginator(get_followers(project), 10).page(2)
    assert names(page) == list(range(14, 4, -1))
    assert page.paginator.num_pages == 3
    text = "{% for user, since in followers|slice:':3' %}{{ user.username }} {% endfor %}{{ followers|length }}"
    assert Template(text).render(Context({"followers": get_followers(project)})) == "24 23 22 25"


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
    assert names(followers) == [24, 7, 3]
    assert len(followers) == 3
    assert followers.count() == 25
    assert render(followers) == ",".join(str(user.pk) for user, _ in followers)
    assert names(followers[17:19]) == [7]
    with pytest.raises(IndexError):
        followers[1]
    monkeypatch.setattr(registry.get_base(User), "get_queryset", User.objects.none)
    assert get_followers(project).first() is None
    assert bool(get_followers(project)) is True  # the graph has them
    assert render(get_followers(project)) == "-"
