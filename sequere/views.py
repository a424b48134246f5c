"""Follow and unfollow for the logged-in user, by POST.

Form fields: ``identifier`` and ``object_id`` of whom to follow; ``next`` (optional), where to go
afterwards. A client that prefers JSON (``Accept: application/json``) gets ``following``, ``changed`` and
``followers_count``, or ``error``; any other is sent to ``next``, else to where it came from, else to
``/``, never to another site. Status 400 for bad input and 404 for what does not exist, with the reason;
401 (JSON) or the login page for nobody; 403 where ``ModelBase.has_follow_permission`` forbids to follow;
503 if Redis cannot be reached. Anything that is followed can be unfollowed, also what ``ModelBase.get_queryset``
hides by now.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from . import models as graph
from .exceptions import BackendError, InvalidIdentifier, InvalidObjectId, NotRegistered, SelfFollow
from .registry import registry
from .resources import check_identifier

logger = logging.getLogger("sequere")


@require_POST
def follow(request: HttpRequest) -> HttpResponse:
    """Make the logged-in user follow an object."""
    return _change(request, following=True)


@require_POST
def unfollow(request: HttpRequest) -> HttpResponse:
    """Make the logged-in user stop following an object."""
    return _change(request, following=False)


class _RefusedError(Exception):
    """A request that cannot be served: a status and the reason for it."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def _change(request: HttpRequest, *, following: bool) -> HttpResponse:
    wants_json = request.get_preferred_type(["text/html", "application/json"]) == "application/json"
    user = request.user
    if not isinstance(user, Model) or not user.is_authenticated:
        if wants_json:
            return JsonResponse({"error": "Log in first."}, status=HTTPStatus.UNAUTHORIZED)
        return redirect_to_login(_way_back(request))
    try:
        instance = _find(request, following=following)
        changed = (graph.follow if following else graph.unfollow)(user, instance)
        if wants_json:
            followers_count = graph.get_followers_count(instance)
            return JsonResponse({"following": following, "changed": changed, "followers_count": followers_count})
        return HttpResponseRedirect(_way_back(request))
    except _RefusedError as error:
        status, reason = error.status, str(error)
    except (SelfFollow, InvalidObjectId) as error:
        status, reason = HTTPStatus.BAD_REQUEST, str(error)
    except BackendError:
        logger.exception("The follow graph does not answer.")
        status, reason = HTTPStatus.SERVICE_UNAVAILABLE, "That does not work at the moment; try again."
    if wants_json:
        return JsonResponse({"error": reason}, status=status)
    return HttpResponse(reason, status=status, content_type="text/plain; charset=utf-8")


def _find(request: HttpRequest, *, following: bool) -> Model:
    """The instance that the form names, if it may be followed or, in any case, unfollowed."""
    identifier, object_id = request.POST.get("identifier", ""), request.POST.get("object_id", "")
    if not identifier or not object_id:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, "The form needs identifier and object_id.")
    try:
        base = registry.get_by_identifier(check_identifier(identifier))
        found = base.get_queryset() if following else base.model._base_manager.all()
        instance: Model = found.get(pk=object_id)
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
    if following and not base.has_follow_permission(request, instance):
        raise _RefusedError(HTTPStatus.FORBIDDEN, f"You may not follow this {identifier}.")
    return instance


def _way_back(request: HttpRequest) -> str:
    for url in (request.POST.get("next"), request.headers.get("Referer")):
        if url and url_has_allowed_host_and_scheme(
            url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
        ):
            return url
    return "/"
