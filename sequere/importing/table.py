"""The follows that django-sequere 0.x has in the table ``sequere_follow``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from django.apps.registry import Apps
from django.db import Error as DatabaseError
from django.db import connections, models

from ..exceptions import InvalidArgument, InvalidSettings
from ..resources import Resource
from .follows import STEP, Batch, Follow
from .state import State

if TYPE_CHECKING:
    from ..backends.redis.backend import RedisBackend


class FormerFollow(models.Model):
    """A row of 0.x. No application has this model, so it has no migration."""

    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField()
    from_object_id = models.TextField()
    from_identifier = models.TextField()
    to_object_id = models.TextField()
    to_identifier = models.TextField()

    class Meta:
        apps = Apps()
        app_label = "sequere_former"
        db_table = "sequere_follow"
        managed = False

    def __str__(self) -> str:
        return str(self.to_follow())

    def to_follow(self) -> Follow:
        # str(): the columns of the object ids have integers
        from_resource = Resource(self.from_identifier, str(self.from_object_id))
        return Follow(from_resource, Resource(self.to_identifier, str(self.to_object_id)), self.created_at)


class TableSource:
    """The table in a database of ``DATABASES``."""

    def __init__(self, alias: str) -> None:
        if alias not in connections:
            raise InvalidArgument(f"--database must be one of {', '.join(connections)}; got {alias!r:.80}")
        self.alias = alias
        self.name = f"sequere_follow in the database {alias}"

    def prepare(self, state: State) -> int:
        """Count the rows. Two queries."""
        try:
            there = FormerFollow._meta.db_table in connections[self.alias].introspection.table_names()
        except DatabaseError as error:
            raise InvalidSettings(f"The database {self.alias!r} does not answer: {error}") from error
        total = FormerFollow._default_manager.using(self.alias).count() if there else 0
        if not total:
            raise InvalidSettings(f"The database {self.alias!r} has no rows in a table sequere_follow.")
        return total

    def collides_with(self, backend: RedisBackend, state: State) -> bool:
        return False

    def batches(self, state: State, place: str) -> Iterator[Batch]:
        """One query for each batch."""
        rows = FormerFollow._default_manager.using(self.alias).order_by("pk")
        while step := list(rows.filter(pk__gt=int(place or 0))[:STEP]):
            place = str(step[-1].pk)
            yield Batch(place, [row.to_follow() for row in step])
