"""The views and the admin."""

from __future__ import annotations

from contextlib import contextmanager
from unittest import mock

import pytest
from django.contrib.auth.models import Group
from django.db import InterfaceError, OperationalError
from django.db.models import Manager
from django.urls import reverse
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sequere import registry
from sequere.backends.database import DatabaseBackend
from sequere.models import follow, get_followings, is_following
from tests.support.catalog import write_catalog
from tests.testapp.models import Country, Document, Project, User

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def database(settings):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"


@pytest.fixture
def user():
    return User.objects.create_user("thoas", password="x")


@pytest.fixture
def project():
    return Project.objects.create(name="La classe americaine")


@pytest.fixture
def post(client, user):
    """Posts the form as the logged-in user."""
    client.force_login(user)

    def post(name, identifier="project", object_id="", headers=None, secure=False, **fields):
        data = {"identifier": identifier, "object_id": object_id, **fields}
        return client.post(reverse(f"sequere:{name}"), data, headers=headers, secure=secure)

    return post


@contextmanager
def without(model):
    """In this context the model is not registered."""
    others = {other: base for other, base in registry._bases.items() if other is not model}
    with mock.patch.multiple(registry, _bases=others, _resolved={}):
        yield


def test_json(post, user, project):
    follow(user, User.objects.create(username="ada"))
    assert post("follow", object_id=project.pk, headers=JSON).json() == {
        "following": True,
        "requested": False,
        "changed": True,
        "followers_count": 1,
        "followings_count": 2,
    }
    assert is_following(user, project)
    assert post("follow", object_id=project.pk, headers=JSON).json()["changed"] is False
    assert post("unfollow", object_id=project.pk, headers=JSON).json() == {
        "following": False,
        "requested": False,
        "changed": True,
        "followers_count": 0,
        "followings_count": 1,
    }
    assert not is_following(user, project)


@pytest.mark.parametrize(
    ("fields", "headers", "target"),
    [
        ({"next": "/projects/7/"}, {}, "/projects/7/"),
        ({"next": "http://testserver/here/"}, {"Referer": "/there/"}, "http://testserver/here/"),
        ({}, {"Referer": "http://testserver/there/"}, "http://testserver/there/"),
        ({}, {}, "/"),
        ({"next": "https://evil.example/"}, {}, "/"),
        ({"next": "//evil.example/"}, {}, "/"),
        ({"next": "/\\evil.example/"}, {}, "/"),
        ({"next": "javascript:alert(1)"}, {"Referer": "https://evil.example/"}, "/"),
    ],
)
def test_a_redirect_stays_on_the_site(post, user, project, fields, headers, target):
    response = post("follow", object_id=project.pk, headers=headers, **fields)
    assert response.status_code == 302
    assert response.url == target
    assert is_following(user, project)


def test_a_redirect_stays_on_https(post, project):
    for url, target in [("http://testserver/", "/"), ("https://testserver/here/", "https://testserver/here/")]:
        assert post("follow", object_id=project.pk, secure=True, next=url).url == target


@pytest.mark.parametrize(
    ("identifier", "object_id", "status", "reason"),
    [
        ("", "1", 400, "The form needs identifier and object_id."),
        ("project", "", 400, "The form needs identifier and object_id."),
        ("a:b", "1", 404, "There is no model 'a:b'."),
        ("count", "1", 404, "There is no model 'count'."),
        ("ghost", "1", 404, "There is no model 'ghost'."),
        ("ghost" * 100, "1", 404, "There is no model 'ghostghost"),
        ("project", "12345", 404, "There is no project '12345'."),
        ("project", "9" * 30, 404, "There is no project '999"),
        ("project", "1\0", 404, "There is no project '1\\x00'."),
        ("project", "x", 404, "There is no project 'x'."),
        ("document", "x", 404, "There is no document 'x'."),
        ("country", "x" * 10_000, 404, "There is no country 'xxx"),
    ],
)
@pytest.mark.parametrize("headers", [{}, JSON], ids=["html", "json"])
def test_bad_input_gets_a_reason(post, user, identifier, object_id, status, reason, headers):
    response = post("follow", identifier=identifier, object_id=object_id, headers=headers)
    assert response.status_code == status
    text = response.json()["error"] if headers else response.content.decode()
    assert reason in text
    assert headers or response["Content-Type"].startswith("text/plain")
    assert list(get_followings(user)) == []


