"""What is deleted is forgotten, once that is committed."""

from __future__ import annotations

import io
import logging

import pytest
import redis
from celery import Celery
from django.apps import apps
from django.core.management import call_command
from django.db import OperationalError, connections, transaction
from django.db.models import Value
from django.db.models.functions import Lower
from django.db.models.signals import post_delete

from sequere import ModelBase, registry
from sequere.backends import get_backend
from sequere.backends.operations import Forget, Forgotten
from sequere.models import follow, forget, get_followers_count, get_followings_count, is_following
from sequere.resources import Resource
from sequere.tasks import forget as forget_task
from tests.support.calls import Ask
from tests.testapp.models import Book, Country, Ledger, Place, Project, Restaurant, StarredUser, Stranger, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def user(valkey):
    return User.objects.create(username="thoas")


@pytest.fixture
def project():
    return Project.objects.create(name="La classe americaine")


def test_on_commit(user, project, django_capture_on_commit_callbacks):
    follow(user, project)
    with django_capture_on_commit_callbacks() as callbacks:
        project.delete()
    assert get_followings_count(user) == 1
    for callback in callbacks:
        callback()
    assert get_followings_count(user) == 0


@pytest.mark.django_db(transaction=True)
def test_a_rollback_leaves_no_trace(user, project):
    follow(user, project)
    with transaction.atomic():
        project.delete()
        transaction.set_rollback(True)
    assert get_followings_count(user) == 1
    Project.objects.filter(name=project.name).delete()
    assert get_followings_count(user) == 0


@pytest.mark.django_db(transaction=True)
def test_a_row_that_is_created_again_before_the_commit_keeps_its_follows(user):
    country, ada = Country.objects.create(code="fr"), User.objects.create(username="ada")
    follow(ada, country)
    with transaction.atomic():
        country.delete()
        country = Country.objects.create(code="fr")
        assert follow(user, country) is True
    assert is_following(user, country)
    assert is_following(ada, country)
    country.delete()
    assert get_followings_count(user) == get_followings_count(ada) == 0


@pytest.mark.django_db(transaction=True)
def test_a_row_that_is_created_again_while_it_is_forgotten_keeps_the_rest(large, sent, monkeypatch):
    resource, perform = registry.identify(large), Forget.perform

    def come_back(operation):
        Project.objects.get_or_create(pk=resource.object_id)
        return perform(operation)

    monkeypatch.setattr(Forget, "perform", come_back)
    large.delete()
    assert Ask().count(resource, "followers") == 150
    assert sent == []


@pytest.mark.parametrize(("followers", "queries"), [(0, 1), (100, 1), (101, 2), (250, 3)])
def test_one_query_before_each_step_asks_whether_the_row_is_there_again(
    user, project, followers, queries, django_capture_on_commit_callbacks, django_assert_num_queries
):
    for number in range(followers):
        Ask().follow(Resource("tag", str(number)), registry.identify(project), timestamp=1.0)
    with django_capture_on_commit_callbacks() as callbacks:
        project.delete()
    (forget_it,) = callbacks
    with django_assert_num_queries(queries):
        forget_it()


def test_children_parents_and_proxies(user, django_capture_on_commit_callbacks):
    restaurant = Restaurant.objects.create(name="Chez Paul")
    ledger = Ledger.objects.create()
    follow(user, restaurant)
    follow(user, ledger)
    follow(restaurant, user)
    for instance, left in [(restaurant, 1), (ledger, 0)]:
        with django_capture_on_commit_callbacks(execute=True):
            instance.delete()
        assert get_followings_count(user) == left
    with django_capture_on_commit_callbacks(execute=True):
        place = Place.objects.create(name="Les Halles")
        follow(StarredUser.objects.get(pk=user.pk), place)
        StarredUser.objects.get(pk=user.pk).delete()
    assert get_followers_count(place) == 0


def test_every_registered_model_of_the_row(user, django_capture_on_commit_callbacks):
    registry.register(StarredUser, type("Starred", (ModelBase,), {"identifier": "starred"}))
    try:
        star, project = StarredUser.objects.get(pk=user.pk), Project.objects.create(name="x")
        follow(user, project)
        follow(star, project)
        assert get_followers_count(project) == 2
        with django_capture_on_commit_callbacks(execute=True):
            user.delete()
        assert get_followers_count(project) == 0
    finally:
        registry.unregister(StarredUser)


