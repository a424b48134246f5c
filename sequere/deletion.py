"""When the row of a registered model is deleted, the graph forgets it, once that is committed.

A copy of the row that is deleted in another database, such as an archive, changes nothing.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from typing import Any

from django.apps import apps
from django.db import Error as DatabaseError
from django.db import router, transaction
from django.db.models import Model
from django.db.models.signals import post_delete

from .backends.operations import Forget
from .base import ModelBase
from .conf import get_setting
from .exceptions import InvalidObjectId, SequereException, UnsavedInstance
from .registry import Registry, model_registered
from .resources import Resource

logger = logging.getLogger("sequere")


def watch(registry: Registry) -> None:
    """Listen to deletions of the models that a registry has, and of those that it gets later."""
    model_registered.connect(_watch_model, sender=registry, dispatch_uid="sequere.deletion")
    for model in registry.models:
        _watch_model(registry, model)


def _watch_model(sender: Registry, model: type[Model], **kwargs: Any) -> None:
    """Listen to deletions of a model, and of its proxies, which send signals of their own.

    Only these: a listener to every model would take Django's fast deletes from the whole project.
    """
    concrete = model._meta.concrete_model
    concrete_label = concrete._meta.label if concrete else model._meta.label
    for other in apps.get_models(include_auto_created=True):
        if other._meta.concrete_model is concrete:
            post_delete.connect(
                partial(_forget_on_commit, sender),
                sender=other,
                weak=False,
                dispatch_uid=f"sequere.{id(sender)}.{concrete_label}",
            )


def _forget_on_commit(registry: Registry, *, sender: type[Model], instance: Model, using: str, **kwargs: Any) -> None:
    if not get_setting("SEQUERE_FORGET_DELETED") or not registry.is_registered(sender):
        return
    for base in registry.get_bases(instance):
        if not _is_live(base, using):
            continue
        try:
            # Now: Django takes the key from the instance before the commit.
            resource = registry.identify_row(base, instance)
        except (InvalidObjectId, UnsavedInstance) as error:
            logger.warning("A deleted %s is not forgotten, since its key is unknown: %s", base.identifier, error)
        else:
            transaction.on_commit(partial(_forget, resource), using=using)


def _is_live(base: ModelBase, using: str) -> bool:
    """Whether a database holds the rows of a model that follow and are followed, not copies of them.

    That is where the routers write the model, without looking at the instance, and what its ``get_queryset`` reads.
    """
    return using == router.db_for_write(base.model) or using == base.get_queryset().db


def _forget(resource: Resource) -> None:
    """Forget a deleted resource. The row is gone whatever happens here, so a failure is logged, not raised."""
    try:
        with suppress(InvalidObjectId):  # such a key cannot be in the graph
            while not Forget(resource).perform().done:
                pass
    except (SequereException, DatabaseError):
        logger.exception(
            "%s %r was deleted, but the graph could not forget it; lists leave it out, counts do not. "
            "Perform Forget(%r) of sequere.backends.operations until it is done, when the store is back.",
            resource.identifier,
            resource.object_id,
            resource,
        )
