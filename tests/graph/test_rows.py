"""What a viewer and each of many instances are to each other, and how many follow each, on every backend."""

from __future__ import annotations

import pytest

from sequere import models
from tests.testapp.models import Project, User

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.usefixtures("backend")]


def test_relationships_say_all_about_each(declare, ada, bob, cyd):
    declare(User, kinds=("watch", "star", "a", "b", "c"))
    project = Project.objects.create(name="La classe americaine")
    models.follow(ada, bob)
    models.follow(bob, ada)
    models.follow(ada, bob, kind="star")
    models.mute(ada, bob)
    models.block(cyd, ada)
    declare(User, needs_approval=True)
    declare(Project, needs_approval=True)
    models.follow(ada, project)
    models.follow(project, ada)
    found = models.get_relationships(ada, [bob, cyd, project, ada], kinds=["watch", "star", "a", "b", "c"])
    shown = {
        one: {
            name
            for name in ("following", "followed_by", "friend", "requested", "requested_by", "blocked", "muted")
            if getattr(relationship, name)
        }
        for one, relationship in found.items()
    }
    assert shown == {
        bob: {"following", "followed_by", "friend", "muted"},
        cyd: set(),
        project: {"requested", "requested_by"},
        ada: set(),
    }
    assert found[bob].kinds == {"star"}
    assert found[cyd].blocked_by is None
    assert models.get_relationships(ada, [cyd], private=True)[cyd].blocked_by is True
    assert models.get_relationships(cyd, [ada])[ada].blocked is True
    assert models.get_relationships(ada, []) == {}


def test_attached_relationships(ada, bob, cyd):
    models.follow(ada, bob)
    same = User.objects.get(pk=bob.pk)
    assert models.attach_relationships(ada, iter([bob, same, cyd])) == [bob, same, cyd]
    assert (bob.relationship.following, same.relationship.following, cyd.relationship.following) == (True, True, False)


def test_counts_of_many(declare, ada, bob, cyd):
    declare(User, kinds=("watch",))
    models.follow(ada, bob)
    models.follow(bob, ada)
    models.follow(cyd, bob)
    models.follow(cyd, ada, kind="watch")
    assert models.get_counts([ada, bob, cyd]) == {ada: (1, 1, 1), bob: (2, 1, 1), cyd: (0, 1, 0)}
    assert models.get_counts([ada], kind="watch")[ada].followers == 1
