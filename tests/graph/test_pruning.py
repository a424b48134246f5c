"""Resources whose rows are gone: ``forget`` and ``prune``, as commands, functions and a task, with every backend."""

from __future__ import annotations

import io
import time
import uuid
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync
from celery.utils.time import get_exponential_backoff_interval
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError, connections
from django.test.utils import CaptureQueriesContext

from sequere import ModelBase, forgetting, pruning, registry
from sequere.backends import get_backend
from sequere.backends.operations import Forget
from sequere.exceptions import BackendUnavailable
from sequere.models import aforget, follow, forget, get_followers_count, get_followings_count
from sequere.pruning import Fate, Pruned, prune
from sequere.resources import Resource
from sequere.tasks import forget as forget_task
from tests.support.calls import Ask
from tests.testapp.models import Country, Document, Project, Restaurant, User

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)


def manage(*arguments):
    out = io.StringIO()
    call_command("sequere", *arguments, stdout=out)
    return out.getvalue().splitlines()


@pytest.fixture
def ada(backend):
    return User.objects.create(username="ada")


@pytest.fixture
def one(valkey):
    """A user and the graph of one server, for what does not depend on the backend."""
    return User.objects.create(username="ada")


def lose(*instances):
    """Delete rows behind the back of Django's signals."""
    for instance in instances:
        type(instance)._base_manager.filter(pk=instance.pk)._raw_delete("default")


# With every backend.


def test_what_has_a_row_stays_and_what_has_none_is_forgotten(ada):
    project, gone = Project.objects.create(name="Flight"), Project.objects.create(name="Chariot")
    country = Country.objects.create(code="fr é:1")
    document, lost = Document.objects.create(), Document.objects.create()
    for other in (project, gone, country, document, lost):
        follow(ada, other, timestamp=5)
        follow(other, ada, timestamp=6)
    lose(gone, country, lost)
    names = [f"project {gone.pk}", "country fr é:1", f"document {lost.pk}"]
    assert sorted(manage("prune", "--dry-run")[:3]) == sorted(names)
    assert get_followings_count(ada) == get_followers_count(ada) == 5
    *lines, summary = manage("prune")
    assert sorted(lines) == sorted(f"{name}: 2 follows" for name in names)
    assert summary.endswith(" looked at, 3 forgotten with 6 follows, 0 left alone.")
    assert get_followings_count(ada) == get_followers_count(ada) == 2
    assert manage("prune")[0].endswith(" looked at, 0 forgotten with 0 follows, 0 left alone.")


def test_every_resource_is_listed(backend, monkeypatch):
    for module in ("database.reads", "redis.uids"):
        monkeypatch.setattr(f"sequere.backends.{module}.NAMES", 3)
    wanted = {Resource("user", "1"), *(Resource(f"kind-{n % 3}", f"a{n}") for n in range(20)), Resource("a", "Z")}
    for other in wanted - {Resource("user", "1")}:
        Ask(backend).follow(Resource("user", "1"), other, timestamp=1.0)
    batches = list(backend.resources())
    assert {resource for batch in batches for resource in batch} == wanted
    assert max(map(len, batches)) <= 3


def test_a_resource_is_forgotten_by_hand(backend):
    for number in range(120):
        Ask(backend).follow(Resource("user", f"u {number}"), Resource("tag", "a b"), timestamp=1.0)
    told = "120 follows removed: the graph has forgotten tag a b."
    assert manage("forget", "tag", "a b") == [told]
    assert Ask(backend).count(Resource("tag", "a b"), "followers") == 0
    assert manage("forget", "user", "404") == ["0 follows removed: the graph has forgotten user 404."]
    with pytest.raises(
        CommandError, match="knows no follows of tag a b; no model is registered as 'tag'; registered: "
    ):
        manage("forget", "tag", "a b")
    with pytest.raises(
        CommandError, match="knows no follows of user abc; no row of the model can have the primary key"
    ):
        manage("forget", "user", "abc")


def test_what_is_no_resource_is_refused(backend):
    with pytest.raises(CommandError, match=r"resource.identifier must be 1 to 50 characters.* got 'us er'"):
        manage("forget", "us er", "1")
    with pytest.raises(CommandError, match="object_id must be 1 to 255 bytes"):
        manage("forget", "user", "")


# What is left alone.


def test_identifiers_that_no_model_has_are_counted_and_left_alone(one):
    for number in range(3):
        Ask().follow(Resource("tag", str(number)), registry.identify(one), timestamp=1.0)
    assert manage("prune") == [
        "3 of tag: left alone, no model is registered under this identifier",
        "4 looked at, 0 forgotten with 0 follows, 3 left alone.",
    ]
    assert get_followers_count(one) == 3


@pytest.mark.parametrize("object_id", ["abc", "007", "99999999999999999999", "1.0", " 1"])
def test_what_no_row_can_have_as_its_key_is_left_alone(one, object_id):
    Ask().follow(Resource("user", object_id), registry.identify(one), timestamp=1.0)
    assert manage("prune")[0] == f"user {object_id}: left alone, no row can have this key"
    assert get_followers_count(one) == 1


