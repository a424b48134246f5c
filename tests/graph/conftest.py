"""What tests of the public functions share: a resource with followers, three users, and all signals."""

from __future__ import annotations

import pytest
from django.template import Context, Template

from sequere import signals
from sequere.models import follow
from tests.testapp.models import Project, User

NAMES = [name for name, value in vars(signals).items() if isinstance(value, signals.EdgeSignal)]


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


@pytest.fixture
def told():
    """Every signal that is sent: its name, both instances, and what else it says but the sender and the time."""
    events = []

    def listen(sender, signal, from_instance, to_instance, timestamp, **details):
        name = next(name for name in NAMES if getattr(signals, name) is signal)
        events.append((name, from_instance, to_instance, details))

    for name in NAMES:
        getattr(signals, name).connect(listen)
    yield events
    for name in NAMES:
        getattr(signals, name).disconnect(listen)


@pytest.fixture
def ada():
    return User.objects.create(username="ada")


@pytest.fixture
def bob():
    return User.objects.create(username="bob")


@pytest.fixture
def cyd():
    return User.objects.create(username="cyd")
