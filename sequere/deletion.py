"""When the row of a registered model is deleted, the graph forgets it once the deletion is committed.

Deleting a copy of the row in another database, such as an archive, changes nothing. If a row with the same key exists
again by then, its follows stay.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from functools import partial
from math import inf
from typing import Any

from django.apps import apps
from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete

from .base import ModelBase
from .celery_application import find_application
from .conf import get_setting
from .exceptions import InvalidObjectId, SequereException, UnsavedInstance
from .forgetting import find_aliases, forget_unless_live
from .registry import Registry, model_registered
from .resources import Resource, quote

logger = logging.getLogger("sequere")


def watch(registry: Registry) -> None:
    """Listen to deletions of the models in a registry, and of those that are registered later."""
    model_registered.connect(_watch_model, sender=registry, dispatch_uid="sequere.deletion")
    for model in registry.models:
        _watch_model(registry, model)


def _watch_model(sender: Registry, model: type[Model], **kwargs: Any) -> None:
    """Listen to deletions of a model, and of its proxies, which send signals of their own.

    Only these: a receiver for every model would disable Django's fast deletes in the whole project.
    """
    concrete = model._meta.concrete_model
    concrete_label = concrete._meta.label if concrete else model._meta.label
    for other in apps.get_models():
        if other._meta.concrete_model is concrete:
            post_delete.connect(
                partial(_forget_on_commit, sender),
                sender=other,
                weak=False,
                dispatch_uid=f"sequere.{id(sender)}.{concrete_label}",
            )


def _forget_on_commit(registry: Registry, *, sender: type[Model], instance: Model, using: str, **kwargs: Any) -> None:
    setting = get_setting("SEQUERE_FORGET_DELETED")
    if setting is False or not registry.is_registered(sender):
        return
    most = setting if type(setting) is int else inf
    for base in registry.get_bases(instance):
        if using not in find_aliases(base):
            continue
        try:
            # Done here, because Django removes the key from the instance before the commit.
            resource = registry.identify_row(base, instance)
        except (InvalidObjectId, UnsavedInstance) as error:
            logger.warning("A deleted %s is not forgotten, since its key is unknown: %s", base.identifier, error)
        else:
            transaction.on_commit(partial(_forget, base, resource, using, most), using=using)


def _forget(base: ModelBase, resource: Resource, using: str, most: float) -> None:
    """Forget a deleted resource, or about ``most`` of its follows, and leave the rest to a task or to ``prune``.

    Only the database from which it was deleted is asked whether the row exists again: a replica may still have the row.
    The deletion is already committed, so a failure is logged, not raised.
    """
    try:
        with suppress(InvalidObjectId):  # such a key cannot be in the graph
            forgotten = forget_unless_live(base, resource, [using], most=most)
            if not forgotten.done and forgotten.removed >= most:
                _hand_over(resource, using)
    except (SequereException, DatabaseError):
        logger.exception(
            "%s %r was deleted, but the graph could not forget it: lists leave it out, but counts include it. When "
            "the store works again, run `python manage.py sequere forget %s`.",
            *resource,
            quote(resource),
        )


def _hand_over(resource: Resource, using: str) -> None:
    """Send the task that forgets what is left of a resource; without Celery ``prune`` finds it."""
    try:
        application = find_application()
        if application is None:
            logger.info("%s %r was deleted; `python manage.py sequere prune` forgets its other follows.", *resource)
            return
        application.send_task("sequere.forget", args=[*resource, using], retry=False, ignore_result=True)
    except Exception:  # transports, and the project's Celery settings, may raise anything
        logger.exception(
            "%s %r was deleted, but the task that forgets its other follows could not be sent. Run "
            "`python manage.py sequere forget %s`.",
            *resource,
            quote(resource),
        )
