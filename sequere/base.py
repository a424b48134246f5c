"""Options of a registered model: subclass :class:`ModelBase` and pass it to ``sequere.register``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from inspect import iscoroutinefunction
from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from .exceptions import InvalidArgument
from .keys import get_primary_key
from .relations import is_kind
from .resources import check_identifier

#: The most kinds that a model may declare, and that a graph may have.
MAX_KINDS = 16

#: The most follows of a limit, and the most seconds of a rate.
MAX_LIMIT = 999_999_999


class ModelBase:
    """The options of a registered model, as a ``ModelAdmin`` holds those of a model in the admin.

    ``identifier`` is the name of the model in the graph: 1 to 50 characters of ``A-Z a-z 0-9 _ . -``, neither digits
    alone nor ``count``. By default it is the model's name in lower case. It is stored with every follow: if you change
    it later, the old follows are no longer found.

    ``primary_key`` is the :class:`~sequere.keys.PrimaryKey` of the model: it translates keys to object ids and back.

    The options below are attributes or, where they say so, methods. They are checked when the model is registered, and
    what a method returns when it is called. An asynchronous function such as ``afollow()`` calls the methods in a
    thread, as Django does with synchronous code, so they may query the database; they cannot be coroutine functions
    themselves.
    """

    identifier: str | None = None

    #: The kinds in which instances can be followed or muted, beside the plain follow: ``("watch",)``. A kind is 1 to 30
    #: characters of ``a-z 0-9 _``, the first of them a letter. All models together may have 16.
    kinds: Sequence[str] = ()

    #: Whether a follow of an instance is only a request, which the instance accepts or denies. Or a method
    #: ``needs_approval(self, instance, follower)`` that returns it.
    needs_approval: bool | Callable[..., bool] = False

    #: How many follows and requests of one kind an instance may have; None for any number. Or a method
    #: ``follow_limit(self, instance)`` that returns it.
    follow_limit: int | Callable[..., int | None] | None = None

    #: How many follows and requests of all kinds an instance may make within a time: ``(100, timedelta(days=1))``. The
    #: time begins with the first of them, and ending a follow does not give it back. None for any number. Or a method
    #: ``follow_rate(self, instance)`` that returns it.
    follow_rate: tuple[int, timedelta] | Callable[..., tuple[int, timedelta] | None] | None = None

    def __init__(self, model: type[Model]) -> None:
        self.model = model
        self.identifier = check_identifier(
            self.identifier if self.identifier is not None else model._meta.model_name,
            f"the identifier of {model._meta.label}",
        )
        self.primary_key = get_primary_key(model)
        self._check_options()

    def get_queryset(self) -> QuerySet[Any]:
        """Return the instances that lists show and views find; override it to hide some or to call ``select_related``.

        Counts and positions include hidden instances, so a page with hidden instances is shorter.
        """
        return self.model._default_manager.all()

    def has_follow_permission(self, request: HttpRequest, instance: Model) -> bool:
        """Return whether the views let ``request.user`` follow this instance. By default: True."""
        return True

    def check_option(self, name: str, value: Any) -> Any:
        """Return the value of an option, or what its method returned, if it is one; else raise ``InvalidArgument``."""
        if name == "needs_approval":
            wanted, is_right = "True or False", isinstance(value, bool)
        elif name == "follow_limit":
            wanted, is_right = f"a whole number from 0 to {MAX_LIMIT}, or None", value is None or _is_number(value)
        else:
            wanted = f"a number from 0 to {MAX_LIMIT} and a timedelta of at least one second, or None"
            is_right = value is None or (
                isinstance(value, tuple)
                and len(value) == 2
                and _is_number(value[0])
                and isinstance(value[1], timedelta)
                and 1 <= value[1].total_seconds() <= MAX_LIMIT
            )
        if not is_right:
            raise InvalidArgument(f"{type(self).__name__}.{name} must be, or return, {wanted}; got {value!r:.80}")
        return value

    def _check_options(self) -> None:
        kinds = self.kinds
        if isinstance(kinds, str) or not isinstance(kinds, Sequence) or not all(map(is_kind, kinds)):
            raise InvalidArgument(
                f"{type(self).__name__}.kinds must be a tuple of kinds, each 1 to 30 characters of a-z 0-9 _, the "
                f"first of them a letter; got {kinds!r:.80}"
            )
        for name in ("needs_approval", "follow_limit", "follow_rate"):
            value = getattr(self, name)
            if iscoroutinefunction(value):
                raise InvalidArgument(
                    f"{type(self).__name__}.{name} must not be a coroutine function: write a plain method, which "
                    "asynchronous functions call in a thread."
                )
            if not callable(value):
                self.check_option(name, value)


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_LIMIT
