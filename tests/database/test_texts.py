"""Texts with characters that the database, or the connection to it, does not know."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from django.db import OperationalError, connections

from sequere.backends.database.backend import DatabaseBackend
from sequere.backends.database.texts import check_charset
from sequere.backends.operations import AddEdges, Count, Follow, Forget, IsFollowing, ReadPage, Unfollow
from sequere.exceptions import InvalidObjectId
from sequere.resources import Resource
from tests.conftest import use_fallback

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

ADA, SMILE = Resource("user", "é"), Resource("user", "\N{GRINNING FACE}")


@pytest.mark.parametrize(
    "operation",
    [
        Follow(ADA, SMILE, 5.0),
        AddEdges("follow", ADA, [Resource("user", "2"), SMILE], 5.0),
        Forget(SMILE),
        Count(["followers"], [SMILE]),
        ReadPage(SMILE, "followers"),
    ],
    ids=str,
)
def test_a_call_with_such_an_object_id_is_refused_and_changes_nothing(narrow_database, operation):
    backend = DatabaseBackend()
    assert backend.perform(Follow(ADA, Resource("user", "1"), 5.0))
    with pytest.raises(InvalidObjectId, match=r"has characters that the database cannot hold: .*utf8mb4"):
        backend.perform(operation)
    assert backend.perform(Count(["followings"], [ADA])) == [1]
    assert backend.perform(IsFollowing(ADA, SMILE)) is False  # found by the digest


@pytest.mark.parametrize("operation", [Follow(ADA, SMILE, 5.0), Unfollow(ADA, SMILE)], ids=str)
def test_a_write_while_redis_is_cold_is_refused_too(narrow_database, settings, servers, operation):
    backend = use_fallback("valkey-9.1", settings, servers, ready=False)
    with pytest.raises(InvalidObjectId, match="utf8mb4"):
        backend.perform(operation)


def test_the_character_set_is_told_by_the_checks(narrow_database, settings):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"
    (message,) = run_checks(tags=["sequere"], include_deployment_checks=True)
    assert message.id == "sequere.W009"
    assert "latin1" in message.msg.lower() or "utf8mb3" in message.msg


def test_a_database_that_knows_every_character_passes_the_check(database, monkeypatch):
    assert check_charset(database) == []

    def refuse():
        raise OperationalError("connection refused")

    monkeypatch.setattr(connections[database], "cursor", refuse)
    assert check_charset(database) == []
