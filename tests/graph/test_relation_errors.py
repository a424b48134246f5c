"""What the functions of the relations say about wrong input, before anything is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sequere import ModelBase, exceptions, models
from sequere.registry import Registry
from tests.conftest import use_redis
from tests.testapp.models import Project, Stranger, User

pytestmark = pytest.mark.django_db

MOMENT = datetime(2013, 10, 25, 4, 41, 31, 612067, tzinfo=UTC)


@pytest.fixture(autouse=True)
def empty(settings):
    use_redis("fakeredis", settings, None)


@pytest.mark.parametrize(
    "name",
    [
        "follow", "unfollow", "remove_follower", "is_following", "is_friend", "since", "accept", "deny", "cancel",
        "accept_all", "deny_all", "is_requested", "archive", "restore", "mute", "unmute", "is_muted", "get_followers",
        "get_followings", "get_friends", "get_requests", "get_requested", "get_muted", "get_archived",
        "get_followers_count", "get_requests_count", "get_muted_count",
    ],
)  # fmt: skip
@pytest.mark.parametrize(("kind", "text"), [("wach", "got 'wach'"), ("Watch!", "1 to 30 characters"), (5, "got 5")])
def test_a_kind_must_be_declared(declare, ada, bob, name, kind, text):
    declare(User, kinds=("watch", "star"))
    function = getattr(models, name)
    arguments = (ada,) if name.endswith("_all") or name.startswith("get_") else (ada, bob)
    with pytest.raises(exceptions.InvalidArgument, match=text) as caught:
        function(*arguments, kind=kind)
    assert kind != "wach" or "star, watch" in str(caught.value)


def test_the_followed_model_declares_the_kind(declare, ada):
    declare(User, kinds=("watch",))
    project = Project.objects.create()
    with pytest.raises(exceptions.InvalidArgument, match=r"Declared by testapp.Project: none\."):
        models.follow(ada, project, kind="watch")
    with pytest.raises(exceptions.InvalidArgument, match=r"testapp\.Project"):
        models.follow_many(ada, [ada.__class__.objects.create(username="x"), project], kind="watch")
    assert models.follow(project, ada, kind="watch") is True
    assert models.get_followings(project, kind="watch").instances() == [ada]


@pytest.mark.parametrize("name", ["accept", "deny", "cancel", "remove_follower", "block", "unblock", "mute", "unmute"])
def test_nobody_does_it_to_themselves(ada, name):
    with pytest.raises(exceptions.SelfFollow):
        getattr(models, name)(ada, ada)


@pytest.mark.parametrize(
    "name", ["accept", "deny", "cancel", "remove_follower", "block", "mute", "is_blocked", "since"]
)
def test_only_instances_take_part(ada, name):
    for other, error in [(None, "InvalidArgument"), (User(), "UnsavedInstance"), (Stranger(pk=1), "NotRegistered")]:
        with pytest.raises(getattr(exceptions, error)):
            getattr(models, name)(ada, other)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda ada: models.get_relationships(None, [ada]), "viewer must be a model instance; got None"),
        (lambda ada: models.get_relationships(ada, ada), "objects must be an iterable of model instances"),
        (lambda ada: models.get_relationships(ada, [ada], kinds="watch"), "kinds must be a list or tuple"),
        (lambda ada: models.get_relationships(ada, [ada], kinds=["wach"]), "got 'wach'"),
        (lambda ada: models.get_counts([None]), "each item of objects must be a model instance"),
        (lambda ada: models.attach_relationships(ada, [None]), "each item of objects must be a model instance"),
        (lambda ada: models.attach_relationships(ada, ada), "objects must be an iterable of model instances"),
    ],
)
def test_rows_name_what_is_wrong(ada, call, text):
    with pytest.raises(exceptions.InvalidArgument, match=text):
        call(ada)


def test_a_model_may_have_a_relationship_of_its_own(ada, bob, monkeypatch):
    monkeypatch.setattr(User, "relationship", "single", raising=False)
    with pytest.raises(exceptions.InvalidArgument, match=r"attribute relationship of their own, as testapp\.User has"):
        models.attach_relationships(ada, [bob])


@pytest.mark.parametrize(
    ("option", "returned"),
    [
        ("needs_approval", None),
        ("follow_limit", -1),
        ("follow_limit", True),
        ("follow_rate", 5),
        ("follow_rate", (5, 5)),
    ],
)
def test_what_a_method_returns_is_checked(declare, ada, bob, option, returned):
    declare(User, **{option: lambda *instances: returned})
    with pytest.raises(exceptions.InvalidArgument, match=f"ModelBase.{option} must be, or return, "):
        models.follow(ada, bob)
    assert models.get_followings(ada) == []


@pytest.mark.parametrize(
    ("until", "text"),
    [
        (5, "until must be a datetime, a timedelta or None; got 5"),
        ("tomorrow", "until must be a datetime"),
        (MOMENT, "until must be in the future"),
        (timedelta(0), "until must be in the future"),
        (timedelta.max, "before the year 2242"),
    ],
)
def test_an_end_that_is_none(ada, bob, until, text):
    with pytest.raises(exceptions.InvalidTimestamp, match=text):
        models.mute(ada, bob, until=until)


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("kinds", "watch", "kinds must be a tuple of kinds, .* got 'watch'"),
        ("kinds", ("Watch",), "kinds must be a tuple of kinds"),
        ("kinds", {"watch"}, "kinds must be a tuple of kinds"),
        ("kinds", None, "kinds must be a tuple of kinds"),
        ("needs_approval", 1, "needs_approval must be, or return, True or False; got 1"),
        ("follow_limit", "many", "follow_limit must be, or return, a whole number from 0"),
        ("follow_rate", 100, "follow_rate must be, or return, a number from 0"),
        ("follow_rate", (100, timedelta(0)), "follow_rate must be, .* a timedelta of at least one second"),
    ],
)
def test_options_are_checked_at_registration(option, value, text):
    base = type("UserSequere", (ModelBase,), {option: value})
    with pytest.raises(exceptions.InvalidArgument, match=f"UserSequere.{text}"):
        Registry().register(User, base)


def test_all_models_together_have_a_number_of_kinds():
    class UserSequere(ModelBase):
        kinds = tuple(f"k{number}" for number in range(16))

    class ProjectSequere(ModelBase):
        kinds = ("k1", "watch")

    registry = Registry()
    registry.register(User, UserSequere)
    with pytest.raises(exceptions.InvalidArgument, match=r"kinds of ProjectSequere would be too many: .* got 17"):
        registry.register(Project, ProjectSequere)
    assert registry.models == [User]


def test_a_method_cannot_be_a_coroutine_function():
    async def needs_approval(self, instance, follower):
        return True

    base = type("UserSequere", (ModelBase,), {"needs_approval": needs_approval})
    with pytest.raises(exceptions.InvalidArgument, match=r"needs_approval must not be a coroutine function"):
        Registry().register(User, base)


def test_methods_and_lists_are_options_too():
    class UserSequere(ModelBase):
        kinds = ["watch"]
        follow_rate = (5, timedelta(days=1))

        def needs_approval(self, instance, follower):
            return True

        def follow_limit(self, instance):
            return 5

    registry = Registry()
    registry.register(User, UserSequere)
    assert registry.check_kind("watch", User()) == "watch"
