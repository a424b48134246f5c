"""The relations in the admin: one list for each, and actions that call the public functions."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from sequere import models, registry
from sequere.backends.database.fields import columns_of
from sequere.backends.database.models import Edge as Row
from sequere.relations import FOREVER, Edge
from sequere.resources import Resource
from sequere.timestamps import to_moment
from tests.testapp.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def database(settings):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"


@pytest.fixture
def users():
    return [User.objects.create(username=name) for name in ("ada", "bob", "cyd")]


@pytest.fixture
def root(client):
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


def write(relation, one, other, seconds=1382676091.0):
    edge = Edge(relation, registry.identify(one), registry.identify(other))
    return Row.objects.create(timestamp=to_moment(seconds), **columns_of(edge))


def url(name, page="changelist", *arguments):
    return reverse(f"admin:sequere_database_{name}_{page}", args=arguments)


def act(client, name, action, *rows):
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    response = client.post(url(name), data, follow=True)
    return [str(message) for message in response.context["messages"]]


def test_each_relation_has_its_list(root, users):
    rows = {
        name: write(relation, *users[:2])
        for name, relation in [
            ("follow", "follow@watch"),
            ("followrequest", "request"),
            ("block", "block"),
            ("mute", "mute"),
        ]
    }
    for name, row in rows.items():
        listed = root.get(url(name))
        assert [one.pk for one in listed.context["cl"].result_list] == [row.pk]
        assert root.get(url(name, "add")).status_code == 403
        assert root.get(url(name, "change", row.pk)).status_code == 200
        assert root.post(url(name, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert "watch" in root.get(url("follow")).content.decode()


def test_the_end_of_a_mute(root, users):
    write("mute", *users[:2])
    write("mute@watch", *users[:2], seconds=FOREVER + 5.0)
    page = root.get(url("mute")).content.decode()
    assert "Oct. 25, 2013, 6:41 a.m." in page
    assert "never" in page


def test_follows_are_ended_by_the_public_function(root, users, declare):
    one, other, _ = users
    models.follow(one, other)
    models.follow(other, one)
    assert act(root, "follow", "unfollow", *Row.objects.all()) == ["Ended: 2"]
    assert not models.is_following(one, other)
    row = write("follow@watch", one, other)
    (text, done) = act(root, "follow", "unfollow", row)
    assert "Declared by testapp.User: none." in text
    assert done == "Ended: 0"
    declare(User, kinds=("watch",))
    assert act(root, "follow", "unfollow", row) == ["Ended: 1"]


def test_requests_blocks_and_mutes_too(root, users, declare):
    one, other, third = users
    declare(User, needs_approval=True)
    models.follow(one, third)
    models.follow(other, third)
    assert act(root, "followrequest", "accept", Row.objects.get(from_object_id=one.pk)) == ["Accepted: 1"]
    assert act(root, "followrequest", "deny", Row.objects.get(from_object_id=other.pk)) == ["Denied: 1"]
    assert models.get_followers(third).instances() == [one]
    models.block(one, other)
    models.mute(one, other)
    assert act(root, "block", "unblock", Row.objects.get(relation="block")) == ["Ended: 1"]
    assert act(root, "mute", "unmute", Row.objects.get(relation="mute")) == ["Ended: 1"]
    assert not Row.objects.filter(relation__in=["block", "mute"]).exists()


def test_what_is_not_registered_is_named(root, users):
    edge = Edge("follow", Resource("ghost", "1"), registry.identify(users[0]))
    row = Row.objects.create(timestamp=to_moment(1.0), **columns_of(edge))
    (text, done) = act(root, "follow", "unfollow", row)
    assert "No model is registered as 'ghost'" in text
    assert done == "Ended: 0"


def test_actions_need_the_permission_to_delete(client, users):
    user = User.objects.create(username="staff", is_staff=True)
    client.force_login(user)
    row = write("follow", *users[:2])
    user.user_permissions.add(Permission.objects.get(codename="view_follow"))
    assert client.get(url("follow")).context["action_form"] is None
    client.post(url("follow"), {"action": "unfollow", "_selected_action": [str(row.pk)]})
    assert models.is_following(*users[:2])
    user.user_permissions.add(Permission.objects.get(codename="delete_follow"))
    assert act(client, "follow", "unfollow", row) == ["Ended: 1"]
