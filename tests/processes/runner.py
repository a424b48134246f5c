"""Runs ``manage.py sequere`` in forks that can be killed at any moment: ``python -m tests.processes.runner``.

Reads lines of JSON, each a list of arguments and the seconds after which the fork is killed (null: never). Answers
each, once the fork has ended, with a line of JSON: ``done``, ``killed``, or the name of the error. A fork begins at
once, so what is killed is the command and not the start of Python.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback

#: Seconds after which a rebuild that died is taken over: so that the next one gets somewhere before it is killed.
PATIENCE = 0.1


def run(arguments: list[str]) -> str:
    """Run a command, in the fork. Returns how it ended."""
    from django.core.management import CommandError, call_command

    try:
        call_command("sequere", *arguments)
    except CommandError as error:
        print(f"{arguments}: {error}", file=sys.stderr)
        return type(error.__cause__ or error).__name__
    except BaseException as error:  # noqa: BLE001 whatever it is, the test is to see it
        traceback.print_exc()
        return type(error).__name__
    return "done"


def fork(arguments: list[str], seconds: float | None) -> str:
    """How a command ended. Only after it has been waited for can its process id be another's."""
    near, far = os.pipe()
    pid = os.fork()
    if not pid:
        os.dup2(2, 1)  # what the command prints is no answer
        os.write(far, run(arguments).encode())
        os._exit(0)
    os.close(far)
    began = time.monotonic()
    while not os.waitpid(pid, os.WNOHANG)[0]:
        if seconds is not None and time.monotonic() > began + seconds:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            break
        time.sleep(0.001)
    with open(near) as pipe:
        return pipe.read() or "killed"


def main() -> None:
    import django

    django.setup()
    from sequere.backends.redis.behind import rebuild
    from sequere.management.commands import sequere  # noqa: F401 what the forks need is imported before

    rebuild.PATIENCE = PATIENCE
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        print(json.dumps(fork(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
