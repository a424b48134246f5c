"""What can go wrong, one class per kind; every text names the argument, its value and the remedy.

Misuse (the first group) is found before anything is written. Failures of the store (from
:class:`BackendError` on) say what is known about the effect of the call.
"""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError


class SequereException(Exception):
    """Everything that this package raises on purpose."""


class InvalidSettings(SequereException, ImproperlyConfigured):
    """A ``SEQUERE_…`` setting cannot be used."""


class InvalidModel(SequereException, TypeError):
    """Something was registered that cannot take part: not a model, abstract, swapped out, a key without a text."""


class AlreadyRegistered(SequereException):
    """The model, or its identifier, is taken."""


class NotRegistered(SequereException, LookupError):
    """The model of an instance, or an identifier, is not in the registry."""


class UnsavedInstance(SequereException, ValueError):
    """An instance that was never saved, or that has no primary key, cannot follow or be followed.

    Whether it was saved is what Django says (``instance._state.adding``): a key given by hand or by default does not
    make a row. Whether the row still exists is not asked. With only the key of a row, use
    :meth:`~sequere.registry.Registry.from_key`.
    """


class InvalidIdentifier(SequereException, ValueError):
    """Not 1 to 50 characters of ``A-Z a-z 0-9 _ . -``, or digits alone, or ``count``."""


class InvalidObjectId(SequereException, ValueError):
    """A primary key that its field or its database does not take, or text that is not the object id of any.

    An object id is 1 to 255 bytes of UTF-8 without NUL; each key has one (``lua/README.rst``).
    """


class SelfFollow(SequereException, ValueError):
    """A resource cannot follow itself."""


class InvalidTimestamp(SequereException, ValueError):
    """Not a datetime or seconds since the epoch from 0 to below 2**33."""


class InvalidArgument(SequereException, ValueError):
    """Another argument is invalid."""


class InvalidLimit(SequereException, ValueError):
    """A limit or an offset is out of its range."""


class InvalidCursor(SequereException, ValueError):
    """A cursor that no page returned."""


class BackendError(SequereException):
    """The store failed. Unless a subclass says otherwise, nothing was changed."""


class BackendUnavailable(BackendError):
    """The store could not be reached, or does not serve now. Nothing changed."""


class OutcomeUnknown(BackendError):
    """The reply to a write was lost: it may or may not have been applied. Repeating the call is safe."""


class WriteRefused(BackendError):
    """The server takes no writes: a read-only replica, out of memory, persistence broken. Nothing changed."""


class CommandDenied(BackendError):
    """The server's user lacks a permission. Nothing changed."""


class WrongType(BackendError):
    """A key of the graph has a value of another type. Nothing changed."""


class CorruptGraph(BackendError):
    """The graph contradicts itself, or a write that stopped half-way could not be undone: run ``audit --repair``.

    Or the keys under the prefix are of django-sequere 0.x: see the page on upgrading.
    """


class ColdStore(BackendError):
    """The server has lost its data: the guard key is missing. Nothing changed."""


class WriteConflict(SequereException, OperationalError):
    """In a transaction of the caller a write to the database met another transaction: a deadlock, rows that changed.

    Roll the transaction back and repeat it from its beginning; without a transaction around it the call repeats itself.
    On SQLite the option ``transaction_mode`` with the value ``IMMEDIATE`` prevents most.
    """


class WriteBehindRefused(SequereException):
    """What write-behind was told to do is not needed, is under way elsewhere, or would destroy something.

    The text says what to do instead.
    """


class DatabaseBehind(WriteBehindRefused):
    """The database lacks changes that the journal no longer holds: it never read it, or came back from a backup.

    Redis goes on answering; nothing is drained until an operator has decided.
    """


class ScriptFailed(BackendError):
    """A script stopped for a reason that it does not know; please report it. Nothing changed."""
