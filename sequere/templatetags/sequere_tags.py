"""Filters for templates: ``{% load sequere_tags %}``. Each use is one round trip, but for ``identifier``."""

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
def is_following(from_instance: Model, to_instance: Model) -> bool:
    """``{% if request.user|is_following:project %}``; False for somebody who is not logged in."""
    return from_instance.pk is not None and graph.is_following(from_instance, to_instance)


@register.filter
def is_friend(from_instance: Model, to_instance: Model) -> bool:
    """``{% if request.user|is_friend:other %}``; False for somebody who is not logged in."""
    return from_instance.pk is not None and graph.is_friend(from_instance, to_instance)


@register.filter
def followers_count(instance: Model, identifier: str | None = None) -> int:
    """``{{ project|followers_count }}``, or of one identifier: ``{{ project|followers_count:"user" }}``."""
    return graph.get_followers_count(instance, identifier=identifier)


@register.filter
def followings_count(instance: Model, identifier: str | None = None) -> int:
    """``{{ user|followings_count }}``, or of one identifier: ``{{ user|followings_count:"project" }}``."""
    return graph.get_followings_count(instance, identifier=identifier)


@register.filter
def friends_count(instance: Model, identifier: str | None = None) -> int:
    """``{{ user|friends_count }}``, or of one identifier: ``{{ user|friends_count:"user" }}``."""
    return graph.get_friends_count(instance, identifier=identifier)
