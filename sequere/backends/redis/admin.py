"""The entries of the journal that the table could not hold, in Django's admin."""

from __future__ import annotations

from django.contrib import admin

from ..admin import TableAdmin
from .models import SetAside


@admin.register(SetAside)
class SetAsideAdmin(TableAdmin):
    """Entries that were set aside, newest first: delete one when it is resolved. ``verify`` repairs the follows."""

    list_display = ["entry", "reason", "content", "created_at"]
    ordering = ["-pk"]
