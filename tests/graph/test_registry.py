"""Which models take part, under which names."""

from __future__ import annotations

from itertools import chain

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations import Migration, RunPython
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import Value
from django.db.models.functions import Lower
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
    Project,
    Restaurant,
    StarredUser,
    Stranger,
    Timestamped,
    User,
)


class Named(sequere.ModelBase):
    identifier = "projet"


@pytest.fixture
def registry():
    return Registry()


def test_the_identifier_is_the_name_of_the_model_or_what_its_base_says(registry):
    registry.register(User)
    registry(Project, Named)
    assert registry.identifiers == ["user", "projet"]
    assert registry.identify(registry.from_key(User, 5)) == Resource("user", "5")
    assert registry.identify(registry.from_key(Project, 7)) == Resource("projet", "7")
    assert isinstance(registry.get_by_identifier("projet"), Named)
    assert registry.to_identifier(Project) == registry.to_identifier(Project()) == "projet"
    assert registry.to_identifier("projet") == "projet"


def test_several_at_once_and_out_again(registry):
    registry.register(model for model in (User, Project))
    registry.unregister(User)
    assert registry.identifiers == ["project"]
    assert not registry.is_registered(User)
    with pytest.raises(exceptions.NotRegistered, match=r"testapp\.User is not registered"):
        registry.unregister(User)
    registry.register(User)
    assert registry.is_registered(User)


def test_the_nearest_registered_ancestor_counts(registry):
    registry.register([Place, User])
    assert registry.identify(registry.from_key(Restaurant, 3)).identifier == "place"
    assert registry.identify(registry.from_key(StarredUser, 3)).identifier == "user"
    registry.register(Restaurant)
    assert registry.identify(registry.from_key(Restaurant, 3)) == Resource("restaurant", "3")
    assert registry.identify(registry.from_key(Place, 3)) == Resource("place", "3")


def test_a_registered_proxy_stands_for_its_table(registry):
    registry.register(Book)
    assert (
        registry.identify(registry.from_key(Ledger, 1))
        == registry.identify(registry.from_key(Book, 1))
        == Resource("book", "1")
    )


def test_a_child_of_a_model_that_is_registered_by_its_proxy_counts_for_the_proxy(registry):
    class Spot(Place):
        class Meta:
            app_label = "testapp_unmanaged"
            proxy = True

    class Diner(Restaurant):
        class Meta:
            app_label = "testapp_unmanaged"
            proxy = True

    registry.register(Spot)
    assert registry.identify(registry.from_key(Restaurant, 3)) == Resource("spot", "3")
    registry.register(Diner)  # which is nearer
    assert registry.identify(registry.from_key(Restaurant, 3)) == Resource("diner", "3")
    assert registry.identify(registry.from_key(Place, 3)) == Resource("spot", "3")


def test_a_lazy_object_is_what_it_stands_for(registry):
    registry.register(User)
    assert registry.identify(SimpleLazyObject(lambda: registry.from_key(User, 5))) == Resource("user", "5")


def test_registering_twice_is_refused(registry):
    registry.register(User)
    with pytest.raises(exceptions.AlreadyRegistered, match=r"testapp\.User is registered already; .*unregister\(\)"):
        registry.register(User)

    class Imposter(sequere.ModelBase):
        identifier = "user"

    with pytest.raises(
        exceptions.AlreadyRegistered, match=r"'user' of testapp\.Project is already used by testapp\.User; set"
    ):
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

    class Blob(models.Model):
        data = models.BinaryField(primary_key=True)

        class Meta:
            app_label = "testapp_unmanaged"

    for model, message in [
        (Blob, r"The primary key of testapp_unmanaged\.Blob is a BinaryField, for which there is no object id"),
        (Timestamped, "Timestamped is abstract; register the models that inherit from it"),
        (Composite, "composite primary key"),
        (Swapped, r"swapped out; register testapp\.User in its place"),
        (object, "Only models can be registered; got <class 'object'>"),
        ("testapp.User", r"Only models can be registered; got 'testapp\.User'"),
        (["user"], "Only models can be registered; got 'user'"),
        (5, "Only models can be registered; got 5"),
        (None, "Only models can be registered; got None"),
        (Project(name="x"), "Only models can be registered; got <Project: x>"),
        (SimpleLazyObject(lambda: Project(name="x")), "Only models can be registered; got .*<Project: x>"),
        (Project.objects, "Only models can be registered; got <django.db.models.manager.Manager"),
    ]:
        with pytest.raises(exceptions.InvalidModel, match=message):
            registry.register(model)
    for value in (5, None, "user", [User], User(pk=1)):
        with pytest.raises(
            exceptions.InvalidModel, match=r"Only a model can be unregistered; got (5|None|'user'|\[|<U)"
        ):
            registry.unregister(value)
    with pytest.raises(exceptions.InvalidModel, match=r"must be a subclass of sequere.ModelBase; got <class 'dict'>"):
        registry.register(User, dict)
    assert registry.identifiers == []


def test_models_are_registered_once_they_are_loaded(registry, monkeypatch):
    monkeypatch.setattr(apps, "models_ready", False)
    with pytest.raises(exceptions.InvalidModel, match="do it in a sequere_registry module"):
        registry.register(User)
    assert registry.identifiers == []


def test_an_instance_that_was_never_saved_is_refused_whatever_its_key(registry):
    registry.register([User, Document, Country])
    for instance in (User(), User(pk=5), Document(), Country(code="fr"), Country(code=Lower(Value("FR")))):
        with pytest.raises(
            exceptions.UnsavedInstance, match=r"was never saved; .*from_key\((User|Document|Country), key"
        ):
            registry.identify(instance)


