"""From what redis-py raises to the exceptions of the package: the one place that knows the codes."""

from __future__ import annotations

import re

from redis import exceptions as redis_errors
from redis.sentinel import MasterNotFoundError

from ... import exceptions
from .scripts import Script

#: What redis-py raises, and the text that it cannot send.
FAILURES = (redis_errors.RedisError, redis_errors.RedisClusterException, UnicodeEncodeError)

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

_BROKEN = (redis_errors.ConnectionError, redis_errors.TimeoutError)

#: Refused, since the node that would be asked is none that may answer: while another one takes over, say.
_DOWN = (
    redis_errors.ClusterDownError,
    redis_errors.MasterDownError,
    redis_errors.SlotNotCoveredError,
    redis_errors.TryAgainError,
)

_LINE = re.compile(r"^\w+ line (\d+): ")

_REFUSALS = {"MISCONF", "NOREPLICAS", "OOM", "READONLY"}
_DENIALS = {"NOAUTH", "NOPERM", "WRONGPASS"}


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
    if isinstance(error, (redis_errors.OutOfMemoryError, redis_errors.ReadOnlyError)) or code in _REFUSALS:
        return exceptions.WriteRefused(f"{name}: the server refuses writes; nothing changed: {error}")
    # redis.asyncio hides a refused password behind a ConnectionError.
    refused = (redis_errors.AuthenticationError, redis_errors.NoPermissionError)
    if isinstance(error, refused) or isinstance(error.__cause__, refused) or code in _DENIALS:
        return exceptions.CommandDenied(f"{name}: the server denies this user; nothing changed: {error}")
    if any(words in str(error) for words in ("Too many connections", "No connection available")):
        return exceptions.BackendUnavailable(
            f"{name}: all connections are in use; nothing changed. Raise max_connections in SEQUERE_REDIS_CONNECTION."
        )
    if isinstance(error, _DOWN):
        return exceptions.BackendUnavailable(f"{name}: nobody can answer now; nothing changed: {error}")
    if isinstance(error, _BROKEN) or isinstance(error.__cause__, _BROKEN):
        if script is None or script.read_only or _nothing_sent(error):
            return exceptions.BackendUnavailable(f"{name}: cannot reach the server; nothing changed: {error}")
        return exceptions.OutcomeUnknown(
            f"{name}: the reply was lost, so it may or may not have been applied; repeating the call is safe: {error}"
        )
    if "unknown command" in str(error) and "_RO" in str(error).upper():
        return exceptions.BackendError(
            f"{name}: SEQUERE_REDIS_REPLICA_CONNECTION needs a server that knows EVALSHA_RO, Redis 7.0 or "
            f"newer or Valkey; nothing changed: {error}"
        )
    return exceptions.BackendError(f"{name}: {error}")


def _nothing_sent(error: Exception) -> bool:
    if isinstance(error, redis_errors.RedisClusterException) and error.__context__ is not error.__cause__:
        # A cluster's client that looks for the nodes again, after what the context tells.
        return isinstance(error.__context__, Exception) and _nothing_sent(error.__context__)
    # redis-py has no type for this. Should it word these otherwise one day, the answer
    # becomes the careful one: outcome unknown.
    unsent = (redis_errors.BusyLoadingError, MasterNotFoundError)
    return isinstance(error, unsent) or "connecting to" in str(error)
