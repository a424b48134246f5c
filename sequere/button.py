"""The follow button, which the template tag ``follow_button`` and the views show."""

from __future__ import annotations

from django.db.models import Model
from django.http import HttpRequest
from django.template.context_processors import csrf
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from . import models as graph
from .registry import registry

#: The template of the button. A project overrides it by a file of the same name.
TEMPLATE = "sequere/follow_button.html"


def render_button(request: HttpRequest, instance: Model, *, next_url: str, following: bool | None = None) -> SafeString:
    """The button by which ``request.user`` follows ``instance``, or stops following it. Empty if there is none.

    ``following`` says whether they follow it now; without, that is one round trip. Somebody who is not logged in
    gets the button to follow, which leads to the login page. There is none for ``request.user``, and none to follow
    what ``ModelBase.has_follow_permission`` forbids to follow. Raises as :func:`sequere.models.is_following`.
    """
    user: object = getattr(request, "user", None)
    resource = registry.identify(instance)
    if not isinstance(user, Model):
        following = False
    elif registry.identify(user) == resource:
        return mark_safe("")
    else:
        if following is None:
            following = graph.is_following(user, instance)
        if not following and not registry.get_base(instance).has_follow_permission(request, instance):
            return mark_safe("")
    context = {
        **csrf(request),
        "request": request,
        "object": instance,
        "identifier": resource.identifier,
        "object_id": resource.object_id,
        "following": following,
        "action": reverse("sequere:unfollow" if following else "sequere:follow"),
        "next": next_url,
    }
    return render_to_string(TEMPLATE, context)
