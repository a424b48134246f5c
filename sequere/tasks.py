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
    retry_backoff=10,  # at most 10, 20, 40 … 600 seconds; with jitter, half of that on average
    max_retries=11,
)
def forget(identifier: str, object_id: str, using: str) -> None:
    """Forget the rest of a deleted resource, unless the row exists again in the database from which it was deleted.

    It is sent if ``SEQUERE_FORGET_DELETED`` is a number. While the store fails it is retried, for about half an hour;
    after that, ``manage.py sequere prune`` finds the rest.
    """
    forget_unless_live(registry.get_by_identifier(identifier), Resource(identifier, object_id), [using])
