"""Settings of the writers, drains and workers: what ``SEQUERE_TEST_PROCESS`` (JSON) says, over those of the tests."""

from __future__ import annotations

import json
import os

from kombu import Queue

from tests.settings import *  # noqa: F403

_given = json.loads(os.environ["SEQUERE_TEST_PROCESS"])

SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisFallbackBackend"
SEQUERE_REDIS_CONNECTION = _given["redis"]
CELERY_BROKER_URL = _given["broker"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_DEFAULT_QUEUE = _given["queue"]
# The broker forgets the queue when nobody uses it any more.
CELERY_TASK_QUEUES = [Queue(_given["queue"], expires=60)]
CELERY_BEAT_SCHEDULE = {"drain": {"task": "sequere.drain", "schedule": 1.0, "options": {"expires": 5}}}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
