"""The views and the tags for requests, blocks, mutes, kinds, limits and pages of rows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.paginator import Paginator
from django.template import Context, Template
from django.urls import reverse

from sequere import models, registry
from tests.conftest import use_redis
from tests.support.catalog import write_catalog
from tests.support.counting import round_trips
from tests.testapp.models import Project, Stranger, User

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def empty(request, settings):
    if "valkey" not in request.fixturenames:
        use_redis("fakeredis", settings, None)


@pytest.fixture
def user():
    return User.objects.create_user("thoas")


@pytest.fixture
def ada():
    return User.objects.create_user("ada")


@pytest.fixture
def post(client, user):
    """Posts a form about a user as the logged-in one."""
    client.force_login(user)

    def post(name, other, headers=JSON, **fields):
        data = {"identifier": "user", "object_id": other.pk, **fields}
        return client.post(reverse(f"sequere:{name}"), data, headers=headers)

    return post


def test_a_request_is_answered_like_a_follow(post, declare, user, ada):
    declare(User, needs_approval=True)
    state = {"following": False, "requested": True, "changed": True, "followers_count": 0, "followings_count": 0}
    assert post("follow", ada).json() == state
    assert post("follow", ada).json() == {**state, "changed": False}
    assert post("cancel", ada).json() == {**state, "requested": False}
    assert post("cancel", ada).json() == {**state, "requested": False, "changed": False}
    post("follow", ada)
    assert post("unfollow", ada).json() == {**state, "requested": False}
    post("follow", ada)
    models.accept(ada, user)
    following = {**state, "following": True, "requested": False, "changed": False}
    assert post("cancel", ada).json() == {**following, "followers_count": 1, "followings_count": 1}


def test_the_button_shows_a_request_and_cancels_it(post, declare, user, ada):
    declare(User, needs_approval=True)
    shown = post("follow", ada, HTMX).content.decode()
    assert "<span>Requested</span>" in shown
    assert ">Cancel</button>" in shown
    assert 'action="/cancel/"' in shown
    shown = post("cancel", ada, HTMX).content.decode()
    assert "Requested" not in shown
    assert 'action="/follow/"' in shown
    declare(User, needs_approval=False)
    assert "Unfollow" in post("follow", ada, HTMX).content.decode()


@pytest.mark.parametrize(
    ("name", "prepare", "shows"),
    [
        ("accept", lambda user, ada: models.follow(ada, user), lambda user, ada: models.is_following(ada, user)),
        ("deny", lambda user, ada: models.follow(ada, user), lambda user, ada: not models.is_requested(ada, user)),
        (
            "remove_follower",
            lambda user, ada: [models.follow(ada, user), models.accept(user, ada)],
            lambda user, ada: not models.is_following(ada, user),
        ),
        ("block", lambda user, ada: None, lambda user, ada: models.is_blocked(user, ada)),
        ("unblock", lambda user, ada: models.block(user, ada), lambda user, ada: not models.is_blocked(user, ada)),
        ("mute", lambda user, ada: None, lambda user, ada: models.is_muted(user, ada)),
        ("unmute", lambda user, ada: models.mute(user, ada), lambda user, ada: not models.is_muted(user, ada)),
    ],
)
@pytest.mark.parametrize("headers", [{}, JSON, HTMX], ids=["html", "json", "htmx"])
def test_every_verb_has_a_view(post, declare, user, ada, name, prepare, shows, headers):
    declare(User, needs_approval=True)
    prepare(user, ada)
    for changed in (True, False):
        response = post(name, ada, headers, next="/here/")
        assert response.status_code == (200 if headers else 302)
        if headers == JSON:
            assert response.json() == {"changed": changed}
        assert headers or response.url == "/here/"
        assert headers != HTMX or response.content == b""
        assert shows(user, ada)


def test_a_block_is_refused_as_a_missing_permission_is(post, user, ada, monkeypatch):
    def answers():
        for headers in ({}, JSON, HTMX):
            response = post("follow", ada, headers)
            yield response.status_code, response.content, dict(response.headers)

    models.block(ada, user)
    blocked = list(answers())
    models.unblock(ada, user)
    models.block(user, ada)
    assert list(answers()) == blocked
    models.unblock(user, ada)
    monkeypatch.setattr(registry.get_base(User), "has_follow_permission", lambda request, instance: False)
    assert list(answers()) == blocked
    assert blocked[0][:2] == (403, b"You may not follow this user.")


def test_a_limit(post, declare, ada):
    declare(User, follow_limit=0)
    response = post("follow", ada)
    assert (response.status_code, response.json()) == (429, {"error": "You have reached the limit of follows."})
    assert "Retry-After" not in response
    declare(User, follow_limit=None, follow_rate=(0, timedelta(hours=1)))
    post("follow", ada)
    response = post("follow", ada, HTMX)
    assert (response.status_code, response["HX-Reswap"]) == (429, "none")
    assert 1 <= int(response["Retry-After"]) <= 3600


def test_kinds(post, declare, user, ada):
    declare(User, kinds=("watch",))
    assert post("follow", ada, kind="watch").json()["followers_count"] == 1
    assert models.is_following(user, ada, kind="watch")
    assert 'name="kind" value="watch"' in post("follow", ada, HTMX, kind="watch").content.decode()
    assert post("mute", ada, kind="watch").json() == {"changed": True}
    assert post("remove_follower", ada, kind="watch").json() == {"changed": False}
    response = post("follow", ada, kind="star")
    assert (response.status_code, response.json()) == (400, {"error": "There is no kind 'star'."})
    assert post("accept", ada, kind="star").status_code == 400
    assert post("block", ada, kind="star").json() == {"changed": True}


@pytest.mark.parametrize("name", ["accept", "deny", "cancel", "remove_follower", "block", "unblock", "mute", "unmute"])
def test_nobody_does_it_to_themselves(post, user, name):
    response = post(name, user)
    assert (response.status_code, response.json()) == (400, {"error": "You cannot do that to yourself."})


def test_who_is_hidden_exists_for_what_ends_something(post, declare, user, ada, monkeypatch):
    declare(User, needs_approval=True)
    models.follow(ada, user)
    models.follow(user, ada)
    models.mute(user, ada)
    monkeypatch.setattr(registry.get_base(User), "get_queryset", User.objects.exclude(pk=ada.pk).all)
    for name in ("follow", "block", "mute", "remove_follower", "unblock"):
        assert post(name, ada).status_code == 404
    for name in ("deny", "cancel", "unmute"):
        assert post(name, ada).json()["changed"] is True
        assert post(name, ada).status_code == 404


def test_texts_can_be_translated(post, declare, ada, settings, tmp_path):
    texts = {
        "Requested": "Angefragt",
        "Cancel": "Zurückziehen",
        "You have reached the limit of follows.": "Mehr geht nicht.",
    }
    write_catalog(tmp_path / "de" / "LC_MESSAGES" / "django.mo", texts)
    settings.LOCALE_PATHS = [tmp_path]
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    declare(User, needs_approval=True)
    shown = post("follow", ada, {**HTMX, "Accept-Language": "de"}).content.decode()
    assert ">Angefragt<" in shown
    assert ">Zurückziehen<" in shown
    declare(User, follow_limit=0)
    shown = post("follow", User.objects.create(username="bob"), {"Accept-Language": "de"}).content.decode()
    assert shown == "Mehr geht nicht."


# Tags.


def render(text, **context):
    return Template("{% load sequere_tags %}" + text).render(Context(context))


FILTERS = ["is_requested", "is_blocked", "is_muted"]


def test_filters_answer_as_the_functions(declare, user, ada):
    text = " ".join(f"{{{{ user|{name}:ada }}}} {{{{ ada|{name}:user }}}}" for name in FILTERS)
    assert render(text, user=user, ada=ada) == "False False False False False False"
    declare(User, needs_approval=True)
    models.follow(user, ada)
    models.mute(user, ada)
    assert render(text, user=user, ada=ada) == "True False False False True False"
    assert render("{{ ada|requests_count }} {{ ada|requests_count:'project' }}", ada=ada) == "1 0"
    models.block(user, ada)
    assert render(text, user=user, ada=ada) == "False False True False True False"
    for nobody in (AnonymousUser(), None, "", User(), Stranger(pk=1)):
        assert {render(f"{{{{ one|{name}:ada }}}}", one=nobody, ada=ada) for name in FILTERS} == {"False"}
        assert render("{{ one|requests_count }}", one=nobody) == "0"


PAGE = """
{% attach_relationships request.user page.object_list %}
{% for card in page %}
{{ card.name }}{% if card.relationship.followed_by %} follows you{% endif %}{% follow_button card %}
{% endfor %}
"""


@pytest.fixture
def cards(user, declare):
    projects = Project.objects.bulk_create([Project(name=f"Card {number}.") for number in range(50)])
    models.follow(user, projects[0])
    models.follow(projects[0], user)
    declare(Project, needs_approval=True)
    models.follow(user, projects[1])
    return Project.objects.order_by("pk")


def test_a_page_of_cards_costs_two_round_trips(valkey, rf, user, cards, monkeypatch):
    models.get_followers_count(user)  # loads the scripts
    models.follow(user, cards[0])
    request = rf.get("/")
    request.user = user
    with round_trips(monkeypatch) as sent:
        page = Paginator(cards, 20).page(1)
        counts = models.get_counts(page.object_list)
        text = PAGE.replace("{{ card.name }}", "{{ card.name }} {{ card.followers }}")
        for card in page.object_list:
            card.followers = counts[card].followers
        shown = render(text, page=page, request=request)
    assert sent == ["EVALSHA"] * 2
    assert shown.count("<form") == 20
    with round_trips(monkeypatch) as sent:
        models.attach_relationships(user, cards)
    assert sent == ["EVALSHA"]  # 50


def test_buttons_use_what_is_attached(rf, user, ada, cards):
    request = rf.get("/")
    request.user = user
    page = Paginator(cards, 3).page(1)
    shown = render(PAGE, page=page, request=request)
    parts = ["Card 0. follows you", ">Unfollow<", "Card 1.", ">Requested<", "Card 2.", ">Follow<"]
    assert sorted(parts, key=shown.index) == parts
    request.user = ada  # for whom nothing is attached
    assert "Unfollow" not in render("{% follow_button card %}", card=page.object_list[0], request=request)


def test_attaching_does_nothing_where_nobody_is_logged_in(rf, cards, caplog):
    request = rf.get("/")
    request.user = AnonymousUser()
    page = Paginator(cards, 3).page(1)
    assert render(PAGE, page=page, request=request).count(">Follow<") == 3
    assert render("{% attach_relationships request.user missing %}", request=request) == ""
    assert caplog.text == ""


def test_attaching_to_what_cannot_take_part_is_logged(user, caplog):
    assert render("{% attach_relationships user some %}", user=user, some=[user, Stranger(pk=1)]) == ""
    assert "attach_relationships in a template: testapp.Stranger is not registered" in caplog.text


def test_a_button_of_a_kind(rf, user, ada, declare, caplog):
    declare(User, kinds=("watch",))
    models.follow(user, ada, kind="watch")
    models.attach_relationships(user, [ada])
    request = rf.get("/")
    request.user = user
    shown = render("{% follow_button ada kind='watch' %}{% follow_button ada %}", ada=ada, request=request)
    assert shown.index('value="watch"') < shown.index("Unfollow") < shown.index(">Follow<")
    assert shown.count("watch") == 1
    assert render("{% follow_button ada kind='wach' %}", ada=ada, request=request) == ""
    assert "got 'wach'" in caplog.text


def test_the_button_reveals_no_block(rf, user, ada):
    request = rf.get("/")
    request.user = user
    before = render("{% follow_button ada %}", ada=ada, request=request)
    models.block(ada, user)
    token = 'name="csrfmiddlewaretoken" value="'
    after = render("{% follow_button ada %}", ada=ada, request=request)
    assert [part[64:] for part in after.split(token)] == [part[64:] for part in before.split(token)]
