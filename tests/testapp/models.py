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
