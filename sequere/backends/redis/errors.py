"""Translates the exceptions of clients to those of the package. Only this module knows the error codes.

The error classes of redis-py and valkey-py have the same names, except for the roots, so names decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from traceback import walk_tb
from types import FrameType

from ... import exceptions
from ..operations import limit_reached
from .drivers import NAMES
from .scripts import Script

#: The first word of a script's error reply, and its exception.
CODES: dict[str, type[exceptions.SequereException]] = {
    "SEQUERE_ARGUMENT": exceptions.InvalidArgument,
    "SEQUERE_BLOCKED": exceptions.Blocked,
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

#: Raised by a cluster's client if it finds no node.
CLUSTER = {"RedisClusterException", "ValkeyClusterException"}

#: The roots of the errors that the libraries raise on purpose.
_ROOTS = {"RedisError", "ValkeyError", *CLUSTER}

_DENIED = {"AuthenticationError", "NoPermissionError"}

#: A text that cannot be encoded, or decoded.
_CODECS = {"UnicodeError"}

#: What was received is not a reply, for example from a port of another protocol.
_GARBLED = {"InvalidResponse"}

#: An error that the server replied: it has changed nothing.
_REPLIES = {"ResponseError", "BusyLoadingError", "AuthenticationError"}

#: The same, and an error for a command that the client refuses to send.
_REFUSED = {"ResponseError", "DataError", *CLUSTER}

#: Errors after which nothing has changed: classes of the error or a pattern of its text, then the exception and its
#: text.
_REFUSALS: tuple[tuple[set[str], str, type[exceptions.BackendError], str], ...] = (
    (
        {"OutOfMemoryError", "ReadOnlyError"},
        r"^(MISCONF|NOREPLICAS|OOM|READONLY) ",
        exceptions.WriteRefused,
        "the server refuses writes{unchanged}",
    ),
    (
        _DENIED,
        r"^(NOAUTH|NOPERM|WRONGPASS) ",
        exceptions.CommandDenied,
        "the server denies this user{unchanged}",
    ),
    (
        {"MaxConnectionsError"},
        r"Too many connections|No connection available",
        exceptions.BackendUnavailable,
        "all connections are in use{unchanged}. Raise max_connections in SEQUERE_REDIS_CONNECTION",
    ),
    (
        set(),
        r"max number of clients reached",
        exceptions.BackendUnavailable,
        "the server accepts no more connections{unchanged}. Raise its maxclients",
    ),
    (
        {"MovedError"},  # which a cluster's client follows; an AskError too
        r"^MOVED ",
        exceptions.BackendError,
        "another node of the cluster has the graph{unchanged}. SEQUERE_REDIS_CONNECTION_CLASS must be a cluster client "
        "class",
    ),
    (
        {"TryAgainError", "AskError"},
        r"^TTL exhausted|^TRYAGAIN ",  # the former where a cluster's client has tried often enough
        exceptions.BackendUnavailable,
        "the graph is being moved to another node of the cluster{unchanged}. Repeat the call later",
    ),
    (
        {"BusyLoadingError", "ClusterDownError", "MasterDownError", "SlotNotCoveredError"},
        # The text is what a client that asks sentinels makes of READONLY.
        r"^(BUSY|LOADING|MASTERDOWN|CLUSTERDOWN) |^The previous master is now a slave",
        exceptions.BackendUnavailable,
        "no server can answer now{unchanged}",
    ),
    (
        set(),
        r"(?i)unknown command.*_RO",
        exceptions.BackendError,
        "SEQUERE_REDIS_REPLICA_CONNECTION needs a server that knows EVALSHA_RO: Redis 7.0 or newer, or Valkey",
    ),
)

#: The modules of the libraries in which connections are made and commands are sent.
_CONNECTIONS = {"connection", "sentinel"}

#: The functions that send a command over a connection.
_SENDING = {"send_command", "send_packed_command"}

#: The functions that prepare a connection before sending: connecting, and a PING if it was idle for long.
_CONNECTING = {"connect", "connect_check_health", "check_health"}

#: The functions that a cluster's client runs before it has a connection.
_CHOOSING = {"get_redis_connection", "get_valkey_connection"}

_LINE = re.compile(r"^\w+ line (\d+): ")
_LIMIT = re.compile(r'got "(?P<name>most|new) (?P<value>\d+) (?P<seconds>-?\d+)"$')


def kinds(error: BaseException | None) -> set[str]:
    """The names of the classes of an error."""
    return {cls.__name__ for cls in type(error).__mro__} if error is not None else set()


def _kinds(error: Exception) -> set[str]:
    """The same for an error and its causes: asyncio clients hide some errors behind a ConnectionError."""
    return kinds(error) | kinds(error.__cause__)


def is_broken(error: Exception) -> bool:
    """Whether the connection broke on the way, so that a read may be repeated.

    An error that is not from the client's library counts too: redis-py for asyncio raises AttributeError if the peer
    has reset the connection.
    """
    names = _kinds(error)
    if names & (_DENIED | _CODECS):
        return False
    return bool(names & (BROKEN | _GARBLED)) or not names & _ROOTS


def may_be_repeated(error: Exception, script: Script) -> bool:
    """Whether the script may be run again: the connection broke, and the script only reads or was not sent.

    It was not sent if the client noticed only while sending that the server had closed the connection long ago.
    """
    return is_broken(error) and (script.read_only or _where(error)[0] is Stage.SENDING)


@contextmanager
def translated() -> Iterator[None]:
    """A context in which exceptions of a client that reads become exceptions of the package."""
    try:
        yield
    except exceptions.SequereException:
        raise
    except Exception as error:
        raise translate(error) from error


def translate(error: Exception, script: Script | None = None) -> exceptions.SequereException:
    """Return the exception for an error that stopped a script; its text says what is known about the effect.

    Without a script it was a command that reads.
    """
    name = script.name if script else "redis"
    code, _, words = str(error).partition(" ")
    if script and code == "SEQUERE_FOLLOW_LIMIT" and (limit := _LIMIT.search(words)):
        return limit_reached(limit["name"], int(limit["value"]), int(limit["seconds"]))
    if script and code in CODES:
        line = _LINE.match(words)
        source = f" [{script.source_of(int(line[1]))}]" if line else ""
        return CODES[code](words + source + _REMEDIES.get(code, ""))
    names = _kinds(error)
    for classes, pattern, exception, told in _REFUSALS:
        if names & classes or re.search(pattern, str(error)):
            return exception(f"{name}: {told.format(unchanged=unchanged(script))}: {_show(error)}")
    stage, first = _where(error)
    unreachable = exceptions.BackendUnavailable(f"{name}: cannot reach the server{unchanged(script)}: {_show(error)}")
    if stage is Stage.CONNECTING:
        return unreachable
    if isinstance(error, UnicodeEncodeError):
        return exceptions.InvalidObjectId(
            f"object_id must be text that can be encoded as {error.encoding.upper()}; got {error.object!r:.80}"
        )
    if names & _REFUSED and not is_broken(error):
        return exceptions.BackendError(f"{name}: {error}")
    is_lost = stage is Stage.SENT and not kinds(first) & _REPLIES
    lost = "the reply was lost" if is_broken(error) else "the client cannot read the reply"
    if is_lost and script is not None and not script.read_only:
        return exceptions.OutcomeUnknown(
            f"{name}: {lost}, so it may or may not have been applied; repeating the call is safe: {_show(error)}"
        )
    if not is_broken(error):
        return exceptions.BackendError(f"{name}: {lost}{unchanged(script)}: {_show(error)}")
    return unreachable


def unchanged(script: Script | None) -> str:
    """What an error text adds after a call of a script that had no effect; nothing after a read."""
    return "" if script is None or script.read_only else "; nothing changed"


def _show(error: Exception) -> str:
    """The error's text, or its cause's; with its class if the client's library did not expect it."""
    return str(error) if kinds(error) & _ROOTS and str(error) else repr(error.__cause__ or error)


