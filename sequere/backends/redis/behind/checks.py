"""System checks of write-behind: applications, routing, tables, and the persistence of the server."""

from __future__ import annotations

from django.apps import apps
from django.core import checks
from django.db import router

from ....exceptions import BackendError, CommandDenied
from ...database.checks import check_tables as check_tables_of
from ...database.conflicts import check_transactions
from ...database.texts import check_charset
from ..backend import RedisBackend
from ..checks import ACL_HINT
from ..client import find_node
from ..errors import translated


def check_settings() -> list[checks.CheckMessage]:
    """What is wrong with the applications and the routers that write-behind needs. No round trip."""
    missing = [name for name in ("sequere.backends.database", "sequere.backends.redis") if not apps.is_installed(name)]
    if missing:
        return [
            checks.Error(
                f"RedisFallbackBackend has no tables: {' and '.join(missing)} not in INSTALLED_APPS.",
                hint="Add 'sequere.backends.database' and 'sequere.backends.redis' and run migrate.",
                id="sequere.E004",
            )
        ]
    from ..models import State, get_alias  # models can be imported once the applications are loaded

    here, there = router.db_for_write(State), get_alias()
    if here == there:
        return []
    return [
        checks.Error(
            f"The database routers send the edges to {there!r}, but the state of write-behind to {here!r}; "
            "the two are written in one transaction.",
            hint="Route the applications sequere_database and sequere_redis to the same database.",
            id="sequere.E005",
        )
    ]


def check_server(unguarded: RedisBackend, *, answers: bool) -> list[checks.CheckMessage]:
    """What is wrong with the tables and with the server, as far as write-behind needs more than the scripts.

    It does not ask a server that is known not to answer, or to refuse the user.
    """
    from ..models import get_alias

    alias = get_alias()
    problems = [*check_tables(), *check_transactions(alias), *check_charset(alias)]
    return [*problems, *_check_persistence(unguarded), *_check_scan(unguarded)] if answers else problems


def check_tables() -> list[checks.CheckMessage]:
    """Which tables are missing. One query."""
    from ...database.models import Edge, Kind, Resource
    from ..models import OutboxEntry, SetAside, State

    return check_tables_of(Edge, Kind, Resource, State, OutboxEntry, SetAside)


def _check_scan(unguarded: RedisBackend) -> list[checks.CheckMessage]:
    try:
        with translated():
            find_node(unguarded.client, unguarded.prefix).scan(count=1)
    except CommandDenied as error:
        words = f"The server's user cannot rebuild the graph, which needs SCAN: {error}"
        return [checks.Warning(words, hint=ACL_HINT, id="sequere.W005")]
    except BackendError:
        pass  # the checks of the scripts report it
    return []


def _check_persistence(unguarded: RedisBackend) -> list[checks.CheckMessage]:
    try:
        with translated():
            kept = find_node(unguarded.client, unguarded.prefix).info("persistence").get("aof_enabled")
    except BackendError as error:
        return [checks.Warning(f"Cannot read whether the server's append-only file is on: {error}", id="sequere.W003")]
    if kept in (0, "0"):
        return [
            checks.Warning(
                "The server keeps no append-only file: changes that were not drained are lost if it crashes.",
                hint="Set appendonly yes, and appendfsync always to lose nothing or everysec to lose a second.",
                id="sequere.W006",
            )
        ]
    return []
