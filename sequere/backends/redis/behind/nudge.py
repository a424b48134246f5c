"""Tells Celery, now and then, that the journal holds something."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any

from ....apps import find_application

logger = logging.getLogger("sequere")

#: Seconds between two messages of a process.
INTERVAL = 1.0


class Nudge:
    """Call it after a write: soon afterwards ``sequere.drain`` is sent, at most once a second.

    The message goes out from a thread of its own, so that no write waits for a broker that is down, and no
    event loop for one that answers. A nudge that is lost delays the next drain, nothing else. Without a
    Celery application that names a broker nothing is sent.
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
                    self._start()

    def _start(self) -> None:
        application = find_application()
        if application is not None:
            threading.Thread(target=self._run, args=(application,), name="sequere-nudge", daemon=True).start()

    def _run(self, application: Any) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            try:
                # A drain that comes a minute late is of no use: the next nudge has brought another.
                application.send_task("sequere.drain", expires=60, retry=False, ignore_result=True)
            except Exception as error:  # noqa: BLE001 transports raise what they like; the next may get through
                logger.warning("The broker takes no message; the journal waits for the next drain: %r", error)
            time.sleep(INTERVAL)
