"""Runs a file of vectors through Django's layer: ``python -m tests.support.django_runner FILE SOCKET --keep``.

Only the calls that applications make, which it checks and prints as the runners of the other clients do.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from tests.support.calls import Ask


def reply_to(step):
    """The reply that the script would give, from what the backend gives."""
    from sequere.backends import get_backend
    from sequere.backends.operations import Count, Relationships
    from sequere.resources import Resource

    backend = get_backend()
    if "command" in step:
        return [item.decode() for item in backend.client.execute_command(*step["command"])]
    words = step["arguments"]
    one = Resource(*words[:2])  # of most
    match step["call"]:
        case "follow":
            return int(Ask(backend).follow(one, Resource(*words[2:]), timestamp=time.time()))
        case "unfollow":
            return int(Ask(backend).unfollow(one, Resource(*words[2:])))
        case "count":
            return list(backend.perform(Count([words[0]], [Resource(*words[1:])])))
        case "relationships":
            others = [Resource(*pair) for pair in zip(words[3::2], words[4::2], strict=True)]
            return backend.perform(Relationships(one, words[2].split(), others))
        case "page":
            name, _, identifier = words[2].partition(":")
            order, limit = words[3:]
            page = Ask(backend).page(one, name, identifier=identifier, desc=order == "desc", limit=int(limit))
            entries = [item for *resource, at in page.entries for item in (*resource, f"{at:.6f}")]
            return [page.cursor, *entries]
    raise AssertionError(step)


def is_wrong(step):
    """A text such as $time stands for any."""
    if "reply" not in step:
        return reply_to(step) is None
    wanted, got = step["reply"], reply_to(step)
    if not isinstance(wanted, list):
        return got != wanted
    return len(got) != len(wanted) or any(
        item != want for want, item in zip(wanted, got, strict=True) if not str(want).startswith("$")
    )


def main(file, socket, option):
    assert option == "--keep", "this empties no server"
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django
    from django.conf import settings

    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": socket}
    django.setup()
    failed = passed = 0
    for case in json.loads(Path(file).read_text()):
        wrong = next(filter(is_wrong, case["steps"]), None)
        if wrong:
            print(f"{case['name']}: {wrong}")
        failed += wrong is not None
        passed += wrong is None
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
