"""The exceptions of the package. Each text names the argument and its value, and says what to do.

Misuse (the first group) is found before anything is written. For a failure of the store (from :class:`BackendError`
on), the class says whether the call has changed anything.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError


class SequereException(Exception):
    """The base class of the exceptions of this package."""


class InvalidSettings(SequereException, ImproperlyConfigured):
    """A ``SEQUERE_…`` setting cannot be used."""


class InvalidModel(SequereException, TypeError):
    """A value cannot be registered: it is not a model, or is abstract, swapped out, or has a key without object ids."""


class AlreadyRegistered(SequereException):
    """The model is already registered, or its identifier is already used."""


class NotRegistered(SequereException, LookupError):
    """The model of an instance, or an identifier, is not in the registry."""


class UnsavedInstance(SequereException, ValueError):
    """An instance was never saved, or has no primary key, so it cannot follow or be followed.

    Django's ``instance._state.adding`` says whether an instance was saved; a primary key alone does not. Whether the
    row still exists is not checked. If you have only the primary key of a row, use
    :meth:`~sequere.registry.Registry.from_key`.
    """


class InvalidIdentifier(SequereException, ValueError):
    """An identifier must be 1 to 50 characters of ``A-Z a-z 0-9 _ . -``, and neither digits alone nor ``count``."""


class InvalidObjectId(SequereException, ValueError):
    """The field or the database does not accept a primary key, or a text is not the object id of any primary key.

    An object id is 1 to 255 bytes of UTF-8 without NUL. Each primary key has exactly one (see ``lua/README.rst``).
    """


class SelfFollow(SequereException, ValueError):
    """A resource cannot follow itself."""


class InvalidTimestamp(SequereException, ValueError):
    """A timestamp must be a datetime, or seconds since the epoch, and from 0 to below 2**33 seconds."""


class InvalidArgument(SequereException, ValueError):
    """Another argument is invalid."""


class InvalidLimit(SequereException, ValueError):
    """A limit or an offset is out of range."""


class InvalidCursor(SequereException, ValueError):
    """A cursor was not returned by a page of a list in the same order."""


class Blocked(SequereException):
    """One of the two resources blocks the other, so neither can follow the other. Nothing changed.

    It does not say which of the two does.
    """


class FollowLimitReached(SequereException):
    """The follower is at a limit of its model's ``follow_limit`` or ``follow_rate``. Nothing changed."""

    def __init__(self, text: str, *, limit: str, value: int, retry_at: datetime | None) -> None:
        super().__init__(text)
        #: ``follow_limit`` or ``follow_rate``.
        self.limit = limit
        #: How many follows and requests the limit allows.
        self.value = value
        #: When the follower may follow again, an aware datetime in UTC; None if it must end other follows first.
        self.retry_at = retry_at

    def __reduce__(self) -> tuple[Any, ...]:
        details: dict[str, Any] = {"limit": self.limit, "value": self.value, "retry_at": self.retry_at}
        return partial(type(self), **details), self.args


class BackendError(SequereException):
    """The store failed. Unless a subclass says otherwise, the call changed nothing."""


class BackendUnavailable(BackendError):
    """The store cannot be reached, or cannot answer now. The call changed nothing."""


class OutcomeUnknown(BackendError):
    """The reply to a write was lost: the write may or may not have been applied. Repeating the call is safe."""


class WriteRefused(BackendError):
    """The server refuses writes: it is a replica, out of memory or cannot save its data. The call changed nothing."""


class CommandDenied(BackendError):
    """The server denies the user a command or a key, or does not accept the password. The call changed nothing."""


class WrongType(BackendError):
    """A key of the graph holds a value of another type. The call changed nothing."""


class CorruptGraph(BackendError):
    """The graph is inconsistent, or a write that stopped half-way could not be undone: run ``audit --repair``.

    It is also raised if keys under the prefix are from django-sequere 0.x: see the page on upgrading.
    """


class ColdStore(BackendError):
    """The server has lost its data: the guard key does not exist. The call changed nothing."""


class WriteConflict(SequereException, OperationalError):
    """In the caller's transaction, a write conflicted with another transaction: a deadlock, or rows that have changed.

    Roll the transaction back and repeat it from its beginning. Outside a transaction, the call repeats the write
    itself. On SQLite, the option ``transaction_mode`` with the value ``IMMEDIATE`` prevents most conflicts.
    """


class WriteBehindRefused(SequereException):
    """A command of write-behind is not needed, is already running elsewhere, or would destroy data.

    The text says what to do instead.
    """


class DatabaseBehind(WriteBehindRefused):
    """The database lacks changes that the journal no longer has: it was restored from a backup, or never read it.

    Redis continues to answer. Nothing is drained until an operator decides what to do.
    """


class ScriptFailed(BackendError):
    """A script failed for an unexpected reason; please report it. The call changed nothing."""
