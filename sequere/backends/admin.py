"""The common base of the admin classes of the tables."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import router, transaction
from django.http import HttpRequest, HttpResponse

from .database.statements import begin_writing


class TableAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """An admin to view and delete rows, not to add or edit any."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """As Django's, which reads the row first, in a transaction that takes SQLite's lock before."""
        alias = router.db_for_write(self.model)
        with transaction.atomic(using=alias):
            if request.method == "POST":
                begin_writing(alias, self.model)
            return super().delete_view(request, object_id, extra_context)
