"""Filters and tags for templates: ``{% load sequere_tags %}``.

Each use makes one round trip, unless its docstring says otherwise. For a value that cannot follow or be followed, the
filters return False, 0 or empty text, and the tags show nothing. Such values are a user who is not logged in, a missing
variable, an unsaved instance, and an instance of a model that is not registered. For an identifier that is not
registered, the filters return empty text. An unregistered model or identifier is a mistake in the template and is
logged as a warning.

If the store fails, the filters and the tags raise as the functions of :mod:`sequere.models` do. With
``SEQUERE_TEMPLATES_FAIL_SILENTLY`` they return empty text instead, and the error is logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import wraps
from typing import ParamSpec, TypeVar

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError
from django.db.models import Model

from .. import models as graph
from ..button import State, find_state, render_button
from ..conf import get_setting
from ..exceptions import (
    BackendError,
    InvalidArgument,
    InvalidIdentifier,
    InvalidObjectId,
    NotRegistered,
    UnsavedInstance,
)
from ..registry import registry

logger = logging.getLogger("sequere")

register = template.Library()

P = ParamSpec("P")
R = TypeVar("R")
N = TypeVar("N")


def _or_nothing(
    *, nothing: N, instances: int = 1, name: str = ""
) -> Callable[[Callable[P, R]], Callable[P, R | N | str]]:
    """Make a filter or tag return ``nothing`` instead of raising errors, as the module docstring says.

    ``instances`` is how many of its first arguments are instances. ``name`` is its name in the log, by default the
    function's.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R | N | str]:
        label = f"{name or function.__name__} in a template"

        @wraps(function)
        def quiet(*args: P.args, **kwargs: P.kwargs) -> R | N | str:
            try:
                return function(*args, **kwargs)
            except (UnsavedInstance, InvalidObjectId):
                return nothing
            except (InvalidArgument, InvalidIdentifier, NotRegistered) as error:
                logger.warning("%s: %s", label, error)
                models = [value.__class__ for value in args[:instances] if isinstance(value, Model)]
                return "" if all(map(registry.is_registered, models)) else nothing
            except (BackendError, InterfaceError, OperationalError):
                if not get_setting("SEQUERE_TEMPLATES_FAIL_SILENTLY"):
                    raise
                logger.exception("%s: the follow graph does not answer.", label)
                return ""

        return quiet

    return decorate


@register.filter
@_or_nothing(nothing="")
def identifier(instance: object) -> str:
    """``{{ project|identifier }}``: the identifier, for your own forms. No round trip."""
    return registry.identify(instance).identifier if isinstance(instance, Model) else ""


@register.filter
@_or_nothing(nothing="")
def object_id(instance: object) -> str:
    """``{{ project|object_id }}``: the object id, for your own forms. No round trip."""
    return registry.identify(instance).object_id if isinstance(instance, Model) else ""


@register.filter
@_or_nothing(nothing=False, instances=2)
def is_following(from_instance: object, to_instance: object) -> bool:
    """``{% if request.user|is_following:project %}``: whether the user follows the project."""
    if not (isinstance(from_instance, Model) and isinstance(to_instance, Model)):
        return False
    return graph.is_following(from_instance, to_instance)


@register.filter
@_or_nothing(nothing=False, instances=2)
def is_friend(from_instance: object, to_instance: object) -> bool:
    """``{% if request.user|is_friend:other %}``: whether the two follow each other."""
    if not (isinstance(from_instance, Model) and isinstance(to_instance, Model)):
        return False
    return graph.is_friend(from_instance, to_instance)


@register.filter
@_or_nothing(nothing=False, instances=2)
def is_requested(from_instance: object, to_instance: object) -> bool:
    """``{% if request.user|is_requested:other %}``: whether the user's request to follow waits for approval."""
    if not (isinstance(from_instance, Model) and isinstance(to_instance, Model)):
        return False
    return graph.is_requested(from_instance, to_instance)


