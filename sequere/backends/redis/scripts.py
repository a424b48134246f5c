"""The catalogue of the scripts, and functions that run one by name."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ...lua_folder import LUA
from .drivers import Driver

logger = logging.getLogger("sequere")

_FROM = re.compile(r" *-- @from (?P<file>\S+):(?P<line>\d+)")


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
        """The source of a line of the text: ``lua/src/follow.lua:30: local to = …``."""
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
    manifest = json.loads(LUA.joinpath("manifest.json").read_text(encoding="utf-8"))
    return {
        entry["name"]: Script(
            name=entry["name"],
            version=entry["version"],
            sha1=entry["sha1"],
            text=LUA.joinpath(entry["version"], f"{entry['name']}.lua").read_bytes().decode(),
            read_only=entry["read_only"],
            commands=tuple(entry["commands"]),
        )
        for entry in manifest["scripts"]
    }


def load(client: Any) -> list[Exception]:
    """SCRIPT LOAD every script, in one round trip: newer servers may evict what EVAL cached. Returns what was refused.

    It is not an error if a server or proxy refuses to load: :func:`run` sends the text then. Raises what the client
    raises if the server cannot be reached.
    """
    return _report(_loading(client).execute(raise_on_error=False))


async def aload(client: Any) -> list[Exception]:
    """As :func:`load`, with a client for asyncio."""
    return _report(await _loading(client).execute(raise_on_error=False))


def _loading(client: Any) -> Any:
    pipeline = client.pipeline(transaction=False)
    for script in catalogue().values():
        pipeline.script_load(script.text)
    return pipeline


def _report(replies: list[Any]) -> list[Exception]:
    refusals = [reply for reply in replies if isinstance(reply, Exception)]
    if refusals:
        logger.info("The server does not load scripts (%s); each call may send its text.", refusals[0])
    return refusals


def run(driver: Driver, client: Any, script: Script, *words: str | int | bytes, replica: bool = False) -> Any:
    """Run a script with a client of the driver: one round trip, two if the server does not have it loaded.

    ``words`` are the number of keys, the keys and the arguments. Returns the reply as the client decodes it and raises
    what the client raises. It sends EVALSHA, and after NOSCRIPT, and nothing else, EVAL with the text, once: this
    works even while the script cache is being flushed. With ``replica`` it sends EVALSHA_RO and EVAL_RO (Redis 7.0,
    Valkey), which a replica answers.
    """
    evalsha, evaluate = (client.evalsha_ro, client.eval_ro) if replica else (client.evalsha, client.eval)
    try:
        return evalsha(script.sha1, *words)
    except driver.no_script:
        return evaluate(script.text, *words)


async def arun(driver: Driver, client: Any, script: Script, *words: str | int | bytes, replica: bool = False) -> Any:
    """As :func:`run`, with a client for asyncio."""
    evalsha, evaluate = (client.evalsha_ro, client.eval_ro) if replica else (client.evalsha, client.eval)
    try:
        return await evalsha(script.sha1, *words)
    except driver.no_script:
        return await evaluate(script.text, *words)
