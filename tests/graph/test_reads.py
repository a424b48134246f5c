"""What the lazy lists read, and when: round trips, queries, and what a list that was read keeps."""

from __future__ import annotations

import copy
import pickle

import pytest
from django.core.paginator import Paginator
from django.db import connection
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext

from sequere import results
from sequere.models import follow, get_followers
from sequere.resources import Resource
from tests.graph.conftest import names, render
from tests.support.calls import Ask
from tests.support.counting import round_trips
from tests.testapp.models import Country, User

pytestmark = pytest.mark.django_db


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