@pytest.mark.django_db
def test_a_saved_instance_counts_until_it_is_deleted(registry):
    registry.register(Country)
    country = Country.objects.create(code="fr")
    assert registry.identify(country) == Resource("country", "fr")
    (other,) = Country.objects.bulk_create([Country(code="de")])
    assert registry.identify(other) == Resource("country", "de")
    country.delete()
    with pytest.raises(exceptions.UnsavedInstance, match=r"This testapp\.Country has no primary key"):
        registry.identify(country)


@pytest.mark.django_db
def test_a_key_that_is_an_expression_is_not_known(registry):
    registry.register(Country)
    country = registry.from_key(Country, "fr")
    country.code = Lower(Value("FR"))
    with pytest.raises(exceptions.InvalidObjectId, match=r"is the expression Lower.*; call refresh_from_db"):
        registry.identify(country)


@pytest.mark.django_db
def test_a_key_stands_for_its_row(registry, django_assert_num_queries):
    registry.register([User, Place, Document])
    user = User.objects.create(username="ada")
    with django_assert_num_queries(0):
        same = registry.from_key(User, str(user.pk))
        assert registry.identify(same) == registry.identify(user)
        assert (same, same.pk, type(same)) == (user, user.pk, User)
        restaurant = registry.from_key(Restaurant, 3)
        assert (restaurant.pk, registry.identify(restaurant)) == (3, Resource("place", "3"))
        nobody = registry.from_key(StarredUser, 12345)
    with django_assert_num_queries(1):
        assert same.username == "ada"
    with pytest.raises(User.DoesNotExist):
        nobody.username  # noqa: B018
    for model, key in [(User, "x"), (User, None), (Document, "no-uuid")]:
        with pytest.raises(
            exceptions.InvalidObjectId, match=rf"{key}.* cannot be a primary key of testapp\.{model.__name__}"
        ):
            registry.from_key(model, key)
    with pytest.raises(exceptions.NotRegistered, match=r"testapp\.Stranger is not registered"):
        registry.from_key(Stranger, 1)


@pytest.mark.django_db(transaction=True)
def test_a_model_of_a_migration_counts_for_the_model_of_today(registry):
    registry.register([User, Place, Book])
    rows = {
        "user": User.objects.create(username="ada"),
        "place": Restaurant.objects.create(name="Chez Paul"),
        "book": Book.objects.create(),
    }
    names_then = [("User", "StarredUser"), ("Place", "Restaurant"), ("Book", "Ledger")]
    found = {}

    def forwards(then, schema_editor):
        for name in chain(*names_then):
            model = then.get_model("testapp", name)
            assert registry.is_registered(model)
            found[name] = registry.identify(model.objects.get())
        with pytest.raises(exceptions.UnsavedInstance):
            registry.identify(then.get_model("testapp", "User")(pk=5))
        for model in (then.get_model("testapp", "Project"), then.get_model("testapp", "Renamed")):
            with pytest.raises(
                exceptions.NotRegistered,
                match=rf"{model._meta.label} is not registered under the name .*; pass .*from_key",
            ):
                registry.get_base(model)

    migration = Migration("0002_follows", "testapp")
    migration.operations = [RunPython(forwards)]
    state = ProjectState.from_apps(apps)
    state.add_model(ModelState("testapp", "Renamed", [("id", models.BigAutoField(primary_key=True))]))
    with connection.schema_editor() as schema_editor:
        migration.apply(state, schema_editor)
    assert found == {
        name: Resource(identifier, str(row.pk))
        for (identifier, row), names in zip(rows.items(), names_then, strict=True)
        for name in names
    }


def test_a_model_of_a_migration_has_the_key_that_it_had_then(registry):
    registry.register(Document)
    state = ProjectState.from_apps(apps)
    state.alter_field("testapp", "document", "id", models.BigAutoField(primary_key=True), preserve_default=True)
    then = state.apps.get_model("testapp", "Document")
    assert registry.identify(then.from_db("default", ["id"], [5])) == Resource("document", "5")


def test_what_is_not_registered_is_named(registry):
    registry.register(User)
    with pytest.raises(exceptions.NotRegistered, match=r"testapp\.Stranger is not registered; call sequere\.register"):
        registry.identify(Stranger(pk=1))
    for value in (None, "user", User, [User(pk=1)]):
        with pytest.raises(exceptions.InvalidArgument, match="instance must be a model instance; got "):
            registry.identify(value)
    with pytest.raises(exceptions.NotRegistered, match="No model is registered as 'ghost'; registered: user"):
        registry.get_by_identifier("ghost")
    with pytest.raises(exceptions.NotRegistered, match="'user' is neither a model nor an instance"):
        registry.get_base("user")


def test_without_its_application_the_registry_names_what_is_missing(registry, settings):
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "sequere"]
    missing = 'Nothing is registered, because "sequere" is not in INSTALLED_APPS'
    with pytest.raises(exceptions.NotRegistered, match=rf"testapp\.User is not registered; .*\. {missing}"):
        registry.identify(User(pk=1))
    with pytest.raises(exceptions.NotRegistered, match=f"registered as 'user'; registered: none. {missing}"):
        registry.get_by_identifier("user")
    registry.register(Project)
    with pytest.raises(exceptions.NotRegistered, match=r"in a sequere_registry\.py\.$"):
        registry.identify(User(pk=1))


def test_autodiscover_found_the_registrations_of_the_project():
    sequere.autodiscover()
    assert sequere.registry.identifiers == ["user", "document", "country", "place", "profile", "book", "project"]
    assert sequere.register == sequere.registry.register
    assert sequere.registry.get_by_identifier("country").model is Country
