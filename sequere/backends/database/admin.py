"""The edges in Django's admin, to look at and to remove."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from .. import get_backend
from ..admin import TableAdmin
from .backend import DatabaseBackend
from .models import Edge


@admin.register(Edge)
class EdgeAdmin(TableAdmin):
    """Newest first. Edges are made by ``follow()`` and the like, which check them, so none can be added or edited here.

    Where the table only follows another store, nothing can be removed here either: it would come back.
    """

    list_display = ["relation", "from_identifier", "from_object_id", "to_identifier", "to_object_id", "timestamp"]
    list_filter = ["relation", "from_identifier", "to_identifier"]
    search_fields = ["=from_object_id", "=to_object_id"]
    ordering = ["-timestamp", "-id"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return isinstance(get_backend(), DatabaseBackend) and super().has_delete_permission(request, obj)
