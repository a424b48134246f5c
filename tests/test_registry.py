"""Which models take part, under which names."""

from __future__ import annotations

import uuid
from enum import Enum

import pytest
from django.apps import apps
from django.db import models
from django.utils.functional import SimpleLazyObject

import sequere
from sequere import exceptions
from sequere.registry import Registry
from sequere.resources import Resource
from tests.testapp.models import (
    Book,
    Country,
    Document,
    Ledger,
    Place,
    Profile,
    Project,
    Restaurant,
    StarredUser,
    Stranger,
    Timestamped,
    User,
)


class Code(str, Enum):  # noqa: UP042 - its str() is not its value
    FRANCE = "fr"


class Named(sequere.ModelBase):
    identifier = "projet"


@pytest.fixture
def registry():
    return Registry()


def test_the_identifier_is_the_name_of_the_model_or_what_its_base_says(registry):
    registry.register(User)
    registry(Project, Named)
    assert registry.identifiers == ["user", "projet"]
    assert registry.identify(User(pk=5)) == Resource("user", "5")
    assert registry.identify(Project(pk=7)) == Resource("projet", "7")
    assert isinstance(registry.get_by_identifier("projet"), Named)
    assert registry.to_identifier(Project) == registry.to_identifier(Project()) == "projet"
    assert registry.to_identifier("anything") == "anything"


def test_several_at_once_and_out_again(registry):
    registry.register([User, Project])
    registry.unregister(User)
    assert registry.identifiers == ["project"]
    assert not registry.is_registered(User)
    with pytest.raises(exceptions.NotRegistered, match=r"testapp\.User is not registered"):
        registry.unregister(User)
    registry.register(User)
    assert registry.is_registered(User)


def test_the_nearest_registered_ancestor_counts(registry):
    registry.register([Place, User])
    assert registry.identify(Restaurant(place_ptr_id=3, id=3)).identifier == "place"
    assert registry.identify(StarredUser(pk=3)).identifier == "user"
    registry.register(Restaurant)
    assert registry.identify(Restaurant(place_ptr_id=3, id=3)) == Resource("restaurant", "3")
    assert registry.identify(Place(pk=3)) == Resource("place", "3")


def test_a_registered_proxy_stands_for_its_table(registry):
    registry.register(Book)
    assert registry.identify(Ledger(pk=1)) == registry.identify(Book(pk=1)) == Resource("book", "1")


def test_a_lazy_object_is_what_it_stands_for(registry):
    registry.register(User)
    assert registry.identify(SimpleLazyObject(lambda: User(pk=5))) == Resource("user", "5")


def test_registering_twice_is_refused(registry):
    registry.register(User)
    with pytest.raises(exceptions.AlreadyRegistered, match=r"testapp\.User is registered already; .*unregister\(\)"):
        registry.register(User)

    class Imposter(sequere.ModelBase):
        identifier = "user"

    with pytest.raises(exceptions.AlreadyRegistered, match=r"'user' of testapp\.Project belongs to testapp\.User; set"):
        registry.register(Project, Imposter)
    assert not registry.is_registered(Project)


@pytest.mark.parametrize("identifier", ["", "12", "count", "a:b", "é", "x" * 51])
def test_a_bad_identifier_is_refused(registry, identifier):
    base = type("Bad", (sequere.ModelBase,), {"identifier": identifier})
    with pytest.raises(exceptions.InvalidIdentifier, match=r"the identifier of testapp\.User must be 1 to 50"):
        registry.register(User, base)


def test_what_is_no_concrete_model_is_refused(registry):
    class Composite(models.Model):
        pk = models.CompositePrimaryKey("one", "two")
        one = models.IntegerField()
        two = models.IntegerField()

        class Meta:
            app_label = "testapp_unmanaged"

    class Swapped(models.Model):
        class Meta:
            app_label = "testapp_unmanaged"
            swappable = "AUTH_USER_MODEL"

    for model, message in [
        (Timestamped, "Timestamped is abstract; register the models that inherit from it"),
        (Composite, "composite primary key"),
        (Swapped, r"swapped out; register testapp\.User in its place"),
        (object, "Only models can be registered; got <class 'object'>"),
        ("testapp.User", r"Only models can be registered; got 'testapp\.User'"),
        (["user"], "Only models can be registered; got 'user'"),
    ]:
        with pytest.raises(exceptions.InvalidModel, match=message):
            registry.register(model)
    with pytest.raises(exceptions.InvalidModel, match=r"must be a subclass of sequere.ModelBase; got <class 'dict'>"):
        registry.register(User, dict)
    assert registry.identifiers == []


def test_models_are_registered_once_they_are_loaded(registry, monkeypatch):
    monkeypatch.setattr(apps, "models_ready", False)
    with pytest.raises(exceptions.InvalidModel, match="do it in a sequere_registry module"):
        registry.register(User)
    assert registry.identifiers == []


@pytest.mark.parametrize(
    ("instance", "object_id"),
    [
        (Document(id="6ba7b8109dad11d180b400c04fd430c8"), "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        (Document(id=uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")), "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        (User(pk="007"), "7"),
        (Country(code="007"), "007"),
        (Country(code=Code.FRANCE), "fr"),
        (Profile(user_id="7"), "7"),
    ],
)
def test_a_key_has_one_form(registry, instance, object_id):
    registry.register([User, Document, Country, Profile])
    assert registry.identify(instance).object_id == object_id


def test_a_key_that_is_none(registry):
    registry.register([User, Document])
    for instance in (User(pk="x"), Document(id="no-uuid")):
        with pytest.raises(exceptions.InvalidObjectId, match="is no primary key of testapp"):
            registry.identify(instance)


def test_what_is_not_registered_is_named(registry):
    registry.register(User)
    with pytest.raises(exceptions.NotRegistered, match=r"testapp\.Stranger is not registered; call sequere\.register"):
        registry.identify(Stranger(pk=1))
    for value in (None, "user", User, [User(pk=1)]):
        with pytest.raises(exceptions.InvalidArgument, match=r"Only instances of models can .*; got "):
            registry.identify(value)
    with pytest.raises(exceptions.NotRegistered, match="No model is registered as 'ghost'; registered: user"):
        registry.get_by_identifier("ghost")
    with pytest.raises(exceptions.UnsavedInstance):
        registry.identify(User())


def test_autodiscover_found_the_registrations_of_the_project():
    sequere.autodiscover()
    assert sequere.registry.identifiers == ["user", "document", "country", "place", "profile", "book", "project"]
    assert sequere.register == sequere.registry.register
    assert sequere.registry.get_by_identifier("country").model is Country
