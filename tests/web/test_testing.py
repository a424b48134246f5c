"""What users get for their tests: an empty graph for each."""

from __future__ import annotations

import unittest

import pytest
from django.test import SimpleTestCase, TestCase, TransactionTestCase, override_settings

from sequere import registry
from sequere.models import afollow, aget_followers_count, follow, get_followers, get_followers_count
from sequere.testing import EmptyGraphMixin
from tests.testapp.models import Project, User

pytest_plugins = ["sequere.pytest_plugin"]

NOWHERE = {"unix_socket_path": "/nothing/is/here"}


@pytest.fixture(scope="module", autouse=True)
def production():
    """A store that no test should reach."""
    with override_settings(SEQUERE_REDIS_CONNECTION=NOWHERE, SEQUERE_REDIS_REPLICA_CONNECTION=NOWHERE):
        yield


with_redis = override_settings(SEQUERE_BACKEND_CLASS="sequere.backends.redis.RedisBackend")
with_write_behind = override_settings(SEQUERE_BACKEND_CLASS="sequere.backends.redis.RedisFallbackBackend")
with_the_database = override_settings(SEQUERE_BACKEND_CLASS="sequere.backends.database.DatabaseBackend")


class RolledBack(EmptyGraphMixin):
    """Each test follows anew; what one leaves would fail the next."""

    @classmethod
    def setUpTestData(cls):
        cls.user, cls.project = User.objects.create(username="ada"), Project.objects.create(name="Flight")
        cls.other = User.objects.create(username="bob")
        follow(cls.other, cls.project)

    def follow(self):
        assert [follower for follower, since in get_followers(self.project)] == [self.other]
        assert follow(self.user, self.project)
        assert get_followers_count(self.project) == 2

    def test_the_graph_has_what_the_class_follows(self):
        self.follow()

    def test_it_has_nothing_of_another_test(self):
        self.follow()

    async def test_it_is_there_in_asynchronous_code(self):
        assert await aget_followers_count(self.project) == 1
        assert await afollow(self.user, self.project)
        assert await aget_followers_count(self.project) == 2

    def test_deletion_is_forgotten_where_callbacks_are_executed(self):
        self.follow()
        with self.captureOnCommitCallbacks(execute=True):
            self.user.delete()
        assert get_followers_count(self.project) == 1


class Committed(EmptyGraphMixin):
    """The same where transactions are committed: deletion is forgotten without further ado."""

    def follow(self):
        user, project = User.objects.create(username="ada"), Project.objects.create(name="Flight")
        assert follow(user, project)
        user.delete()
        assert get_followers_count(project) == 0

    def test_deletion_is_forgotten(self):
        self.follow()

    def test_the_graph_has_nothing_of_another_test(self):
        self.follow()


@with_redis
class TestRedisRolledBack(RolledBack, TestCase):
    pass


@with_write_behind
class TestWriteBehindRolledBack(RolledBack, TestCase):
    pass


@pytest.mark.usefixtures("empty_graph")  # as a project may set for all of its tests
@with_write_behind
class TestTheFixtureLeavesTheMixinAlone(RolledBack, TestCase):
    pass


@with_the_database
class TestDatabaseRolledBack(RolledBack, TestCase):
    pass


@with_redis
class TestRedisCommitted(Committed, TransactionTestCase):
    pass


@with_write_behind
class TestWriteBehindCommitted(Committed, TransactionTestCase):
    pass


@with_redis
@override_settings(SEQUERE_REDIS_CONNECTION=NOWHERE, SEQUERE_REDIS_REPLICA_CONNECTION=NOWHERE)
class TestRedisOfTheClass(RolledBack, TestCase):
    """The settings of a class are no more than those of the project."""


@pytest.mark.parametrize("test_case", [unittest.TestCase, SimpleTestCase, TestCase, TransactionTestCase])
def test_a_mixin_after_the_test_class_is_refused(test_case):
    with pytest.raises(TypeError, match=r"Late would use the store .* class Late\(EmptyGraphMixin, TestCase\)"):
        type("Late", (test_case, EmptyGraphMixin), {})
    with pytest.raises(TypeError, match="put EmptyGraphMixin before the test class"):
        type("Late", (type("Base", (test_case,), {}), EmptyGraphMixin), {})


def test_a_set_up_of_the_class_without_super_is_refused():
    class Careful(EmptyGraphMixin, SimpleTestCase):
        pass

    Careful.setUpClass()
    Careful.doClassCleanups()

    class Careless(Careful):
        @classmethod
        def setUpClass(cls):
            pass

    with pytest.raises(TypeError, match=r"Careless\.setUpClass\(\) must call super\(\)\.setUpClass\(\) first"):
        Careless().setUp()


class Prepared:
    """A class of the project that goes between the mixin and the ``TestCase``."""

    def setUp(self):
        super().setUp()
        self.prepared_followers = get_followers_count(self.project)


@with_redis
class TestASetUpAfterTheMixin(EmptyGraphMixin, Prepared, TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.project = Project.objects.create(name="Flight")
        follow(User.objects.create(username="ada"), cls.project)

    def test_it_runs_in_the_graph_of_the_test(self):
        assert self.prepared_followers == 1


@with_redis
class TestRedisWithoutDatabase(EmptyGraphMixin, SimpleTestCase):
    def test_no_database_is_needed(self):
        assert get_followers_count(registry.from_key(Project, 1)) == 0


@pytest.fixture
def redis_backend(settings):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"


@pytest.fixture(params=["RedisBackend", "RedisFallbackBackend"])
def redis_backends(request, settings):
    settings.SEQUERE_BACKEND_CLASS = f"sequere.backends.redis.{request.param}"


@pytest.fixture
def people(redis_backends, empty_graph, db):
    return User.objects.create(username="ada"), User.objects.create(username="bob")


@pytest.mark.parametrize("time", ["once", "again"])
def test_the_fixture_gives_each_test_an_empty_graph(people, time):
    ada, bob = people
    assert follow(ada, bob)
    assert get_followers_count(bob) == 1


@pytest.mark.asyncio
async def test_the_fixture_works_in_asynchronous_tests(people):
    ada, bob = people
    assert await afollow(ada, bob)
    assert await aget_followers_count(bob) == 1


def test_deletion_is_forgotten_where_pytest_executes_callbacks(people, django_capture_on_commit_callbacks):
    ada, bob = people
    follow(ada, bob)
    with django_capture_on_commit_callbacks(execute=True):
        ada.delete()
    assert get_followers_count(bob) == 0


def test_the_fixture_works_without_a_database(redis_backend, empty_graph):
    assert get_followers_count(registry.from_key(Project, 1)) == 0


def test_nothing_is_sent_to_a_broker(people, monkeypatch):
    asked = []
    monkeypatch.setattr("sequere.backends.redis.behind.nudge.find_application", lambda: asked.append(1))
    assert follow(*people)
    assert asked == []