def test_following_oneself_and_what_is_not_allowed(post, user):
    response = post("follow", identifier="user", object_id=user.pk, headers=JSON)
    assert (response.status_code, response.json()) == (400, {"error": "You cannot follow yourself."})
    secret = Project.objects.create(name="secret")
    response = post("follow", object_id=secret.pk)
    assert response.status_code == 403
    assert response.content == b"You may not follow this project."


def test_whatever_is_followed_can_be_unfollowed(post, user, project, monkeypatch):
    post("follow", object_id=project.pk)
    project.name = "secret"
    project.save()
    monkeypatch.setattr(registry.get_base(Project), "get_queryset", Project.objects.none)
    assert post("follow", object_id=project.pk).status_code == 404
    assert post("unfollow", object_id=project.pk, headers=JSON).json()["changed"] is True
    assert not is_following(user, project)


def test_after_htmx_unfollowed_what_is_hidden_there_is_no_button_to_follow_it(post, user, project, monkeypatch):
    follow(user, project)
    monkeypatch.setattr(registry.get_base(Project), "get_queryset", Project.objects.none)
    response = post("unfollow", object_id=project.pk, headers={"HX-Request": "true"})
    assert (response.status_code, response.content) == (200, b"")
    assert not is_following(user, project)


def test_what_the_default_manager_hides_can_be_unfollowed(post, user, project, monkeypatch):
    class Hiding(Manager):
        def get_queryset(self):
            return super().get_queryset().none()

    follow(user, project)
    manager = Hiding()
    manager.model = Project
    monkeypatch.setattr(Project._meta, "default_manager", manager)
    assert not Project._default_manager.exists()
    assert post("follow", object_id=project.pk).status_code == 404
    assert post("unfollow", object_id=project.pk, headers=JSON).json()["changed"] is True


def test_what_is_hidden_is_told_from_what_is_absent_only_for_its_followers(
    post, user, project, monkeypatch, django_assert_num_queries
):
    hiding = Project.objects.exclude(name=project.name)
    monkeypatch.setattr(registry.get_base(Project), "get_queryset", hiding.all)
    absent = Project.objects.create()
    absent_id = absent.pk
    absent.delete()
    post("unfollow", object_id=project.pk)  # whatever is read once

    def answer(object_id, **headers):
        with django_assert_num_queries(4):  # the session, the user, the look-up and the graph
            response = post("unfollow", object_id=object_id, headers=headers)
        assert response.status_code == 404
        return response.content.decode().replace(str(object_id), "N")

    for headers in ({}, JSON, {"HX-Request": "true"}):
        assert answer(project.pk, **headers) == answer(absent_id, **headers)


@pytest.mark.parametrize("name", ["follow", "unfollow"])
def test_a_queryset_that_finds_a_row_twice_has_one_instance(post, user, name, monkeypatch):
    ada = User.objects.create(username="ada")
    ada.groups.set([Group.objects.create(name="one"), Group.objects.create(name="two")])
    in_groups = User.objects.filter(groups__name__in=["one", "two"])
    assert list(in_groups) == [ada, ada]
    monkeypatch.setattr(registry.get_base(User), "get_queryset", in_groups.all)
    if name == "unfollow":
        follow(user, ada)
    assert post(name, identifier="user", object_id=ada.pk).status_code == 302
    assert is_following(user, ada) == (name == "follow")


def test_a_key_that_is_too_long_for_the_graph_does_not_exist(post):
    Country.objects.create(code="é" * 200)
    response = post("follow", identifier="country", object_id="é" * 200)
    assert response.status_code == 404


@pytest.mark.parametrize("headers", [{}, JSON], ids=["html", "json"])
def test_a_store_that_fails(post, project, settings, tmp_path, headers, caplog):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": str(tmp_path / "nothing")}
    response = post("follow", object_id=project.pk, headers=headers)
    assert response.status_code == 503
    assert "Try again" in response.content.decode()
    assert "cannot reach the server" in caplog.text