def test_a_row_may_not_be_committed_yet_so_a_young_follow_is_left_alone(one):
    gone = Project.objects.create(name="Flight")
    follow(one, gone)
    lose(gone)
    assert manage("prune")[0] == f"project {gone.pk}: left alone, its newest follow is younger than --min-age"
    assert manage("prune", "--min-age", "0", "--dry-run")[0] == f"project {gone.pk}"
    assert manage("prune", "--min-age", "0")[0] == f"project {gone.pk}: 1 follow"
    with pytest.raises(CommandError, match="--min-age: must be a number of seconds"):
        manage("prune", "--min-age", "-1")


def test_a_manager_that_hides_rows_makes_none_of_them_gone(one):
    class Hidden(ModelBase):
        identifier = "hidden"

        def get_queryset(self):
            return super().get_queryset().none()

    registry.unregister(Project)
    registry.register(Project, Hidden)
    try:
        follow(one, Project.objects.create(name="Flight"), timestamp=1)
        assert manage("prune") == ["2 looked at, 0 forgotten with 0 follows, 0 left alone."]
    finally:
        registry.unregister(Project)
        registry.register(Project)


def test_a_child_of_a_registered_parent_has_a_row(one):
    follow(one, Restaurant.objects.create(name="Chez Paul"), timestamp=1)
    assert manage("prune")[-1].endswith("0 forgotten with 0 follows, 0 left alone.")


# What comes meanwhile.


def test_a_row_that_comes_before_its_turn_keeps_its_follows(one, monkeypatch):
    follow(one, Country(code="fr").save() or Country.objects.get(code="fr"), timestamp=1)
    lose(Country.objects.get(code="fr"))
    newest = pruning._find_newest

    def come_back(resource):
        Country.objects.create(code="fr")
        return newest(resource)

    monkeypatch.setattr(pruning, "_find_newest", come_back)
    assert list(prune(registry)) == []
    assert get_followings_count(one) == 1


def test_a_row_that_comes_between_two_steps_keeps_the_rest(one, monkeypatch):
    country = Country.objects.create(code="fr")
    for number in range(150):
        Ask().follow(Resource("tag", str(number)), registry.identify(country), timestamp=1.0)
    lose(country)
    perform = Forget.perform

    def come_back(operation):
        step = perform(operation)
        Country.objects.get_or_create(code="fr")
        return step

    monkeypatch.setattr(Forget, "perform", come_back)
    gone = [pruned for pruned in prune(registry) if pruned.fate is Fate.FORGOTTEN]
    assert gone == [Pruned(Resource("country", "fr"), Fate.FORGOTTEN, 100)]
    assert get_followers_count(country) == 50


# What it costs.


def test_one_query_asks_for_the_rows_of_each_model(one):
    for number in range(30):
        follow(one, Project.objects.create(name=str(number)), timestamp=1)
        follow(one, Document.objects.create(pk=uuid.UUID(int=number)), timestamp=1)
    with CaptureQueriesContext(connections["default"]) as queries:
        assert list(prune(registry)) == []
    assert len(queries) == 3


@pytest.mark.parametrize("forget_it", [forget, async_to_sync(aforget)], ids=["blocking", "asynchronous"])
def test_a_pause_as_long_as_the_step_leaves_room_for_others(one, monkeypatch, forget_it):
    slept, ticks = [], iter(range(100))

    async def sleep(seconds):
        slept.append(seconds)

    clock = SimpleNamespace(sleep=slept.append, monotonic=lambda: float(next(ticks)))
    monkeypatch.setattr(forgetting, "time", clock)
    monkeypatch.setattr(forgetting, "asyncio", SimpleNamespace(sleep=sleep))
    for number in range(250):
        Ask().follow(Resource("tag", str(number)), registry.identify(one), timestamp=1.0)
    assert forget_it(one) == 250
    assert get_followers_count(one) == 0
    assert slept == [1.0, 1.0]


# The task.


def test_the_task_forgets_what_has_no_row(one):
    gone = Project.objects.create(name="Flight")
    follow(one, gone, timestamp=time.time())
    forget_task("project", str(gone.pk), "default")
    assert get_followings_count(one) == 1
    lose(gone)
    forget_task("project", str(gone.pk), "default")
    assert get_followings_count(one) == 0


def test_the_task_is_tried_again_while_the_store_fails(one, monkeypatch):
    gone = Project.objects.create(name="Flight")
    follow(one, gone, timestamp=1)
    lose(gone)
    backend = get_backend()
    perform, failures = backend.perform, [BackendUnavailable("gone away"), OperationalError("gone away")]

    def fail_first(operation):
        if operation.writes and failures:
            raise failures.pop()
        return perform(operation)

    monkeypatch.setattr(backend, "perform", fail_first)
    assert forget_task.apply(args=["project", str(gone.pk), "default"]).state == "SUCCESS"
    assert failures == []
    assert get_followings_count(one) == 0


def test_the_task_is_tried_for_about_half_an_hour():
    longest = [get_exponential_backoff_interval(forget_task.retry_backoff, number, 600) for number in range(11)]
    assert forget_task.max_retries == len(longest)
    assert 25 * 60 < sum(longest) / 2 < 35 * 60  # by chance, each pause is anything from 0 to that
