"""Model to identifier and back, in the manner of ``django.contrib.admin``."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any, cast

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.db.models.base import ModelBase as DjangoModelBase
from django.dispatch import Signal
from django.utils.module_loading import autodiscover_modules

from .base import ModelBase
from .exceptions import (
    AlreadyRegistered,
    InvalidArgument,
    InvalidModel,
    InvalidObjectId,
    NotRegistered,
    UnsavedInstance,
)
from .resources import Resource, check_identifier

#: Sent by a registry, as ``sender``, with each ``model`` that it has registered.
model_registered = Signal()


class Registry:
    """The models that take part, each with its :class:`ModelBase`.

    - A model is registered once, and an identifier belongs to one model.
    - An instance of a subclass (multi-table child, proxy) is taken for the nearest registered model
      above it; an instance of a registered proxy's concrete model is taken for the proxy.
    - Abstract models, models that have been swapped out and models with a composite primary key
      cannot take part.

    None of the methods makes a round trip.
    """

    def __init__(self) -> None:
        self._bases: dict[type[Model], ModelBase] = {}
        # Class -> its ModelBase, found at its first instance: every call of the package begins with that.
        self._resolved: dict[type[Model], ModelBase] = {}

    def register(
        self, model_or_iterable: type[Model] | Iterable[type[Model]], model_base: type[ModelBase] = ModelBase
    ) -> None:
        """Register a model, or several, with a :class:`ModelBase` or a subclass of it.

        Raises :class:`InvalidModel`, :class:`AlreadyRegistered` or ``InvalidIdentifier``.
        """
        one = isinstance(model_or_iterable, (type, str))
        models = [cast(type[Model], model_or_iterable)] if one else list(cast(Iterable[type[Model]], model_or_iterable))
        if not (isinstance(model_base, type) and issubclass(model_base, ModelBase)):
            raise InvalidModel(f"The second argument must be a subclass of sequere.ModelBase; got {model_base!r}.")
        for model in models:
            self._check_model(model)
            base = model_base(model)
            for other in self._bases.values():
                if other.model is model:
                    raise AlreadyRegistered(
                        f"{model._meta.label} is registered already; call sequere.registry.unregister() first."
                    )
                if other.identifier == base.identifier:
                    raise AlreadyRegistered(
                        f"The identifier {base.identifier!r} of {model._meta.label} belongs to "
                        f"{other.model._meta.label}; set another identifier in the ModelBase of one of them."
                    )
            self._bases[model] = base
            self._resolved.clear()
            model_registered.send(sender=self, model=model)

    __call__ = register

    def unregister(self, model: type[Model]) -> None:
        """Take a model out. Its follows stay in the store. Raises :class:`NotRegistered`."""
        if self._bases.pop(model, None) is None:
            raise NotRegistered(f"{model._meta.label} is not registered.")
        self._resolved.clear()

    def is_registered(self, model: type[Model]) -> bool:
        """Whether instances of this model can follow and be followed."""
        return self._find(model) is not None

    @property
    def models(self) -> list[type[Model]]:
        """All registered models, in the order of registration."""
        return list(self._bases)

    @property
    def identifiers(self) -> list[str]:
        """The identifiers of all registered models, in the order of registration."""
        return [self._name(base) for base in self._bases.values()]

    def get_base(self, model_or_instance: type[Model] | Model) -> ModelBase:
        """The :class:`ModelBase` of a model or an instance. Raises :class:`NotRegistered`."""
        # __class__, not type(): request.user is a lazy object that wraps the user.
        model = model_or_instance if isinstance(model_or_instance, type) else model_or_instance.__class__
        try:
            return self._resolved[model]
        except KeyError:
            base = self._find(model)
        if base is None:
            label = model._meta.label if isinstance(model, DjangoModelBase) else repr(model_or_instance)
            raise NotRegistered(
                f"{label} is not registered; call sequere.register({model.__name__}) in a sequere_registry.py."
            )
        self._resolved[model] = base
        return base

    def get_by_identifier(self, identifier: str) -> ModelBase:
        """The :class:`ModelBase` that goes by this identifier. Raises :class:`NotRegistered`."""
        for base in self._bases.values():
            if base.identifier == identifier:
                return base
        known = ", ".join(self.identifiers) or "none"
        raise NotRegistered(f"No model is registered as {identifier!r}; registered: {known}.")

    def identify(self, instance: Model) -> Resource:
        """The resource of an instance: identifier and primary key as text.

        The key is brought into the form that its field gives it: a UUID is the same resource with and
        without hyphens. Raises :class:`NotRegistered`, :class:`UnsavedInstance`, ``InvalidObjectId`` for a
        primary key that cannot be one, ``InvalidArgument`` for anything but an instance.
        """
        # __class__, not type(): request.user is a lazy object that wraps the user.
        base = self._resolved.get(instance.__class__)
        if base is None:
            if not isinstance(instance, Model):
                raise InvalidArgument(f"Only instances of models can follow and be followed; got {instance!r:.80}.")
            base = self.get_base(instance)
        return self._resource(base, instance)

    def identify_row(self, instance: Model) -> list[Resource]:
        """All resources of the row of an instance: more than one if proxies are registered too."""
        concrete = instance._meta.concrete_model
        bases = [base for base in self._bases.values() if base.model._meta.concrete_model is concrete]
        return [self._resource(base, instance) for base in bases or [self.get_base(instance)]]

    def to_identifier(self, value: str | type[Model] | Model) -> str:
        """The identifier that an ``identifier=`` argument means: text as it is, or that of a model or instance."""
        if isinstance(value, str):
            return check_identifier(value)
        return self._name(self.get_base(value))

    def _resource(self, base: ModelBase, instance: Model) -> Resource:
        # Not instance.pk: a multi-table child's own key may be another one than its parent's.
        field = base.model._meta.pk
        key = getattr(instance, field.attname)
        if key is None:
            raise UnsavedInstance(f"{instance!r} has no primary key; save it before it follows or is followed.")
        if isinstance(key, Enum):
            key = key.value  # what the database gives back
        try:
            return Resource(self._name(base), str(field.to_python(key)))
        except ValidationError as error:
            raise InvalidObjectId(f"{key!r:.80} is no primary key of {base.model._meta.label}.") from error

    @staticmethod
    def _name(base: ModelBase) -> str:
        assert base.identifier is not None  # ModelBase.__init__ sets it
        return base.identifier

    def _find(self, model: type[Any]) -> ModelBase | None:
        for ancestor in model.__mro__:
            if ancestor in self._bases:
                return self._bases[ancestor]
        concrete = model._meta.concrete_model if isinstance(model, DjangoModelBase) else None
        for base in self._bases.values():
            if concrete is not None and base.model._meta.concrete_model is concrete:
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
        if len(options.pk_fields) > 1:
            raise InvalidModel(f"{options.label} has a composite primary key; a resource needs a single one.")


#: The registry that everything uses.
registry = Registry()


def autodiscover() -> None:
    """Import the ``sequere_registry`` module of every installed application that has one."""
    autodiscover_modules("sequere_registry")
