"""A resource with followers, and what a list of them shows."""

from __future__ import annotations

import pytest
from django.template import Context, Template

from sequere.models import follow
from tests.testapp.models import Project, User


@pytest.fixture
def project(valkey):
    """Followed by users 0 to 24, one after the other."""
    project = Project.objects.create(name="La classe americaine")
    for number in range(25):
        follow(User.objects.create(username=str(number)), project, timestamp=1000 + number)
    return project


def render(followers):
    text = (
        "{% for user, since in followers %}{{ user.pk }}{% if not forloop.last %},{% endif %}{% empty %}-{% endfor %}"
    )
    return Template(text).render(Context({"followers": followers}))


def names(items):
    return [int(user.username) for user, _ in items]
