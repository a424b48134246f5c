"""What the public functions refuse before they ask a backend; so with one backend, directly and asynchronously."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils.functional import SimpleLazyObject

from sequere import ModelBase, exceptions, registry
from sequere.backends import get_backend
from sequere.relations import LISTS
from tests.testapp.models import Book, Country, Ledger, Project, Stranger, User

pytestmark = pytest.mark.django_db

#: The lists that have a public function.
SHOWN = [name for name in LISTS if name not in ("archived_by", "muted_by")]


@pytest.fixture
def backend(settings):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"
    return get_backend()


@pytest.fixture
def users():
    return [User.objects.create(username=name) for name in ("thoas", "ada", "grace")]


@pytest.fixture
def project():
    return Project.objects.create(name="La classe americaine")


def test_what_is_no_collection_of_instances_is_refused(api, users, project):
    for many in (project, User, User.objects, "ada", b"ada", None, 5):
        for name in ("follow_many", "unfollow_many", "are_following"):
            with pytest.raises(exceptions.InvalidArgument, match=r"to_instances must be an iterable of .*; got "):
                getattr(api, name)(users[0], many)

    def interrupted():
        yield project
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        api.follow_many(users[0], interrupted())
    for bad in (Country.objects.create(code="x" * 256), None):
        for name in ("follow_many", "unfollow_many", "are_following"):
            with pytest.raises(exceptions.SequereException, match=r"^from"):
                getattr(api, name)(bad, [])
    assert api.get_followings_count(users[0]) == 0


@pytest.mark.parametrize("collection", [list, tuple, set, iter, dict.fromkeys])
def test_collections_of_every_kind(api, users, collection):
    thoas, others = users[0], users[1:]
    assert api.follow_many(thoas, collection(others)) == dict.fromkeys(others, True)
    assert api.are_following(thoas, collection(others[:1])) == {others[0]: True}
    assert api.unfollow_many(thoas, collection(others)) == dict.fromkeys(others, True)


def test_equal_instances_of_two_resources_are_refused(api, users):
    """The dict of the answers could hold only one of them."""
    ledger = Ledger.objects.create()
    book = Book.objects.get(pk=ledger.pk)
    registry.register(Ledger)
    try:
        for name in ("follow_many", "unfollow_many", "are_following"):
            with pytest.raises(exceptions.InvalidArgument, match="equal instances of two resources, book and ledger"):
                getattr(api, name)(users[0], [users[1], book, ledger])
    finally:
        registry.unregister(Ledger)
    assert api.get_followings_count(users[0]) == 0


def test_nobody_cannot_follow_or_be_followed(api, users):
    """In reads as in writes, an argument that is no instance is named."""
    lazy = SimpleLazyObject(AnonymousUser)
    for nobody, shown in [(AnonymousUser(), "<"), (lazy, "<SimpleLazy"), (None, "None"), ("", "''"), (User, "<class")]:
        remedy = "The user is not logged in: check user.is_authenticated first" if shown.startswith("<") else ""
        remedy = "" if nobody is User else remedy
        for name in ("follow", "unfollow", "is_following", "is_friend"):
            for argument, pair in (("from_instance", (nobody, users[0])), ("to_instance", (users[0], nobody))):
                text = f"^{argument} must be a model instance; got {shown}.*{remedy}"
                with pytest.raises(exceptions.InvalidArgument, match=text):
                    getattr(api, name)(*pair)
        for name in ("follow_many", "unfollow_many", "are_following"):
            with pytest.raises(exceptions.InvalidArgument, match=r"^from_instance must be"):
                getattr(api, name)(nobody, users)
        for name in ("forget", *[f"get_{which}{end}" for which in SHOWN for end in ("", "_count")]):
            with pytest.raises(exceptions.InvalidArgument, match=f"^instance must be a model instance; got {shown}"):
                getattr(api, name)(nobody)


@pytest.mark.parametrize("name", [f"get_{which}{end}" for which in SHOWN for end in ("", "_count")])
def test_an_identifier_is_that_of_a_registered_model(api, users, name):
    ask = getattr(api, name)
    registered = "registered: user, document, .*project"
    for identifier in ("contry", "User", "", "a:b", "12", "count", "é", "x" * 51):
        with pytest.raises(exceptions.NotRegistered, match=f"No model is registered as '{identifier}'; {registered}"):
            ask(users[0], identifier=identifier)
    for identifier in (5, True, b"user", ["user"], int, AnonymousUser(), ModelBase):
        with pytest.raises(exceptions.InvalidArgument, match=f"identifier must be text, .*; got .*(?i:{registered})"):
            ask(users[0], identifier=identifier)
    for identifier in (Stranger, Stranger()):
        with pytest.raises(exceptions.NotRegistered, match=r"testapp\.Stranger is not registered"):
            ask(users[0], identifier=identifier)