class Careless(redis.Redis):
    """A client with a fault."""

    def evalsha(self, *words):
        raise AttributeError("'NoneType' object has no attribute 'redis_connection'")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("client_class", ["redis.Redis", "valkey.Valkey", f"{__name__}.Careless"])
def test_a_store_that_fails_then_is_logged_and_stops_nothing(user, project, settings, tmp_path, caplog, client_class):
    called = []
    settings.SEQUERE_REDIS_CONNECTION_CLASS = client_class
    if client_class != f"{__name__}.Careless":
        settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": str(tmp_path / "nothing")}
    with transaction.atomic():
        key = project.pk
        project.delete()
        transaction.on_commit(lambda: called.append(True))
    assert called == [True]
    assert not Project.objects.exists()
    assert f"project '{key}' was deleted, but the graph could not forget it" in caplog.text
    assert f"run `python manage.py sequere forget project {key}`." in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_database_that_fails_then_is_logged_too(user, project, monkeypatch, caplog):
    def fail(operation):
        raise OperationalError("gone away")

    monkeypatch.setattr(get_backend(), "perform", fail)
    project.delete()
    assert "gone away" in caplog.text


def test_a_database_that_cannot_tell_whether_the_row_is_there_again_is_logged_too(
    user, project, caplog, django_capture_on_commit_callbacks
):
    def fail(execute, sql, params, many, context):
        raise OperationalError("gone away")

    follow(user, project)
    key = project.pk
    with django_capture_on_commit_callbacks() as callbacks:
        project.delete()
    (forget_it,) = callbacks
    with connections["default"].execute_wrapper(fail):
        forget_it()
    assert get_followings_count(user) == 1
    assert "gone away" in caplog.text
    assert f"run `python manage.py sequere forget project {key}`." in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_key_that_cannot_be_in_the_graph_is_no_failure(valkey, caplog):
    Country.objects.create(code="x" * 200 + "é" * 30).delete()
    assert caplog.text == ""


@pytest.fixture(scope="module")
def archive(tmp_path_factory, django_db_setup, django_db_blocker):
    """The alias of a second database, which has a table of projects."""
    name = str(tmp_path_factory.mktemp("archive") / "db.sqlite3")
    connections.settings["archive"] = {**connections.settings["default"], "NAME": name}
    with django_db_blocker.unblock(), connections["archive"].schema_editor() as editor:
        editor.create_model(Project)
    yield "archive"
    connections["archive"].close()
    del connections["archive"], connections.settings["archive"]


in_two_databases = pytest.mark.django_db(databases=["default", "archive"])


class Router:
    """Says where the projects are; everything else is in the default database."""

    def __init__(self, read, write):
        self.read, self.write = read, write

    def db_for_read(self, model, **hints):
        return self.read if model is Project else "default"

    def db_for_write(self, model, **hints):
        return self.write if model is Project else "default"


@pytest.mark.parametrize(
    ("routers", "counts"),
    [
        ([], {"archive": False, "default": True}),
        ([Router("default", "default")], {"archive": False, "default": True}),
        ([Router("archive", "archive")], {"archive": True, "default": False}),
        ([Router("default", "archive")], {"archive": True, "default": True}),  # reads from a replica
    ],
)
@in_two_databases
def test_only_where_the_live_rows_are(user, archive, settings, routers, counts, django_capture_on_commit_callbacks):
    settings.DATABASE_ROUTERS = routers
    for alias, is_live in counts.items():
        for delete in (lambda rows: rows.get().delete(using=rows.db), lambda rows: rows.delete()):
            project = Project.objects.using(alias).create(name="x")
            follow(user, project)
            with django_capture_on_commit_callbacks(using=alias, execute=True):
                delete(Project.objects.using(alias).filter(pk=project.pk))
            assert get_followings_count(user) == (0 if is_live else 1)
            forget(registry.from_key(Project, project.pk))


@pytest.mark.parametrize(("most", "messages"), [(True, 0), (0, 1)])
@in_two_databases
def test_a_replica_that_lags_does_not_count_as_a_row_that_is_there_again(
    user, archive, settings, sent, most, messages, django_capture_on_commit_callbacks
):
    settings.SEQUERE_FORGET_DELETED = most
    settings.DATABASE_ROUTERS = [Router("archive", "default")]
    project = Project.objects.create(name="x")
    Project.objects.using("archive").create(pk=project.pk, name="x")
    follow(user, project)
    with django_capture_on_commit_callbacks(execute=True):
        project.delete()
    assert len(sent) == messages
    for _, options in sent:
        forget_task(*options["args"])
    assert get_followings_count(user) == 0


