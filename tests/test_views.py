"""The views, the template filters and the admin."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Template
from django.urls import reverse

from sequere import registry
from sequere.models import follow, get_followings, is_following
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

    def post(name, identifier="project", object_id="", headers=None, **fields):
        data = {"identifier": identifier, "object_id": object_id, **fields}
        return client.post(reverse(f"sequere:{name}"), data, headers=headers)

    return post


def test_json(post, user, project):
    assert post("follow", object_id=project.pk, headers=JSON).json() == {
        "following": True,
        "changed": True,
        "followers_count": 1,
    }
    assert is_following(user, project)
    assert post("follow", object_id=project.pk, headers=JSON).json()["changed"] is False
    assert post("unfollow", object_id=project.pk, headers=JSON).json() == {
        "following": False,
        "changed": True,
        "followers_count": 0,
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


@pytest.mark.parametrize(
    ("identifier", "object_id", "status", "reason"),
    [
        ("", "1", 400, "The form needs identifier and object_id."),
        ("project", "", 400, "The form needs identifier and object_id."),
        ("a:b", "1", 400, "identifier must be 1 to 50 characters"),
        ("ghost", "1", 404, "Nothing here is called 'ghost'."),
        ("project", "12345", 404, "There is no project '12345'."),
        ("project", "9" * 30, 404, "There is no project"),
        ("project", "x", 400, "object_id 'x' is no key of a project."),
        ("document", "x", 400, "object_id 'x' is no key of a document."),
        ("country", "x" * 10_000, 404, "There is no country"),
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
    assert response.status_code == 400
    assert "must not be the same resource as" in response.json()["error"]
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


def test_a_key_that_is_too_long_for_the_graph(post):
    Country.objects.create(code="é" * 200)
    response = post("follow", identifier="country", object_id="é" * 200)
    assert response.status_code == 400
    assert "1 to 255 bytes" in response.content.decode()


@pytest.mark.parametrize("headers", [{}, JSON], ids=["html", "json"])
def test_a_store_that_fails(post, project, settings, tmp_path, headers, caplog):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": str(tmp_path / "nothing")}
    response = post("follow", object_id=project.pk, headers=headers)
    assert response.status_code == 503
    assert "try again" in response.content.decode()
    assert "cannot reach the server" in caplog.text


def test_keys_of_other_kinds(post, user):
    document, country = Document.objects.create(), Country.objects.create(code="Île de la Cité")
    for identifier, instance in [("document", document), ("country", country)]:
        assert post("follow", identifier=identifier, object_id=str(instance.pk)).status_code == 302
        assert is_following(user, instance)


def test_nobody_has_to_log_in(client, project, settings):
    settings.LOGIN_URL = "/login/"
    data = {"identifier": "project", "object_id": project.pk}
    response = client.post(reverse("sequere:follow"), data, headers=JSON)
    assert (response.status_code, response.json()) == (401, {"error": "Log in first."})
    response = client.post(reverse("sequere:follow"), {**data, "next": "/projects/7/"})
    assert (response.status_code, response.url) == (302, "/login/?next=/projects/7/")


def test_only_post_and_only_with_a_token(client, user, project):
    client.force_login(user)
    assert client.get(reverse("sequere:follow")).status_code == 405
    client.handler.enforce_csrf_checks = True
    data = {"identifier": "project", "object_id": project.pk}
    assert client.post(reverse("sequere:follow"), data).status_code == 403
    assert not is_following(user, project)


def render(text, **context):
    return Template("{% load sequere_tags %}" + text).render(Context(context))


def test_filters(user, project):
    ada = User.objects.create(username="ada")
    follow(user, project)
    follow(user, ada)
    follow(ada, user)
    context = {"user": user, "ada": ada, "project": project, "nobody": AnonymousUser()}
    for text, expected in [
        ("{{ project|identifier }} {{ project|object_id }}", f"project {project.pk}"),
        ("{{ user|is_following:project }} {{ project|is_following:user }}", "True False"),
        ("{{ nobody|is_following:project }} {{ nobody|is_friend:user }}", "False False"),
        ("{{ missing|is_following:project }} {{ missing|followers_count }} {{ nobody|friends_count }}", "False 0 0"),
        ("{{ user|is_friend:ada }} {{ user|is_friend:project }}", "True False"),
        ("{{ project|followers_count }} {{ project|followers_count:'country' }}", "1 0"),
        ("{{ user|followings_count }} {{ user|followings_count:'user' }}", "2 1"),
        ("{{ user|friends_count }} {{ user|friends_count:'project' }}", "1 0"),
    ]:
        assert render(text, **context) == expected


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
