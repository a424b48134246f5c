"""From what a client raises to the exceptions of the package: the one place that knows the codes.

redis-py and valkey-py give the same names to the classes of their errors, but for the roots, so names decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ... import exceptions
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

#: The connection broke, or there was none.
_BROKEN = {"ConnectionError", "TimeoutError"}

#: Refused, since the node that was asked may not answer now: while another one takes over, say.
_DOWN = {"ClusterDownError", "MasterDownError", "SlotNotCoveredError"}

#: Refused by both nodes between which a slot is being moved, or by a client that has tried often enough.
_MOVING = {"TryAgainError", "AskError", "MovedError"}

#: What a cluster's client raises where it finds no node.
CLUSTER = {"RedisClusterException", "ValkeyClusterException"}

#: The roots of the errors that the libraries raise on purpose.
_ROOTS = {"RedisError", "ValkeyError", *CLUSTER}

_DENIED = {"AuthenticationError", "NoPermissionError"}
_DENIALS = {"NOAUTH", "NOPERM", "WRONGPASS"}
_REFUSED = {"OutOfMemoryError", "ReadOnlyError"}
_REFUSALS = {"MISCONF", "NOREPLICAS", "OOM", "READONLY"}
_UNSENT = {"BusyLoadingError", "MasterNotFoundError"}

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
    return bool(names & _BROKEN) or not names & _ROOTS


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
        return CODES[code](words + source)
    names, cause = kinds(error), kinds(error.__cause__)
    if names & _REFUSED or code in _REFUSALS:
        return exceptions.WriteRefused(f"{name}: the server refuses writes; nothing changed: {error}")
    # The clients for asyncio hide a refused password behind a ConnectionError.
    if (names | cause) & _DENIED or code in _DENIALS:
        return exceptions.CommandDenied(f"{name}: the server denies this user; nothing changed: {error}")
    if any(text in str(error) for text in ("Too many connections", "No connection available")):
        return exceptions.BackendUnavailable(
            f"{name}: all connections are in use; nothing changed. Raise max_connections in SEQUERE_REDIS_CONNECTION."
        )
    if names & _MOVING or "TTL exhausted" in str(error) or code == "TRYAGAIN":
        return exceptions.BackendUnavailable(
            f"{name}: the graph is being moved to another node of the cluster; nothing changed. Repeat the call "
            f"later: {error}"
        )
    if names & _DOWN:
        return exceptions.BackendUnavailable(f"{name}: no node can answer now; nothing changed: {error}")
    if is_broken(error) or cause & _BROKEN:
        if script is None or script.read_only or _nothing_sent(error):
            return exceptions.BackendUnavailable(f"{name}: cannot reach the server; nothing changed: {_show(error)}")
        return exceptions.OutcomeUnknown(
            f"{name}: the reply was lost, so it may or may not have been applied; repeating the call is safe: "
            f"{_show(error)}"
        )
    if "unknown command" in str(error) and "_RO" in str(error).upper():
        return exceptions.BackendError(
            f"{name}: SEQUERE_REDIS_REPLICA_CONNECTION needs a server that knows EVALSHA_RO, Redis 7.0 or "
            f"newer or Valkey; nothing changed: {error}"
        )
    return exceptions.BackendError(f"{name}: {error}")


def _show(error: Exception) -> str:
    """The error's text; with its class where the client's library did not expect it."""
    return str(error) if kinds(error) & _ROOTS else repr(error)


def _nothing_sent(error: Exception) -> bool:
    if kinds(error) & CLUSTER and error.__context__ is not error.__cause__:
        # A cluster's client that looks for the nodes again, after what the context tells.
        return isinstance(error.__context__, Exception) and _nothing_sent(error.__context__)
    # The libraries have no class for this. Should they word these otherwise one day, the answer becomes the
    # careful one: outcome unknown.
    return bool(kinds(error) & _UNSENT) or "connecting to" in str(error)
