"""How the demo looks, on a terminal or in a pipe."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from .play import REPETITIONS, Outcome, Performance, Played
from .server import Held, Server
from .session import SETTING

#: Columns of a pipe, and the most of a terminal.
WIDTH = 96

#: The numbers beside a call: round trips, queries and time with one backend, queries and time with the other.
NUMBERS = "{:>6}{:>5}{:>8}  {:>8}{:>8}"
BACKENDS = f"{'RedisBackend':>19}  {'DatabaseBackend':>16}"
NUMBERS_WIDTH = 37


def show(performance: Performance, server: Server) -> None:
    """Print the whole session."""
    console = Console(highlight=False)
    console.width = min(console.width, WIDTH) if console.is_terminal else WIDTH
    _opening(console, performance, server)
    keys: dict[str, Held] = {}
    for played in performance.played:
        _calls(console, played)
        _keys(console, played.chapter.keys, keys, played.keys)
        keys = played.keys
    _closing(console, performance, server)


def _opening(console: Console, performance: Performance, server: Server) -> None:
    console.print()
    console.print("[bold]django-sequere[/bold]: one session, two backends")
    console.print()
    place = "embedded, on a unix socket" if server.ours else "yours"
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_row("RedisBackend", f"{performance.server}, {place}; keys begin with {server.prefix}")
    table.add_row("DatabaseBackend", f"SQLite {sqlite3.sqlite_version}, in a temporary file")
    table.add_row(
        "trips", f"round trips to Redis; {performance.loading} before the first, to connect and load the scripts"
    )
    table.add_row("SQL", "queries, with BEGIN and COMMIT")
    table.add_row("usec", f"microseconds of the call: the median of {REPETITIONS} for a read, the only one for a write")
    table.add_row("=", "the reply that both backends gave")
    console.print(table)
    console.print()
    for line in SETTING.splitlines():
        prompt = "... " if line.startswith(" ") else ">>> "
        console.print(_after(prompt, "dim", line) if line else "")


def _calls(console: Console, played: Played) -> None:
    """The calls of a chapter, each with its reply and what it took."""
    _rule(console, played.chapter.title)
    console.print(played.chapter.words)
    left = console.width - NUMBERS_WIDTH
    console.print(Text(" " * left + BACKENDS, "bold"))
    console.print(Text(" " * left + NUMBERS.format("trips", "SQL", "usec", "SQL", "usec"), "dim"))
    for call, redis, database in zip(played.chapter.calls, played.redis, played.database, strict=True):
        line = _after(">>> ", "dim", call.source)
        if line.cell_len > left:
            console.print(line)
            line = Text()
        line.pad_right(left - line.cell_len)
        console.print(line.append(_numbers(redis, database), "cyan"))
        if redis.reply == database.reply:
            _reply(console, "= ", "green", redis.reply)
        else:
            _reply(console, "RedisBackend:    ", "red", redis.reply)
            _reply(console, "DatabaseBackend: ", "red", database.reply)


def _numbers(redis: Outcome, database: Outcome) -> str:
    return NUMBERS.format(
        redis.round_trips,
        redis.queries,
        f"{redis.microseconds:,.0f}",
        database.queries,
        f"{database.microseconds:,.0f}",
    )


def _reply(console: Console, mark: str, style: str, reply: str) -> None:
    for line in reply.splitlines():
        console.print(_after(mark, style, line))
        mark = " " * len(mark)


def _keys(console: Console, words: str, before: Mapping[str, Held], after: Mapping[str, Held]) -> None:
    """How the keys have changed in a chapter; with ``words``, the new and the changed ones in full."""
    new, gone = after.keys() - before.keys(), before.keys() - after.keys()
    changed = {key for key in after.keys() & before.keys() if after[key] != before[key]}
    console.print()
    counts = {"new": len(new), "changed": len(changed), "gone": len(gone)}
    news = ", ".join(f"{number} {what}" for what, number in counts.items() if number)
    console.print(f"In Redis: {len(after)} keys, {news or 'as before'}.", style="bold")
    if words:
        console.print(words)
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("key", style="yellow", overflow="fold")
        table.add_column("type", style="dim")
        table.add_column("value")
        for key, (kind, value) in after.items():
            if key in new or key in changed:
                table.add_row(Text(key), kind, Text(value))
        console.print(table)


def _closing(console: Console, performance: Performance, server: Server) -> None:
    """Whether the backends agreed, what it took, what is left behind."""
    _rule(console, "The end")
    calls = len(performance.redis)
    if performance.differing:
        console.print(f"{performance.differing} of {calls} replies differ. That is a bug.", style="bold red")
    else:
        console.print(f"RedisBackend and DatabaseBackend gave the same {calls} replies.", style="bold green")
    trips = sum(outcome.round_trips for outcome in performance.redis)
    fetches = sum(outcome.queries for outcome in performance.redis)
    queries = sum(outcome.queries for outcome in performance.database)
    console.print(
        f"The one made {trips} round trips, and {fetches} queries for instances; the other {queries} queries."
    )
    if server.ours:
        console.print("The server is stopped and its folder removed.")
    else:
        console.print(f"The keys that begin with {server.prefix} are deleted; no other key was touched.")


def _rule(console: Console, title: str) -> None:
    console.print()
    console.rule(Text(title, "bold"), align="left", style="dim")


def _after(mark: str, style: str, source: str) -> Text:
    """A line of Python in colour, after a mark."""
    code = Syntax(source, "python", theme="ansi_dark", background_color="default").highlight(source)
    code.rstrip()
    return Text.assemble((mark, style), code)
