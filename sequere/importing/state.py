"""The file that stores the progress of an import, so that an interrupted one can continue."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from types import TracebackType

from ..exceptions import InvalidArgument

#: The number in the header of the SQLite file, which distinguishes it from other databases.
_APPLICATION = 0x53455155

_TABLES = f"""
PRAGMA application_id = {_APPLICATION};
CREATE TABLE IF NOT EXISTS progress (
    source TEXT, target TEXT, place TEXT, read INTEGER, added INTEGER, existing INTEGER, blocked INTEGER,
    skipped INTEGER, left_out INTEGER, noted INTEGER, done INTEGER
);
CREATE TABLE IF NOT EXISTS lists (name TEXT PRIMARY KEY, size INTEGER) WITHOUT ROWID;
"""


@dataclass
class Progress:
    """The progress of an import: how many edges were ``read``.

    They were ``added``, ``existing`` before, ``blocked`` by a block between the two, ``skipped`` because an import
    ignores such edges, or ``left_out`` because they are invalid. ``noted`` counts what ``Source.note`` describes.
    """

    source: str
    target: str
    place: str = ""
    read: int = 0
    added: int = 0
    existing: int = 0
    blocked: int = 0
    skipped: int = 0
    left_out: int = 0
    noted: int = 0
    done: bool = False


class State:
    """A SQLite file with the progress, and the lists that were found in Redis. Path None: a temporary file.

    Raises :class:`~sequere.exceptions.InvalidArgument` for a file that is something else, or belongs to another import.
    """

    def __init__(self, path: Path | None, source: str, target: str) -> None:
        try:
            self._connection = _open(path)
        except sqlite3.Error as error:
            raise InvalidArgument(
                f"--state: {path} cannot be used ({error}). Another import is using it, it is another kind of file, or "
                "its folder does not exist."
            ) from error
        row = self._connection.execute("SELECT * FROM progress").fetchone()
        self.progress = Progress(*row) if row else Progress(source, target)
        if (self.progress.source, self.progress.target) != (source, target):
            self._connection.close()
            raise InvalidArgument(
                f"--state: {path} belongs to the import of {self.progress.source} into {self.progress.target}, not to "
                f"that of {source} into {target}. Name another file."
            )

    def __enter__(self) -> State:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connection.close()

    def save(self) -> None:
        """Store the progress."""
        values = astuple(self.progress)
        marks = ", ".join("?" * len(values))
        self._connection.executescript("BEGIN; DELETE FROM progress")
        self._connection.execute(f"INSERT INTO progress VALUES ({marks})", values)
        self._connection.execute("COMMIT")

    def clear_lists(self) -> None:
        """Remove the stored lists."""
        self._connection.execute("DELETE FROM lists")

    def add_lists(self, lists: Iterable[tuple[str, int]]) -> None:
        """Store lists, each as its name and how many entries it has; a list that is already stored is replaced."""
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT OR REPLACE INTO lists VALUES (?, ?)", lists)
        self._connection.execute("COMMIT")

    def count(self) -> int:
        """How many entries the stored lists have."""
        (total,) = self._connection.execute("SELECT COALESCE(SUM(size), 0) FROM lists").fetchone()
        return int(total)

    def lists(self, name: str) -> Iterator[tuple[str, int]]:
        """Yield the stored lists with their sizes, in the order of their names, from this name on."""
        yield from self._connection.execute("SELECT name, size FROM lists WHERE name >= ? ORDER BY name", [name])


def _open(path: Path | None) -> sqlite3.Connection:
    """Open the file and create its tables; it is locked until it is closed. Raises ``sqlite3.Error``."""
    connection = sqlite3.connect("" if path is None else path, isolation_level=None, timeout=0)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if tables and application != _APPLICATION:
            raise sqlite3.DatabaseError("a database with other tables")
        connection.executescript(_TABLES)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
