"""When the row of a registered model is deleted, the graph forgets it, once that is committed."""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete

from .backends import get_backend
from .conf import get_setting
from .exceptions import InvalidObjectId, SequereException
from .resources import Resource

if TYPE_CHECKING:
    from .registry import Registry

logger = logging.getLogger("sequere")


def watch(registry: Registry, model: type[Model]) -> None:
    """Listen to deletions of a model, and of its proxies, which send signals of their own.

    Only these: a listener to every model would take Django's fast deletes from the whole project.
    """
    concrete = model._meta.concrete_model
    concrete_label = concrete._meta.label if concrete else model._meta.label
    for sender in apps.get_models(include_auto_created=True):
        if sender._meta.concrete_model is concrete:
            post_delete.connect(
                partial(_forget_on_commit, registry),
                sender=sender,
                weak=False,
                dispatch_uid=f"sequere.{id(registry)}.{concrete_label}",
            )


def _forget_on_commit(registry: Registry, *, sender: type[Model], instance: Model, using: str, **kwargs: Any) -> None:
    if get_setting("SEQUERE_FORGET_DELETED") and registry.is_registered(sender):
        # Now: Django takes the key from the instance before the commit.
        for resource in registry.identify_row(instance):
            transaction.on_commit(partial(_forget, resource), using=using)


def _forget(resource: Resource) -> None:
    """Forget a deleted resource. The row is gone whatever happens here, so a failure is logged, not raised."""
    try:
        with suppress(InvalidObjectId):  # such a key cannot be in the graph
            get_backend().forget(resource)
    except (SequereException, DatabaseError):
        logger.exception(
            "%s %r was deleted, but the graph could not forget it; lists leave it out, counts do not. "
            "Call get_backend().forget(%r) when the store is back.",
            resource.identifier,
            resource.object_id,
            resource,
        )
