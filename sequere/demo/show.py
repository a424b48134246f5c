"""The output of the demo, on a terminal or in a pipe."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from .play import REPETITIONS, Outcome, Performance, Played
from .server import Held, Server
from .session import SETTING

#: The column of the numbers beside a call.
LEFT = 46

#: These numbers: round trips, queries and time with one backend, queries and time with the other.
NUMBERS = "{:>6}{:>4}{:>8}{:>7}{:>9}"
BACKENDS = f"{'RedisBackend':>18}{'DatabaseBackend':>16}"


class _Console(Console):
    """A console that lets the command line decide what happens when nobody reads the output."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def show(performance: Performance, server: Server) -> None:
    """Print the whole session."""
    console = _Console(highlight=False)
    _opening(console, performance, server)
    keys: dict[str, Held] = {}
    for played in performance.played:
        _calls(console, played)
        if played.keys is not None:
            _keys(console, played.part.keys, keys, played.keys)
            keys = played.keys
    _closing(console, performance, server)


def _opening(console: Console, performance: Performance, server: Server) -> None:
    """What is compared, and what the columns are."""
    redis = f"{performance.server}, {'started by the demo' if server.ours else 'the server of --url'}"
    title = f"One session with two backends of django-sequere. Times are medians of {REPETITIONS} calls."
    _print(console, title, "bold")
    _print(console, f"RedisBackend on {redis}; DatabaseBackend on SQLite {sqlite3.sqlite_version}.")
    _print(console, "trips: round trips to Redis. SQL: queries, with BEGIN and COMMIT. usec: microseconds.")
    _print(console, " " * LEFT + BACKENDS, "bold")
    _print(console, " " * LEFT + NUMBERS.format("trips", "SQL", "usec", "SQL", "usec"), "dim")
    for line in SETTING.splitlines():
        _print(console, _python(line, ">>> "))


def _calls(console: Console, played: Played) -> None:
    """The calls of a part, each with its reply and what it took."""
    _comment(console, played.part.words)
    for call, redis, database in zip(played.part.calls, played.redis, played.database, strict=True):
        line = _python(call.source, ">>> ")
        line.pad_right(LEFT - line.cell_len)
        _print(console, line.append(_numbers(redis, database), "cyan"))
        if redis.reply == database.reply:
            _reply(console, redis.reply)
        else:
            _reply(console, redis.reply, "RedisBackend:    ")
            _reply(console, database.reply, "DatabaseBackend: ")


def _numbers(redis: Outcome, database: Outcome) -> str:
    return NUMBERS.format(
        redis.round_trips,
        redis.queries,
        f"{redis.microseconds:,.0f}",
        database.queries,
        f"{database.microseconds:,.0f}",
    )


def _reply(console: Console, reply: str, backend: str = "") -> None:
    for line in reply.splitlines():
        _print(console, _python(line, backend, "red"))
        backend = " " * len(backend)


def _keys(console: Console, words: str, before: Mapping[str, Held], after: Mapping[str, Held]) -> None:
    """How the keys have changed in a part, and the new and the changed ones in full."""
    new, gone = after.keys() - before.keys(), before.keys() - after.keys()
    changed = {key for key in after.keys() & before.keys() if after[key] != before[key]}
    counts = {"new": len(new), "changed": len(changed), "gone": len(gone)}
    news = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
    _comment(console, f"{len(after)} keys in Redis, {news or 'unchanged'}.")
    if words:
        _comment(console, words)
    shown = {key: held for key, held in after.items() if key in new or key in changed}
    width = max(map(len, shown), default=0)
    for key, (kind, value) in shown.items():
        name = f"{key:{width}}  {kind:6}  "
        for line in value.splitlines():
            _print(console, Text.assemble((name, "yellow"), line))
            name = " " * len(name)


def _closing(console: Console, performance: Performance, server: Server) -> None:
    """Whether the backends agreed, the totals, and what is left behind."""
    calls = len(performance.redis)
    if performance.differing:
        _print(console, f"{performance.differing} of {calls} replies differ. That is a bug.", "bold red")
    else:
        _print(console, f"Both backends gave the same {calls} replies.", "bold green")
    trips = sum(outcome.round_trips for outcome in performance.redis)
    fetches = sum(outcome.queries for outcome in performance.redis)
    queries = sum(outcome.queries for outcome in performance.database)
    _print(console, f"RedisBackend made {trips} round trips and {fetches} queries, DatabaseBackend {queries} queries.")
    if not server.ours:
        _print(console, f"The keys that begin with {server.prefix} are deleted; no other key was touched.")


def _comment(console: Console, words: str) -> None:
    _print(console, f"# {words}", "green")


def _python(source: str, mark: str, style: str = "dim") -> Text:
    """A line of Python in colour, after a prompt."""
    code = Syntax(source, "python", theme="ansi_dark", background_color="default").highlight(source)
    code.rstrip()
    return Text.assemble((mark, style), code)


def _print(console: Console, line: str | Text, style: str = "") -> None:
    """Print a line as it is; the terminal wraps it if it is too long."""
    console.print(Text(line, style) if isinstance(line, str) else line, soft_wrap=True)
