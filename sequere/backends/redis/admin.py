"""The entries of the journal that the table could not take, in Django's admin."""

from __future__ import annotations

from django.contrib import admin

from ..admin import TableAdmin
from .models import SetAside


@admin.register(SetAside)
class SetAsideAdmin(TableAdmin):
    """Newest first. To look at and, once it has been looked after, to remove; ``verify`` mends the follows."""

    list_display = ["entry", "reason", "content", "created_at"]
    ordering = ["-pk"]
