from __future__ import annotations

import sequere

from .models import Book, Country, Document, Place, Profile, Project, User


class ProjectSequere(sequere.ModelBase):
    def has_follow_permission(self, request, instance):
        return instance.name != "secret"


sequere.register([User, Document, Country, Place, Profile, Book])
sequere.registry(Project, ProjectSequere)
