"""The public functions: who follows whom, in terms of model instances.

Every function works on instances of registered models and asks the backend that ``SEQUERE_BACKEND_CLASS`` names. Misuse
raises ``sequere.exceptions``, such as ``NotRegistered`` and ``UnsavedInstance``, before anything is written. A value
that is not a model instance, such as None or ``AnonymousUser``, raises ``InvalidArgument`` with the name of the
argument. When the store fails, the Redis backends raise ``BackendError`` and the database backend raises Django's
database errors. Every function has an asynchronous version whose name begins with ``a``.
"""

from __future__ import annotations

from .graph.bulk import aare_following, afollow_many, are_following, aunfollow_many, follow_many, unfollow_many
from .graph.follows import (
    afollow,
    aforget,
    ais_following,
    ais_friend,
    aunfollow,
    follow,
    forget,
    is_following,
    is_friend,
    unfollow,
)
from .graph.lists import (
    aget_followers,
    aget_followers_count,
    aget_followings,
    aget_followings_count,
    aget_friends,
    aget_friends_count,
    get_followers,
    get_followers_count,
    get_followings,
    get_followings_count,
    get_friends,
    get_friends_count,
)

__all__ = [
    "aare_following",
    "afollow",
    "afollow_many",
    "aforget",
    "aget_followers",
    "aget_followers_count",
    "aget_followings",
    "aget_followings_count",
    "aget_friends",
    "aget_friends_count",
    "ais_following",
    "ais_friend",
    "are_following",
    "aunfollow",
    "aunfollow_many",
    "follow",
    "follow_many",
    "forget",
    "get_followers",
    "get_followers_count",
    "get_followings",
    "get_followings_count",
    "get_friends",
    "get_friends_count",
    "is_following",
    "is_friend",
    "unfollow",
    "unfollow_many",
]
