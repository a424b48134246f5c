"""Finds the Celery application of the project, to send tasks."""

from __future__ import annotations

from typing import Any

from django.apps import apps


def find_application() -> Any | None:
    """The project's Celery application, if it sends messages to a broker."""
    application = apps.get_app_config("sequere").celery  # type: ignore[attr-defined]
    if application is None or application.conf.task_always_eager or not application.conf.broker_write_url:
        return None
    return application
