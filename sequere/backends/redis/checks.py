"""System checks of the Redis backend: its settings and, with ``--deploy``, the server behind them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.core import checks

from ...exceptions import BackendError, InvalidSettings, SequereException
from ...relations import LISTS
from ...resources import Resource
from ..operations import Count, decode
from . import scripts
from .client import find_node, is_cluster
from .connection import Connection
from .errors import translated
from .operate.permissions import find_missing

ACL_HINT = "Run the line that `python manage.py sequere acl` prints, with --user for another name."


def check_settings(connections: Sequence[Connection], prefix: str) -> list[checks.CheckMessage]:
    """What is wrong with the settings. No round trip, except for a cluster's client, which connects at once."""
    try:
        clients = [connection.client for connection in connections]
    except InvalidSettings as error:
        return [checks.Error(str(error), id="sequere.E003")]
    except BackendError:
        return []  # check_server() reports it
    if is_cluster(clients[0]) and not re.search(r"^[^{]*\{[^}]+\}", prefix):
        return [
            checks.Error(
                f"On a cluster the keys of a graph must share a hash tag; SEQUERE_REDIS_PREFIX is {prefix!r}.",
                hint="Set SEQUERE_REDIS_PREFIX to a prefix with a hash tag, such as '{sequere}:'.",
                id="sequere.E006",
            )
        ]
    return []


def check_server(connections: Sequence[Connection], keys: tuple[str, str]) -> list[checks.CheckMessage]:
    """What is wrong with the servers: whether they answer and, of the first connection's, the primary, whether it may
    evict keys, and whether it permits what the scripts do."""
    prefix = keys[0]
    operation = Count([next(iter(LISTS))], [Resource("sequere", "check")])
    try:
        for connection in connections:
            connection.run(scripts.catalogue()[operation.script], keys, operation.arguments())
    except InvalidSettings as error:
        # check_settings() does not report what only a server shows: that its replicas answer wrongly.
        return [] if check_settings(connections, prefix) else [checks.Error(str(error), id="sequere.E008")]
    except SequereException as error:
        return [
            checks.Warning(
                f"The Redis backend does not work: {error}",
                hint="Start the server, or correct SEQUERE_REDIS_CONNECTION (address, user, password).",
                id="sequere.W001",
            )
        ]
    client = connections[0].client
    return [*_check_policy(client, prefix), *_check_permissions(client, prefix), *_check_former(client, prefix)]


def _check_policy(client: Any, prefix: str) -> list[checks.CheckMessage]:
    try:
        with translated():
            policy = find_node(client, prefix).info("memory").get("maxmemory_policy", "")
    except BackendError as error:
        return [checks.Warning(f"Cannot read the server's maxmemory-policy: {error}", id="sequere.W003")]
    if str(policy).startswith("allkeys"):
        return [
            checks.Warning(
                f"The server may evict keys of the follow graph: its maxmemory-policy is {policy}.",
                hint="Set maxmemory-policy to noeviction.",
                id="sequere.W002",
            )
        ]
    return []


def _check_former(client: Any, prefix: str) -> list[checks.CheckMessage]:
    """Whether django-sequere 0.1 or 0.2 issued the last uid; the scripts refuse those of 0.3 and 0.4."""
    node = find_node(client, prefix)
    try:
        with translated():
            last = decode(node.get(f"{prefix}global:uid"))
            is_former = last is not None and node.exists(f"{prefix}uid:{last}")
    except BackendError:
        return []  # the other checks report it
    if not is_former:
        return []
    return [
        checks.Warning(
            f"There are keys of django-sequere 0.x under the prefix {prefix!r}.",
            hint="Set SEQUERE_REDIS_PREFIX to another prefix and run `python manage.py sequere import --from sequere`.",
            id="sequere.W010",
        )
    ]


def _check_permissions(client: Any, prefix: str) -> list[checks.CheckMessage]:
    try:
        missing = find_missing(client, prefix)
    except BackendError as error:
        words = f"Cannot check the permissions of the server's user: {error}"
        return [checks.Warning(words, hint=ACL_HINT, id="sequere.W005")]
    if not missing:
        return []
    told = "; ".join(f"{permission} (for {', '.join(names)})" for permission, names in missing.items())
    return [checks.Warning(f"The server's user lacks permissions: {told}", hint=ACL_HINT, id="sequere.W005")]
