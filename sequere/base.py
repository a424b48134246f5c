"""How one model takes part: subclass :class:`ModelBase` and hand it to ``sequere.register``."""

from __future__ import annotations

from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from .keys import get_primary_key
from .resources import check_identifier


class ModelBase:
    """What the package needs to know of a registered model; as ``ModelAdmin`` is to the admin.

    ``identifier`` is the name of the model in the graph: 1 to 50 characters of ``A-Z a-z 0-9 _ . -``,
    neither digits alone nor ``count``. Left out, it is the model's name in lower case. It is stored with
    every follow: changing it later leaves the old follows behind.

    ``primary_key`` is the :class:`~sequere.keys.PrimaryKey` of the model: it makes object ids of keys, and back.
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
        """The instances that lists may show and views may follow; override it to hide some or to ``select_related``.

        Counts and positions stay those of the graph: what is hidden makes a page shorter.
        """
        return self.model._default_manager.all()

    def has_follow_permission(self, request: HttpRequest, instance: Model) -> bool:
        """Whether the views let ``request.user`` follow this instance. By default: yes."""
        return True
