"""Lists of instances are alike with every backend."""

from __future__ import annotations

import copy

import pytest
from django.core.cache import caches

from sequere.models import follow, get_followers, unfollow
from tests.testapp.models import Project, User

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture
def project(backend):
    project = Project.objects.create(name="La classe americaine")
    for number in range(5):
        follow(User.objects.create(username=str(number)), project, timestamp=1000 + number)
    return project


def test_a_cache_holds_what_the_list_was(project):
    """The list as it was stored, whatever became of it since and however it is asked."""
    cache, everybody = caches["default"], list(get_followers(project))
    for key, part in [("all", slice(None)), ("first", slice(3)), ("rest", slice(3, None)), ("none", slice(7, 9))]:
        cache.set(key, get_followers(project)[part])
        cache.set(f"copy-of-{key}", copy.copy(get_followers(project)[part]))
    for user, _ in everybody[1:]:
        unfollow(user, project)
    for name in ("", "copy-of-"):
        assert cache.get(f"{name}all") == everybody
        assert cache.get(f"{name}first") == everybody[:3]
        assert cache.get(f"{name}rest") == everybody[3:]
        assert cache.get(f"{name}none") == []
        assert cache.get(f"{name}all")[1:][-2:] == everybody[3:]
        assert cache.get(f"{name}all").count() == len(cache.get(f"{name}all")) == 5
        assert everybody[4][0] in cache.get(f"{name}rest")
        assert cache.get(f"{name}first").all() == everybody[:1]


def test_indices_and_slices_of_any_size(project):
    everybody = list(get_followers(project))
    for part in (slice(10**30, None), slice(10**15 - 2, None), slice(-(10**30), 2), slice(2, 10**30), slice(4, 2)):
        assert get_followers(project)[part] == everybody[part]
        assert get_followers(project)[part].exists() is bool(everybody[part])
        assert get_followers(project)[part].count() == len(everybody[part])
    for index in (10**30, -(10**30), 10**15 - 2, 5, -6):
        with pytest.raises(IndexError):
            get_followers(project)[index]
