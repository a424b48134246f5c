"""From what redis-py raises to the exceptions of the package: the one place that knows the codes."""

from __future__ import annotations

import re

from redis import exceptions as redis_errors

from ... import exceptions
from ...scripts import Script

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

_LINE = re.compile(r"^\w+ line (\d+): ")

_REFUSALS = {"MISCONF", "NOREPLICAS", "OOM", "READONLY"}
_DENIALS = {"NOAUTH", "NOPERM", "WRONGPASS"}


def translate(error: Exception, script: Script) -> exceptions.SequereException:
    """The exception for what stopped a script; its text says what is known about the effect."""
    if isinstance(error, UnicodeEncodeError):
        return exceptions.InvalidObjectId(f"object_id must be text that UTF-8 can hold; got {error.object!r:.80}")
    code, _, words = str(error).partition(" ")
    if code in CODES:
        line = _LINE.match(words)
        source = f" [{script.source_of(int(line[1]))}]" if line else ""
        return CODES[code](words + source)
    if isinstance(error, (redis_errors.OutOfMemoryError, redis_errors.ReadOnlyError)) or code in _REFUSALS:
        return exceptions.WriteRefused(f"{script.name}: the server refuses writes; nothing changed: {error}")
    # redis.asyncio hides a refused password behind a ConnectionError.
    refused = (redis_errors.AuthenticationError, redis_errors.NoPermissionError)
    if isinstance(error, refused) or isinstance(error.__cause__, refused) or code in _DENIALS:
        return exceptions.CommandDenied(f"{script.name}: the server denies this user; nothing changed: {error}")
    if any(words in str(error) for words in ("Too many connections", "No connection available")):
        return exceptions.BackendUnavailable(
            f"{script.name}: all connections are in use; nothing changed. "
            "Raise max_connections in SEQUERE_REDIS_CONNECTION."
        )
    if isinstance(error, (redis_errors.ConnectionError, redis_errors.TimeoutError)):
        if script.read_only or _nothing_sent(error):
            return exceptions.BackendUnavailable(f"{script.name}: cannot reach the server; nothing changed: {error}")
        return exceptions.OutcomeUnknown(
            f"{script.name}: the reply was lost, so it may or may not have been applied; "
            f"repeating the call is safe: {error}"
        )
    return exceptions.BackendError(f"{script.name}: {error}")


def _nothing_sent(error: Exception) -> bool:
    # redis-py has no type for this. Should it word these otherwise one day, the answer
    # becomes the careful one: outcome unknown.
    return isinstance(error, redis_errors.BusyLoadingError) or "connecting to" in str(error)
