"""Lists made of others, and suggestions, in terms of instances."""

from __future__ import annotations

import copy
import pickle
from functools import partial

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser

from sequere import exceptions, registry, selections
from sequere.backends import get_backend
from sequere.backends.operations import AddEdges, Select
from sequere.graph.lists import get_followers_count
from sequere.models import (
    combine,
    follow,
    get_common_followers,
    get_common_followings,
    get_followers,
    get_followings,
    get_friends,
    get_known_followers,
    get_suggestions,
)
from sequere.selections import Estimate
from tests.support.counting import round_trips
from tests.testapp.models import Project, User

pytestmark = pytest.mark.django_db(databases="__all__")


@pytest.fixture(params=["database", "redis"])
def users(request, settings, declare):
    """Twelve users on either kind of backend; 2, 4 and so on follow user 0, 3, 6 and so on follow user 1."""
    if request.param == "redis":
        request.getfixturevalue("valkey")
    else:
        settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"
    declare(User, kinds=("watch",))
    users = [User.objects.create(username=f"u{number}") for number in range(13)]
    for number in range(2, 13):
        for owner, step in ((0, 2), (1, 3)):
            if number % step == 0:
                follow(users[number], users[owner], timestamp=1000.0 * (owner + 1) + number)
    return users


def names(found):
    return [int(user.username[1:]) for user, _ in found]


def relate(relation, one, *others):
    AddEdges(relation, registry.identify(one), [registry.identify(other) for other in others], 5.0).perform()


def test_common_followers(users):
    found = get_common_followers(users[0], users[1])
    assert names(found) == [12, 6]
    assert [since.timestamp() for _, since in found] == [1012.0, 1006.0]
    assert names(get_common_followers(users[0], users[1], identifier=User)) == [12, 6]
    assert list(get_common_followers(users[0], users[1], identifier=Project)) == []
    assert list(get_common_followers(users[0], users[1], kind="watch")) == []
    with pytest.raises(exceptions.InvalidArgument, match="Declared by the registered models: watch"):
        get_common_followers(users[0], users[1], kind="wtach")


def test_common_followings_and_known_followers(users):
    assert names(get_common_followings(users[6], users[12])) == [1, 0]
    assert names(get_common_followings(users[6], users[2])) == [0]
    relate("follow", users[5], users[2], users[4], users[3])
    assert sorted(names(get_known_followers(users[5], users[0]))) == [2, 4]
    assert {since.timestamp() for _, since in get_known_followers(users[5], users[0])} == {1004.0, 1002.0}
    assert get_known_followers(users[5], users[1]).instances() == [users[3]]


def test_suggestions(users):
    relate("follow", users[5], users[6], users[2], users[9])
    assert get_suggestions(users[5], limit=1) in ([(users[0], 2)], [(users[1], 2)])
    assert dict(get_suggestions(users[5])) == {users[0]: 2, users[1]: 2}
    User.objects.filter(pk=users[0].pk).delete()
    assert get_suggestions(users[5], 2) == [(users[1], 2)]
    assert get_suggestions(users[5], kind="watch") == []
    for limit in (0, 51):
        with pytest.raises(exceptions.InvalidLimit):
            get_suggestions(users[5], limit=limit)
    with pytest.raises(exceptions.InvalidArgument):
        get_suggestions(users[5], kind="wtach")


def test_one_is_looked_up_in_as_many_lists_as_can_be_combined(users):
    crowd = combine(get_followers(users[0]))
    for _ in range(10):
        crowd = crowd.both(get_followers(users[0]))
    assert users[2] in crowd
    assert users[3] not in crowd


def test_lists_are_combined(users):
    first, second = get_followers(users[0]), get_followers(users[1])
    assert names(combine(first)) == names(first) == [12, 10, 8, 6, 4, 2]
    assert names(combine(first).without(second)) == [10, 8, 4, 2]
    assert names(combine(second).without(first)) == [9, 3]
    assert names(combine(first).both(second)) == [12, 6]
    follow(users[5], users[12])
    assert names(combine(first).both(second).both(get_followings(users[5]))) == [12]
    assert names(combine(first).both(second).without(get_followings(users[5]))) == [6]
    assert names(combine(first).both(combine(second).without(get_followings(users[5])))) == [6]
    follow(users[0], users[4])
    assert names(combine(get_friends(users[0])).without(second)) == [4]
    assert names(combine(first)) == [12, 10, 8, 6, 4, 2]  # which stayed as it was


def test_what_cannot_be_combined(users):
    followers = get_followers(users[0])
    for wrong in (followers[:5], followers[1:], get_followers(users[0], desc=False), list(followers), users, None):
        for call in (combine, combine(followers).both, combine(followers).without):
            with pytest.raises(exceptions.InvalidArgument, match="newest first and not a slice"):
                call(wrong)
    with pytest.raises(exceptions.InvalidArgument, match="not combined"):
        combine(followers).without(combine(followers).both(followers))
    with pytest.raises(exceptions.InvalidArgument, match="newest first and not a slice"):
        combine(followers)[:3].both(followers)
    full = combine(followers)
    for _ in range(10):
        full = full.both(followers)
    assert names(full) == names(followers)
    with pytest.raises(exceptions.InvalidArgument, match="10 others"):
        full.both(followers)


