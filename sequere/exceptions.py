"""The exceptions of the package. Each text names the argument and its value, and says what to do.

Misuse (the first group) is found before anything is written. For a failure of the store (from :class:`BackendError`
on), the class says what is known about the effect of the call.
"""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError


class SequereException(Exception):
    """The base class of the exceptions of this package."""


class InvalidSettings(SequereException, ImproperlyConfigured):
    """A ``SEQUERE_…`` setting cannot be used."""


class InvalidModel(SequereException, TypeError):
    """Something cannot be registered: it is not a model, is abstract or swapped out, or its key has no object ids."""


class AlreadyRegistered(SequereException):
    """The model is already registered, or its identifier is already used."""


class NotRegistered(SequereException, LookupError):
    """The model of an instance, or an identifier, is not in the registry."""


class UnsavedInstance(SequereException, ValueError):
    """An instance that was never saved, or that has no primary key, cannot follow or be followed.

    Django's ``instance._state.adding`` decides whether it was saved: a key set by hand or by default does not make a
    row. Whether the row still exists is not checked. If you have only the key of a row, use
    :meth:`~sequere.registry.Registry.from_key`.
    """


class InvalidIdentifier(SequereException, ValueError):
    """An identifier is not 1 to 50 characters of ``A-Z a-z 0-9 _ . -``, or is digits alone, or ``count``."""


class InvalidObjectId(SequereException, ValueError):
    """The field or the database does not accept a primary key, or a text is not the object id of any key.

    An object id is 1 to 255 bytes of UTF-8 without NUL; each key has exactly one (``lua/README.rst``).
    """


class SelfFollow(SequereException, ValueError):
    """A resource cannot follow itself."""


class InvalidTimestamp(SequereException, ValueError):
    """A timestamp is neither a datetime nor seconds since the epoch, or not from 0 to below 2**33."""


class InvalidArgument(SequereException, ValueError):
    """Another argument is invalid."""


class InvalidLimit(SequereException, ValueError):
    """A limit or an offset is out of its range."""


class InvalidCursor(SequereException, ValueError):
    """A cursor is not one that a page returned."""


class BackendError(SequereException):
    """The store failed. Unless a subclass says otherwise, nothing was changed."""


class BackendUnavailable(BackendError):
    """The store cannot be reached, or does not answer queries now. Nothing changed."""


class OutcomeUnknown(BackendError):
    """The reply to a write was lost: it may or may not have been applied. Repeating the call is safe."""


class WriteRefused(BackendError):
    """The server accepts no writes: a read-only replica, out of memory, persistence broken. Nothing changed."""


class CommandDenied(BackendError):
    """The server's user lacks a permission. Nothing changed."""


class WrongType(BackendError):
    """A key of the graph has a value of another type. Nothing changed."""


class CorruptGraph(BackendError):
    """The graph contradicts itself, or a write that stopped half-way could not be undone: run ``audit --repair``.

    Or the keys under the prefix are from django-sequere 0.x: see the page on upgrading.
    """


class ColdStore(BackendError):
    """The server has lost its data: the guard key is missing. Nothing changed."""


class WriteConflict(SequereException, OperationalError):
    """Inside the caller's transaction, a write to the database conflicted with another one: a deadlock, changed rows.

    Roll the transaction back and repeat it from its beginning; without a transaction around it the call repeats itself.
    On SQLite the option ``transaction_mode`` with the value ``IMMEDIATE`` prevents most conflicts.
    """


class WriteBehindRefused(SequereException):
    """A command of write-behind is not needed, is already running elsewhere, or would destroy something.

    The text says what to do instead.
    """


class DatabaseBehind(WriteBehindRefused):
    """The database lacks changes that the journal no longer holds: it never read it, or came back from a backup.

    Redis goes on answering; nothing is drained until an operator has decided.
    """


class ScriptFailed(BackendError):
    """A script stopped for an unexpected reason; please report it. Nothing changed."""