@register.filter
@_or_nothing(nothing=False, instances=2)
def is_blocked(from_instance: object, to_instance: object) -> bool:
    """``{% if request.user|is_blocked:other %}``: whether the user blocks the other, not the reverse."""
    if not (isinstance(from_instance, Model) and isinstance(to_instance, Model)):
        return False
    return graph.is_blocked(from_instance, to_instance)


@register.filter
@_or_nothing(nothing=False, instances=2)
def is_muted(from_instance: object, to_instance: object) -> bool:
    """``{% if request.user|is_muted:other %}``: whether the user mutes the other."""
    if not (isinstance(from_instance, Model) and isinstance(to_instance, Model)):
        return False
    return graph.is_muted(from_instance, to_instance)


@register.filter
@_or_nothing(nothing=0)
def followers_count(instance: object, identifier: str | None = None) -> int:
    """``{{ project|followers_count }}``, or for one identifier: ``{{ project|followers_count:"user" }}``."""
    return graph.get_followers_count(instance, identifier=identifier) if isinstance(instance, Model) else 0


@register.filter
@_or_nothing(nothing=0)
def followings_count(instance: object, identifier: str | None = None) -> int:
    """``{{ user|followings_count }}``, or for one identifier: ``{{ user|followings_count:"project" }}``."""
    return graph.get_followings_count(instance, identifier=identifier) if isinstance(instance, Model) else 0


@register.filter
@_or_nothing(nothing=0)
def friends_count(instance: object, identifier: str | None = None) -> int:
    """``{{ user|friends_count }}``, or for one identifier: ``{{ user|friends_count:"user" }}``."""
    return graph.get_friends_count(instance, identifier=identifier) if isinstance(instance, Model) else 0


@register.filter
@_or_nothing(nothing=0)
def requests_count(instance: object, identifier: str | None = None) -> int:
    """``{{ request.user|requests_count }}``: how many ask to follow the user; or only those of one identifier."""
    return graph.get_requests_count(instance, identifier=identifier) if isinstance(instance, Model) else 0


@register.simple_tag
@_or_nothing(nothing="")
def attach_relationships(viewer: object, objects: Iterable[Model] | str) -> str:
    """``{% attach_relationships request.user page.object_list %}``: set ``relationship`` of each object.

    One round trip for each 500. Then ``{{ object.relationship.following }}`` and ``{% follow_button object %}`` need
    none. Nothing is set for a viewer who is not logged in. The tag shows nothing.
    """
    if isinstance(viewer, Model) and not isinstance(objects, str):  # "": a variable that is not there
        graph.attach_relationships(viewer, objects)
    return ""


@register.simple_tag(takes_context=True)
def follow_button(context: template.Context, instance: object, *, following: object = None, kind: str = "") -> str:
    """``{% follow_button project %}``: a form with which ``request.user`` follows, or unfollows, an instance.

    It works without JavaScript; if the page loads htmx, the button is updated in place. If a follow needs approval, the
    button shows that it is requested, and cancels the request. There is no round trip if ``attach_relationships`` has
    read the state of the instance for this user, or if ``following=`` says whether they follow it. ``kind=`` is that of
    the follow. The template is ``sequere/follow_button.html``; its variables are ``identifier``, ``object_id``,
    ``kind``, ``following``, ``requested``, ``action`` (the URL to post to), ``next`` (where to go afterwards),
    ``object`` and ``request``.
    """
    request = context.get("request") or getattr(context, "request", None)
    if request is None:
        raise ImproperlyConfigured(
            "{% follow_button %} needs the request: render the template with django.shortcuts.render(), or put "
            '"request" into its context.'
        )
    if not isinstance(instance, Model):
        return ""
    known = None if following is None or following == "" else bool(following)  # "": a variable that does not exist
    state = _find_state(getattr(request, "user", None), instance, following=known, kind=kind)
    if not isinstance(state, State):
        return ""
    return render_button(request, instance, next_url=request.get_full_path(), state=state, kind=kind)


#: Only this part of the tag returns nothing on errors: those of the project's permission method and template are
#: raised.
_find_state = _or_nothing(nothing="", instances=2, name="follow_button")(find_state)