def test_a_viewer_does_not_see_whom_a_block_concerns(users):
    viewer, owner = users[5], users[0]
    relate("block", viewer, users[12], users[2])
    relate("block", users[6], viewer)
    assert names(get_followers(owner, viewer=viewer)) == [10, 8, 4]
    assert names(get_followers(owner, viewer=viewer)[:2]) == [10, 8]
    assert names(get_followers(owner, viewer=viewer, identifier=User)) == [10, 8, 4]
    assert names(get_followers(owner, viewer=users[7])) == names(get_followers(owner))
    assert list(get_followings(users[3], viewer=viewer)) == list(get_followings(users[3]))
    assert list(get_friends(users[3], viewer=viewer)) == []
    assert names(get_common_followers(owner, users[1], viewer=viewer)) == []
    with pytest.raises(exceptions.InvalidArgument, match="viewer must be a model instance"):
        get_followers(owner, viewer=AnonymousUser())
    with pytest.raises(exceptions.InvalidArgument, match="newest first"):
        get_followers(owner, viewer=viewer, desc=False)


def test_nobody_has_nothing_in_common(users):
    user, nobody = users[0], AnonymousUser()
    for name, call in [
        ("instance", lambda: get_common_followers(nobody, user)),
        ("other", lambda: get_common_followings(user, nobody)),
        ("viewer", lambda: get_known_followers(nobody, user)),
        ("instance", lambda: get_known_followers(user, nobody)),
        ("viewer", lambda: get_common_followers(user, user, viewer=nobody)),
        ("instance", lambda: get_suggestions(nobody)),
    ]:
        with pytest.raises(exceptions.InvalidArgument, match=f"^{name} must be a model instance"):
            call()
    with pytest.raises(exceptions.NotRegistered):
        get_common_followers(user, user, identifier="usr")
    with pytest.raises(exceptions.InvalidArgument, match=r"^kind must be"):
        get_common_followers(user, user, kind="Watch")


def test_it_is_a_list(users):
    found = combine(get_followers(users[0], identifier=User)).without(get_followers(users[1]))
    everybody = list(found)
    assert len(found) == found.count() == 4
    assert found.all().count() == 4
    assert found.all()[1:3].count() == 2
    assert list(found.all()[1:3]) == everybody[1:3]
    assert list(found.all()[1:][1:]) == everybody[2:]
    assert found.all()[2] == found.all()[-2] == everybody[2]
    assert found.all().first() == everybody[0]
    assert found.all().exists()
    assert not found.all()[4:].exists()
    assert list(reversed(found.all())) == everybody[::-1]
    assert found.ids() == [user.pk for user, _ in everybody]
    assert found.all().instances() == [user for user, _ in everybody]
    assert users[4] in found.all()
    assert users[4] not in found.all()[:2]
    assert [user for user in users if user in found.all()] == [users[2], users[4], users[8], users[10]]
    assert found.all().contains(users[6]) is False
    assert everybody[0] in found.all()
    assert pickle.loads(pickle.dumps(found.all())) == copy.copy(found) == copy.deepcopy(found) == everybody
    assert repr(found.all()[:1]) == repr(everybody[:1])
    with pytest.raises(IndexError):
        found.all()[4]


def test_it_is_awaited(users):
    found = get_common_followers(users[0], users[1])

    @async_to_sync
    async def run():
        each = [item async for item in found.all()]
        counts = (await found.all().acount(), await found.all().aestimate(), await found.all().acontains(users[6]))
        return await found.all(), each, counts, await found.all()[:1]

    everybody, each, counts, part = run()
    assert everybody == each == list(found)
    assert counts == (2, Estimate(2, is_exact=True), True)
    assert part == everybody[:1]


def test_small_steps_fill_pages(users, monkeypatch):
    """As with a list that is much longer than what one call looks at and returns."""
    monkeypatch.setattr(selections, "Select", partial(Select, budget=2))
    monkeypatch.setattr(selections, "MAX_SELECTED", 2)
    found = combine(get_followers(users[0])).without(get_followers(users[1]))
    everybody = names(found)
    assert everybody == [10, 8, 4, 2]
    assert found.all().count() == 4
    assert names(found.all()[3:]) == [2]
    assert names(found.all()[1:3]) == [8, 4]
    assert names([found.all()[2]]) == [4]
    assert found.all().estimate() == Estimate(3, is_exact=False)
    assert found.all()[:2].estimate() == Estimate(2, is_exact=False)


def test_the_round_trips(valkey, monkeypatch):
    owner, other = User.objects.create(username="owner"), User.objects.create(username="other")
    fans = User.objects.bulk_create([User(username=f"fan{number}") for number in range(250)])
    follow_all(fans, owner)
    follow_all(fans[:150], other)
    get_backend().client.ping()
    get_followers_count(owner)
    found = get_common_followers(owner, other)
    for expression, trips in [
        (lambda: found.all().estimate(), 1),
        (lambda: found.all()[:20].instances(), 1),
        (lambda: found.all().exists(), 1),
        (lambda: found.all().first(), 1),
        (lambda: list(found.all()), 2),
        (lambda: found.all().count(), 2),
        (lambda: found.all()[120], 2),
        (lambda: fans[0] in found.all(), 2),
        (lambda: get_followers(owner, viewer=other).instances(), 3),
        (lambda: get_suggestions(owner), 1),
    ]:
        with round_trips(monkeypatch) as sent:
            expression()
        assert sent == ["EVALSHA"] * trips


def follow_all(fans, owner):
    for fan in fans:
        follow(fan, owner)
