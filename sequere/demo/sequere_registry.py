"""The registrations, as the README writes them."""

from __future__ import annotations

import sequere

from .models import Project, User

sequere.register(User)
sequere.register(Project)
