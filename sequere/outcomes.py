"""The results of calls for which True and False are not enough."""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """The result of a call that neither made a follow nor ended one; false in a condition.

    So the body of ``if follow(a, b):`` runs only if this call made the follow.
    """

    #: The follow needs approval: a request was made.
    REQUESTED = "requested"
    #: A request existed, and still waits for approval.
    ALREADY_REQUESTED = "already requested"
    #: There was no follow but a request, which was removed.
    WITHDRAWN = "withdrawn"
    #: Nothing changed: one of the two blocks the other.
    BLOCKED = "blocked"
    #: Nothing changed: the follower has reached one of its limits.
    LIMITED = "limited"

    def __bool__(self) -> bool:
        return False
