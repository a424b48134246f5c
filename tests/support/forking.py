"""A process that forks while its threads use the backend: ``python -W ignore -m tests.support.forking``.

Reads from its standard input, as JSON, the settings and whether other threads may use the client too. Each child asks
the same as its parent, at the same time, and nudges. Prints how many children there were, and how many of them failed
or hung.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import sys
import threading
import traceback

CHILDREN = 20

#: Seconds that a child has.
PATIENCE = 30


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    task = json.load(sys.stdin)
    import django
    from celery import Celery
    from django.apps import apps
    from django.conf import settings

    for name, value in task["settings"].items():
        setattr(settings, name, value)
    django.setup()

    from sequere.backends.redis.behind.nudge import Nudge
    from sequere.resources import Resource
    from tests.support.calls import Ask

    application = Celery("forking", broker="memory://", set_as_current=False)
    application.send_task = lambda *arguments, **options: None
    apps.get_app_config("sequere_redis").celery = application
    nudge, projects = Nudge(), [Resource("project", str(number)) for number in range(5)]

    def check() -> None:
        for number, project in enumerate(projects):
            assert Ask().count(project, "followers") == number

    async def acheck() -> None:
        for number, project in enumerate(projects):
            assert await Ask().acount(project, "followers") == number

    for number, project in enumerate(projects):
        for follower in range(number):
            Ask().follow(Resource("user", str(follower)), project, timestamp=1.0)

    def work() -> None:
        while True:
            nudge()
            if task["threads"]:
                check()
                asyncio.run(acheck())

    for _ in range(4):
        threading.Thread(target=work, daemon=True).start()
    children = []
    for _ in range(CHILDREN):
        child = os.fork()
        if child == 0:
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            try:
                for _ in range(10):
                    nudge()
                    check()
                asyncio.run(acheck())
            except Exception:  # noqa: BLE001
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        children.append(child)
        check()
    print(json.dumps([CHILDREN, sum(os.waitpid(child, 0)[1] != 0 for child in children)]))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
