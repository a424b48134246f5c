"""One drain in a process of its own: ``python -m tests.processes.drain [stop]``.

With ``stop`` it stops (SIGSTOP) inside its transaction, once it has written follows. Prints how
many entries it drained.
"""

from __future__ import annotations

import os
import signal
import sys


def main(*, stop: bool) -> None:
    import django

    django.setup()
    from django.db import connections

    from sequere.backends import get_backend
    from sequere.backends.redis.behind.drain import drain

    stopped = False

    def stop_once(execute, sql, params, many, context):
        nonlocal stopped
        result = execute(sql, params, many, context)
        if stop and not stopped and "INSERT" in sql and "sequere_edge" in sql:
            stopped = True
            os.kill(os.getpid(), signal.SIGSTOP)
        return result

    with connections["postgresql"].execute_wrapper(stop_once):
        print("drained", drain(get_backend().unguarded).entries, flush=True)


if __name__ == "__main__":
    main(stop="stop" in sys.argv[1:])