@pytest.mark.parametrize("name", ["follow", "unfollow"])
@pytest.mark.parametrize("headers", [{}, JSON, {"HX-Request": "true"}], ids=["html", "json", "htmx"])
def test_a_user_whose_model_is_not_registered_is_refused_and_the_log_says_what_to_do(
    post, project, caplog, name, headers
):
    with without(User):
        response = post(name, object_id=project.pk, headers=headers)
    assert response.status_code == 403
    assert "Your account cannot follow anything." in response.content.decode()
    (record,) = [record for record in caplog.records if record.name == "sequere"]
    assert record.levelname == "ERROR"
    assert "testapp.User is not registered; call sequere.register(User)" in record.getMessage()


@pytest.mark.parametrize("error", [OperationalError("database is locked"), InterfaceError("connection already closed")])
def test_a_database_that_fails(post, project, monkeypatch, caplog, error):
    def fail(self, operation):
        raise error

    monkeypatch.setattr(DatabaseBackend, "perform", fail)
    response = post("follow", object_id=project.pk)
    assert response.status_code == 503
    assert str(error) in caplog.text


def test_keys_of_other_kinds(post, user):
    document, country = Document.objects.create(), Country.objects.create(code="Île de la Cité")
    for identifier, instance in [("document", document), ("country", country)]:
        assert post("follow", identifier=identifier, object_id=str(instance.pk)).status_code == 302
        assert is_following(user, instance)


#: What a form or a header may hold, among it what fields, databases and Django's parsers stumble over.
ODD_TEXT = st.one_of(
    st.text(max_size=300),
    st.integers().map(str),
    st.floats().map(str),
    st.uuids().map(str),
    st.sampled_from(["1\0", "9" * 400, "1e999999999", "-0", "٣", " 1", "1_0", "0x1", "None", "count"]),
)
_URL_PARTS = [*"/\\:?#[]@%\n\t ", "//", "http:", "testserver", "é"]
ODD_URL = st.one_of(ODD_TEXT, st.lists(st.sampled_from(_URL_PARTS)).map("".join))
_HEADER_PARTS = ["text/html", "application/json", "*/*", *',;"=/', "q=", "0", "nan", "-1", "a*=b'c'd", "a*0*="]
ODD_HEADER = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f")),
    st.lists(st.sampled_from(_HEADER_PARTS)).map("".join),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["follow", "unfollow"]),
    identifier=st.one_of(st.sampled_from(registry.identifiers), ODD_TEXT),
    object_id=ODD_TEXT,
    next_url=ODD_URL,
    headers=st.fixed_dictionaries({}, optional={"Accept": ODD_HEADER, "Referer": ODD_HEADER, "HX-Request": ODD_HEADER}),
)
@example("follow", "count", "1", "/", {"Accept": "text/html;a*=b'c'd"})  # Django refuses to read this header
def test_whatever_a_client_sends_is_answered(post, user, name, identifier, object_id, next_url, headers):
    response = post(name, identifier=identifier, object_id=object_id, headers=headers, next=next_url)
    assert response.status_code in {200, 302, 400, 403, 404}


def test_nobody_has_to_log_in(client, project, settings):
    settings.LOGIN_URL = "/login/"
    data = {"identifier": "project", "object_id": project.pk}
    response = client.post(reverse("sequere:follow"), data, headers=JSON)
    assert (response.status_code, response.json()) == (401, {"error": "Log in first."})
    response = client.post(reverse("sequere:follow"), {**data, "next": "/projects/7/"})
    assert (response.status_code, response.url) == (302, "/login/?next=/projects/7/")


