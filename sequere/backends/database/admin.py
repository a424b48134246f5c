"""The edges in Django's admin: all of them, to view and to delete; and those of each relation, with actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import get_permission_codename
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import formats, timezone

from ... import models as graph
from ...exceptions import SequereException
from ...registry import registry
from ...relations import FOREVER
from ...timestamps import to_datetime
from .. import get_backend
from ..admin import TableAdmin
from .backend import DatabaseBackend
from .models import Block, Edge, Follow, FollowRequest, Mute


@admin.register(Edge)
class EdgeAdmin(TableAdmin):
    """Edges, newest first. They cannot be added or edited here, because ``follow()`` and similar functions check them.

    If the table only follows another store, none can be deleted here either: the edge would come back.
    """

    list_display = ["relation", "from_identifier", "from_object_id", "to_identifier", "to_object_id", "since"]
    exclude = ["timestamp"]
    readonly_fields = ["since"]
    list_filter = ["relation", "from_identifier", "to_identifier"]
    search_fields = ["=from_object_id", "=to_object_id"]
    ordering = ["-timestamp", "-id"]

    @admin.display(description="timestamp", ordering="timestamp")
    def since(self, edge: Edge) -> str:
        return _show(edge.timestamp.timestamp())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return isinstance(get_backend(), DatabaseBackend) and super().has_delete_permission(request, obj)


#: What an action does for the from instance, the to instance and the kind of an edge.
Change = Callable[[Model, Model, str], object]


class RelationAdmin(TableAdmin):
    """The edges of one relation, newest first, to view. Actions use the public functions, which send signals.

    With write-behind, the change is made in Redis, and the row follows when the journal is drained.
    """

    relation: str
    list_display = ["from_identifier", "from_object_id", "to_identifier", "to_object_id", "kind", "since"]
    exclude = ["relation", "timestamp"]
    readonly_fields = ["kind", "since"]
    list_filter = ["from_identifier", "to_identifier"]
    search_fields = ["=from_object_id", "=to_object_id"]
    ordering = ["-timestamp", "-id"]

    @admin.display(description="kind", ordering="relation")
    def kind(self, edge: Edge) -> str:
        return str(edge.relation).partition("@")[2]

    @admin.display(description="timestamp", ordering="timestamp")
    def since(self, edge: Edge) -> str:
        return _show(edge.timestamp.timestamp())

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        of_kinds = Q(relation__startswith=f"{self.relation}@")
        edges: QuerySet[Any] = super().get_queryset(request)
        return edges.filter(Q(relation=self.relation) | of_kinds)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether the user may use the actions, which need the permission to delete."""
        codename = get_permission_codename("delete", self.opts)
        return bool(request.user.has_perm(f"{self.opts.app_label}.{codename}"))

    def act(self, request: HttpRequest, edges: QuerySet[Any], done: str, change: Change) -> None:
        """Make a change for each edge, and show the user how many edges it changed."""
        number = 0
        for edge in list(edges):
            try:
                number += bool(change(*_find_instances(edge), edge.relation.partition("@")[2]))
            except SequereException as error:
                self.message_user(request, f"{edge}: {error}", messages.ERROR)
        self.message_user(request, f"{done}: {number}")


@admin.register(Follow)
class FollowAdmin(RelationAdmin):
    """Follows of all kinds."""

    relation = "follow"
    actions = ["unfollow"]

    @admin.action(description="End the selected follows", permissions=["act"])
    def unfollow(self, request: HttpRequest, edges: QuerySet[Any]) -> None:
        self.act(request, edges, "Ended", lambda one, other, kind: graph.unfollow(one, other, kind=kind))


@admin.register(FollowRequest)
class FollowRequestAdmin(RelationAdmin):
    """Requests to follow, of all kinds."""

    relation = "request"
    actions = ["accept", "deny"]

    @admin.action(description="Accept the selected requests", permissions=["act"])
    def accept(self, request: HttpRequest, edges: QuerySet[Any]) -> None:
        self.act(request, edges, "Accepted", lambda one, other, kind: graph.accept(other, one, kind=kind))

    @admin.action(description="Deny the selected requests", permissions=["act"])
    def deny(self, request: HttpRequest, edges: QuerySet[Any]) -> None:
        self.act(request, edges, "Denied", lambda one, other, kind: graph.deny(other, one, kind=kind))


@admin.register(Block)
class BlockAdmin(RelationAdmin):
    """Blocks."""

    relation = "block"
    actions = ["unblock"]

    @admin.action(description="End the selected blocks", permissions=["act"])
    def unblock(self, request: HttpRequest, edges: QuerySet[Any]) -> None:
        self.act(request, edges, "Ended", lambda one, other, kind: graph.unblock(one, other))


@admin.register(Mute)
class MuteAdmin(RelationAdmin):
    """Mutes of all kinds, including those that have ended; those that end last come first."""

    relation = "mute"
    list_display = ["from_identifier", "from_object_id", "to_identifier", "to_object_id", "kind", "until"]
    readonly_fields = ["kind", "until"]
    actions = ["unmute"]

    @admin.display(description="until", ordering="timestamp", empty_value="never")
    def until(self, edge: Edge) -> str | None:
        end = edge.timestamp.timestamp()
        return None if end >= FOREVER else _show(end)

    @admin.action(description="End the selected mutes", permissions=["act"])
    def unmute(self, request: HttpRequest, edges: QuerySet[Any]) -> None:
        self.act(request, edges, "Ended", lambda one, other, kind: graph.unmute(one, other, kind=kind))


def _show(seconds: float) -> str:
    """Return a time in the time zone of the admin, even without ``USE_TZ``: the column is UTC."""
    moment = to_datetime(seconds)
    text: str = formats.localize(timezone.localtime(moment) if timezone.is_aware(moment) else moment)
    return text


def _find_instances(edge: Edge) -> tuple[Model, Model]:
    """Return the from and the to instance of an edge, without a query."""
    one, other = (
        registry.from_key(base.model, base.primary_key.from_object_id(object_id))
        for base, object_id in (
            (registry.get_by_identifier(edge.from_identifier), edge.from_object_id),
            (registry.get_by_identifier(edge.to_identifier), edge.to_object_id),
        )
    )
    return one, other
