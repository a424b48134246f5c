"""The primary key of a model, and the object ids that stand for its values.

One row has one object id, whatever type or spelling its key has in Python: ``Decimal("1.5")`` and ``"1.50"`` in a field
with two decimal places are both ``1.50``. ``lua/README.rst`` shows the form for each type of field.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation
from enum import Enum
from functools import cached_property
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connections, models, router
from django.utils import timezone

from .exceptions import InvalidModel, InvalidObjectId
from .resources import check_object_id

#: The exceptions of fields and databases for a value that cannot be a key.
_REFUSED = (ValidationError, ValueError, TypeError, ArithmeticError)

#: The range of integers and of durations in microseconds, unless the database has another.
_INT64 = (-(2**63), 2**63 - 1)


class PrimaryKey:
    """Translates the values of a model's primary key into object ids and back. No method makes a query.

    This class is for custom fields of a project: it uses their ``to_python()`` and ``value_to_string()``, as Django's
    serializers do.
    """

    #: The types of values for which the subclass has a text form of its own.
    value_types: ClassVar[type | tuple[type, ...]] = ()

    #: The type whose values are written by ``str()`` and read by calling it, if the field accepts them as they are.
    plain_type: ClassVar[type | None] = None

    def __init__(self, model: type[models.Model], field: Any) -> None:
        self.model = model
        #: The attribute of an instance that holds the value.
        self.attname: str = model._meta.pk.attname
        #: The field that decides the type: a foreign key has the type of the field that it points to.
        self.field = field
        is_django = type(field).to_python.__module__.startswith("django.")
        # The fast path for most keys: it runs in every call of the package, and for every entry of a list.
        self._plain: Callable[[Any], Any] | None = self.plain_type if is_django else None

    def clean(self, value: Any) -> Any:
        """Return a value, in any form that the field accepts, in the form in which the database returns it.

        Raises :class:`~sequere.exceptions.InvalidObjectId` for a value that the field or the database refuses.
        """
        if isinstance(value, Enum):
            value = value.value
        if hasattr(value, "resolve_expression"):
            raise InvalidObjectId(
                f"The primary key of this {self._label} is the expression {value!r:.80}; call refresh_from_db() first."
            )
        try:
            key = self.field.to_python(value)
            if key is None:
                raise ValueError("it is empty")
            if isinstance(key, self.value_types):
                return self._normalize(key)
            prepared = self.field.get_db_prep_value(key, self._connection, prepared=False)
            if isinstance(prepared, int):
                _check_range(prepared, _INT64)
            return key
        except _REFUSED as error:
            # The messages of fields are translated, and meant for forms.
            field_type = type(self.field).__name__
            reason = f"it is not a value of {field_type}" if isinstance(error, ValidationError) else error
            raise InvalidObjectId(f"{value!r:.80} cannot be a primary key of {self._label}: {reason}.") from error

    def to_object_id(self, value: Any) -> str:
        """Return the object id of a value, such as ``instance.pk``. Raises the same exceptions as :meth:`clean`.

        The operations check that it has 1 to 255 bytes.
        """
        return str(value) if type(value) is self._plain else self._write(self.clean(value))

    def to_python(self, object_id: str) -> Any:
        """Return the value that a text stands for, in the type of the field. The database accepts it in a look-up.

        Other spellings are accepted if the field accepts them: ``"01"`` is 1. So use this for input from clients.
        Raises :class:`~sequere.exceptions.InvalidObjectId`.
        """
        return self.clean(check_object_id(object_id))

    def from_object_id(self, object_id: str) -> Any:
        """Return the value that an object id of the graph stands for: the inverse of :meth:`to_object_id`.

        Raises :class:`~sequere.exceptions.InvalidObjectId`, also for another spelling of the value: in the graph that
        is a different resource.
        """
        if self._plain:
            try:
                key = self._plain(object_id)
                if str(key) == object_id:
                    return self._normalize(key)
            except ValueError:  # the code below says what is wrong
                pass
        value = self.clean(check_object_id(object_id))
        written = self._write(value)
        if written != object_id:
            raise InvalidObjectId(
                f"{object_id!r:.80} is not an object id of {self._label}: the object id of that key is {written!r:.80}."
            )
        return value

    @property
    def _label(self) -> str:
        return self.model._meta.label

    @property
    def _connection(self) -> Any:
        return connections[router.db_for_write(self.model)]

    def _write(self, key: Any) -> str:
        if isinstance(key, self.value_types):
            return self._format(key)
        return str(self.field.value_to_string(SimpleNamespace(**{self.field.attname: key})))

    def _normalize(self, key: Any) -> Any:
        """The same form for all equal values. Raises an error of ``_REFUSED`` if the database refuses the value."""
        return key

    def _format(self, key: Any) -> str:
        return str(key)


class _Integer(PrimaryKey):
    value_types = plain_type = int

    @cached_property
    def _range(self) -> tuple[int, int]:
        try:
            low, high = self._connection.ops.integer_field_range(self.field.get_internal_type())
        except KeyError:  # a field type of the project
            return _INT64
        return low, high

    def _normalize(self, key: int) -> int:
        return _check_range(key, self._range)


class _Text(PrimaryKey):
    value_types = plain_type = str

    def from_object_id(self, object_id: str) -> Any:
        return super().from_object_id(check_object_id(object_id))


class _Uuid(PrimaryKey):
    value_types = plain_type = UUID


class _Boolean(PrimaryKey):
    value_types = bool


class _Float(PrimaryKey):
    value_types = float

    def _normalize(self, key: float) -> float:
        if not math.isfinite(key):
            raise ValueError("it is not finite")
        return key + 0.0  # no negative zero

    def _format(self, key: float) -> str:
        return repr(key)


class _Decimal(PrimaryKey):
    value_types = Decimal

    def _normalize(self, key: Decimal) -> Decimal:
        if not key.is_finite():
            raise ValueError("it is not finite")
        digits, places = self.field.max_digits, self.field.decimal_places
        if places is None:
            if not -255 < key.adjusted() < 255:
                raise ValueError("its exponent is too large")
            whole, _, fraction = f"{key:f}".partition(".")
            key = Decimal(f"{whole}.{fraction.rstrip('0')}")
        else:
            try:
                exact = Context(digits, traps=[Inexact, InvalidOperation])
                key = key.quantize(Decimal(1).scaleb(-places), context=exact)
            except ArithmeticError as error:
                raise ValueError(f"it has more than {digits} digits or {places} decimal places") from error
        return key.copy_abs() if key.is_zero() else key

    def _format(self, key: Decimal) -> str:
        return f"{key:f}"


class _Date(PrimaryKey):
    value_types = date


class _Datetime(PrimaryKey):
    value_types = datetime

    def _normalize(self, key: datetime) -> datetime:
        default = timezone.get_default_timezone()  # as DateTimeField, whatever zone is active
        if settings.USE_TZ:
            key = (timezone.make_aware(key, default) if timezone.is_naive(key) else key).astimezone(UTC)
        elif timezone.is_aware(key):
            key = timezone.make_naive(key, default)
        self._connection.ops.adapt_datetimefield_value(key)
        return key

    def _format(self, key: datetime) -> str:
        return key.replace(tzinfo=None).isoformat(timespec="microseconds") + ("Z" if key.tzinfo else "")


class _Time(PrimaryKey):
    value_types = time

    def _normalize(self, key: time) -> time:
        if key.tzinfo:
            raise ValueError("it has a time zone")
        return key

    def _format(self, key: time) -> str:
        return key.isoformat(timespec="microseconds")


class _Duration(PrimaryKey):
    value_types = timedelta

    def _normalize(self, key: timedelta) -> timedelta:
        _check_range(key // timedelta(microseconds=1), _INT64)
        return key

    def _format(self, key: timedelta) -> str:
        minutes, seconds = divmod(key.seconds, 60)
        return f"{key.days} {minutes // 60:02}:{minutes % 60:02}:{seconds:02}.{key.microseconds:06}"


class _Address(PrimaryKey):
    value_types = str

    def _normalize(self, key: str) -> str:
        return key if ":" in key else str(ip_address(key))  # to_python() checks IPv6 only


#: The translator for the keys of each type of field, and of those that inherit from it.
_KINDS: dict[type[models.Field[Any, Any]], Callable[[type[models.Model], Any], PrimaryKey]] = {
    models.IntegerField: _Integer,
    models.CharField: _Text,
    models.TextField: _Text,
    models.UUIDField: _Uuid,
    models.BooleanField: _Boolean,
    models.FloatField: _Float,
    models.DecimalField: _Decimal,
    models.DateField: _Date,
    models.DateTimeField: _Datetime,
    models.TimeField: _Time,
    models.DurationField: _Duration,
    models.GenericIPAddressField: _Address,
}


def get_primary_key(model: type[models.Model]) -> PrimaryKey:
    """Return the translator for the primary keys of a model.

    Raises :class:`~sequere.exceptions.InvalidModel` for a composite key, and for a field of Django that has no text for
    each of its values, such as ``BinaryField``.
    """
    if len(model._meta.pk_fields) > 1:
        raise InvalidModel(f"{model._meta.label} has a composite primary key; a resource needs a single one.")
    field: Any = model._meta.pk
    while field.remote_field:
        field = field.target_field
    if isinstance(field, models.GeneratedField):
        field = field.output_field
    bases = type(field).__mro__
    for base in bases:
        if base in _KINDS:
            return _KINDS[base](model, field)
    writes = type(field).value_to_string
    if not writes.__module__.startswith("django.") or not any(
        base.__module__.startswith("django.") for base in bases if base not in models.Field.__mro__
    ):
        return PrimaryKey(model, field)
    raise InvalidModel(
        f"The primary key of {model._meta.label} is a {type(field).__name__}, for which there is no object id. "
        "Give the model another primary key, such as a UUIDField, or use a subclass of the field with to_python() "
        "and value_to_string()."
    )


def _check_range(value: int, limits: tuple[int, int]) -> int:
    low, high = limits
    if not low <= value <= high:
        raise ValueError(f"the database accepts {low} to {high}")
    return value
