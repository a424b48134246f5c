"""One drain in a process of its own: ``python -m tests.processes.drain [stop|kill]``.

With ``stop`` it stops (SIGSTOP) inside its transaction, once it has written follows. With ``kill`` it has a transaction
for each entry, and kills itself (SIGKILL) in the second one. Prints how many entries it drained.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from itertools import count


def main(*, stop: bool, kill: bool) -> None:
    import django

    django.setup()
    from django.db import connections

    from sequere.backends import get_backend
    from sequere.backends.redis.behind import drain as draining
    from sequere.backends.redis.behind.drain import drain, drain_step
    from sequere.backends.redis.behind.outbox import look
    from tests.support.databases import follows_in

    if kill:
        draining.READ_STEP = 2  # the entry at the position is read too
        draining.look = partial(look, limit=draining.READ_STEP)
        steps = count(1)

        def step_or_die(*arguments):
            step = drain_step(*arguments)
            if next(steps) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            return step

        draining.drain_step = step_or_die

    stopped = False

    def stop_once(execute, sql, params, many, context):
        nonlocal stopped
        result = execute(sql, params, many, context)
        if stop and not stopped and "INSERT" in sql and "sequere_edge" in sql:
            stopped = True
            os.kill(os.getpid(), signal.SIGSTOP)
        return result

    with connections[follows_in.get()].execute_wrapper(stop_once):
        print("drained", drain(get_backend().unguarded).entries, flush=True)


if __name__ == "__main__":
    main(stop="stop" in sys.argv[1:], kill="kill" in sys.argv[1:])