def test_every_text_for_web_clients_can_be_translated(client, user, project, settings, tmp_path):
    texts = {
        "Follow": "Folgen",
        "Unfollow": "Nicht mehr folgen",
        "Log in first.": "Bitte zuerst anmelden.",
        "You cannot follow yourself.": "Man kann sich nicht selbst folgen.",
        "You cannot unfollow yourself.": "Man folgt sich nicht selbst.",
        "You cannot do that to yourself.": "Das geht mit sich selbst nicht.",
        "There is no kind %(kind)s.": "Die Art %(kind)s gibt es nicht.",
        "Your account cannot follow anything.": "Dieses Konto kann nicht folgen.",
        "The form needs identifier and object_id.": "Das Formular braucht identifier und object_id.",
        "There is no model %(identifier)s.": "%(identifier)s gibt es hier nicht.",
        "There is no %(identifier)s %(object_id)s.": "%(object_id)s gibt es nicht als %(identifier)s.",
        "You may not follow this %(identifier)s.": "Folgen verboten: %(identifier)s.",
        "This does not work at the moment. Try again later.": "Das geht gerade nicht.",
    }
    write_catalog(tmp_path / "de" / "LC_MESSAGES" / "django.mo", texts)
    settings.LOCALE_PATHS = [tmp_path]
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]

    def answer(object_id, identifier="project", name="follow", **headers):
        data = {"identifier": identifier, "object_id": object_id}
        headers = {"Accept-Language": "de", **headers}
        return client.post(reverse(f"sequere:{name}"), data, headers=headers).content.decode()

    assert answer(project.pk, **JSON) == '{"error": "Bitte zuerst anmelden."}'
    client.force_login(user)
    assert answer("") == "Das Formular braucht identifier und object_id."
    assert answer("1", "count") == "'count' gibt es hier nicht."
    assert answer("x") == "'x' gibt es nicht als project."
    assert answer(user.pk, "user") == "Man kann sich nicht selbst folgen."
    assert answer(user.pk, "user", "unfollow") == "Man folgt sich nicht selbst."
    assert answer(user.pk, "user", "block") == "Das geht mit sich selbst nicht."
    data = {"identifier": "user", "object_id": user.pk, "kind": "x"}
    response = client.post(reverse("sequere:follow"), data, headers={"Accept-Language": "de"})
    assert response.content.decode() == "Die Art 'x' gibt es nicht."
    with without(User):
        assert answer(project.pk) == "Dieses Konto kann nicht folgen."
    assert answer(Project.objects.create(name="secret").pk) == "Folgen verboten: project."
    assert ">Nicht mehr folgen<" in answer(project.pk, **{"HX-Request": "true"})
    assert ">Folgen<" in answer(project.pk, name="unfollow", **{"HX-Request": "true"})
    settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": str(tmp_path / "nothing")}
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    assert answer(project.pk) == "Das geht gerade nicht."


def test_only_post_and_only_with_a_token(client, user, project):
    client.force_login(user)
    assert client.get(reverse("sequere:follow")).status_code == 405
    client.handler.enforce_csrf_checks = True
    data = {"identifier": "project", "object_id": project.pk}
    assert client.post(reverse("sequere:follow"), data).status_code == 403
    assert not is_following(user, project)


def test_the_admin_shows_and_removes_but_does_not_make(client, user, project):
    follow(user, project)
    client.force_login(User.objects.create_superuser("root", password="x"))
    listed = client.get(reverse("admin:sequere_database_edge_changelist"), {"q": str(project.pk)})
    assert listed.status_code == 200
    assert "1 edge" in listed.content.decode()
    assert client.get(reverse("admin:sequere_database_edge_add")).status_code == 403
    row = listed.context["cl"].result_list[0]
    assert str(row) == f"user {user.pk} -> project {project.pk} (follow)"
    client.post(reverse("admin:sequere_database_edge_delete", args=[row.pk]), {"post": "yes"})
    assert not is_following(user, project)


@pytest.mark.parametrize("use_tz", [True, False])
def test_the_admin_shows_times_in_the_time_zone_of_the_settings(client, user, project, settings, use_tz):
    settings.USE_TZ = use_tz
    follow(user, project, timestamp=1382676091)  # 04:41:31 UTC, 06:41:31 in Paris
    client.force_login(User.objects.create_superuser("root", password="x"))
    listed = client.get(reverse("admin:sequere_database_edge_changelist"), {"o": "6"})
    assert "Oct. 25, 2013, 6:41 a.m." in listed.content.decode()
    row = listed.context["cl"].result_list[0]
    shown = client.get(reverse("admin:sequere_database_edge_change", args=[row.pk])).content.decode()
    assert "Oct. 25, 2013, 6:41 a.m." in shown
    assert "4:41" not in shown
