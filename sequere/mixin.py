"""The functions of :mod:`sequere.models` as methods of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import models as graph

if TYPE_CHECKING:
    from django.db.models import Model as _Base
else:
    _Base = object


class SequereMixin(_Base):
    """Put it before ``models.Model``. Each method calls the function of the same name, with the instance first."""

    follow = graph.follow
    afollow = graph.afollow
    unfollow = graph.unfollow
    aunfollow = graph.aunfollow
    is_following = graph.is_following
    ais_following = graph.ais_following
    is_friend = graph.is_friend
    ais_friend = graph.ais_friend
    forget = graph.forget
    aforget = graph.aforget
    follow_many = graph.follow_many
    afollow_many = graph.afollow_many
    unfollow_many = graph.unfollow_many
    aunfollow_many = graph.aunfollow_many
    are_following = graph.are_following
    aare_following = graph.aare_following
    get_followers = graph.get_followers
    aget_followers = graph.aget_followers
    get_followings = graph.get_followings
    aget_followings = graph.aget_followings
    get_friends = graph.get_friends
    aget_friends = graph.aget_friends
    get_followers_count = graph.get_followers_count
    aget_followers_count = graph.aget_followers_count
    get_followings_count = graph.get_followings_count
    aget_followings_count = graph.aget_followings_count
    get_friends_count = graph.get_friends_count
    aget_friends_count = graph.aget_friends_count
