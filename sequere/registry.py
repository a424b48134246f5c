"""Translates models to identifiers and back. Models are registered much as in ``django.contrib.admin``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, cast

from django.apps import apps
from django.db import router
from django.db.migrations.state import StateApps
from django.db.models import Model
from django.db.models.base import ModelBase as DjangoModelBase
from django.dispatch import Signal
from django.utils.module_loading import autodiscover_modules

from .base import MAX_KINDS, ModelBase
from .exceptions import (
    AlreadyRegistered,
    InvalidArgument,
    InvalidModel,
    NotRegistered,
    UnsavedInstance,
)
from .keys import PrimaryKey, get_primary_key
from .relations import check_kind
from .resources import Resource

M = TypeVar("M", bound=Model)

#: Sent by a registry, as ``sender``, with each ``model`` that it has registered.
model_registered = Signal()


class Registry:
    """The models that can follow and be followed, each with its :class:`ModelBase`.

    - A model is registered once, and an identifier belongs to one model.
    - An instance of a subclass (multi-table child, proxy) counts as the nearest registered model above it; an instance
      of a registered proxy's concrete model counts as the proxy.
    - A historical model of a migration counts as the current model with its name.
    - Abstract models, models that have been swapped out, and models whose primary key is composite or of a type without
      object ids cannot be registered.

    None of the methods makes a round trip.
    """

    def __init__(self) -> None:
        self._bases: dict[type[Model], ModelBase] = {}
        # Class -> its ModelBase and keys, cached at its first instance: every call begins with this look-up.
        self._resolved: dict[type[Model], tuple[ModelBase, PrimaryKey]] = {}

    def register(
        self, model_or_iterable: type[Model] | Iterable[type[Model]], model_base: type[ModelBase] = ModelBase
    ) -> None:
        """Register a model, or several, with a :class:`ModelBase` or a subclass of it.

        Raises :class:`InvalidModel`, :class:`AlreadyRegistered`, ``InvalidIdentifier``, and ``InvalidArgument`` for an
        option that is none.
        """
        is_one = isinstance(model_or_iterable, (type, str, Model))  # an instance that is lazy has __iter__
        if is_one or not isinstance(model_or_iterable, Iterable):
            model_or_iterable = cast(Iterable[type[Model]], [model_or_iterable])
        if not (isinstance(model_base, type) and issubclass(model_base, ModelBase)):
            raise InvalidModel(f"The second argument must be a subclass of sequere.ModelBase; got {model_base!r}.")
        for model in model_or_iterable:
            self._check_model(model)
            base = model_base(model)
            for other in self._bases.values():
                if other.model is model:
                    raise AlreadyRegistered(
                        f"{model._meta.label} is registered already; call sequere.registry.unregister() first."
                    )
                if other.identifier == base.identifier:
                    raise AlreadyRegistered(
                        f"The identifier {base.identifier!r} of {model._meta.label} is already used by "
                        f"{other.model._meta.label}; set another identifier in the ModelBase of one of them."
                    )
            kinds = {kind for one in (*self._bases.values(), base) for kind in one.kinds}
            if len(kinds) > MAX_KINDS:
                raise InvalidArgument(
                    f"The kinds of {type(base).__name__} would be too many: all models may declare {MAX_KINDS}; "
                    f"got {len(kinds)}."
                )
            self._bases[model] = base
            self._resolved.clear()
            model_registered.send(sender=self, model=model)

    __call__ = register

    def unregister(self, model: type[Model]) -> None:
        """Unregister a model. Its follows stay in the store. Raises :class:`InvalidModel`, :class:`NotRegistered`."""
        if not isinstance(model, DjangoModelBase):
            raise InvalidModel(f"Only a model can be unregistered; got {model!r:.80}.")
        if self._bases.pop(model, None) is None:
            raise NotRegistered(f"{model._meta.label} is not registered.")
        self._resolved.clear()

    def is_registered(self, model: type[Model]) -> bool:
        """Return whether instances of this model can follow and be followed."""
        try:
            self.get_base(model)
        except NotRegistered:
            return False
        return True

    @property
    def models(self) -> list[type[Model]]:
        """All registered models, in the order of registration."""
        return list(self._bases)

    @property
    def identifiers(self) -> list[str]:
        """The identifiers of all registered models, in the order of registration."""
        return [self._name(base) for base in self._bases.values()]

    def get_base(self, model_or_instance: type[Model] | Model) -> ModelBase:
        """Return the :class:`ModelBase` of a model or an instance. Raises :class:`NotRegistered`."""
        # __class__, not type(): request.user is a lazy object that wraps the user.
        model = model_or_instance if isinstance(model_or_instance, type) else model_or_instance.__class__
        if found := self._resolved.get(model):
            return found[0]
        if not isinstance(model, DjangoModelBase):
            raise NotRegistered(f"{model_or_instance!r:.80} is neither a model nor an instance of one.")
        return self._resolve(model)[0]

    def get_bases(self, instance: Model) -> list[ModelBase]:
        """Return the :class:`ModelBase` of each model that the row of an instance belongs to.

        More than one if proxies are registered too. Raises :class:`NotRegistered`.
        """
        concrete = instance._meta.concrete_model
        bases = [base for base in self._bases.values() if base.model._meta.concrete_model is concrete]
        return bases or [self.get_base(instance)]

    def get_by_identifier(self, identifier: str) -> ModelBase:
        """Return the :class:`ModelBase` with this identifier. Raises :class:`NotRegistered`."""
        for base in self._bases.values():
            if base.identifier == identifier:
                return base
        known = ", ".join(self.identifiers) or "none"
        raise NotRegistered(f"No model is registered as {identifier!r}; registered: {known}.{self._missing_app()}")

    def identify(self, instance: Model, name: str = "instance") -> Resource:
        """Return the resource of an instance: its identifier and object id. Errors call the argument ``name``.

        Each row is one resource, whatever the form of the key in the instance: a UUID is the same with and without
        hyphens. Raises :class:`NotRegistered`; :class:`UnsavedInstance` for an instance that was never saved, even if
        it has a key; ``InvalidObjectId`` for an invalid primary key; ``InvalidArgument`` for anything but an instance.
        """
        # __class__, not type(): request.user is a lazy object that wraps the user.
        found = self._resolved.get(instance.__class__)
        if found is None:
            if not isinstance(instance, Model):
                raise InvalidArgument(f"{name} must be a model instance; got {instance!r:.80}.{_remedy(instance)}")
            found = self._resolve(instance.__class__)
        base, primary_key = found
        # Not instance.pk: a multi-table child's own key may differ from its parent's.
        key = getattr(instance, primary_key.attname)
        if key is None or instance._state.adding:
            raise _unsaved(instance)
        return Resource(self._name(base), primary_key.to_object_id(key))

    def identify_row(self, base: ModelBase, instance: Model) -> Resource:
        """Return the resource of the row of an instance for one of :meth:`get_bases`, even if it was not saved.

        Raises :class:`UnsavedInstance` if it has no key, ``InvalidObjectId``.
        """
        key = getattr(instance, base.primary_key.attname)
        if key is None:
            raise _unsaved(instance)
        return Resource(self._name(base), base.primary_key.to_object_id(key))

    def from_key(self, model: type[M], key: Any) -> M:
        """Return the instance of a model with this primary key, for code that has only the key. No query.

        It is like the result of ``model.objects.only("pk").get(pk=key)``, without the query: the other fields are read
        from the database when they are first used, which raises ``DoesNotExist`` if there is no such row. ``key`` is a
        value of any type that the field accepts, or an object id. Raises :class:`NotRegistered`, ``InvalidObjectId``.
        """
        base = self.get_base(model)
        primary_key = base.primary_key if base.model is model else get_primary_key(model)
        return model.from_db(router.db_for_read(model), [primary_key.attname], [primary_key.clean(key)])

    def to_identifier(self, value: str | type[Model] | Model) -> str:
        """Return the identifier that an ``identifier=`` argument stands for: an identifier, a model or an instance.

        Raises :class:`NotRegistered`, and ``InvalidArgument`` for a value of another type.
        """
        if isinstance(value, str):
            return self._name(self.get_by_identifier(value))
        if isinstance(value, (Model, DjangoModelBase)):
            return self._name(self.get_base(value))
        known = ", ".join(self.identifiers) or "none"
        raise InvalidArgument(
            f"identifier must be text, a model or an instance; got {value!r:.80}. Registered: {known}."
        )

    def check_kind(self, kind: str | None, instance: Model | None = None) -> str:
        """Return a ``kind=`` argument as operations take it: '' for None.

        Raises ``InvalidArgument`` unless the model of ``instance``, which is followed or muted, declares the kind. If
        the instances may be of several models, pass none: then one of the registered models must declare it.
        """
        if kind is None or not (kind := check_kind(kind)):
            return ""
        bases = list(self._bases.values()) if instance is None else [self.get_base(instance)]
        declared = sorted({one for base in bases for one in base.kinds})
        if kind not in declared:
            whose = "the registered models" if instance is None else bases[0].model._meta.label
            raise InvalidArgument(
                f"kind must be one that the ModelBase of the followed model declares in kinds; got {kind!r}. "
                f"Declared by {whose}: {', '.join(declared) or 'none'}."
            )
        return kind

    def _resolve(self, model: type[Model]) -> tuple[ModelBase, PrimaryKey]:
        """The ModelBase of a model, and the translator of its instances' keys. Raises :class:`NotRegistered`."""
        if base := self._find(model):
            found = self._resolved[model] = base, base.primary_key
            return found
        if isinstance(model._meta.apps, StateApps):
            return self._resolve_historical(model._meta.apps, model._meta.label)
        raise NotRegistered(
            f"{model._meta.label} is not registered; call sequere.register({model.__name__}) in a sequere_registry.py."
            f"{self._missing_app()}"
        )

    def _resolve_historical(self, then: StateApps, label: str) -> tuple[ModelBase, PrimaryKey]:
        """As :meth:`_resolve`, for a historical model of a migration: it counts as the current model with its name.

        Its keys have the type that they have in that migration. Nothing is cached: each migration has its own models.
        """
        try:
            base = self._find(apps.get_model(label))
            if base is not None:
                concrete = cast(type[Model], base.model._meta.concrete_model)
                return base, get_primary_key(then.get_model(concrete._meta.label))
        except LookupError:  # renamed or deleted since
            pass
        raise NotRegistered(
            f"{label} is not registered under the name that it has in this migration; pass "
            f"sequere.registry.from_key(Model, instance.pk) with the current model.{self._missing_app()}"
        )

    def _missing_app(self) -> str:
        """Why nothing is registered: the sequere_registry modules are imported by the application."""
        if self._bases or apps.is_installed("sequere"):
            return ""
        return ' Nothing is registered, because "sequere" is not in INSTALLED_APPS; add it there.'

    @staticmethod
    def _name(base: ModelBase) -> str:
        assert base.identifier is not None  # ModelBase.__init__ sets it
        return base.identifier

    def _find(self, model: type[Model]) -> ModelBase | None:
        for ancestor in model.__mro__:
            if ancestor in self._bases:
                return self._bases[ancestor]
            for base in self._bases.values():
                if base.model._meta.concrete_model is ancestor:  # the model of a registered proxy
                    return base
        return None

    @staticmethod
    def _check_model(model: object) -> None:
        if not isinstance(model, DjangoModelBase):
            raise InvalidModel(f"Only models can be registered; got {model!r}.")
        if not apps.models_ready:
            raise InvalidModel(
                f"{model.__name__} cannot be registered while models are being loaded; "
                "do it in a sequere_registry module."
            )
        options = cast(type[Model], model)._meta
        if options.abstract:
            raise InvalidModel(f"{model.__name__} is abstract; register the models that inherit from it.")
        if options.swapped:
            raise InvalidModel(f"{options.label} has been swapped out; register {options.swapped} in its place.")


def _remedy(value: object) -> str:
    """What to do about a value that was passed as an instance by mistake."""
    if getattr(value, "is_anonymous", False) is True:
        return " The user is not logged in: check user.is_authenticated first."
    if isinstance(value, tuple) and isinstance(getattr(value, "instance", None), Model):
        return " It is an item of a list: pass its .instance or, for all items, .instances() of the list."
    return ""


def _unsaved(instance: Model) -> UnsavedInstance:
    label, name = instance._meta.label, instance.__class__.__name__
    if not instance._state.adding:
        return UnsavedInstance(f"This {label} has no primary key (was it deleted?); it cannot follow or be followed.")
    return UnsavedInstance(
        f"This {label} was never saved; save it before it follows or is followed. If you have only the key of a row, "
        f"use sequere.registry.from_key({name}, key)."
    )


#: The registry that the whole package uses.
registry = Registry()


def autodiscover() -> None:
    """Import the ``sequere_registry`` module of every installed application that has one."""
    autodiscover_modules("sequere_registry")
