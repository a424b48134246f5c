"""What following means: every backend, directly and asynchronously."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from sequere import exceptions, registry
from sequere.backends.operations import Count
from sequere.results import Item
from tests.testapp.models import (
    Book,
    Country,
    Document,
    Ledger,
    Place,
    Profile,
    Project,
    Restaurant,
    StarredUser,
    Stranger,
    User,
)

pytestmark = pytest.mark.django_db(databases="__all__")

MOMENT = datetime(2013, 10, 25, 4, 41, 31, 612067, tzinfo=UTC)


@pytest.fixture
def users():
    return [User.objects.create(username=name) for name in ("thoas", "ada", "grace", "edsger")]


@pytest.fixture
def project():
    return Project.objects.create(name="La classe americaine")


def test_a_follow_is_seen_from_both_ends(api, users, project):
    thoas = users[0]
    assert api.is_following(thoas, project) is False
    assert api.follow(thoas, project, timestamp=MOMENT) is True
    assert api.is_following(thoas, project) is True
    assert api.is_following(project, thoas) is False
    assert api.get_followers_count(project) == api.get_followings_count(thoas) == 1
    assert api.get_followers_count(thoas) == api.get_followings_count(project) == 0
    assert api.get_followers(project) == [(thoas, MOMENT)]
    assert api.get_followings(thoas) == [(project, MOMENT)]
    assert api.get_followers(thoas) == api.get_followings(project) == []


def test_repeating_changes_nothing_and_keeps_the_first_timestamp(api, users, project):
    assert api.follow(users[0], project, timestamp=MOMENT) is True
    assert api.follow(users[0], project, timestamp=-0.0) is False
    assert api.get_followers(project) == [(users[0], MOMENT)]
    assert api.unfollow(users[0], project) is True
    assert api.unfollow(users[0], project) is False
    assert api.get_followers(project) == []
    assert api.get_followers_count(project) == api.get_followings_count(users[0]) == 0


def test_timestamps_are_now_or_what_is_given(api, users, project):
    before = timezone.now()
    api.follow(users[0], project)
    ((_, moment),) = api.get_followers(project)
    assert before - timedelta(milliseconds=1) <= moment <= timezone.now()
    assert moment.tzinfo is UTC
    for user, given, expected in [
        (users[1], 1382676091.612067, MOMENT),
        (users[2], datetime(2013, 10, 25, 6, 41, 31, 612067), MOMENT),  # naive: Paris
        (users[3], 0, datetime(1970, 1, 1, tzinfo=UTC)),
    ]:
        api.follow(user, project, timestamp=given)
        assert dict(api.get_followers(project))[user] == expected


def test_datetimes_are_naive_without_time_zones(api, users, project, settings):
    settings.USE_TZ = False
    api.follow(users[0], project, timestamp=MOMENT)
    assert api.get_followers(project) == [(users[0], MOMENT.astimezone(ZoneInfo("Europe/Paris")).replace(tzinfo=None))]


def test_follows_of_the_hour_after_clocks_are_set_back_keep_their_times_and_their_order(api, users, project, settings):
    settings.USE_TZ = False  # in Paris, 2:00 to 3:00 comes twice on this day
    times = [datetime(2013, 10, 27, 0, 10, tzinfo=UTC) + timedelta(minutes=40 * number) for number in range(4)]
    for user, moment in zip(users, times, strict=True):
        api.follow(user, project, timestamp=moment)
        api.follow(project, user, timestamp=times[0])
    for read in (api.get_followers, api.get_friends):
        for desc, order in ((False, 1), (True, -1)):
            items = read(project, desc=desc)
            assert [instance for instance, _ in items] == users[::order]
            # fold=1 marks the later of two equal naive times
            since = [moment.replace(tzinfo=ZoneInfo("Europe/Paris")).astimezone(UTC) for _, moment in items]
            assert since == times[::order]


def test_lists_are_newest_first_and_can_be_turned_and_narrowed(api, users, project):
    thoas, ada, grace, edsger = users
    for age, follower in enumerate([ada, project, grace, edsger]):
        api.follow(follower, thoas, timestamp=MOMENT - timedelta(microseconds=age))
    assert [instance for instance, _ in api.get_followers(thoas)] == [ada, project, grace, edsger]
    assert [instance for instance, _ in api.get_followers(thoas, desc=False)] == [edsger, grace, project, ada]
    assert [instance for instance, _ in api.get_followers(thoas, identifier="user")] == [ada, grace, edsger]
    for narrow in ("project", Project, project):
        assert api.get_followers(thoas, identifier=narrow) == [(project, MOMENT - timedelta(microseconds=1))]
        assert api.get_followers_count(thoas, identifier=narrow) == 1
    assert api.get_followers(thoas, identifier="country") == []
    assert api.get_followers_count(thoas, identifier="country") == 0


def test_friends_follow_each_other_since_the_later_of_the_two(api, users, project):
    thoas, ada, grace, _ = users
    api.follow(thoas, project)
    api.follow(thoas, ada, timestamp=MOMENT)
    assert api.is_friend(thoas, ada) is api.is_friend(ada, thoas) is False
    assert api.get_friends(thoas) == []
    api.follow(ada, thoas, timestamp=MOMENT + timedelta(seconds=5))
    api.follow(grace, thoas, timestamp=MOMENT + timedelta(seconds=9))
    api.follow(thoas, grace, timestamp=MOMENT + timedelta(seconds=1))
    assert api.is_friend(thoas, ada) is api.is_friend(ada, thoas) is True
    assert api.get_friends(thoas) == [
        (grace, MOMENT + timedelta(seconds=9)),
        (ada, MOMENT + timedelta(seconds=5)),
    ]
    assert api.get_friends(thoas, desc=False) == api.get_friends(thoas)[::-1]
    assert api.get_friends(ada, identifier=User) == [(thoas, MOMENT + timedelta(seconds=5))]
    assert api.get_friends_count(thoas) == api.get_friends_count(thoas, identifier="user") == 2
    assert api.get_friends_count(thoas, identifier="project") == 0
    api.unfollow(ada, thoas)
    assert api.get_friends(ada) == []
    assert api.get_friends_count(ada) == 0
    assert api.get_friends_count(thoas) == 1
    assert api.is_following(thoas, ada)


def test_many_at_once(api, users, project):
    thoas, ada, grace, edsger = users
    api.follow(thoas, ada)
    api.follow(grace, thoas)
    assert api.follow_many(thoas, [ada, project, grace, project], timestamp=MOMENT) == {
        ada: False,
        project: True,
        grace: True,
    }
    assert api.get_friends(thoas) == [(grace, api.get_followers(thoas)[0][1])]
    assert api.are_following(thoas, [edsger, grace, project]) == {edsger: False, grace: True, project: True}
    assert api.unfollow_many(thoas, iter([edsger, grace, ada])) == {edsger: False, grace: True, ada: True}
    assert [instance for instance, _ in api.get_followings(thoas)] == [project]
    assert api.get_friends_count(grace) == 0
    assert api.follow_many(thoas, []) == api.unfollow_many(thoas, []) == api.are_following(thoas, []) == {}


def test_instances_that_stand_for_the_same_resource_all_get_an_answer(api, users):
    restaurant = Restaurant.objects.create(name="Chez Paul")
    place = Place.objects.get(pk=restaurant.pk)
    assert api.follow_many(users[0], [place, restaurant]) == {place: True, restaurant: True}
    assert api.are_following(users[0], [restaurant, place]) == {place: True, restaurant: True}
    assert api.get_followings_count(users[0]) == 1


def test_more_than_a_batch(api, users):
    countries = Country.objects.bulk_create([Country(code=f"c{n}") for n in range(620)])
    assert api.follow_many(users[0], countries) == dict.fromkeys(countries, True)
    assert api.get_followings_count(users[0]) == 620
    assert api.are_following(users[0], countries) == dict.fromkeys(countries, True)
    assert api.unfollow_many(users[0], countries[10:]) == dict.fromkeys(countries[10:], True)
    assert api.get_followings_count(users[0], identifier=Country) == 10


def test_forget_takes_both_directions_away(api, users, project):
    thoas, ada, grace, _ = users
    for follower, followed in [(thoas, ada), (ada, thoas), (grace, thoas), (thoas, project), (ada, grace)]:
        api.follow(follower, followed)
    assert api.forget(thoas) == 4
    assert api.forget(thoas) == 0
    for user in (thoas, ada, grace):
        assert thoas not in dict(api.get_followers(user))
        assert thoas not in dict(api.get_followings(user))
    assert api.get_followers_count(project) == api.get_friends_count(ada) == 0
    assert api.is_following(ada, grace)
    assert api.follow(thoas, ada) is True


@pytest.mark.parametrize(
    ("first", "second"),
    [("a", "A"), ("a", "a "), ("é", "e"), ("x:followers", "x"), ("1", "01"), ("漢" * 85, "漢" * 84)],
)
def test_object_ids_are_told_apart_byte_by_byte(api, first, second):
    one, other = Country.objects.create(code=first), Country.objects.create(code=second)
    follower = Country.objects.create(code="follower")
    api.follow(follower, one, timestamp=MOMENT)
    assert api.is_following(follower, other) is False
    assert api.follow(follower, other) is True
    assert api.unfollow(follower, other) is True
    assert api.get_followings(follower) == [(one, MOMENT)]


def test_keys_of_every_kind(api, users):
    document = Document.objects.create(id=uuid.uuid4())
    profile = Profile.objects.create(user=users[1])
    for instance in (document, profile):
        assert api.follow(users[0], instance, timestamp=MOMENT) is True
        assert api.get_followers(instance) == [(users[0], MOMENT)]
        assert (instance, MOMENT) in api.get_followings(users[0])


def test_subclasses_resolve_to_what_is_registered(api, users):
    restaurant = Restaurant.objects.create(name="Chez Paul")
    place = Place.objects.get(pk=restaurant.pk)
    api.follow(StarredUser.objects.get(pk=users[0].pk), restaurant, timestamp=MOMENT)
    assert api.is_following(users[0], place)
    assert api.get_followings(users[0]) == [(place, MOMENT)]
    ledger = Ledger.objects.create()
    api.follow(User.objects.only("id").get(pk=users[1].pk), ledger, timestamp=MOMENT)
    assert api.get_followings(users[1]) == [(Book.objects.get(pk=ledger.pk), MOMENT)]


def test_an_object_that_no_longer_exists_is_left_out(api, users, project):
    api.follow(users[1], users[0])
    api.follow(project, users[0])
    Project.objects.filter(pk=project.pk)._raw_delete("default")
    assert [instance for instance, _ in api.get_followers(users[0])] == [users[1]]


BAD_TIMESTAMPS = [
    (math.nan, "nan"),
    (math.inf, "inf"),
    (10**400, "1000"),
    (-math.inf, "-inf"),
    (-1, "-1"),
    (2**33, "8589934592"),
    (True, "True"),
    ("2013-10-25", "2013-10-25"),
    (datetime(1969, 12, 31, tzinfo=UTC), "1969"),
]


def test_bad_timestamps_are_named_and_change_nothing(api, users, project):
    for timestamp, shown in BAD_TIMESTAMPS:
        with pytest.raises(exceptions.InvalidTimestamp, match=f"timestamp must be .*{shown}"):
            api.follow(users[0], project, timestamp=timestamp)
        with pytest.raises(exceptions.InvalidTimestamp, match=f"timestamp must be .*{shown}"):
            api.follow_many(users[0], [project], timestamp=timestamp)
        assert api.get_followers_count(project) == 0, shown


def test_following_oneself_is_refused(api, users, project):
    thoas = users[0]
    for call in (
        lambda: api.follow(thoas, StarredUser.objects.get(pk=thoas.pk)),
        lambda: api.unfollow(thoas, thoas),
        lambda: api.follow_many(thoas, [project, thoas]),
        lambda: api.unfollow_many(thoas, [project, thoas]),
    ):
        with pytest.raises(exceptions.SelfFollow, match=f"must not be the same resource as .*; got .user {thoas.pk}"):
            call()
    assert api.get_followings_count(thoas) == 0
    assert api.is_following(thoas, thoas) is api.is_friend(thoas, thoas) is False


def refused_among_many(thoas):
    """What can be wrong with one of many: instances, the error, and its text."""
    item = Item(thoas, MOMENT)
    unhashable = Restaurant.objects.create(name="Chez Paul")
    unhashable.place_ptr_id = None  # its place is there, but the key by which Django hashes is not
    return [
        (Country.objects.create(code="x" * 256), exceptions.InvalidObjectId, r"to\.object_id must be 1 to 255 bytes"),
        (Project(name="unsaved"), exceptions.UnsavedInstance, "save it"),
        (Stranger.objects.create(), exceptions.NotRegistered, r"testapp\.Stranger is not registered"),
        (
            unhashable,
            exceptions.InvalidArgument,
            "each item of to_instances must be hashable.*; got <Restaurant: .*: Model",
        ),
        (
            item,
            exceptions.InvalidArgument,
            r"each item of to_instances must be a model instance; .* \.instances\(\) of the",
        ),
        *[
            (one, exceptions.InvalidArgument, f"each item of to_instances must be a model instance; got {shown}")
            for one, shown in [(None, "None"), ("ada", "'ada'"), (User, "<class"), ([thoas], r"\[<User"), (5, "5")]
        ],
    ]


def test_many_are_checked_before_the_first_of_them_is_written(api, users):
    thoas = users[0]
    many = Project.objects.bulk_create([Project(name=str(number)) for number in range(60)])
    refused = refused_among_many(thoas)
    itself = (thoas, exceptions.SelfFollow, "must not be the same resource as")
    for one, error, text in [*refused, itself]:
        with pytest.raises(error, match=text):
            api.follow_many(thoas, [*many, one])
    assert api.get_followings_count(thoas) == 0
    assert api.follow_many(thoas, (project for project in many)) == dict.fromkeys(many, True)
    for one, error, text in [*refused, itself]:
        with pytest.raises(error, match=text):
            api.unfollow_many(thoas, (each for each in [*many, one]))
    assert api.get_followings_count(thoas) == 60
    for one, error, text in refused:
        with pytest.raises(error, match=text):
            api.are_following(thoas, [*many, one])


def test_what_cannot_take_part_is_refused(api, users, project):
    stranger = Stranger.objects.create()
    for call in (
        lambda: api.follow(stranger, project),
        lambda: api.follow_many(users[0], [project, stranger]),
        lambda: api.is_following(users[0], stranger),
        lambda: api.get_followers(stranger),
        lambda: api.get_friends_count(users[0], identifier=Stranger),
        lambda: api.forget(stranger),
    ):
        with pytest.raises(exceptions.NotRegistered, match=r"testapp.Stranger is not registered; .*register\(Stranger"):
            call()
    for call in (
        lambda: api.follow(users[0], Project(name="unsaved")),
        lambda: api.are_following(users[0], [project, Project(name="unsaved")]),
        lambda: api.get_followings(User(username="unsaved")),
    ):
        with pytest.raises(exceptions.UnsavedInstance, match="was never saved; save it"):
            call()
    assert api.get_followers_count(project) == api.get_followings_count(users[0]) == 0


@pytest.mark.parametrize("code", ["", "x" * 10_000, "a\0b", "é" * 128, "\ud800"])
def test_bad_object_ids_are_refused(api, users, code):
    country = registry.from_key(Country, code)
    for call in (
        lambda: api.follow(users[0], country),
        lambda: api.follow(country, users[0]),
        lambda: api.unfollow(users[0], country),
        lambda: api.is_following(users[0], country),
        lambda: api.are_following(users[0], [country]),
        lambda: api.follow_many(users[0], [registry.from_key(Country, "ok"), country]),
        lambda: api.get_followers_count(country),
        lambda: api.forget(country),
    ):
        with pytest.raises(exceptions.InvalidObjectId, match="object_id must be"):
            call()
    assert api.get_followings_count(users[0]) == 0


def test_who_is_of_a_model_that_is_registered_no_more_is_known_to_operations_only(api, users, project):
    api.follow(project, users[0])
    base = registry.get_base(Project)
    registry.unregister(Project)
    try:
        with pytest.raises(exceptions.NotRegistered, match="No model is registered as 'project'; registered: user"):
            api.get_followers_count(users[0], identifier="project")
        assert Count(["followers:project"], [registry.identify(users[0])]).perform() == [1]
        assert api.get_followers_count(users[0]) == 1
        assert api.get_followers(users[0]) == []
    finally:
        registry.register(Project, type(base))
