"""The locks of resources, with their quotas, and the kinds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import connections
from django.db.models import QuerySet

from ...exceptions import InvalidArgument
from ...relations import Edge, check_relation
from ...resources import Resource
from .fields import UTCNow, make_digest
from .statements import delete_rows

#: How many kinds there may be.
MAX_KINDS = 16

#: The digest that a transaction locks to add a kind. No resource has it.
_KINDS_LOCK = bytes(16)


def lock(alias: str, resources: Iterable[Resource]) -> None:
    """Lock resources until the transaction ends. One statement, and the first of the transaction.

    It waits for the other holders. In a transaction that begins with it, later reads see what these holders committed,
    at every isolation level. In a transaction of the caller that has read before, PostgreSQL above READ COMMITTED and
    SQLite raise a conflict here if another holder committed meanwhile. MariaDB and MySQL do not, so there the write
    reads with locks. On SQLite this statement locks the database, before anything is read.
    """
    _lock(alias, sorted({make_digest(resource) for resource in resources}))


def _lock(alias: str, digests: Iterable[bytes]) -> None:
    from .models import Resource as ResourceRow

    is_targeted = connections[alias].features.supports_update_conflicts_with_target
    # Sorted, so that two transactions never wait for each other.
    ResourceRow._default_manager.using(alias).bulk_create(
        [ResourceRow(digest=digest) for digest in digests],
        update_conflicts=True,
        update_fields=["touched"],
        unique_fields=["digest"] if is_targeted else None,
    )


def unlock(alias: str, resource: Resource) -> None:
    """Remove the row of a resource, with its quota; wait for its holder. One statement; on SQLite it locks too."""
    delete_rows(_resource(alias, resource))


def read_quota(alias: str, resource: Resource) -> tuple[int, datetime | None, datetime]:
    """Return how many follows a locked resource has made in its window, when the window ends, and the time now.

    After the window has ended: 0 and None. One query.
    """
    rows = _resource(alias, resource)
    # With a lock, reads what is committed now, even if a transaction of the caller has read before.
    rows = rows.select_for_update() if connections[alias].features.has_select_for_update else rows
    used, until, now = rows.values_list("quota_used", "quota_until", UTCNow()).get()
    return (used, until, now) if until and until > now else (0, None, now)


def set_quota(alias: str, resource: Resource, used: int, until: datetime) -> None:
    """Store how many follows a locked resource has made within its window, and when the window ends. One statement."""
    _resource(alias, resource).update(quota_used=used, quota_until=until)


def _resource(alias: str, resource: Resource) -> QuerySet[Any]:
    from .models import Resource as ResourceRow

    return ResourceRow._default_manager.using(alias).filter(digest=make_digest(resource))


def find_kinds(alias: str, *, current: bool = False) -> set[str]:
    """Return the kinds that edges have or had. One query.

    ``current``: as committed now, also on MariaDB and MySQL in a transaction of the caller that has read before. There
    the query locks the kinds until the transaction ends: other transactions that read them do not wait, but those that
    add one do.
    """
    from .models import Kind

    kinds = Kind._default_manager.using(alias)
    if current and connections[alias].vendor == "mysql":
        table = connections[alias].ops.quote_name(Kind._meta.db_table)
        return {kind.name for kind in kinds.raw(f"SELECT name FROM {table} LOCK IN SHARE MODE")}
    return set(kinds.values_list("name", flat=True))


def use_kinds(alias: str, edges: Iterable[Edge], *, most: int | None = MAX_KINDS) -> InvalidArgument | None:
    """Add the kinds of edges that are about to be written. Returns an error if there would be more than ``most``.

    No query if no edge has a kind, one if all kinds are known. A block reads the kinds after it has locked the
    resources, so a kind must be committed when this transaction is: if another one is adding it, this one waits.
    """
    wanted = {check_relation(edge.relation).kind for edge in edges} - {""}
    lacking = wanted and wanted - find_kinds(alias)
    if not lacking:
        return None
    _lock(alias, [_KINDS_LOCK])
    known = find_kinds(alias, current=True)
    lacking -= known
    if most is not None and len(known) + len(lacking) > most:
        return InvalidArgument(
            f"kind would be the {most + 1}th in use; use one of {', '.join(sorted(known))}; got {min(lacking)!r}"
        )
    from .models import Kind

    Kind._default_manager.using(alias).bulk_create([Kind(name=kind) for kind in sorted(lacking)])
    return None
