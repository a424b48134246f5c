"""What all command lines of the package share: the order of arguments, counts, a reader that closes the pipe."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

#: The exit status of a program that ended because nobody read its output, as in a shell: 128 + SIGPIPE.
BROKEN_PIPE = 141


class SubcommandParser(argparse.ArgumentParser):
    """A parser of a sub-command, which shows its own usage for arguments that it does not know.

    argparse shows that of the whole program.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown


def arrange(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> list[str]:
    """Return the arguments with each option moved to where its parser expects it, wherever it was typed.

    Options of the parser itself go first, then the sub-command, then the options of the sub-command that were typed
    before it. What comes after ``--`` stays, and so do arguments without a sub-command.
    """
    choices = _subparsers(parser)
    end = arguments.index("--") if "--" in arguments else len(arguments)
    own = _options([parser])
    every = _options(choices.values())
    first: list[str] = []
    before: list[str] = []
    after: list[str] = []
    subcommand: list[str] = []
    i = 0
    while i < end:
        word = arguments[i]
        name = word.partition("=")[0] if word.startswith("--") else word[:2]
        size = 1
        if name in own:
            first += arguments[i : i + (size := _size(word, own, arguments[i + 1 : end], choices))]
        elif subcommand:
            after.append(word)
        elif word in choices:
            subcommand.append(word)
        else:
            before += arguments[i : i + (size := _size(word, every, arguments[i + 1 : end], choices))]
        i += size
    if not subcommand:
        return list(arguments)
    return [*first, *subcommand, *before, *after, *arguments[end:]]


def _subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The parsers of the sub-commands, by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise AssertionError("the parser has no sub-commands")


def _options(parsers: Iterable[argparse.ArgumentParser]) -> dict[str, set[bool]]:
    """The options of the parsers except ``--help``, each with whether it takes a value: both, if parsers differ."""
    found: dict[str, set[bool]] = {}
    for parser in parsers:
        for action in parser._actions:
            for name in action.option_strings if action.dest != "help" else ():
                found.setdefault(name, set()).add(action.nargs is None)
    return found


def _size(word: str, options: dict[str, set[bool]], rest: Sequence[str], choices: Collection[str]) -> int:
    """How many words an option takes, itself included. An option that takes a value in some sub-commands only is read
    with one, unless a sub-command comes next."""
    takes = options.get(word, {False})
    return 2 if rest and (takes == {True} or (True in takes and rest[0] not in choices)) else 1


def count(number: int, singular: str, plural: str = "") -> str:
    """A number and its noun: ``1 follow``, ``2,000 follows``. The plural is the singular with an s, unless given."""
    return f"{number:,} {singular if number == 1 else plural or f'{singular}s'}"


@contextmanager
def until_nobody_reads() -> Iterator[None]:
    """End the program silently when nobody reads its output any more, such as after ``| head``."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter still flushes the buffer when it ends, so give it a place to write to.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(nowhere, stream.fileno())
        sys.exit(BROKEN_PIPE)
