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
    remove_follower = graph.remove_follower
    aremove_follower = graph.aremove_follower
    is_following = graph.is_following
    ais_following = graph.ais_following
    is_friend = graph.is_friend
    ais_friend = graph.ais_friend
    since = graph.since
    asince = graph.asince
    forget = graph.forget
    aforget = graph.aforget
    follow_many = graph.follow_many
    afollow_many = graph.afollow_many
    unfollow_many = graph.unfollow_many
    aunfollow_many = graph.aunfollow_many
    are_following = graph.are_following
    aare_following = graph.aare_following
    accept = graph.accept
    aaccept = graph.aaccept
    deny = graph.deny
    adeny = graph.adeny
    cancel = graph.cancel
    acancel = graph.acancel
    accept_all = graph.accept_all
    aaccept_all = graph.aaccept_all
    deny_all = graph.deny_all
    adeny_all = graph.adeny_all
    is_requested = graph.is_requested
    ais_requested = graph.ais_requested
    get_requests = graph.get_requests
    aget_requests = graph.aget_requests
    get_requested = graph.get_requested
    aget_requested = graph.aget_requested
    get_requests_count = graph.get_requests_count
    aget_requests_count = graph.aget_requests_count
    get_requested_count = graph.get_requested_count
    aget_requested_count = graph.aget_requested_count
    archive = graph.archive
    aarchive = graph.aarchive
    restore = graph.restore
    arestore = graph.arestore
    get_archived = graph.get_archived
    aget_archived = graph.aget_archived
    get_archived_count = graph.get_archived_count
    aget_archived_count = graph.aget_archived_count
    block = graph.block
    ablock = graph.ablock
    unblock = graph.unblock
    aunblock = graph.aunblock
    is_blocked = graph.is_blocked
    ais_blocked = graph.ais_blocked
    get_blocked = graph.get_blocked
    aget_blocked = graph.aget_blocked
    get_blocked_by = graph.get_blocked_by
    aget_blocked_by = graph.aget_blocked_by
    get_blocked_count = graph.get_blocked_count
    aget_blocked_count = graph.aget_blocked_count
    get_blocked_by_count = graph.get_blocked_by_count
    aget_blocked_by_count = graph.aget_blocked_by_count
    mute = graph.mute
    amute = graph.amute
    unmute = graph.unmute
    aunmute = graph.aunmute
    is_muted = graph.is_muted
    ais_muted = graph.ais_muted
    get_muted = graph.get_muted
    aget_muted = graph.aget_muted
    get_muted_count = graph.get_muted_count
    aget_muted_count = graph.aget_muted_count
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
    get_common_followers = graph.get_common_followers
    aget_common_followers = graph.aget_common_followers
    get_common_followings = graph.get_common_followings
    aget_common_followings = graph.aget_common_followings
    get_suggestions = graph.get_suggestions
    aget_suggestions = graph.aget_suggestions
    get_known_followers = graph.get_known_followers
    aget_known_followers = graph.aget_known_followers
    get_relationships = graph.get_relationships
    aget_relationships = graph.aget_relationships
    attach_relationships = graph.attach_relationships
    aattach_relationships = graph.aattach_relationships
