"""The calls of the demo. They are Python source: the code that is shown is the code that runs."""

from __future__ import annotations

from dataclasses import dataclass

from ..backends.operations import MAX_EDGES, MAX_FORGET, MAX_OTHERS

#: What the calls import. It is not shown.
IMPORTS = """\
from sequere.demo.models import Project, User
from sequere.models import *
"""

#: What comes before the first call.
SETTING = """\
user, ada, bob = [User.objects.create(username=name) for name in ("thoas", "ada", "bob")]
project = Project.objects.create(name="La classe americaine")
detourne = Project.objects.create(name="Ca detourne")
"""


@dataclass(frozen=True)
class Call:
    """One expression. One that writes has an ``undo``, so that it can be repeated.

    ``undo`` is the expression that restores the graph to the state before the call, with the same timestamps. In it,
    the name ``before`` is the value of the expression ``before``, evaluated before the call.
    """

    source: str
    undo: str = ""
    before: str = ""


@dataclass(frozen=True)
class Part:
    """A group of calls, and a comment on it; ``keys`` is a comment on the keys after these calls."""

    words: str
    calls: tuple[Call, ...]
    keys: str = ""


PARTS = (
    Part(
        "The session of the README. RedisBackend runs one script for each call, in one round trip.",
        (
            Call("follow(user, project)", undo="unfollow(user, project)"),
            Call("is_following(user, project)"),
            Call("get_followers_count(project)"),
            Call("get_followings_count(user)"),
            Call("get_followers(user)"),
            Call("get_followers(project)"),
        ),
        keys="Each resource has a uid. Each list is a sorted set of uids by time; its count has its own key.",
    ),
    Part(
        "Users who follow each other are friends. The functions are also methods of SequereMixin.",
        (
            Call("user.follow(ada)", undo="user.unfollow(ada)"),
            Call("ada.follow(user)", undo="ada.unfollow(user)"),
            Call("user.get_friends()"),
        ),
        keys="The script of the second follow also wrote the friendship. The uid of ada is 3.",
    ),
    Part(
        f"Many instances: one round trip for each {MAX_EDGES} follows, or for each {MAX_OTHERS} checks.",
        (
            # The first follow exists already: only the second is undone.
            Call("follow_many(user, [project, detourne])", undo="unfollow(user, detourne)"),
            Call("are_following(user, [ada, bob, detourne])"),
        ),
    ),
    Part(
        "A slice: only this part of the list is read, and its instances with one query per model.",
        (Call("get_followings(user)[:2]"),),
    ),
    Part(
        f"unfollow() removes one follow, forget() all: one round trip for each {MAX_FORGET}.",
        (
            Call(
                "unfollow(user, project)",
                before="dict(get_followings(user))[project]",
                undo="follow(user, project, timestamp=before)",
            ),
            Call(
                "user.forget()",
                before="(list(get_followings(user)), list(get_followers(user)))",
                undo="[follow(user, other, timestamp=since) for other, since in before[0]] + "
                "[follow(other, user, timestamp=since) for other, since in before[1]]",
            ),
            Call("ada.get_friends()"),
        ),
        keys="No uid is used twice: each undo of forget() gave thoas a new one.",
    ),
)
