"""The calls of the demo. They are Python source: what is shown is what runs."""

from __future__ import annotations

from dataclasses import dataclass

#: What comes before the first call.
SETTING = """\
from django.core.paginator import Paginator
from sequere.demo.models import Project, User
from sequere.models import (are_following, follow, follow_many,
                            get_followers, get_followers_count,
                            get_followings, get_followings_count,
                            get_friends, is_following)

user = User.objects.create(username="thoas")
alice = User.objects.create(username="alice")
bob = User.objects.create(username="bob")
carol = User.objects.create(username="carol")
project = Project.objects.create(name="La classe americaine")
derrick = Project.objects.create(name="Derrick contre Superman")
detourne = Project.objects.create(name="Ca detourne")
"""


@dataclass(frozen=True)
class Call:
    """One expression; ``writes`` if it may change the graph, so that it runs only once."""

    source: str
    writes: bool = False


@dataclass(frozen=True)
class Chapter:
    """Calls that belong together, with what to say before them; ``keys`` introduces the keys after them."""

    title: str
    words: str
    calls: tuple[Call, ...]
    keys: str = ""


CHAPTERS = (
    Chapter(
        "The session of the README",
        "With Redis each call is one Lua script. A list then fetches its instances, one query per model.",
        (
            Call("follow(user, project)", writes=True),
            Call("is_following(user, project)"),
            Call("get_followers_count(project)"),
            Call("get_followings_count(user)"),
            Call("get_followers(user)"),
            Call("get_followers(project)"),
            Call("get_followings(user)"),
        ),
        keys="Each resource has a uid; each list is a sorted set of uids by time, with its count beside it.",
    ),
    Chapter(
        "The same as methods",
        "SequereMixin has every function as a method. The follow exists already, so follow() returns False.",
        (
            Call("user.follow(project)", writes=True),
            Call("user.is_following(project)"),
            Call("project.get_followers_count()"),
            Call("user.get_followings_count()"),
            Call("user.get_followers()"),
            Call("project.get_followers()"),
            Call("user.get_followings()"),
        ),
    ),
    Chapter(
        "Friends",
        "Two who follow each other are friends, since the later of the two follows.",
        (
            Call("user.follow(alice)", writes=True),
            Call("user.is_friend(alice)"),
            Call("alice.follow(user)", writes=True),
            Call("user.is_friend(alice)"),
            Call("get_friends(user)"),
            Call("alice.get_friends_count()"),
        ),
        keys="The script that wrote the second follow wrote the friendship with it. Alice has uid 3.",
    ),
    Chapter(
        "Friends no more",
        "The script that ends a follow ends the friendship with it. Empty lists leave no key behind.",
        (
            Call("alice.unfollow(user)", writes=True),
            Call("alice.unfollow(user)", writes=True),
            Call("user.is_friend(alice)"),
            Call("get_friends(user)"),
            Call("user.is_following(alice)"),
        ),
    ),
    Chapter(
        "Many at once",
        "Up to 200 follows, or 500 questions, are one round trip.",
        (
            Call("follow_many(user, [project, derrick, detourne])", writes=True),
            Call("are_following(user, [alice, bob, detourne])"),
            Call("user.get_followings_count()"),
            Call("user.get_followings_count(identifier=Project)"),
        ),
    ),
    Chapter(
        "Page by page",
        "A list reads the part that is looked at. Django's Paginator counts first: two round trips.",
        (
            Call("alice.follow(project)", writes=True),
            Call("bob.follow(project)", writes=True),
            Call("carol.follow(project)", writes=True),
            Call("get_followers(project)[:2]"),
            Call("get_followers(project)[2:4]"),
            Call("get_followers(project, desc=False)[0]"),
            Call("Paginator(get_followers(project), 3).page(2).object_list"),
        ),
    ),
    Chapter(
        "Forget",
        "All follows of one, in both directions. Deleting the row does the same, on commit.",
        (
            Call("user.forget()", writes=True),
            Call("user.get_followings()"),
            Call("project.get_followers_count()"),
            Call("is_following(user, project)"),
        ),
        keys="Of thoas, who had uid 1, nothing is left. The project's list and count are shorter by one.",
    ),
)
