"""The tables of django-friendship and of django-activity-stream. The packages need not be installed."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models

from ..exceptions import InvalidArgument, NotRegistered
from ..registry import registry
from ..relations import check_kind
from ..resources import Resource
from .sources import Batch, Found
from .state import State
from .tables import TableSource, make_model

#: The kind of the follows and requests that django-friendship calls friends.
FRIEND = "friend"


class FriendshipSource(TableSource):
    """The tables of django-friendship, blocks first.

    Two friends have two rows, one for each direction.
    """

    tables = (
        make_model(
            "friendship_block",
            blocker_id=models.TextField(),
            blocked_id=models.TextField(),
            created=models.DateTimeField(),
        ),
        make_model(
            "friendship_follow",
            follower_id=models.TextField(),
            followee_id=models.TextField(),
            created=models.DateTimeField(),
        ),
        make_model(
            "friendship_friend",
            from_user_id=models.TextField(),
            to_user_id=models.TextField(),
            created=models.DateTimeField(),
        ),
        make_model(
            "friendship_friendshiprequest",
            from_user_id=models.TextField(),
            to_user_id=models.TextField(),
            created=models.DateTimeField(),
            rejected=models.DateTimeField(null=True),
        ),
    )
    #: For each table: the relation, and the columns of the two ends.
    relations = {
        "friendship_block": ("block", "blocker_id", "blocked_id"),
        "friendship_follow": ("follow", "follower_id", "followee_id"),
        "friendship_friend": (f"follow@{FRIEND}", "from_user_id", "to_user_id"),
        "friendship_friendshiprequest": (f"request@{FRIEND}", "from_user_id", "to_user_id"),
    }

    def __init__(self, alias: str) -> None:
        super().__init__(alias)
        self.identifier = registry.to_identifier(get_user_model())

    def read(self, row: Any, batch: Batch) -> None:
        if getattr(row, "rejected", None) is not None:
            batch.skipped += 1
            return
        relation, *columns = self.relations[row._meta.db_table]
        one, other = (Resource(self.identifier, str(getattr(row, column))) for column in columns)
        batch.edges.append(Found(relation, one, other, row.created))


class ActstreamSource(TableSource):
    """The follows of django-activity-stream; a flag becomes a kind."""

    note = "had actor_only=False, which the graph does not store"
    tables = (
        make_model(
            "actstream_follow",
            user_id=models.TextField(),
            content_type_id=models.IntegerField(),
            object_id=models.TextField(),
            actor_only=models.BooleanField(),
            flag=models.TextField(),
            started=models.DateTimeField(),
        ),
    )
    content_types = make_model("django_content_type", app_label=models.TextField(), model=models.TextField())

    def __init__(self, alias: str) -> None:
        super().__init__(alias)
        self.identifier = registry.to_identifier(get_user_model())
        #: The identifier of each content type, or what is wrong with it.
        self.identifiers: dict[int, str | NotRegistered] = {}

    def prepare(self, state: State) -> int:
        """As the base class says, with one more query."""
        total = super().prepare(state)
        self.identifiers = {row.pk: _identify(row.app_label, row.model) for row in self._rows(self.content_types)}
        return total

    def read(self, row: Any, batch: Batch) -> None:
        missing = NotRegistered(f"There is no content type {row.content_type_id}.")
        identifier = self.identifiers.get(row.content_type_id, missing)
        try:
            kind = check_kind(row.flag, "the flag")
            if isinstance(identifier, NotRegistered):
                raise identifier
        except (InvalidArgument, NotRegistered) as error:
            batch.faults.append((f"actstream_follow {row.pk}: {error}", 1))
            return
        one, other = Resource(self.identifier, str(row.user_id)), Resource(identifier, str(row.object_id))
        batch.edges.append(Found(f"follow@{kind}" if kind else "follow", one, other, row.started))
        batch.noted += not row.actor_only


def _identify(app_label: str, name: str) -> str | NotRegistered:
    try:
        return registry.to_identifier(apps.get_model(app_label, name))
    except LookupError as error:  # the model does not exist any more, or is not registered
        return error if isinstance(error, NotRegistered) else NotRegistered(f"There is no model {app_label}.{name}.")
