"""The edges in Django's admin, to look at and to remove."""

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
    """Newest first. Edges are made by ``follow()`` and the like, which check them, so none can be added or edited here.

    Where the table only follows another store, nothing can be removed here either: it would come back.
    """

    list_display = ["relation", "from_identifier", "from_object_id", "to_identifier", "to_object_id", "since"]
    exclude = ["timestamp"]
    readonly_fields = ["since"]
    list_filter = ["relation", "from_identifier", "to_identifier"]
    search_fields = ["=from_object_id", "=to_object_id"]
    ordering = ["-timestamp", "-id"]

    @admin.display(description="timestamp", ordering="timestamp")
    def since(self, edge: Edge) -> str:
        """In the time zone of the admin, without ``USE_TZ`` too: the column is UTC."""
        moment = to_datetime(edge.timestamp.timestamp())
        return formats.localize(timezone.localtime(moment) if timezone.is_aware(moment) else moment)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return isinstance(get_backend(), DatabaseBackend) and super().has_delete_permission(request, obj)
