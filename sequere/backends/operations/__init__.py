"""The operations on the graph: the contract of every backend, one class for each script that all of them implement.

An operation is a value. Its fields are the arguments of the script, in order; ``reply`` translates the reply of the
script to Python. The database backend performs the same values with SQL. Timestamps are seconds since the epoch, UTC,
from 0 to below 2**33. The name of a list is the end of its key: ``followers``, or ``followers:user`` for those of one
identifier. Operations do not use models: an identifier need not be registered.
"""

from __future__ import annotations

from .reads import (
    MAX_COUNTED,
    MAX_LISTS,
    MAX_OTHERS,
    MAX_PAGE,
    Count,
    IsFollowing,
    Page,
    ReadPage,
    Relationships,
    Since,
)
from .selections import (
    MAX_BUDGET,
    MAX_EACH,
    MAX_FILTERS,
    MAX_SAMPLE,
    MAX_SELECTED,
    MAX_SUGGESTED,
    Filter,
    Select,
    Selected,
    Suggest,
    Suggestion,
)
from .values import Entry, decode
from .writes import (
    MAX_BLOCKS,
    MAX_EDGES,
    MAX_FORGET,
    NO_LIMITS,
    Added,
    AddEdges,
    Follow,
    Forget,
    Forgotten,
    Limits,
    Moved,
    MoveEdges,
    Unfollow,
    limit_reached,
)

__all__ = [
    "MAX_BLOCKS",
    "MAX_BUDGET",
    "MAX_COUNTED",
    "MAX_EACH",
    "MAX_EDGES",
    "MAX_FILTERS",
    "MAX_FORGET",
    "MAX_LISTS",
    "MAX_OTHERS",
    "MAX_PAGE",
    "MAX_SAMPLE",
    "MAX_SELECTED",
    "MAX_SUGGESTED",
    "NO_LIMITS",
    "AddEdges",
    "Added",
    "Count",
    "Entry",
    "Filter",
    "Follow",
    "Forget",
    "Forgotten",
    "IsFollowing",
    "Limits",
    "MoveEdges",
    "Moved",
    "Page",
    "ReadPage",
    "Relationships",
    "Select",
    "Selected",
    "Since",
    "Suggest",
    "Suggestion",
    "Unfollow",
    "decode",
    "limit_reached",
]
