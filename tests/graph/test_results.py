"""The lazy list that get_followers() and its kin give."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Paginator
from django.db import connection
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext

from sequere import registry
from sequere.exceptions import InvalidArgument, InvalidObjectId, NotRegistered, UnsavedInstance
from sequere.models import aget_followers, follow, get_followers
from sequere.resources import Resource
from tests.graph.conftest import names, render
from tests.support.calls import Ask
from tests.support.counting import round_trips
from tests.testapp.models import Country, Project, Stranger, User

pytestmark = pytest.mark.django_db


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
