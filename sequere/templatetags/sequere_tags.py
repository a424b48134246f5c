"""Filters for templates: ``{% load sequere_tags %}``.

Each use is one round trip, but for ``identifier`` and ``object_id``. Somebody who is not logged in, or a
variable that is not there, follows nobody: False, or 0.
"""

from __future__ import annotations

from django import template
from django.db.models import Model

from .. import models as graph
from ..registry import registry

register = template.Library()


@register.filter
def identifier(instance: Model) -> str:
    """``{{ project|identifier }}``: the identifier, for the ``follow`` and ``unfollow`` forms. No round trip."""
    return registry.identify(instance).identifier


@register.filter
def object_id(instance: Model) -> str:
    """``{{ project|object_id }}``: the primary key as the graph knows it. No round trip."""
    return registry.identify(instance).object_id


@register.filter
def is_following(from_instance: object, to_instance: Model) -> bool:
    """``{% if request.user|is_following:project %}``."""
    return isinstance(from_instance, Model) and graph.is_following(from_instance, to_instance)


@register.filter
def is_friend(from_instance: object, to_instance: Model) -> bool:
    """``{% if request.user|is_friend:other %}``."""
    return isinstance(from_instance, Model) and graph.is_friend(from_instance, to_instance)


@register.filter
def followers_count(instance: object, identifier: str | None = None) -> int:
    """``{{ project|followers_count }}``, or of one identifier: ``{{ project|followers_count:"user" }}``."""
    return graph.get_followers_count(instance, identifier=identifier) if isinstance(instance, Model) else 0


@register.filter
def followings_count(instance: object, identifier: str | None = None) -> int:
    """``{{ user|followings_count }}``, or of one identifier: ``{{ user|followings_count:"project" }}``."""
    return graph.get_followings_count(instance, identifier=identifier) if isinstance(instance, Model) else 0


@register.filter
def friends_count(instance: object, identifier: str | None = None) -> int:
    """``{{ user|friends_count }}``, or of one identifier: ``{{ user|friends_count:"user" }}``."""
    return graph.get_friends_count(instance, identifier=identifier) if isinstance(instance, Model) else 0
