"""What type checkers know of the public functions. mypy and pyright check this file; it is never run.

A comment that ignores an error is itself an error where the checkers find none, so each one is a call that they refuse.
"""

from __future__ import annotations

from copy import copy
from datetime import datetime
from typing import assert_type

from django.db.models import Model

from sequere import registry
from sequere.models import (
    aare_following,
    afollow,
    aget_followers,
    aget_followers_count,
    are_following,
    follow,
    follow_many,
    forget,
    get_followers,
    get_followers_count,
    get_friends,
)
from sequere.results import FollowList, Item
from tests.testapp.models import Project, User


def functions(user: User, project: Project) -> None:
    assert_type(follow(user, project), bool)
    assert_type(follow(user, project, timestamp=datetime.now()), bool)
    assert_type(forget(user), int)
    assert_type(follow_many(user, [project]), dict[Project, bool])
    assert_type(are_following(user, [project]), dict[Project, bool])
    assert_type(get_followers_count(project, User), int)
    assert_type(get_followers_count(project, identifier="user"), int)
    follow(user)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    follow(user, "project")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    follow(user, None)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    follow_many(user, project)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    get_followers_count(project, 5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    follow(user, project, 1.0)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def lists(project: Project, user: User) -> None:
    assert_type(get_followers(project), FollowList[Model])
    assert_type(get_followers(project, identifier="user"), FollowList[Model])
    assert_type(get_followers(project, identifier=user, desc=False), FollowList[User])
    followers = get_followers(project, identifier=User)
    assert_type(followers, FollowList[User])
    assert_type(followers[:20], FollowList[User])
    assert_type(followers[0], Item[User])
    assert_type(followers[0].instance, User)
    assert_type(followers.first(), Item[User] | None)
    assert_type(followers.instances(), list[User])
    assert_type(followers.exists(), bool)
    assert_type(followers.contains(user), bool)
    assert_type(list(followers), list[Item[User]])
    assert_type(list(reversed(followers)), list[Item[User]])
    assert_type(followers[2:][:3].all(), FollowList[User])
    assert_type(copy(followers), FollowList[User])
    assert_type(user in followers, bool)
    assert_type(followers.count() + len(followers), int)
    for follower, since in followers:
        assert_type(follower, User)
        assert_type(since, datetime)


def keys() -> None:
    assert_type(registry.from_key(User, 5), User)
    registry.from_key("user", 5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def methods(user: User, project: Project) -> None:
    assert_type(user.follow(project), bool)
    assert_type(user.is_friend(user), bool)
    assert_type(user.follow_many([project]), dict[Project, bool])
    assert_type(user.get_friends(identifier=User), FollowList[User])
    assert_type(get_friends(user, identifier=User), FollowList[User])
    user.follow()  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


async def asynchronous(user: User, project: Project) -> None:
    assert_type(await afollow(user, project), bool)
    assert_type(await user.afollow(project, timestamp=1.0), bool)
    assert_type(await aget_followers_count(project), int)
    assert_type(await aare_following(user, [project]), dict[Project, bool])
    followers = aget_followers(project, identifier=User)
    assert_type(await followers, list[Item[User]])
    assert_type(await followers[:20], list[Item[User]])
    assert_type(await followers.afirst(), Item[User] | None)
    async for follower, since in followers:
        assert_type(follower, User)
        assert_type(since, datetime)
    await afollow(user)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
