"""The follow button, which the template tag ``follow_button`` and the views render."""

from __future__ import annotations

from typing import NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model
from django.http import HttpRequest
from django.template.context_processors import csrf
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString, mark_safe

from .backends.operations import Relationships
from .graph.rows import Relationship
from .registry import registry
from .relations import join_list

#: The template of the button. A project overrides it with a file of the same name.
TEMPLATE = "sequere/follow_button.html"


class State(NamedTuple):
    """Whether a user follows an instance, or has requested to follow it."""

    following: bool = False
    requested: bool = False


def find_state(user: object, instance: Model, *, following: bool | None = None, kind: str = "") -> State | None:
    """Return the state of the button of a user; None if there is no button, because the user is the instance.

    ``user`` is ``request.user``. ``following`` says whether they follow the instance now; without it, this takes one
    round trip, unless ``attach_relationships()`` has read the state for this user. A user who is not logged in gets a
    button to follow. Raises the same exceptions as :func:`sequere.models.is_following`.
    """
    resource = registry.identify(instance)
    kind = registry.check_kind(kind, instance)
    if not isinstance(user, Model):
        return State()
    viewer = registry.identify(user)
    if viewer == resource:
        return None
    if following is not None:
        return State(following)
    attached = getattr(instance, "relationship", None)
    if not kind and isinstance(attached, Relationship) and attached.viewer == viewer:
        return State(attached.following, attached.requested)
    lists = [join_list(name, kind=kind) for name in ("followings", "requested")]
    (bits,) = Relationships(viewer, lists, [resource]).perform()
    return State(bool(bits & 1), bool(bits & 2))


def render_button(request: HttpRequest, instance: Model, *, next_url: str, state: State, kind: str = "") -> SafeString:
    """Return the button with which ``request.user`` follows ``instance``, unfollows it or cancels a request.

    Empty if ``ModelBase.has_follow_permission`` forbids the follow. A user who is not logged in gets a button to
    follow, which leads to the login page. No round trip. Raises ``ImproperlyConfigured`` if the URLconf lacks the
    views.
    """
    resource, base = registry.identify(instance), registry.get_base(instance)
    is_logged_in = isinstance(getattr(request, "user", None), Model)
    if is_logged_in and not any(state) and not base.has_follow_permission(request, instance):
        return mark_safe("")
    action = "unfollow" if state.following else "cancel" if state.requested else "follow"
    context = {
        **csrf(request),
        "request": request,
        "object": instance,
        "identifier": resource.identifier,
        "object_id": resource.object_id,
        "kind": kind,
        "following": state.following,
        "requested": state.requested,
        "action": _get_url(f"sequere:{action}"),
        "next": next_url,
    }
    return render_to_string(TEMPLATE, context)


def _get_url(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch as error:
        raise ImproperlyConfigured(
            f'{{% follow_button %}} finds no URL {name!r}: add path("sequere/", include("sequere.urls")) to the '
            "urlpatterns of your ROOT_URLCONF, outside of any other namespace."
        ) from error
