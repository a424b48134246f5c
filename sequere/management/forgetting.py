"""The sub-commands ``forget`` and ``prune``, which work with every backend."""

from __future__ import annotations

import argparse
from collections import Counter

from ..backends.base import BaseBackend, get_backend
from ..backends.operations import Count
from ..backends.redis import RedisBackend
from ..exceptions import InvalidArgument
from ..forgetting import forget_resource
from ..pruning import Fate, find_key, prune
from ..registry import registry
from ..relations import rows_in_use
from ..resources import Resource, check_resource
from .console import count
from .graph import Write, estimate_uids, progress


def run_forget(options: argparse.Namespace, write: Write) -> None:
    """Forget one resource, whether or not it has a row.

    Raises ``InvalidArgument`` if it had no follows and no row can be this resource: the name is likely to be wrong.
    """
    resource = check_resource(Resource(options.identifier, options.object_id))
    rows = rows_in_use(get_backend().kinds())
    total = sum(sum(Count([row.forward, row.backward], [resource]).perform()) for row in rows)
    with progress("forget", total) as on_step:

        def note(removed: int) -> bool:
            on_step(removed)
            return True

        removed = forget_resource(resource, goes_on=note).removed
    reason = "" if removed else find_fault(resource)
    if reason:
        raise InvalidArgument(f"The graph knows no follows of {' '.join(resource)}; {reason}.")
    write(f"{count(removed, 'follow')} removed: the graph has forgotten {' '.join(resource)}.")


def find_fault(resource: Resource) -> str:
    """Why no row can be this resource; empty if one can. No query."""
    if resource.identifier not in registry.identifiers:
        known = ", ".join(sorted(registry.identifiers)) or "none"
        return f"no model is registered as {resource.identifier!r}; registered: {known}"
    if find_key(registry, resource) is None:
        return f"no row of the model can have the primary key {resource.object_id!r}"
    return ""


def run_prune(backend: BaseBackend, options: argparse.Namespace, write: Write) -> None:
    """Forget the resources whose rows are gone. Prints a line for each, and which were left alone."""
    looked_at = gone = removed = alone = 0
    strangers: Counter[str] = Counter()
    with progress("prune", estimate_uids(backend) if isinstance(backend, RedisBackend) else None) as on_step:

        def note(number: int) -> None:
            nonlocal looked_at
            looked_at = number
            on_step(number)

        for resource, fate, follows in prune(registry, dry_run=options.dry_run, min_age=options.min_age, on_step=note):
            name = " ".join(resource)
            if fate is Fate.FORGOTTEN:
                gone += 1
                removed += follows
                write(name if options.dry_run else f"{name}: {count(follows, 'follow')}")
            else:
                alone += 1
                if fate is Fate.UNREGISTERED:
                    strangers[resource.identifier] += 1
                else:
                    write(f"{name}: left alone, {_REASONS[fate]}")
    for identifier, number in sorted(strangers.items()):
        write(f"{number:,} of {identifier}: left alone, no model is registered under this identifier")
    done = f"{gone:,} to forget" if options.dry_run else f"{gone:,} forgotten with {count(removed, 'follow')}"
    write(f"{looked_at:,} looked at, {done}, {alone:,} left alone.")


_REASONS = {
    Fate.NO_KEY: "no row can have this key",
    Fate.RECENT: "its newest follow is younger than --min-age",
}
