"""What type checkers know of the public functions. mypy and pyright check this file; it is never run.

A comment that ignores an error is itself an error where the checkers find none, so each one is a call that they refuse.
"""

from __future__ import annotations

from copy import copy
from datetime import datetime, timedelta
from typing import assert_type

from django.db.models import Model

import sequere
from sequere import registry
from sequere.graph.rows import Counts, Relationship
from sequere.models import (
    aare_following,
    accept_all,
    afollow,
    aget_followers,
    aget_followers_count,
    aget_muted,
    amute,
    archive,
    are_following,
    attach_relationships,
    block,
    combine,
    follow,
    follow_many,
    forget,
    get_common_followers,
    get_counts,
    get_followers,
    get_followers_count,
    get_friends,
    get_known_followers,
    get_muted,
    get_relationships,
    get_requests,
    get_suggestions,
    mute,
    since,
    unfollow,
)
from sequere.outcomes import Outcome
from sequere.results import FollowList, Item, MutedItem, MuteList
from sequere.selections import Estimate, Selection
from tests.testapp.models import Project, User


def functions(user: User, project: Project) -> None:
    assert_type(follow(user, project), bool | Outcome)
    assert_type(follow(user, project, timestamp=datetime.now()), bool | Outcome)
    assert_type(forget(user), int)
    assert_type(follow_many(user, [project]), dict[Project, bool | Outcome])
    assert_type(are_following(user, [project]), dict[Project, bool])
    assert_type(get_followers_count(project, User), int)
    assert_type(get_followers_count(project, identifier="user"), int)
    follow(user)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    follow(user, "project")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    follow(user, None)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    follow_many(user, project)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    get_followers_count(project, 5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    follow(user, project, 1.0)  # type: ignore[call-arg, arg-type] # pyright: ignore[reportCallIssue]


def relations(user: User, project: Project) -> None:
    assert_type(unfollow(user, project, kind="watch"), bool | Outcome)
    assert_type(accept_all(project), int)
    assert_type(archive(user) + archive(user, project, kind="watch"), int)
    assert_type(block(user, project), bool)
    assert_type(mute(user, project, until=timedelta(days=1)), bool)
    assert_type(since(user, project), datetime | None)
    assert_type(get_relationships(user, [project]), dict[Project, Relationship])
    assert_type(get_relationships(user, [project])[project].kinds, frozenset[str])
    assert_type(attach_relationships(user, Project.objects.all()), list[Project])
    assert_type(get_counts([project]), dict[Project, Counts])
    assert_type(get_requests(project, identifier=User, kind="watch"), FollowList[User])
    follow(user, project, kind=5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    mute(user, project, until=5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    block(user, project, kind="watch")  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def mutes(user: User) -> None:
    assert_type(get_muted(user), MuteList[Model])
    muted = get_muted(user, identifier=User)
    assert_type(muted, MuteList[User])
    assert_type(muted[:20], MuteList[User])
    assert_type(muted[0], MutedItem[User])
    assert_type(muted.first(), MutedItem[User] | None)
    assert_type(muted.instances(), list[User])
    for other, until in muted:
        assert_type(other, User)
        assert_type(until, datetime | None)


class ProjectSequere(sequere.ModelBase):
    """Options as methods."""

    kinds = ("watch",)
    follow_rate = (100, timedelta(days=1))

    def needs_approval(self, instance: Project, follower: Model) -> bool:
        return bool(instance.name)

    def follow_limit(self, instance: Project) -> int | None:
        return None


class UserSequere(sequere.ModelBase):
    """Options as attributes."""

    kinds = ["watch", "star"]
    needs_approval = True
    follow_limit = 5000

    def follow_rate(self, instance: User) -> tuple[int, timedelta]:
        return 5 if instance.is_staff else 10, timedelta(hours=1)


def lists(project: Project, user: User) -> None:
    assert_type(get_followers(project), FollowList[Model])
    assert_type(get_followers(project, identifier="user"), FollowList[Model])
    assert_type(get_followers(project, identifier=user, desc=False), FollowList[User])
    assert_type(get_followers(project, identifier=User, viewer=user), FollowList[User])
    assert_type(get_common_followers(project, user), Selection[Model])
    assert_type(get_known_followers(user, project, identifier=User), Selection[User])
    assert_type(get_suggestions(user), list[tuple[Model, int]])
    combined = combine(get_followers(project, identifier=User)).both(get_followers(user))
    assert_type(combined, Selection[User])
    assert_type(combined.instances(), list[User])
    assert_type(combined.estimate(), Estimate)
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
    for follower, moment in followers:
        assert_type(follower, User)
        assert_type(moment, datetime)


def keys() -> None:
    assert_type(registry.from_key(User, 5), User)
    registry.from_key("user", 5)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def methods(user: User, project: Project) -> None:
    assert_type(user.follow(project), bool | Outcome)
    assert_type(user.is_friend(user), bool)
    assert_type(user.follow_many([project]), dict[Project, bool | Outcome])
    assert_type(user.get_friends(identifier=User), FollowList[User])
    assert_type(get_friends(user, identifier=User), FollowList[User])
    user.follow()  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


async def asynchronous(user: User, project: Project) -> None:
    assert_type(await afollow(user, project), bool | Outcome)
    assert_type(await user.afollow(project, timestamp=1.0), bool | Outcome)
    assert_type(await aget_followers_count(project), int)
    assert_type(await amute(user, project), bool)
    assert_type(await aget_muted(user, identifier=User), list[MutedItem[User]])
    assert_type(await user.aaccept(project), bool)
    assert_type(await aare_following(user, [project]), dict[Project, bool])
    followers = aget_followers(project, identifier=User)
    assert_type(await followers, list[Item[User]])
    assert_type(await followers[:20], list[Item[User]])
    assert_type(await followers.afirst(), Item[User] | None)
    async for follower, moment in followers:
        assert_type(follower, User)
        assert_type(moment, datetime)
    await afollow(user)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
