"""The template filters, and the button that follows and unfollows."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError
from django.template import Context, RequestContext, Template
from django.urls import reverse

from sequere import registry
from sequere.backends.database import DatabaseBackend
from sequere.exceptions import BackendUnavailable, NotRegistered, UnsavedInstance
from sequere.models import follow, is_following
from tests.support.counting import round_trips
from tests.testapp.models import Country, Project, Stranger, User

pytestmark = pytest.mark.django_db

ALL_FILTERS = [
    "{{ one|is_following:other }}",
    "{{ other|is_following:one }}",
    "{{ one|is_friend:other }}",
    "{{ other|is_friend:one }}",
    "{{ one|followers_count }}",
    "{{ one|followings_count }}",
    "{{ one|friends_count }}",
    "{{ one|identifier }}",
    "{{ one|object_id }}",
]


@pytest.fixture(autouse=True)
def database(settings):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"


@pytest.fixture
def user():
    return User.objects.create_user("thoas")


@pytest.fixture
def project():
    return Project.objects.create(name="La classe americaine")


@pytest.fixture
def unreachable(settings, tmp_path):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": str(tmp_path / "nothing")}


def render(text, **context):
    return Template("{% load sequere_tags %}" + text).render(Context(context))


def test_filters_answer_as_the_functions(user, project):
    ada = User.objects.create(username="ada")
    follow(user, project)
    follow(user, ada)
    follow(ada, user)
    context = {"user": user, "ada": ada, "project": project}
    for text, expected in [
        ("{{ project|identifier }} {{ project|object_id }}", f"project {project.pk}"),
        ("{{ user|is_following:project }} {{ project|is_following:user }}", "True False"),
        ("{{ user|is_friend:ada }} {{ user|is_friend:project }} {{ user|is_friend:user }}", "True False False"),
        ("{{ project|followers_count }} {{ project|followers_count:'country' }}", "1 0"),
        ("{{ user|followings_count }} {{ user|followings_count:'user' }}", "2 1"),
        ("{{ user|friends_count }} {{ user|friends_count:'project' }}", "1 0"),
    ]:
        assert render(text, **context) == expected


@pytest.mark.parametrize(
    "nobody",
    [AnonymousUser(), None, "", "text", 5, User(), User(pk=1), Project(), Stranger(pk=1)],
    ids=lambda nobody: f"{type(nobody).__name__} {nobody!r:.20}",
)
def test_filters_say_no_zero_or_nothing_for_what_cannot_take_part(user, nobody):
    shown = [render(text, one=nobody, other=user) for text in ALL_FILTERS]
    assert shown == ["False"] * 4 + ["0"] * 3 + [""] * 2


def test_filters_say_no_or_zero_for_a_key_that_the_graph_does_not_take(user):
    country = Country.objects.create(code="é" * 200)
    shown = [render(text, one=country, other=user) for text in ALL_FILTERS[:7]]
    assert shown == ["False"] * 4 + ["0"] * 3


def test_filters_say_no_zero_or_nothing_for_a_variable_that_is_not_there(user):
    shown = [render(text, other=user) for text in ALL_FILTERS if "is_" not in text or "{{ one" in text]
    assert shown == ["False"] * 2 + ["0"] * 3 + ["", ""]


@pytest.mark.parametrize("name", ["followers_count", "followings_count", "friends_count"])
@pytest.mark.parametrize("argument", ["'usr'", "'not an identifier'", "''", "5"])
def test_what_is_no_identifier_gives_empty_text_and_a_warning(user, caplog, name, argument):
    assert render(f"{{{{ user|{name}:{argument} }}}}", user=user) == ""
    assert caplog.records[0].levelname == "WARNING"
    assert f"{name} in a template: " in caplog.text


@pytest.mark.parametrize("name", ["followers_count", "followings_count", "friends_count"])
def test_an_unregistered_model_is_logged_as_the_instance_or_as_the_identifier(user, caplog, name):
    context = {"user": user, "stranger": Stranger(pk=1)}
    for text, shown in [(f"stranger|{name}", "0"), (f"user|{name}:stranger", "")]:
        assert render(f"{{{{ {text} }}}}", **context) == shown
        assert f"{name} in a template: testapp.Stranger is not registered" in caplog.text
        caplog.clear()


@pytest.mark.parametrize("text", [*ALL_FILTERS[:7], "{% follow_button other %}"])
def test_a_store_that_fails_raises_or_as_the_setting_says_shows_nothing(
    user, project, rf, unreachable, settings, caplog, text
):
    request = rf.get("/")
    request.user = user
    context = {"one": user, "other": project, "request": request}
    with pytest.raises(BackendUnavailable):
        render(text, **context)
    settings.SEQUERE_TEMPLATES_FAIL_SILENTLY = True
    assert render(text, **context) == ""
    assert "the follow graph does not answer" in caplog.text
    assert "cannot reach the server" in caplog.text


@pytest.mark.parametrize("error", [OperationalError("database is locked"), InterfaceError("connection already closed")])
def test_a_database_that_fails_does_the_same(user, monkeypatch, settings, caplog, error):
    def fail(self, operation):
        raise error

    monkeypatch.setattr(DatabaseBackend, "perform", fail)
    with pytest.raises(type(error)):
        render("{{ user|followers_count }}", user=user)
    settings.SEQUERE_TEMPLATES_FAIL_SILENTLY = True
    assert render("{{ user|followers_count }}", user=user) == ""
    assert str(error) in caplog.text


# The button.


class Forms(HTMLParser):
    """The forms of a page: their attributes, fields and texts."""

    def __init__(self, page):
        super().__init__()
        self.all = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.all.append((attributes, {}, []))
        elif tag == "input" and "name" in attributes:
            self.all[-1][1][attributes["name"]] = attributes["value"]

    def handle_data(self, data):
        if self.all and data.strip():
            self.all[-1][2].append(data.strip())


def find_form(response):
    """The action, the fields and the text of the one form of a page."""
    ((attributes, fields, texts),) = Forms(response.content.decode()).all
    assert attributes["method"] == "post"
    assert attributes["action"] == attributes["hx-post"]
    return attributes["action"], fields, " ".join(texts)


def submit(client, response, **headers):
    """Submit the form of a page, as a browser does."""
    action, fields, _ = find_form(response)
    return client.post(action, fields, headers=headers)


@pytest.fixture
def page(client, user, project):
    """Gets the page of the project."""
    client.handler.enforce_csrf_checks = True
    return lambda: client.get(reverse("project", args=[project.pk]))


def test_the_button_follows_and_unfollows_without_javascript(client, page, user, project):
    client.force_login(user)
    assert find_form(page())[2] == "Follow"
    response = submit(client, page())
    assert (response.status_code, response.url) == (302, f"/projects/{project.pk}/")
    assert is_following(user, project)
    assert find_form(page())[2] == "Unfollow"
    submit(client, page())
    assert not is_following(user, project)
    assert find_form(page())[2] == "Follow"


def test_htmx_gets_the_button_anew_and_can_go_on_with_it(client, page, user, project):
    client.force_login(user)
    response = submit(client, page(), **{"HX-Request": "true"})
    assert (response.status_code, find_form(response)[2]) == (200, "Unfollow")
    assert is_following(user, project)
    assert response.content.decode().strip().startswith("<form")
    assert find_form(response)[1]["next"] == f"/projects/{project.pk}/"
    response = submit(client, response, **{"HX-Request": "true"})
    assert find_form(response)[2] == "Follow"
    assert not is_following(user, project)


def test_a_boosted_page_is_redirected_as_any_other(client, page, user):
    client.force_login(user)
    assert submit(client, page(), **{"HX-Request": "true", "HX-Boosted": "true"}).status_code == 302


def test_the_button_leads_who_is_not_logged_in_to_the_login_page_and_back(client, page, project, settings):
    settings.LOGIN_URL = "/login/"
    login = f"/login/?next=/projects/{project.pk}/"
    assert find_form(page())[2] == "Follow"
    response = submit(client, page())
    assert (response.status_code, response.url) == (302, login)
    response = submit(client, page(), **{"HX-Request": "true"})
    assert (response.status_code, response["HX-Redirect"], response.content) == (200, login, b"")


def test_htmx_leaves_the_button_where_a_request_is_refused(client, page, user, project):
    client.force_login(user)
    response = page()
    project.delete()
    response = submit(client, response, **{"HX-Request": "true"})
    assert (response.status_code, response["HX-Reswap"]) == (404, "none")


def button(rf, user, text="{% follow_button object %}", **context):
    request = rf.get("/here/?page=2")
    request.user = user
    return render(text, request=request, **context)


def test_there_is_no_button_where_there_is_nothing_to_follow(rf, user, caplog):
    follower = User.objects.create(username="ada")
    secret = Project.objects.create(name="secret")
    assert button(rf, user, object=user) == ""
    assert button(rf, user, object=secret) == ""
    for nothing in (None, "", AnonymousUser(), Project(), Stranger(pk=1)):
        assert button(rf, user, object=nothing) == ""
    follow(follower, secret)
    assert "Unfollow" in button(rf, follower, object=secret)
    assert "Follow" in button(rf, AnonymousUser(), object=secret)


def test_the_button_costs_one_round_trip_or_none_where_the_state_is_known(rf, user, project, valkey, monkeypatch):
    button(rf, user, object=project)  # loads the scripts
    for text, expected in [
        ("{% follow_button object %}", ["EVALSHA"]),
        ("{% follow_button object following=missing %}", ["EVALSHA"]),
        ("{% follow_button object following=False %}", []),
        ("{% follow_button object following=True %}", []),
    ]:
        with round_trips(monkeypatch) as sent:
            shown = button(rf, user, text, object=project)
        assert sent == expected
        assert ("Unfollow" in shown) == ("True" in text)
    with round_trips(monkeypatch) as sent:
        button(rf, AnonymousUser(), object=project)
    assert sent == []


def test_the_button_goes_back_to_the_page_that_it_is_on(rf, user, project):
    assert 'name="next" value="/here/?page=2"' in button(rf, user, object=project)


def test_values_of_the_button_are_escaped(rf, user):
    country = Country.objects.create(code='"><script>')
    shown = button(rf, user, object=country)
    assert "<script>" not in shown
    assert "&quot;&gt;&lt;script&gt;" in shown


def test_a_project_overrides_the_template_of_the_button(rf, user, project, settings, tmp_path, client):
    (tmp_path / "sequere").mkdir()
    (tmp_path / "sequere" / "follow_button.html").write_text("{{ identifier }} {{ object.name }} {{ following }}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    assert button(rf, user, object=project) == "project La classe americaine False"
    client.force_login(user)
    data = {"identifier": "project", "object_id": project.pk}
    response = client.post(reverse("sequere:follow"), data, headers={"HX-Request": "true"})
    assert response.content.decode() == "project La classe americaine True"


@pytest.mark.parametrize(
    "error",
    [NotRegistered("of the project"), UnsavedInstance("of the project"), OperationalError("of the project")],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("place", ["permission", "template"])
def test_what_the_code_of_a_project_raises_is_for_the_project(
    rf, user, project, settings, tmp_path, monkeypatch, place, error
):
    def fail(*arguments):
        raise error

    settings.SEQUERE_TEMPLATES_FAIL_SILENTLY = True
    if place == "permission":
        monkeypatch.setattr(registry.get_base(Project), "has_follow_permission", fail)
    else:
        (tmp_path / "sequere").mkdir()
        (tmp_path / "sequere" / "follow_button.html").write_text("{{ object.fail }}")
        settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
        monkeypatch.setattr(Project, "fail", fail, raising=False)
    with pytest.raises(type(error), match="of the project"):
        button(rf, user, object=project)


def test_a_context_of_a_request_is_enough_without_the_context_processor(rf, user, project, settings):
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "OPTIONS": {"context_processors": []}}]
    request = rf.get("/")
    request.user = user
    context = RequestContext(request, {"object": project})
    assert "Follow" in Template("{% load sequere_tags %}{% follow_button object %}").render(context)


def test_the_button_says_that_it_needs_the_urls(rf, user, project, settings):
    settings.ROOT_URLCONF = ()
    request = rf.get("/")
    request.user = user
    with pytest.raises(ImproperlyConfigured, match=r"no URL 'sequere:follow': add .*include\(\"sequere\.urls\"\)"):
        render("{% follow_button object %}", object=project, request=request)


def test_the_button_says_that_it_needs_the_request(project):
    with pytest.raises(ImproperlyConfigured, match=r"django.shortcuts.render\(\)"):
        render("{% follow_button object %}", object=project)
