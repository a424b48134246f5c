"""The entries of the journal that the table could not take, in Django's admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from .models import SetAside


@admin.register(SetAside)
class SetAsideAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Newest first. To look at and, once it has been looked after, to remove; ``verify`` mends the follows."""

    list_display = ["entry", "reason", "content", "created_at"]
    ordering = ["-pk"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
