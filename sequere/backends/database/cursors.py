"""The cursors of pages: where a page ended, as text."""

from __future__ import annotations

import re
from uuid import UUID

from django.db.models import Q

from ...exceptions import InvalidCursor
from ...timestamps import MICROSECONDS, to_moment

#: A cursor: microseconds and row id of the last entry and, oldest first, the time at which the walk ends.
CURSOR = re.compile(r"(?P<at>\d{1,17}):(?P<id>[0-9a-f]{32})(?::(?P<bound>\d{1,17}))?", re.ASCII)


def read_cursor(cursor: str, *, desc: bool) -> tuple[Q, int | None]:
    """Return what a cursor means: the rows after its entry and, oldest first, the time at which the walk ends.

    A cursor is the last entry's microseconds and row id. Oldest first, a third part is the newest score when the walk
    began; without it, the walk would reach entries that were added meanwhile. Raises
    :class:`~sequere.exceptions.InvalidCursor`.
    """
    match = CURSOR.fullmatch(cursor) if isinstance(cursor, str) else None
    if not match or (match["bound"] is None) != desc:
        raise InvalidCursor(f"cursor must be one that a page in the same order returned; got {cursor!r:.80}")
    at, row = to_moment(int(match["at"]) / MICROSECONDS), UUID(match["id"])
    if desc:
        return Q(score__lte=at) & (Q(score__lt=at) | Q(id__lt=row)), None
    return Q(score__gte=at) & (Q(score__gt=at) | Q(id__gt=row)), int(match["bound"])
