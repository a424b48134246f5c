"""The follow button, which the template tag ``follow_button`` and the views render."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model
from django.http import HttpRequest
from django.template.context_processors import csrf
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString, mark_safe

from . import models as graph
from .registry import registry

#: The template of the button. A project overrides it with a file of the same name.
TEMPLATE = "sequere/follow_button.html"


def find_state(user: object, instance: Model, *, following: bool | None = None) -> bool | None:
    """Return whether the button of a user is one to unfollow; None if there is none, because the user is the instance.

    ``user`` is ``request.user``. ``following`` says whether they follow the instance now; without it, this takes one
    round trip. A user who is not logged in gets a button to follow. Raises the same exceptions as
    :func:`sequere.models.is_following`.
    """
    resource = registry.identify(instance)
    if not isinstance(user, Model):
        return False
    if registry.identify(user) == resource:
        return None
    return graph.is_following(user, instance) if following is None else following


def render_button(request: HttpRequest, instance: Model, *, next_url: str, following: bool) -> SafeString:
    """Return the button with which ``request.user`` follows ``instance`` or, with ``following``, unfollows it.

    Empty if ``ModelBase.has_follow_permission`` forbids the follow. A user who is not logged in gets a button to
    follow, which leads to the login page. No round trip. Raises ``ImproperlyConfigured`` if the URLconf lacks the
    views.
    """
    resource, base = registry.identify(instance), registry.get_base(instance)
    is_logged_in = isinstance(getattr(request, "user", None), Model)
    if is_logged_in and not following and not base.has_follow_permission(request, instance):
        return mark_safe("")
    context = {
        **csrf(request),
        "request": request,
        "object": instance,
        "identifier": resource.identifier,
        "object_id": resource.object_id,
        "following": following,
        "action": _get_url("sequere:unfollow" if following else "sequere:follow"),
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
