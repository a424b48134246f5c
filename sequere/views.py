"""Follow and unfollow for the logged-in user, by POST.

Form fields: ``identifier`` and ``object_id`` of whom to follow; ``next`` (optional), where to go
afterwards. A client that prefers JSON (``Accept: application/json``) gets ``following``, ``changed`` and
``followers_count``, or ``error``; any other is sent to ``next``, else to where it came from, else to
``/``, never to another site. Status 400 for bad input and 404 for what does not exist, with the reason;
401 (JSON) or the login page for nobody; 403 where ``ModelBase.has_follow_permission`` says no.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from . import models as graph
from .exceptions import InvalidIdentifier, NotRegistered, SelfFollow
from .registry import registry
from .resources import check_identifier


@require_POST
def follow(request: HttpRequest) -> HttpResponse:
    """Make the logged-in user follow an object."""
    return _change(request, graph.follow, following=True)


@require_POST
def unfollow(request: HttpRequest) -> HttpResponse:
    """Make the logged-in user stop following an object."""
    return _change(request, graph.unfollow, following=False)


class _RefusedError(Exception):
    """A request that cannot be served: a status and the reason for it."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def _change(request: HttpRequest, change: Callable[[Model, Model], bool], *, following: bool) -> HttpResponse:
    wants_json = request.get_preferred_type(["text/html", "application/json"]) == "application/json"
    user = request.user
    if not isinstance(user, Model) or not user.is_authenticated:
        if wants_json:
            return JsonResponse({"error": "Log in first."}, status=HTTPStatus.UNAUTHORIZED)
        return redirect_to_login(_way_back(request))
    try:
        instance = _find(request)
        changed = change(user, instance)
    except (_RefusedError, SelfFollow) as error:
        status = getattr(error, "status", HTTPStatus.BAD_REQUEST)
        if wants_json:
            return JsonResponse({"error": str(error)}, status=status)
        return HttpResponse(str(error), status=status, content_type="text/plain; charset=utf-8")
    if wants_json:
        followers_count = graph.get_followers_count(instance)
        return JsonResponse({"following": following, "changed": changed, "followers_count": followers_count})
    return HttpResponseRedirect(_way_back(request))


def _find(request: HttpRequest) -> Model:
    """The instance that the form names."""
    identifier, object_id = request.POST.get("identifier", ""), request.POST.get("object_id", "")
    if not identifier or not object_id:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "The form needs identifier and object_id.")
    try:
        base = registry.get_by_identifier(check_identifier(identifier))
        instance: Model = base.get_queryset().get(pk=object_id)
    except InvalidIdentifier as error:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, str(error)) from error
    except NotRegistered as error:
        raise _RefusedError(HTTPStatus.NOT_FOUND, f"Nothing here is called {identifier!r}.") from error
    except ObjectDoesNotExist as error:
        raise _RefusedError(HTTPStatus.NOT_FOUND, f"There is no {identifier} {object_id!r:.80}.") from error
    except (ValidationError, ValueError) as error:
        raise _RefusedError(
            HTTPStatus.BAD_REQUEST, f"object_id {object_id!r:.80} is no key of a {identifier}."
        ) from error
    if not base.has_follow_permission(request, instance):
        raise _RefusedError(HTTPStatus.FORBIDDEN, f"You may not follow this {identifier}.")
    return instance


def _way_back(request: HttpRequest) -> str:
    for url in (request.POST.get("next"), request.headers.get("Referer")):
        if url and url_has_allowed_host_and_scheme(
            url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        ):
            return url
    return "/"
