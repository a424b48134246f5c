"""The edges in Django's admin, to view and to delete."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import formats, timezone

from ...timestamps import to_datetime
from .. import get_backend
from ..admin import TableAdmin
from .backend import DatabaseBackend
from .models import Edge


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
        """The timestamp in the time zone of the admin, even without ``USE_TZ``: the column is UTC."""
        moment = to_datetime(edge.timestamp.timestamp())
        return formats.localize(timezone.localtime(moment) if timezone.is_aware(moment) else moment)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return isinstance(get_backend(), DatabaseBackend) and super().has_delete_permission(request, obj)
