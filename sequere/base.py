"""Options of a registered model: subclass :class:`ModelBase` and pass it to ``sequere.register``."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from .keys import get_primary_key
from .resources import check_identifier


class ModelBase:
    """The options of a registered model, as a ``ModelAdmin`` holds those of a model in the admin.

    ``identifier`` is the name of the model in the graph: 1 to 50 characters of ``A-Z a-z 0-9 _ . -``, neither digits
    alone nor ``count``. By default it is the model's name in lower case. It is stored with every follow: if you change
    it later, the old follows are no longer found.

    ``primary_key`` is the :class:`~sequere.keys.PrimaryKey` of the model: it translates keys to object ids and back.
    """

    identifier: str | None = None

    def __init__(self, model: type[Model]) -> None:
        self.model = model
        self.identifier = check_identifier(
            self.identifier if self.identifier is not None else model._meta.model_name,
            f"the identifier of {model._meta.label}",
        )
        self.primary_key = get_primary_key(model)

    def get_queryset(self) -> QuerySet[Any]:
        """Return the instances that lists show and views find; override it to hide some or to call ``select_related``.

        Counts and positions include hidden instances, so a page with hidden instances is shorter.
        """
        return self.model._default_manager.all()

    def has_follow_permission(self, request: HttpRequest, instance: Model) -> bool:
        """Return whether the views let ``request.user`` follow this instance. By default: True."""
        return True
