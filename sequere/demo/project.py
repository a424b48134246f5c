"""A Django project that lives as long as the demo."""

from __future__ import annotations

from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command


def set_up(folder: Path) -> None:
    """Configure Django with a SQLite file in ``folder`` and create the tables. Call it once per process."""
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "demo.sqlite3"}},
        INSTALLED_APPS=["sequere", "sequere.backends.database", "sequere.backends.redis", "sequere.demo"],
        USE_TZ=True,
        TIME_ZONE="UTC",
    )
    django.setup()
    call_command("migrate", run_syncdb=True, verbosity=0)
