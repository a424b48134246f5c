"""How many queries of the graph's tables each public function makes with the database backend."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sequere import models
from sequere.results import FollowList, MuteList
from tests.graph.test_round_trips import NAMES, call
from tests.testapp.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def related(settings, declare):
    """Three users; the first two are in every relation that they can be in at once."""
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"
    people = [User.objects.create(username=name) for name in ("thoas", "ada", "grace")]
    one, other, third = people
    models.follow(one, other)
    models.follow(other, one)
    models.mute(one, other)
    declare(User, kinds=("watch",), needs_approval=True)
    models.follow(one, third)
    models.follow(other, third)
    models.follow(one, other, kind="watch")
    return people


#: Queries of the calls that make more than one. Writes lock, read and write; ``archive`` moves two lists of follows.
QUERIES = {
    **dict.fromkeys(("follow", "follow_many", "accept_all", "deny_all", "get_suggestions"), 2),
    **dict.fromkeys(("mute", "unfollow", "get_common_followers", "get_common_followings"), 3),
    **dict.fromkeys(("accept", "deny", "cancel", "forget", "restore", "unblock", "get_known_followers"), 4),
    **dict.fromkeys(("block", "remove_follower", "unmute", "unfollow_many"), 5),
    "archive": 14,
}


@pytest.mark.parametrize("name", NAMES)
def test_the_queries_of_a_call(related, name):
    with CaptureQueriesContext(connection) as captured:
        result = call(name, related)
        if isinstance(result, (FollowList, MuteList)):
            list(result[:20])
    queries = [query["sql"] for query in captured if '"sequere_' in query["sql"]]
    assert len(queries) == QUERIES.get(name, 1), queries
