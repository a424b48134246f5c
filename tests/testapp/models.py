"""Models of every kind that can take part."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models

from sequere.mixin import SequereMixin


class User(SequereMixin, AbstractUser):
    """An integer key."""


class Project(SequereMixin, models.Model):
    name = models.CharField(max_length=150)

    def __str__(self) -> str:
        return self.name


class Document(models.Model):
    """A UUID key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)


class Country(models.Model):
    """A text key."""

    code = models.CharField(primary_key=True, max_length=255)


class Place(models.Model):
    """The parent of a multi-table child; registered."""

    name = models.CharField(max_length=50)


class Restaurant(Place):
    """The child; not registered."""

    stars = models.IntegerField(default=0)


class StarredUser(User):
    """A proxy of a registered model; not registered."""

    class Meta:
        proxy = True


class Profile(models.Model):
    """The key of another row."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True)


class Stranger(models.Model):
    """Not registered."""


class Timestamped(models.Model):
    """Abstract."""

    class Meta:
        abstract = True


class Ledger(models.Model):
    """Registered only through its proxy."""


class Book(Ledger):
    class Meta:
        proxy = True


# Keys of other types; not registered.


class Price(models.Model):
    amount = models.DecimalField(primary_key=True, max_digits=8, decimal_places=2)


class Invoice(models.Model):
    price = models.OneToOneField(Price, on_delete=models.CASCADE, primary_key=True)


class Moment(models.Model):
    at = models.DateTimeField(primary_key=True)


class Day(models.Model):
    on = models.DateField(primary_key=True)


class Hour(models.Model):
    at = models.TimeField(primary_key=True)


class Span(models.Model):
    length = models.DurationField(primary_key=True)


class Host(models.Model):
    address = models.GenericIPAddressField(primary_key=True)


class Peer(models.Model):
    address = models.GenericIPAddressField(primary_key=True, unpack_ipv4=True)


class Weight(models.Model):
    grams = models.FloatField(primary_key=True)


class Answer(models.Model):
    right = models.BooleanField(primary_key=True)


class Seat(models.Model):
    number = models.PositiveSmallIntegerField(primary_key=True)


class Hashed(int):
    """A number that is shown in hexadecimal digits."""

    def __str__(self) -> str:
        return f"{self:x}"


class HashedField(models.Field):
    """A type of the project: stored as a number, read as Hashed."""

    def get_internal_type(self):
        return "BigIntegerField"

    def from_db_value(self, value, expression, connection):
        return Hashed(value)

    def to_python(self, value):
        return Hashed(value, 16) if isinstance(value, str) else Hashed(value)

    def get_prep_value(self, value):
        return int(self.to_python(value))


class Packet(models.Model):
    digest = HashedField(primary_key=True)


class ColorField(HashedField, models.IntegerField):
    """The same upon a type of Django."""


class Color(models.Model):
    rgb = ColorField(primary_key=True)
