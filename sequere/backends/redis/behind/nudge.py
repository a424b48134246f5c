"""Sends the task ``sequere.drain`` to Celery, from time to time, after writes."""

from __future__ import annotations

import logging
import os
import threading
import time

from ....celery_application import find_application

logger = logging.getLogger("sequere")

#: Seconds between two messages of a process.
INTERVAL = 1.0


class Nudge:
    """Call it after a write: soon afterwards ``sequere.drain`` is sent, at most once a second.

    A separate thread looks for the Celery application and sends the message. So no write waits for a broker that is
    down, or for a lock of Celery that a fork left locked, and no event loop waits for a broker at all. If a nudge is
    lost, it only delays the next drain, so it raises nothing. Without a Celery application that names a broker nothing
    is sent.
    """

    def __init__(self) -> None:
        #: What wakes the thread, by process id: a thread does not survive a fork, and what it had locked stays locked.
        self._wanted: dict[int, threading.Event] = {}

    def __call__(self) -> None:
        wanted = self._wanted.get(os.getpid())
        if wanted is None:
            made = threading.Event()
            wanted = self._wanted.setdefault(os.getpid(), made)
            if wanted is made:  # if several threads get here at once, one starts it
                self._start(made)
        wanted.set()

    def _start(self, wanted: threading.Event) -> None:
        try:
            threading.Thread(target=_run, args=(wanted,), name="sequere-nudge", daemon=True).start()
        except RuntimeError as error:  # there are too many threads, or Python is shutting down
            self._wanted.pop(os.getpid(), None)  # the next nudge tries again
            logger.warning("No message was sent to Celery; the journal waits for the next drain: %r", error)


def _run(wanted: threading.Event) -> None:
    try:
        application = find_application()
    except Exception as error:  # noqa: BLE001 the project's Celery settings may raise anything
        logger.warning("This process sends no messages to Celery; the journal waits for other drains: %r", error)
        return
    while application is not None:
        wanted.wait()
        wanted.clear()
        try:
            # A drain a minute late is of no use: the next nudge has sent another.
            application.send_task("sequere.drain", expires=60, retry=False, ignore_result=True)
        except Exception as error:  # noqa: BLE001 transports may raise anything; the next may get through
            logger.warning("The broker did not accept the message; the journal waits for the next drain: %r", error)
        time.sleep(INTERVAL)
