"""``python -m sequere demo``, from the first line to the last."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import DatabaseError
from redis.exceptions import RedisError

from ..exceptions import BackendError
from .play import play
from .project import set_up
from .server import embedded, existing
from .show import show


def run(url: str | None, *, keys: bool) -> int:
    """Run the session with both backends, then show it; with ``keys``, also the keys in Redis. Returns the exit status.

    Raises ``InvalidSettings`` for a URL that names no server.
    """
    try:
        with TemporaryDirectory(prefix="sequere-demo-") as name:
            folder = Path(name)
            set_up(folder)
            with embedded(folder) if url is None else existing(url) as server:
                performance = play(server, keys=keys)
        show(performance, server)
    except BrokenPipeError:
        raise  # nobody reads the output any more
    except (BackendError, DatabaseError, OSError, RedisError) as error:
        print(f"python -m sequere demo: error: {error}", file=sys.stderr)
        return 1
    return 1 if performance.differing else 0
