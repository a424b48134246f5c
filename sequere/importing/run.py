"""The import itself: batch by batch from a source into the configured backend, through its operations."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from ..backends import get_backend
from ..backends.base import BaseBackend
from ..backends.database.backend import DatabaseBackend
from ..backends.operations import MAX_EDGES, AddEdges
from ..exceptions import InvalidIdentifier, InvalidObjectId, InvalidTimestamp, NotRegistered, SelfFollow
from ..relations import Edge
from ..resources import Resource
from ..steps import in_steps
from .follows import Batch, Source, find_resource, to_edge
from .state import Progress, State

#: The errors for which a follow is left out.
UNFIT = (NotRegistered, InvalidIdentifier, InvalidObjectId, InvalidTimestamp, SelfFollow)

#: For how many resources the canonical name is kept in memory.
KNOWN = 100_000


def import_follows(
    source: Source,
    state: State,
    *,
    dry_run: bool = False,
    on_step: Callable[[int], object] = lambda done: None,
    on_left_out: Callable[[str], object] = lambda text: None,
) -> Progress:
    """Add an edge for each follow of a source whose :meth:`~sequere.importing.follows.Source.prepare` was called.

    An edge that exists keeps its time, so a batch that is repeated after an interruption changes nothing. The place is
    stored after each batch. With ``dry_run`` nothing is written, and ``added`` counts what would be new or existing.
    ``on_step`` is called with the number of follows read, ``on_left_out`` for each follow that is left out, with the
    reason. No signals are sent. One round trip to Redis for each follower and time, or one database transaction for
    each batch. Raises what the backend raises.
    """
    backend, progress = get_backend(), state.progress
    find = lru_cache(KNOWN)(find_resource)
    for batch in source.batches(state, progress.place):
        edges = _sort(batch, find, progress, on_left_out)
        if dry_run:
            progress.added += sum(len(others) for others in edges.values())
        else:
            _add_batch(backend, edges, progress, on_left_out)
        progress.read += len(batch.follows) + sum(count for _, count in batch.faults)
        progress.place = batch.place
        state.save()
        on_step(progress.read)
    progress.done = True
    state.save()
    return progress


def _sort(
    batch: Batch,
    find: Callable[[Resource], Resource],
    progress: Progress,
    on_left_out: Callable[[str], object],
) -> dict[tuple[Resource, float], list[Resource]]:
    """The edges of a batch, grouped by follower and time."""
    edges: dict[tuple[Resource, float], list[Resource]] = {}
    for fault, count in batch.faults:
        progress.left_out += count
        on_left_out(fault)
    for follow in batch.follows:
        try:
            from_resource, to_resource, seconds = to_edge(follow, find)
        except UNFIT as error:
            progress.left_out += 1
            on_left_out(f"{follow}: {error}")
        else:
            edges.setdefault((from_resource, seconds), []).append(to_resource)
    return edges


def _add_batch(
    backend: BaseBackend,
    edges: dict[tuple[Resource, float], list[Resource]],
    progress: Progress,
    on_left_out: Callable[[str], object],
) -> None:
    """Add the edges of a batch; in the database, in one transaction."""
    if isinstance(backend, DatabaseBackend):
        many = [(Edge("follow", one, other), since) for (one, since), others in edges.items() for other in others]
        try:
            flags = backend.add_many(many)
        except InvalidObjectId:
            pass  # adding them one by one shows which
        else:
            progress.added += sum(flags)
            progress.existing += len(flags) - sum(flags)
            return
    for (from_resource, seconds), others in edges.items():
        for step in in_steps(others, MAX_EDGES):
            _add(backend, AddEdges("follow", from_resource, step, seconds), progress, on_left_out)


def _add(backend: BaseBackend, operation: AddEdges, progress: Progress, on_left_out: Callable[[str], object]) -> None:
    """Add edges; if the store refuses one, add them one by one."""
    try:
        flags = backend.perform(operation)
    except UNFIT as error:
        if len(operation.others) > 1:
            for other in operation.others:
                alone = AddEdges(operation.relation, operation.from_resource, [other], operation.timestamp)
                _add(backend, alone, progress, on_left_out)
            return
        progress.left_out += 1
        ends = f"{' '.join(operation.from_resource)} -> {' '.join(operation.others[0])}"
        on_left_out(f"{ends}: {error}")
    else:
        progress.added += sum(flags)
        progress.existing += len(flags) - sum(flags)