class Stage(Enum):
    """How far a command had come when an error arose."""

    CONNECTING = 1  # no connection yet
    SENDING = 2  # the server cannot have received the whole command
    SENT = 3  # it may have


def _where(error: Exception) -> tuple[Stage, BaseException]:
    """How far the command had come when the error was raised, and the first error: the client may have replaced it.

    No exception class of the libraries says this, so the functions in the traceback decide. If these are ever renamed,
    the result is the safe one: sent.
    """
    first: BaseException = error
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    # What is raised while a function of the library handles an error has that one as its context, caught in the same
    # frame: by another name, or because a cluster's client then looks for the nodes again in vain.
    while first.__context__ is not None and first.__context__.__traceback__ is not None:
        caught_in = first.__context__.__traceback__.tb_frame
        if caught_in not in frames or _module(caught_in)[0] not in NAMES:
            break
        first = first.__context__
        frames[frames.index(caught_in) :] = [frame for frame, _ in walk_tb(first.__traceback__)]
    calls = [(_module(frame), frame.f_code.co_name) for frame in frames]
    for index, (module, function) in enumerate(calls):
        if module[0] not in NAMES:
            continue
        if function in _CHOOSING:
            return Stage.CONNECTING, first
        if module[-1] in _CONNECTIONS:
            below = {name for _, name in calls[index + 1 :]}
            if function == "get_connection" or (function in _SENDING and below & _CONNECTING):
                return Stage.CONNECTING, first
            # If the socket had accepted everything, there would be no error. But asyncio sends the rest even later.
            if function in _SENDING and not ("asyncio" in module and "TimeoutError" in kinds(error)):
                return Stage.SENDING, first
            break
    return Stage.SENT, first


def _module(frame: FrameType) -> list[str]:
    """The parts of the name of the module of a frame."""
    return str(frame.f_globals.get("__name__", "")).split(".")
