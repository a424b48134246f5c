"""The import itself: batch by batch from a source into the configured backend, through its operations."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import lru_cache

from django.db import router, transaction

from ..backends import get_backend
from ..backends.base import BaseBackend
from ..backends.database.backend import DatabaseBackend
from ..backends.operations import MAX_BLOCKS, MAX_EDGES, Added, AddEdges
from ..exceptions import (
    InvalidArgument,
    InvalidIdentifier,
    InvalidObjectId,
    InvalidTimestamp,
    NotRegistered,
    SelfFollow,
    WriteConflict,
)
from ..relations import FOREVER, check_relation
from ..resources import Resource
from ..steps import in_steps
from .sources import Batch, Source, describe, find_resource, to_edge
from .state import Progress, State

#: The errors for which an edge is left out. ``InvalidArgument``: its kind would be one too many.
UNFIT = (NotRegistered, InvalidArgument, InvalidIdentifier, InvalidObjectId, InvalidTimestamp, SelfFollow)

#: The number of resources whose canonical object id is kept in memory.
KNOWN = 100_000

#: Prints one line about an edge that is not imported.
Report = Callable[[str], object]


def import_edges(
    source: Source,
    state: State,
    *,
    dry_run: bool = False,
    on_step: Callable[[int], object] = lambda done: None,
    report: Report = lambda line: None,
) -> Progress:
    """Add each edge of a source whose :meth:`~sequere.importing.sources.Source.prepare` was called.

    An edge that exists keeps its time (a mute gets the end of the source), so a batch that is repeated after an
    interruption changes nothing. The place is stored after each batch. With ``dry_run`` nothing is written, and
    ``added`` counts what would be new, existing or blocked. ``on_step`` is called with the number of edges read,
    ``report`` for each edge that is left out or blocked. No approval is asked for, no limits apply and no signals are
    sent. One round trip to Redis for each follower and time, or one database transaction for each batch. Raises what
    the backend raises.
    """
    backend, progress = get_backend(), state.progress
    find = lru_cache(KNOWN)(find_resource)
    for batch in source.batches(state, progress.place):
        operations = list(_operations(batch, find, progress, report))
        if dry_run:
            progress.added += sum(len(operation.others) for operation in operations)
        else:
            _add_batch(backend, operations, progress, report)
        progress.read += len(batch.edges) + sum(count for _, count in batch.faults) + batch.skipped
        progress.skipped += batch.skipped
        progress.noted += batch.noted
        progress.place = batch.place
        state.save()
        on_step(progress.read)
    progress.done = True
    state.save()
    return progress


def _operations(
    batch: Batch, find: Callable[[Resource], Resource], progress: Progress, report: Report
) -> Iterable[AddEdges]:
    """The operations for a batch: its edges, grouped by relation, follower and time."""
    groups: dict[tuple[str, Resource, float], list[Resource]] = {}
    now = time.time()
    for fault, count in batch.faults:
        progress.left_out += count
        report(f"left out: {fault}")
    for found in batch.edges:
        try:
            edge, seconds = to_edge(found, find)
        except UNFIT as error:
            progress.left_out += 1
            report(f"left out: {found}: {error}")
            continue
        if seconds <= now and check_relation(edge.relation).expires:
            progress.skipped += 1  # it has ended
        else:
            groups.setdefault((edge.relation, edge.from_resource, seconds), []).append(edge.to_resource)
    for (relation, from_resource, seconds), others in groups.items():
        timestamp, ends = seconds, None
        if check_relation(relation).expires:
            timestamp, ends = (seconds, seconds) if seconds < FOREVER else (seconds - FOREVER, None)
        for step in in_steps(others, MAX_BLOCKS if relation == "block" else MAX_EDGES):
            yield AddEdges(relation, from_resource, step, timestamp, ends)


def _add_batch(backend: BaseBackend, operations: list[AddEdges], progress: Progress, report: Report) -> None:
    """Perform the operations of a batch; in the database, in one transaction."""
    if isinstance(backend, DatabaseBackend):
        from ..backends.database.models import Edge as Row  # models can be imported once the applications are loaded

        try:
            with transaction.atomic(using=router.db_for_write(Row)):
                replies = [backend.perform(operation) for operation in operations]
        except (*UNFIT, WriteConflict):
            pass  # adding them one by one shows which edge it is, and holds each lock for a short time
        else:
            for operation, outcomes in zip(operations, replies, strict=True):
                _count(operation, outcomes, progress, report)
            return
    for operation in operations:
        _add(backend, operation, progress, report)


def _add(backend: BaseBackend, operation: AddEdges, progress: Progress, report: Report) -> None:
    """Add edges; if the store refuses one, add them one by one."""
    try:
        outcomes = backend.perform(operation)
    except UNFIT as error:
        relation, from_resource, others = operation.relation, operation.from_resource, operation.others
        if len(others) > 1:
            for other in others:
                alone = AddEdges(relation, from_resource, [other], operation.timestamp, operation.ends)
                _add(backend, alone, progress, report)
            return
        progress.left_out += 1
        report(f"left out: {describe(relation, from_resource, others[0])}: {error}")
    else:
        _count(operation, outcomes, progress, report)


def _count(operation: AddEdges, outcomes: Iterable[Added], progress: Progress, report: Report) -> None:
    for other, outcome in zip(operation.others, outcomes, strict=True):
        if outcome == Added.BLOCKED:
            progress.blocked += 1
            report(f"blocked: {describe(operation.relation, operation.from_resource, other)}")
        elif outcome in (Added.EXISTS, Added.ALREADY_REQUESTED):
            progress.existing += 1
        else:
            progress.added += 1
