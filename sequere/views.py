"""Follow, unfollow and the other changes for the logged-in user, by POST.

Form fields: ``identifier`` and ``object_id`` of the instance; ``kind`` (optional), one of ``ModelBase.kinds``; ``next``
(optional), the URL to go to afterwards. The template tag ``follow_button`` renders such a form. The response depends on
the request:

- A client that prefers JSON (``Accept: application/json``) gets ``changed``, or ``error``. ``follow``, ``unfollow`` and
  ``cancel`` add ``following``, ``requested`` (the follow needs approval), ``followers_count`` (of the object) and
  ``followings_count`` (of the user).
- htmx (``HX-Request``) gets the new button, or empty text if there is none. A request that htmx boosts (``HX-Boosted``)
  is treated like any other.
- Any other client is redirected to ``next``, else to the page that it came from, else to ``/``, never to another site.

Errors have a reason and the status 400 if a field is missing, the kind is not declared or users follow themselves; 404
if there is no such instance; 401 (JSON) or the login page if nobody is logged in; 403 if
``ModelBase.has_follow_permission`` forbids the follow, one of the two blocks the other, or the user's model is not
registered; 429 at a limit of follows, with ``Retry-After`` if it ends by itself; 503 if the store fails. The response
for a block is the one for a missing permission. An instance that ``ModelBase.get_queryset`` hides does not exist for
the views, unless the change ends something between the user and it, such as a follow.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from datetime import UTC, datetime
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
from .backends.operations import Relationships
from .base import ModelBase
from .button import State, find_state, render_button
from .exceptions import BackendError, Blocked, FollowLimitReached, InvalidObjectId, NotRegistered, SelfFollow
from .outcomes import Outcome
from .registry import registry
from .relations import join_list

logger = logging.getLogger("sequere")


@require_POST
def follow(request: HttpRequest) -> HttpResponse:
    """Make the logged-in user follow an object, or ask to follow it."""
    return _change(request, "follow")


@require_POST
def unfollow(request: HttpRequest) -> HttpResponse:
    """Make the logged-in user stop following an object, or withdraw a request."""
    return _change(request, "unfollow")


@require_POST
def cancel(request: HttpRequest) -> HttpResponse:
    """Withdraw the logged-in user's request to follow an object."""
    return _change(request, "cancel")


@require_POST
def accept(request: HttpRequest) -> HttpResponse:
    """Accept the request of an object to follow the logged-in user."""
    return _change(request, "accept")


@require_POST
def deny(request: HttpRequest) -> HttpResponse:
    """Deny the request of an object to follow the logged-in user."""
    return _change(request, "deny")


@require_POST
def remove_follower(request: HttpRequest) -> HttpResponse:
    """Make an object stop following the logged-in user."""
    return _change(request, "remove_follower")


@require_POST
def block(request: HttpRequest) -> HttpResponse:
    """Make the logged-in user block an object."""
    return _change(request, "block")


@require_POST
def unblock(request: HttpRequest) -> HttpResponse:
    """Make the logged-in user stop blocking an object."""
    return _change(request, "unblock")


@require_POST
def mute(request: HttpRequest) -> HttpResponse:
    """Make the logged-in user mute an object."""
    return _change(request, "mute")


@require_POST
def unmute(request: HttpRequest) -> HttpResponse:
    """Make the logged-in user stop muting an object."""
    return _change(request, "unmute")


class _Verb(NamedTuple):
    """What a view does."""

    change: Callable[..., bool | Outcome]
    #: The lists of the user in which an instance may be that is hidden otherwise.
    lists: tuple[str, ...] = ()
    #: Whether it is the user who is followed.
    is_followed: bool = False
    has_kinds: bool = True
    #: Whether the response has the button, or its state.
    has_button: bool = False


_VERBS = {
    "follow": _Verb(graph.follow, has_button=True),
    "unfollow": _Verb(graph.unfollow, ("followings", "requested"), has_button=True),
    "cancel": _Verb(graph.cancel, ("requested",), has_button=True),
    "accept": _Verb(graph.accept, ("requests",), is_followed=True),
    "deny": _Verb(graph.deny, ("requests",), is_followed=True),
    "remove_follower": _Verb(graph.remove_follower, ("followers",), is_followed=True),
    "block": _Verb(graph.block, has_kinds=False),
    "unblock": _Verb(graph.unblock, ("blocked",), has_kinds=False),
    "mute": _Verb(graph.mute),
    "unmute": _Verb(graph.unmute, ("muted",)),
}


class _Client(Enum):
    """The kind of client, which decides the form of the response."""

    PAGE = auto()
    JSON = auto()
    HTMX = auto()


class _Found(NamedTuple):
    """An instance that exists for the user, and the kind of the form.

    It is hidden if ``get_queryset`` hides it: then it exists only for a user who has it in a list.
    """

    instance: Model
    kind: str
    is_hidden: bool