@in_two_databases
def test_where_the_model_base_reads_counts_too(user, archive, monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(registry.get_base(Project), "get_queryset", lambda: Project.objects.using("archive"))
    project = Project.objects.using("archive").create(name="x")
    follow(user, project)
    with django_capture_on_commit_callbacks(using="archive", execute=True):
        project.delete(using="archive")
    assert get_followings_count(user) == 0


@pytest.mark.django_db(transaction=True)
def test_an_instance_that_only_has_the_key_forgets_too(user, project):
    follow(user, project)
    Project(pk=project.pk).delete()
    assert get_followings_count(user) == 0


@pytest.mark.django_db(transaction=True)
def test_a_key_that_is_not_known_is_logged(valkey, caplog):
    country = Country.objects.create(code="fr")
    country.code = Lower(Value("FR"))
    country.delete()
    assert not Country.objects.exists()
    assert "A deleted country is not forgotten" in caplog.text


def test_each_resource_is_forgotten_once(user, monkeypatch, django_capture_on_commit_callbacks):
    registry.register(StarredUser, type("Starred", (ModelBase,), {"identifier": "starred"}))
    forgotten = []

    def note(operation):
        forgotten.append(operation.resource)
        return Forgotten(0, done=True)

    monkeypatch.setattr(get_backend(), "perform", note)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            user.delete()
    finally:
        registry.unregister(StarredUser)
    assert sorted(resource.identifier for resource in forgotten) == ["starred", "user"]


def test_a_setting_turns_it_off(user, project, settings, django_capture_on_commit_callbacks):
    settings.SEQUERE_FORGET_DELETED = False
    follow(user, project)
    with django_capture_on_commit_callbacks(execute=True):
        project.delete()
    assert get_followings_count(user) == 1


@pytest.fixture
def large(user):
    """A project with 250 followers."""
    project = Project.objects.create(name="La classe americaine")
    for number in range(250):
        Ask().follow(Resource("tag", str(number)), registry.identify(project), timestamp=1.0)
    return project


@pytest.fixture
def sent(monkeypatch):
    """The messages to Celery."""
    messages = []
    application = Celery("forgetting", broker="memory://", set_as_current=False)
    monkeypatch.setattr(application, "send_task", lambda name, **options: messages.append((name, options)))
    monkeypatch.setattr(apps.get_app_config("sequere"), "celery", application)
    return messages


@pytest.mark.parametrize(("most", "left"), [(0, 250), (1, 150), (100, 150), (150, 50), (200, 50), (201, 0), (1000, 0)])
def test_a_large_one_is_forgotten_in_part_and_the_rest_by_a_task(
    large, sent, settings, most, left, django_capture_on_commit_callbacks
):
    settings.SEQUERE_FORGET_DELETED = most
    resource = registry.identify(large)
    with django_capture_on_commit_callbacks(execute=True):
        large.delete()
    assert Ask().count(resource, "followers") == left
    message = ("sequere.forget", {"args": [*resource, "default"], "retry": False, "ignore_result": True})
    assert sent == ([message] if left else [])
    if left:
        forget_task(*sent[0][1]["args"])
        assert Ask().count(resource, "followers") == 0


def test_without_celery_prune_finds_the_rest(large, settings, caplog, django_capture_on_commit_callbacks):
    settings.SEQUERE_FORGET_DELETED = 100
    resource = registry.identify(large)
    with caplog.at_level(logging.INFO, "sequere"), django_capture_on_commit_callbacks(execute=True):
        large.delete()
    told = "`python manage.py sequere prune` forgets its other follows"
    assert f"project '{resource.object_id}' was deleted; {told}" in caplog.text
    call_command("sequere", "prune", stdout=io.StringIO())
    assert Ask().count(resource, "followers") == 0


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_fails_is_logged_and_stops_nothing(large, sent, settings, monkeypatch, caplog):
    def refuse(name, **options):
        raise OSError("refused")

    monkeypatch.setattr(apps.get_app_config("sequere").celery, "send_task", refuse)
    settings.SEQUERE_FORGET_DELETED = 0
    key = large.pk
    large.delete()
    assert not Project.objects.exists()
    assert "the task that forgets its other follows could not be sent" in caplog.text
    assert f"Run `python manage.py sequere forget project {key}`." in caplog.text


def test_other_models_keep_their_fast_deletes():
    assert not post_delete.has_listeners(Stranger)
    assert post_delete.has_listeners(Book)
