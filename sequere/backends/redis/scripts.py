"""The catalogue of the scripts, and how one is run by name."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from redis import exceptions as redis_errors
from redis.exceptions import NoScriptError

logger = logging.getLogger("sequere")

_FROM = re.compile(r"-- @from (?P<file>\S+):(?P<line>\d+)")


@dataclass(frozen=True, slots=True)
class Script:
    """One script as the manifest describes it; ``commands`` are those that it may call, in upper case."""

    name: str
    version: str
    sha1: str
    text: str
    read_only: bool
    commands: tuple[str, ...]

    def source_of(self, line: int) -> str:
        """Where a line of the text comes from: ``lua/src/follow.lua:30: local to = …``."""
        lines = self.text.splitlines()
        if not 1 <= line <= len(lines):
            return f"lua/{self.version}/{self.name}.lua:{line}"
        for distance in range(1, line):
            match = _FROM.fullmatch(lines[line - 1 - distance])
            if match:
                place = f"lua/src/{match['file']}:{int(match['line']) + distance - 1}"
                return f"{place}: {lines[line - 1].strip()}"
        return f"lua/{self.version}/{self.name}.lua:{line}: {lines[line - 1].strip()}"


@cache
def catalogue() -> Mapping[str, Script]:
    """All scripts by name, read from the installed package once. No round trip."""
    folder = files("sequere.lua")
    manifest = json.loads(folder.joinpath("manifest.json").read_text(encoding="utf-8"))
    return {
        entry["name"]: Script(
            name=entry["name"],
            version=entry["version"],
            sha1=entry["sha1"],
            text=folder.joinpath(entry["version"], f"{entry['name']}.lua").read_bytes().decode(),
            read_only=entry["read_only"],
            commands=tuple(entry["commands"]),
        )
        for entry in manifest["scripts"]
    }


def load(client: Any) -> bool:
    """SCRIPT LOAD every script, in one round trip: newer servers may evict what EVAL cached.

    False if the server could not be reached; then it is worth another try. A server or proxy that refuses
    to load is no failure, and neither is asked again: :func:`run` sends the text where it must.
    """
    try:
        pipeline = client.pipeline(transaction=False)
        for script in catalogue().values():
            pipeline.script_load(script.text)
        replies = pipeline.execute(raise_on_error=False)
    except (redis_errors.ConnectionError, redis_errors.TimeoutError):
        return False  # the call that comes next will say so
    return _report(replies)


async def aload(client: Any) -> bool:
    """As :func:`load`, with a ``redis.asyncio`` client."""
    pipeline = client.pipeline(transaction=False)
    for script in catalogue().values():
        pipeline.script_load(script.text)
    try:
        return _report(await pipeline.execute(raise_on_error=False))
    except (redis_errors.ConnectionError, redis_errors.TimeoutError):
        return False


def _report(replies: list[Any]) -> bool:
    refusals = [reply for reply in replies if isinstance(reply, Exception)]
    if refusals:
        logger.info("The server does not load scripts (%s); each call may send its text.", refusals[0])
    return True


def decode(item: Any) -> Any:
    """An item of a reply as text, whether or not the client decodes; a number stays one."""
    return item.decode() if isinstance(item, bytes) else item


def run(
    client: Any, script: Script, *keys_and_arguments: str | int | bytes, keys: int = 1, replica: bool = False
) -> Any:
    """Run a script with a redis-py client: one round trip, two if the server does not have it loaded.

    The first ``keys`` of ``keys_and_arguments`` are KEYS. Returns the reply as redis-py gives it and
    raises what redis-py raises. EVALSHA; on NOSCRIPT, and on nothing else, EVAL of the same text, once:
    that holds even while somebody flushes the script cache again and again. With ``replica`` by EVALSHA_RO
    and EVAL_RO (Redis 7.0, Valkey), which a replica answers and a cluster's client may send to one.
    """
    evalsha, evaluate = (client.evalsha_ro, client.eval_ro) if replica else (client.evalsha, client.eval)
    try:
        return evalsha(script.sha1, keys, *keys_and_arguments)
    except NoScriptError:
        return evaluate(script.text, keys, *keys_and_arguments)


async def arun(
    client: Any, script: Script, *keys_and_arguments: str | int | bytes, keys: int = 1, replica: bool = False
) -> Any:
    """As :func:`run`, with a ``redis.asyncio`` client."""
    evalsha, evaluate = (client.evalsha_ro, client.eval_ro) if replica else (client.evalsha, client.eval)
    try:
        return await evalsha(script.sha1, keys, *keys_and_arguments)
    except NoScriptError:
        return await evaluate(script.text, keys, *keys_and_arguments)
