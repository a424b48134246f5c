"""The two models of the README."""

from __future__ import annotations

from django.db import models

from ..mixin import SequereMixin


class User(SequereMixin, models.Model):
    """Follows, and is followed."""

    username = models.CharField(max_length=150)

    def __str__(self) -> str:
        return self.username


class Project(SequereMixin, models.Model):
    """Is followed."""

    name = models.CharField(max_length=150)

    def __str__(self) -> str:
        return self.name
