"""The Celery task of every backend; those of write-behind are in ``sequere.backends.redis.tasks``."""

from __future__ import annotations

from celery import shared_task
from django.db import Error as DatabaseError

from .exceptions import BackendError
from .forgetting import forget_unless_live
from .registry import registry
from .resources import Resource


@shared_task(
    name="sequere.forget",
    ignore_result=True,
    autoretry_for=(BackendError, DatabaseError),
    retry_backoff=10,  # at most 10, 20, 40 … 600 seconds; by chance half of that
    max_retries=11,
)
def forget(identifier: str, object_id: str, using: str) -> None:
    """Forget what a deletion left of a resource, unless it has a row again in the database that it was deleted in.

    It is sent where ``SEQUERE_FORGET_DELETED`` is a number. While the store fails it is tried again, for about half an
    hour; ``manage.py sequere prune`` finds what is left then.
    """
    forget_unless_live(registry.get_by_identifier(identifier), Resource(identifier, object_id), [using])
