"""From what a client raises to the exceptions of the package: the one place that knows the codes.

redis-py and valkey-py give the same names to the classes of their errors, but for the roots, so names decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb

from ... import exceptions
from .drivers import NAMES
from .scripts import Script

#: The first word of a script's error reply, and what it becomes.
CODES: dict[str, type[exceptions.SequereException]] = {
    "SEQUERE_ARGUMENT": exceptions.InvalidArgument,
    "SEQUERE_COLD": exceptions.ColdStore,
    "SEQUERE_CORRUPT": exceptions.CorruptGraph,
    "SEQUERE_CURSOR": exceptions.InvalidCursor,
    "SEQUERE_DENIED": exceptions.CommandDenied,
    "SEQUERE_FAILED": exceptions.ScriptFailed,
    "SEQUERE_IDENTIFIER": exceptions.InvalidIdentifier,
    "SEQUERE_LIMIT": exceptions.InvalidLimit,
    "SEQUERE_OBJECT_ID": exceptions.InvalidObjectId,
    "SEQUERE_SELF": exceptions.SelfFollow,
    "SEQUERE_TIMESTAMP": exceptions.InvalidTimestamp,
    "SEQUERE_WRONGTYPE": exceptions.WrongType,
}

_AUDIT = ". Run `python manage.py sequere audit --repair`"
_REMEDIES = {"SEQUERE_CORRUPT": _AUDIT, "SEQUERE_WRONGTYPE": _AUDIT}

#: The connection broke, or there was none.
BROKEN = {"ConnectionError", "TimeoutError"}

#: What a cluster's client raises where it finds no node.
CLUSTER = {"RedisClusterException", "ValkeyClusterException"}

#: The roots of the errors that the libraries raise on purpose.
_ROOTS = {"RedisError", "ValkeyError", *CLUSTER}

_DENIED = {"AuthenticationError", "NoPermissionError"}

#: What is known to have changed nothing: the error's class or its text, what it becomes, and what is told.
_REFUSALS: tuple[tuple[set[str], str, type[exceptions.BackendError], str], ...] = (
    (
        {"OutOfMemoryError", "ReadOnlyError"},
        r"^(MISCONF|NOREPLICAS|OOM|READONLY) ",
        exceptions.WriteRefused,
        "the server refuses writes; nothing changed",
    ),
    (
        _DENIED,
        r"^(NOAUTH|NOPERM|WRONGPASS) ",
        exceptions.CommandDenied,
        "the server denies this user; nothing changed",
    ),
    (
        {"MaxConnectionsError"},
        r"Too many connections|No connection available",
        exceptions.BackendUnavailable,
        "all connections are in use; nothing changed. Raise max_connections in SEQUERE_REDIS_CONNECTION",
    ),
    (
        set(),
        r"max number of clients reached",
        exceptions.BackendUnavailable,
        "the server takes no more connections; nothing changed. Raise its maxclients",
    ),
    (
        {"MovedError"},  # which a cluster's client follows; an AskError too
        r"^MOVED ",
        exceptions.BackendError,
        "another node of the cluster has the graph; nothing changed. SEQUERE_REDIS_CONNECTION_CLASS must be the class "
        "of a cluster's client",
    ),
    (
        {"TryAgainError", "AskError"},
        r"^TTL exhausted|^TRYAGAIN ",  # the former where a cluster's client has tried often enough
        exceptions.BackendUnavailable,
        "the graph is being moved to another node of the cluster; nothing changed. Repeat the call later",
    ),
    (
        {"BusyLoadingError", "ClusterDownError", "MasterDownError", "SlotNotCoveredError"},
        r"^The previous master is now a slave",  # what a client that asks sentinels makes of READONLY
        exceptions.BackendUnavailable,
        "no server can answer now; nothing changed",
    ),
    (
        set(),
        r"(?i)unknown command.*_RO",
        exceptions.BackendError,
        "SEQUERE_REDIS_REPLICA_CONNECTION needs a server that knows EVALSHA_RO, Redis 7.0 or newer or Valkey; nothing "
        "changed",
    ),
)

#: The functions of the libraries that get a connection ready, before a command is sent over it.
_CONNECTING = {"get_connection", "connect"}

_LINE = re.compile(r"^\w+ line (\d+): ")


def kinds(error: BaseException | None) -> set[str]:
    """The names of the classes of an error."""
    return {cls.__name__ for cls in type(error).__mro__} if error is not None else set()


def is_broken(error: Exception) -> bool:
    """Whether the connection broke on the way, so that a read may be repeated.

    Whatever is no error of the client's library counts too: redis-py for asyncio raises AttributeError where the
    peer has reset the connection.
    """
    names = kinds(error)
    if names & _DENIED or isinstance(error, UnicodeEncodeError):
        return False
    return bool(names & BROKEN) or not names & _ROOTS


@contextmanager
def translated() -> Iterator[None]:
    """Within it, what a client raises while it reads becomes an exception of the package."""
    try:
        yield
    except exceptions.SequereException:
        raise
    except Exception as error:
        raise translate(error) from error


def translate(error: Exception, script: Script | None = None) -> exceptions.SequereException:
    """The exception for what stopped a script; its text says what is known about the effect.

    Without a script it was a command that reads.
    """
    name = script.name if script else "redis"
    if isinstance(error, UnicodeEncodeError):
        return exceptions.InvalidObjectId(f"object_id must be text that UTF-8 can hold; got {error.object!r:.80}")
    code, _, words = str(error).partition(" ")
    if script and code in CODES:
        line = _LINE.match(words)
        source = f" [{script.source_of(int(line[1]))}]" if line else ""
        return CODES[code](words + source + _REMEDIES.get(code, ""))
    # The clients for asyncio hide some errors behind a ConnectionError.
    names = kinds(error) | kinds(error.__cause__)
    for classes, pattern, exception, told in _REFUSALS:
        if names & classes or re.search(pattern, str(error)):
            return exception(f"{name}: {told}: {error}")
    if not is_broken(error) and not names & BROKEN:
        return exceptions.BackendError(f"{name}: {error}")
    if script is None or script.read_only or _nothing_sent(error):
        return exceptions.BackendUnavailable(f"{name}: cannot reach the server; nothing changed: {_show(error)}")
    return exceptions.OutcomeUnknown(
        f"{name}: the reply was lost, so it may or may not have been applied; repeating the call is safe: "
        f"{_show(error)}"
    )


def _show(error: Exception) -> str:
    """The error's text; with its class where the client's library did not expect it."""
    return str(error) if kinds(error) & _ROOTS else repr(error)


def _nothing_sent(error: Exception) -> bool:
    """Whether the call is known to have ended before the script was sent: while its connection was being made."""
    if kinds(error) & CLUSTER and error.__context__ is not error.__cause__:
        # A cluster's client that looks for the nodes again, after what the context tells.
        return isinstance(error.__context__, Exception) and _nothing_sent(error.__context__)
    # The libraries have no class for this, so their functions decide. Should these get other names one day, the answer
    # becomes the careful one: outcome unknown.
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    calls = {(frame.f_globals.get("__name__", ""), frame.f_code.co_name) for frame in frames}
    connecting = any(module.partition(".")[0] in NAMES and function in _CONNECTING for module, function in calls)
    # A cluster's client looks for the nodes again, by initialize(), after a failure that may have been another.
    searching = any(module.endswith(".cluster") and function == "initialize" for module, function in calls)
    return connecting and not searching