class _RefusedError(Exception):
    """A request that cannot be served: a status and the reason for it, in the language of the request."""

    def __init__(self, status: HTTPStatus, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = headers or {}


def _change(request: HttpRequest, name: str) -> HttpResponse:
    client = _get_client(request)
    user = request.user
    if not isinstance(user, Model) or not user.is_authenticated:
        return _send_to_login(request, client)
    try:
        _check_user(user)
        found = _find(request, user, name)
        return _answer(request, client, user, found, name, outcome=_perform(user, found, name))
    except _RefusedError as error:
        status, reason, headers = error.status, str(error), error.headers
    except (BackendError, InterfaceError, OperationalError):
        logger.exception("The follow graph does not answer.")
        status, reason = HTTPStatus.SERVICE_UNAVAILABLE, _("This does not work at the moment. Try again later.")
        headers = {}
    if client is _Client.JSON:
        return JsonResponse({"error": reason}, status=status, headers=headers)
    if client is _Client.HTMX:  # htmx 4 would replace the button with the reason; htmx 2 leaves the button by default
        headers = {**headers, "HX-Reswap": "none"}
    return HttpResponse(reason, status=status, content_type="text/plain; charset=utf-8", headers=headers)


def _perform(user: Model, found: _Found, name: str) -> bool | Outcome:
    verb = _VERBS[name]
    options = {"kind": found.kind} if verb.has_kinds else {}
    try:
        return verb.change(user, found.instance, **options)
    except SelfFollow as error:
        reasons = {
            "follow": _("You cannot follow yourself."),
            "unfollow": _("You cannot unfollow yourself."),
        }
        reason = reasons.get(name, _("You cannot do that to yourself."))
        raise _RefusedError(HTTPStatus.BAD_REQUEST, reason) from error
    except Blocked as error:
        raise _forbid(registry.identify(found.instance).identifier) from error
    except FollowLimitReached as error:
        headers = {}
        if error.retry_at is not None:
            seconds = math.ceil((error.retry_at - datetime.now(UTC)).total_seconds())
            headers = {"Retry-After": str(max(seconds, 1))}
        reason = _("You have reached the limit of follows.")
        raise _RefusedError(HTTPStatus.TOO_MANY_REQUESTS, reason, headers) from error


def _forbid(identifier: str) -> _RefusedError:
    """The refusal of a follow, the same for a missing permission and for a block, which nobody is told about."""
    reason = _("You may not follow this %(identifier)s.") % {"identifier": identifier}
    return _RefusedError(HTTPStatus.FORBIDDEN, reason)


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
    request: HttpRequest, client: _Client, user: Model, found: _Found, name: str, *, outcome: bool | Outcome
) -> HttpResponse:
    instance, kind = found.instance, found.kind
    if client is _Client.PAGE:
        return HttpResponseRedirect(_get_next(request))
    answer: dict[str, Any] = {"changed": outcome in (True, Outcome.REQUESTED, Outcome.WITHDRAWN)}
    if not _VERBS[name].has_button:
        return JsonResponse(answer) if client is _Client.JSON else HttpResponse()
    state: State | None = State(name == "follow")
    if outcome in (Outcome.REQUESTED, Outcome.ALREADY_REQUESTED):
        state = State(requested=True)
    elif name == "cancel" and not outcome:  # it may have been accepted meanwhile
        state = find_state(user, instance, kind=kind)
    assert state is not None  # nobody follows themselves
    if client is _Client.JSON:
        counts = graph.get_counts([instance, user], kind=kind)
        answer = {"following": state.following, "requested": state.requested, **answer}
        answer["followers_count"] = counts[instance].followers
        answer["followings_count"] = counts[user].followings
        return JsonResponse(answer)
    if found.is_hidden and not any(state):  # it cannot be followed again
        return HttpResponse()
    return HttpResponse(render_button(request, instance, next_url=_get_next(request), state=state, kind=kind))


def _find(request: HttpRequest, user: Model, name: str) -> _Found:
    """The instance that the form names, if the user may follow it or, to end something, has it in a list."""
    verb = _VERBS[name]
    identifier, object_id = request.POST.get("identifier", ""), request.POST.get("object_id", "")
    if not identifier or not object_id:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, _("The form needs identifier and object_id."))
    try:
        base = registry.get_by_identifier(identifier)
    except NotRegistered as error:
        reason = _("There is no model %(identifier)s.") % {"identifier": f"{identifier!r:.80}"}
        raise _RefusedError(HTTPStatus.NOT_FOUND, reason) from error
    kind = request.POST.get("kind", "") if verb.has_kinds else ""
    if kind and kind not in (registry.get_base(user) if verb.is_followed else base).kinds:
        reason = _("There is no kind %(kind)s.") % {"kind": f"{kind!r:.80}"}
        raise _RefusedError(HTTPStatus.BAD_REQUEST, reason)
    found = _look_up(base, object_id, user, kind, verb)
    if found is None:
        names = {"identifier": identifier, "object_id": f"{object_id!r:.80}"}
        raise _RefusedError(HTTPStatus.NOT_FOUND, _("There is no %(identifier)s %(object_id)s.") % names)
    if name == "follow" and not base.has_follow_permission(request, found.instance):
        raise _forbid(identifier)
    return found


def _look_up(base: ModelBase, object_id: str, user: Model, kind: str, verb: _Verb) -> _Found | None:
    """The instance, if it exists for this user: one that ``get_queryset`` hides exists only in lists of the user."""
    try:
        key = base.primary_key.to_python(object_id)
    except InvalidObjectId:
        return None
    shown = _get(base.get_queryset(), key)
    if shown is not None:
        return _Found(shown, kind, is_hidden=False)
    if not verb.lists:
        return None
    lists = [join_list(name, kind=kind) for name in verb.lists]
    resource = registry.identify(registry.from_key(base.model, key))
    if not any(Relationships(registry.identify(user), lists, [resource]).perform()):
        return None
    hidden = _get(base.model._base_manager.all(), key)
    return None if hidden is None else _Found(hidden, kind, is_hidden=True)


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
