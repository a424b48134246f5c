"""The smallest set of permissions that the package needs on a server, and which of them a user lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ....exceptions import BackendError, CommandDenied, InvalidArgument
from ....relations import LISTS, RELATIONS
from ..client import find_node, get_driver_of
from ..errors import translated
from ..scripts import catalogue

#: The commands that the package sends, besides those that scripts call: for the scripts (EVALSHA, EVAL, SCRIPT LOAD),
#: for the health checks (PING) and the database (SELECT) of the client, and for the system check (INFO, MULTI).
SENT: tuple[str, ...] = ("EVALSHA", "EVAL", "SCRIPT|LOAD", "PING", "SELECT", "INFO", "MULTI")

#: The commands that only write-behind sends: a rebuild finds the keys of the graph and removes them.
SENT_BEHIND = ("SCAN",)

#: Arguments, after the key, to test whether a command is permitted. It is queued in a transaction and never run.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "DECR": (),
    "DEL": (),
    "EXISTS": (),
    "EXPIRE": ("1",),
    "GET": (),
    "HDEL": ("check",),
    "HMGET": ("identifier",),
    "HSET": ("identifier", "check"),
    "INCR": (),
    "MGET": (),
    "PTTL": (),
    "SADD": ("check",),
    "SCARD": (),
    "SET": ("0",),
    "SMEMBERS": (),
    "SREM": ("check",),
    "TYPE": (),
    "UNLINK": (),
    "XADD": ("*", "operation", "check"),
    "XLEN": (),
    "XRANGE": ("-", "+"),
    "XREVRANGE": ("+", "-"),
    "XTRIM": ("MAXLEN", "0"),
    "ZADD": ("0", "0"),
    "ZCARD": (),
    "ZCOUNT": ("0", "0"),
    "ZMSCORE": ("0",),
    "ZRANDMEMBER": (),
    "ZRANGE": ("0", "0"),
    "ZRANK": ("0",),
    "ZREM": ("0",),
    "ZREVRANGE": ("0", "0"),
    "ZREVRANK": ("0",),
    "ZSCORE": ("0",),
}


def escape(prefix: str) -> str:
    """Return the pattern that matches this prefix and nothing else, for SCAN and for ACLs."""
    return re.sub(r"([\\*?\[\]])", r"\\\1", prefix)


def make_acl_line(prefix: str, *, user: str = "sequere", read_only: bool = False, write_behind: bool = False) -> str:
    """Return the ACL SETUSER command for a user that may do what the package does under ``prefix``, and no more.

    It keeps the passwords, so the line of a newer release can be run after that of an older one. With ``read_only`` the
    user can only run the scripts that read (Redis 7.0 or newer, Valkey). With ``write_behind`` it is a user for
    RedisFallbackBackend. Raises :class:`~sequere.exceptions.InvalidArgument` for a name or a prefix that no ACL can
    hold, and for both options at once. No round trip.
    """
    if read_only and write_behind:
        raise InvalidArgument("read_only and write_behind exclude each other: a user who drains must write")
    for name, value in {"user": user, "prefix": prefix}.items():
        if re.search(r"[\s\0\"']", value) or not (value or name == "prefix"):
            wanted = "not contain spaces or quotes" if value else "not be empty"
            raise InvalidArgument(f"{name} must {wanted}; got {value!r:.80}")
    if user == "default":
        raise InvalidArgument("user must not be default: the line would take the administrator's own rights away")
    pattern = f"{escape(prefix)}*"
    keys, sent = [f"~{pattern}"], SENT
    if read_only:
        # EVALSHA asks for the right to write to its KEYS: the prefix, and the last uid or the journal as guard.
        keys = [f"%R~{pattern}", *(f"~{escape(prefix)}{key}" for key in ("", "global:uid", "global:journal"))]
        sent += ("EVALSHA_RO", "EVAL_RO")  # a server that knows users with %R~ knows these two as well
    if write_behind:
        sent += SENT_BEHIND
    called = {
        command for script in catalogue().values() if script.read_only or not read_only for command in script.commands
    }
    commands = [f"+{command.lower()}" for command in (*sent, *sorted(called))]
    return " ".join(["ACL SETUSER", user, "on", "resetkeys", "resetchannels", "-@all", *keys, *commands])


def find_missing(client: Any, prefix: str) -> dict[str, list[str]]:
    """Return what the client's user may not do: ``ZADD sequere:uid:0:followers`` -> the scripts that need it.

    Each command is queued in a transaction that is dropped with its connection: the server decides as it would for the
    script, in every version and without permission to read ACLs, and runs nothing. One round trip for each command and
    kind of key, about 100, on a separate connection. Raises ``CommandDenied`` if the user may not use transactions, and
    ``BackendError``.
    """
    needed: dict[str, list[str]] = {}
    for script in catalogue().values():
        for command in ("EVALSHA", "EVAL", *script.commands):
            needed.setdefault(command, []).append(script.name)
    questions = {command: list(_questions(command, prefix)) for command in needed}
    missing: dict[str, list[str]] = {}
    node = find_node(client, prefix)
    client_class = get_driver_of(node).client_class
    with translated(), client_class(connection_pool=node.connection_pool, single_connection_client=True) as single:
        connection: Any = single.connection
        try:
            _ask(connection, "MULTI", wanted="OK")
            for command, names in needed.items():
                for question in questions[command]:
                    try:
                        _ask(connection, *question, wanted="QUEUED")
                    except CommandDenied:
                        key = question[3] if command.startswith("EVAL") else "".join(question[1:2])
                        missing[f"{command} {key}".strip()] = names
        finally:
            connection.disconnect()
    return missing


def _questions(command: str, prefix: str) -> Iterator[tuple[str, ...]]:
    """The command on each kind of key that the scripts use it on; uid 0 is never given out."""
    if command.startswith("EVAL"):
        yield command, "return 0", "2", prefix, f"{prefix}global:uid"
    elif command == "TIME":
        yield (command,)
    else:
        # Permissions differ by key or by command: two commands on every list, every command on one relation's lists.
        names = LISTS if command in ("ZADD", "ZSCORE") else RELATIONS["follow"].lists
        lists = [f"{prefix}uid:0:{name}" for name in names]
        quota = f"{prefix}uid:0:quota"
        strings = [f"{prefix}global:uid", f"{prefix}uid:sequere:check", f"{lists[0]}:count", quota]
        name = f"{prefix}uid::0"
        by_letter = {"H": [name], "X": [f"{prefix}global:journal"], "Z": lists}
        if command in ("SADD", "SCARD", "SMEMBERS", "SREM"):
            keys = [f"{prefix}global:kinds"]
        elif command in ("EXPIRE", "PTTL"):
            keys = [quota]
        else:
            keys = by_letter.get(command[0], [*strings, name])
        for key in keys:
            yield command, key, *ARGUMENTS[command]


def _ask(connection: Any, *command: str, wanted: str) -> None:
    with translated():
        connection.send_command(*command)
        reply = connection.read_response()
    if reply not in (wanted, wanted.encode()):  # whatever this is, it does not support transactions
        raise BackendError(f"{command[0]} in a transaction was answered with {reply!r:.80}")
