"""Follow and unfollow for the logged-in user, by POST.

Form fields: ``identifier`` and ``object_id`` of the instance; ``next`` (optional), the URL to go to afterwards. The
template tag ``follow_button`` renders such a form. The response depends on the request:

- A client that prefers JSON (``Accept: application/json``) gets ``following``, ``changed``, ``followers_count`` (of
  the object) and ``followings_count`` (of the user), or ``error``.
- htmx (``HX-Request``) gets the new button, or empty text if there is none. A request that htmx boosts (``HX-Boosted``)
  is treated like any other.
- Any other client is redirected to ``next``, else to the page that it came from, else to ``/``, never to another site.

Errors have a reason and the status 400 if a field is missing or users follow or unfollow themselves; 404 if there is no
such instance; 401 (JSON) or the login page if nobody is logged in; 403 if ``ModelBase.has_follow_permission`` forbids
the follow or the user's model is not registered; 503 if the store fails. An instance that ``ModelBase.get_queryset``
hides does not exist for the views, unless the user follows it and wants to unfollow it.
"""

from __future__ import annotations

import logging
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, NamedTuple

from django.contrib.auth.views import redirect_to_login
from django.db import InterfaceError, OperationalError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from . import models as graph
from .base import ModelBase
from .button import render_button
from .exceptions import BackendError, InvalidObjectId, NotRegistered, SelfFollow
from .registry import registry

logger = logging.getLogger("sequere")


@require_POST
def follow(request: HttpRequest) -> HttpResponse:
    """Make the logged-in user follow an object."""
    return _change(request, following=True)


@require_POST
def unfollow(request: HttpRequest) -> HttpResponse:
    """Make the logged-in user stop following an object."""
    return _change(request, following=False)


class _Client(Enum):
    """The kind of client, which decides the form of the response."""

    PAGE = auto()
    JSON = auto()
    HTMX = auto()


class _Found(NamedTuple):
    """An instance that exists for the user; hidden if ``get_queryset`` hides it, so that only a follower finds it."""

    instance: Model
    is_hidden: bool


class _RefusedError(Exception):
    """A request that cannot be served: a status and the reason for it, in the language of the request."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def _change(request: HttpRequest, *, following: bool) -> HttpResponse:
    client = _get_client(request)
    user = request.user
    if not isinstance(user, Model) or not user.is_authenticated:
        return _send_to_login(request, client)
    try:
        _check_user(user)
        found = _find(request, user, following=following)
        changed = (graph.follow if following else graph.unfollow)(user, found.instance)
        return _answer(request, client, user, found, following=following, changed=changed)
    except _RefusedError as error:
        status, reason = error.status, str(error)
    except SelfFollow:
        status, reason = (
            HTTPStatus.BAD_REQUEST,
            _("You cannot follow yourself.") if following else _("You cannot unfollow yourself."),
        )
    except (BackendError, InterfaceError, OperationalError):
        logger.exception("The follow graph does not answer.")
        status, reason = HTTPStatus.SERVICE_UNAVAILABLE, _("This does not work at the moment. Try again later.")
    if client is _Client.JSON:
        return JsonResponse({"error": reason}, status=status)
    # htmx 4 would replace the button with the reason; htmx 2 leaves the button by default.
    headers = {"HX-Reswap": "none"} if client is _Client.HTMX else {}
    return HttpResponse(reason, status=status, content_type="text/plain; charset=utf-8", headers=headers)


def _get_client(request: HttpRequest) -> _Client:
    try:
        preferred = request.get_preferred_type(["text/html", "application/json"])
    except (LookupError, ValueError):  # an Accept header that Django cannot read
        preferred = None
    if preferred == "application/json":
        return _Client.JSON
    is_button = request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"
    return _Client.HTMX if is_button else _Client.PAGE


def _send_to_login(request: HttpRequest, client: _Client) -> HttpResponse:
    if client is _Client.JSON:
        return JsonResponse({"error": _("Log in first.")}, status=HTTPStatus.UNAUTHORIZED)
    redirect = redirect_to_login(_get_next(request))
    # htmx would follow a redirect itself, and replace the button with the login page.
    return HttpResponse(headers={"HX-Redirect": redirect.url}) if client is _Client.HTMX else redirect


def _check_user(user: Model) -> None:
    """Refuse a user whose model is not registered. It is a mistake in the project, so it is logged as an error."""
    try:
        registry.get_base(user)
    except NotRegistered as error:
        logger.error("The follow views refuse request.user: %s", error)
        raise _RefusedError(HTTPStatus.FORBIDDEN, _("Your account cannot follow anything.")) from error


def _answer(
    request: HttpRequest, client: _Client, user: Model, found: _Found, *, following: bool, changed: bool
) -> HttpResponse:
    instance = found.instance
    if client is _Client.JSON:
        return JsonResponse(
            {
                "following": following,
                "changed": changed,
                "followers_count": graph.get_followers_count(instance),
                "followings_count": graph.get_followings_count(user),
            }
        )
    if client is _Client.HTMX:
        if found.is_hidden:  # it cannot be followed again
            return HttpResponse()
        return HttpResponse(render_button(request, instance, next_url=_get_next(request), following=following))
    return HttpResponseRedirect(_get_next(request))


def _find(request: HttpRequest, user: Model, *, following: bool) -> _Found:
    """The instance that the form names, if the user may follow it or, to unfollow, follows it."""
    identifier, object_id = request.POST.get("identifier", ""), request.POST.get("object_id", "")
    if not identifier or not object_id:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, _("The form needs identifier and object_id."))
    try:
        base = registry.get_by_identifier(identifier)
    except NotRegistered as error:
        reason = _("There is no model %(identifier)s.") % {"identifier": f"{identifier!r:.80}"}
        raise _RefusedError(HTTPStatus.NOT_FOUND, reason) from error
    names = {"identifier": identifier, "object_id": f"{object_id!r:.80}"}
    found = _look_up(base, object_id, user, following=following)
    if found is None:
        raise _RefusedError(HTTPStatus.NOT_FOUND, _("There is no %(identifier)s %(object_id)s.") % names)
    if following and not base.has_follow_permission(request, found.instance):
        raise _RefusedError(HTTPStatus.FORBIDDEN, _("You may not follow this %(identifier)s.") % names)
    return found


def _look_up(base: ModelBase, object_id: str, user: Model, *, following: bool) -> _Found | None:
    """The instance, if it exists for this user: one that ``get_queryset`` hides exists only for its followers."""
    try:
        key = base.primary_key.to_python(object_id)
    except InvalidObjectId:
        return None
    shown = _get(base.get_queryset(), key)
    if shown is not None:
        return _Found(shown, is_hidden=False)
    if following or not graph.is_following(user, registry.from_key(base.model, key)):
        return None
    hidden = _get(base.model._base_manager.all(), key)
    return None if hidden is None else _Found(hidden, is_hidden=True)


def _get(queryset: QuerySet[Any], key: object) -> Model | None:
    """The instance with a key; a join in the queryset may find it more than once."""
    return next(iter(queryset.filter(pk=key)[:1]), None)


def _get_next(request: HttpRequest) -> str:
    """Where the client goes afterwards: a URL of this site."""
    for url in (request.POST.get("next"), request.headers.get("Referer")):
        if url and url_has_allowed_host_and_scheme(
            url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        ):
            return url
    return "/"
