"""A resource: something that follows or is followed, named without its model."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from typing import NamedTuple

from .exceptions import InvalidIdentifier, InvalidObjectId, SelfFollow

_IDENTIFIER = re.compile(r"(?!\d+\Z)(?!count\Z)[A-Za-z0-9_.-]{1,50}")


class Resource(NamedTuple):
    """The identifier of a model, and the object id of one of its rows."""

    identifier: str
    object_id: str


def is_identifier(identifier: object) -> bool:
    """Return whether a value is an identifier."""
    return isinstance(identifier, str) and _IDENTIFIER.fullmatch(identifier) is not None


def check_identifier(identifier: object, name: str = "identifier") -> str:
    """Return the identifier itself. Raises :class:`InvalidIdentifier`, which names the argument."""
    if not isinstance(identifier, str) or not is_identifier(identifier):
        raise InvalidIdentifier(
            f"{name} must be 1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not 'count'; "
            f"got {identifier!r:.80}. Set identifier in the ModelBase of the model."
        )
    return identifier


def check_object_id(object_id: object, name: str = "object_id") -> str:
    """Return the object id itself. Raises :class:`InvalidObjectId`, which names the argument."""
    if not isinstance(object_id, str):
        raise InvalidObjectId(f"{name} must be text; got {object_id!r:.80}")
    try:
        size = len(object_id.encode())
    except UnicodeEncodeError as error:
        raise InvalidObjectId(f"{name} must be text that can be encoded as UTF-8; got {object_id!r:.80}") from error
    if not 1 <= size <= 255 or "\0" in object_id:
        raise InvalidObjectId(f"{name} must be 1 to 255 bytes without NUL; got {object_id!r:.80} ({size} bytes)")
    return object_id


def check_resource(resource: Resource, name: str = "resource") -> Resource:
    """Return the resource itself. Raises :class:`InvalidIdentifier` or :class:`InvalidObjectId`."""
    check_identifier(resource.identifier, f"{name}.identifier")
    check_object_id(resource.object_id, f"{name}.object_id")
    return resource


def check_ends(from_resource: Resource, to_resource: Resource) -> None:
    """Raise :class:`InvalidIdentifier` or :class:`InvalidObjectId` if one end of an edge is not a resource."""
    check_resource(from_resource, "from")
    check_resource(to_resource, "to")


def check_self(resource: Resource, others: Iterable[Resource]) -> None:
    """Raise :class:`SelfFollow` if a resource is among those that it would follow."""
    if resource in others:
        raise SelfFollow(
            f"to must not be the same resource as from; got {f'{resource.identifier} {resource.object_id}'!r:.80}"
        )


def quote(resource: Resource) -> str:
    """Return a resource as two arguments of a command, quoted for a shell."""
    end_of_options = ["--"] if any(word.startswith("-") for word in resource) else []
    return " ".join([*end_of_options, *map(_quote, resource)])


def _quote(word: str) -> str:
    """A word quoted for a shell. Characters that are not printable get the form that bash, zsh and ksh read."""
    if word.isprintable():
        return shlex.quote(word)
    octets = (chr(one) if 32 <= one < 127 and one not in b"\\'" else f"\\{one:03o}" for one in word.encode())
    return f"$'{''.join(octets)}'"
