"""Tells Celery, now and then, that the journal holds something."""

from __future__ import annotations

import logging
import os
import threading
import time
from importlib.util import find_spec

logger = logging.getLogger("sequere")

#: Seconds between two messages of a process.
INTERVAL = 1.0


class Nudge:
    """Call it after a write: soon afterwards ``sequere.drain`` is sent, at most once a second.

    The message goes out from a thread of its own, so that no write waits for a broker that is down, and no
    event loop for one that answers. A nudge that is lost delays the next drain, nothing else. Without
    Celery, or where its application names no broker, nothing is sent.
    """

    def __init__(self) -> None:
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._process: int | None = None  # whose thread runs: it does not survive a fork

    def __call__(self) -> None:
        self._wanted.set()
        if self._process != os.getpid():
            with self._lock:
                if self._process != os.getpid():
                    self._process = os.getpid()
                    if has_broker():
                        threading.Thread(target=self._run, name="sequere-nudge", daemon=True).start()

    def _run(self) -> None:
        from kombu.exceptions import OperationalError

        from .tasks import drain

        while True:
            self._wanted.wait()
            self._wanted.clear()
            try:
                # A drain that comes a minute late is of no use: the next nudge has brought another.
                drain.apply_async(expires=60, retry=False, ignore_result=True)
            except (OperationalError, OSError) as error:
                logger.warning("The broker takes no message; the journal waits for the next drain: %s", error)
            time.sleep(INTERVAL)


def has_broker() -> bool:
    """Whether Celery is installed and its application names a broker."""
    if find_spec("celery") is None:
        return False
    from celery import current_app

    return bool(current_app.conf.broker_write_url)
