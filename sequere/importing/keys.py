"""The follows that django-sequere 0.x has in Redis.

Its keys are those of this version, with two exceptions: the uids of 0.3 and 0.4 are 32 hexadecimal digits, and the hash
that names the resource of a uid has one colon fewer (``sequere:uid:{uid}``). The lists ``followings`` decide who
follows whom, as ``is_following()`` of 0.x did.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..backends.redis.backend import RedisBackend
from ..backends.redis.errors import translated
from ..backends.redis.operate.permissions import escape
from ..exceptions import InvalidSettings
from ..resources import Resource
from ..steps import in_steps
from .follows import STEP, Batch, Follow
from .state import State

_UID = r"[0-9a-f]{32}|[0-9]+"
_LIST = re.compile(rf"({_UID}):followings")


class Part(NamedTuple):
    """A part of a list: the entries from ``start`` to ``end``."""

    uid: str
    start: int
    end: int


class KeySource:
    """The keys of 0.x under a prefix (with its last colon), read by a client of redis-py or valkey-py."""

    def __init__(self, client: Any, prefix: str) -> None:
        self.client = client
        self.prefix = f"{prefix}uid:"
        options = client.connection_pool.connection_kwargs
        place = options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
        self.name = f"{prefix}uid:* in Redis at {place}/{options.get('db') or 0}"

    def prepare(self, state: State) -> int:
        """Find the lists. One round trip for each 1,000 keys of the server, and one for each 1,000 lists.

        An unfinished search starts again.
        """
        if not state.progress.place:
            state.clear_lists()
            with translated():
                keys = self.client.scan_iter(match=f"{escape(self.prefix)}*:followings", count=STEP)
                for step in in_steps(keys, STEP):
                    names = [_text(key)[len(self.prefix) :] for key in step]
                    uids = [match[1] for name in names if (match := _LIST.fullmatch(name))]
                    pipeline = self.client.pipeline(transaction=False)
                    for uid in uids:
                        pipeline.zcard(f"{self.prefix}{uid}:followings")
                    sizes = pipeline.execute(raise_on_error=False)
                    state.add_lists((uid, _count(size)) for uid, size in zip(uids, sizes, strict=True))
        total = state.count()
        if not total:
            raise InvalidSettings(
                f"There is no list {self.prefix}*:followings of django-sequere 0.x. --prefix must be the text before "
                "'uid:' in the names of its keys; 0.4 adds a colon to the prefix in its settings."
            )
        return total

    def batches(self, state: State, place: str) -> Iterator[Batch]:
        """Two round trips for each batch."""
        for parts in self._parts(state, place):
            batch = Batch(f"{parts[-1].uid}:{parts[-1].end}")
            self._read(parts, batch)
            yield batch

    def collides_with(self, backend: RedisBackend, state: State) -> bool:
        """Whether these keys are the ones that the backend has, or would write. One round trip."""
        uid, _ = next(state.lists(""))
        with translated():
            return self.prefix == f"{backend.prefix}uid:" and bool(backend.client.exists(f"{self.prefix}{uid}"))

    @staticmethod
    def _parts(state: State, place: str) -> Iterator[list[Part]]:
        """All lists after a place, in groups of 1,000 entries; long ones in several parts."""
        first, _, begin = place.partition(":")
        parts: list[Part] = []
        room = STEP
        for uid, size in state.lists(first):
            start = int(begin) if uid == first else 0
            while start < size:
                parts.append(Part(uid, start, min(size, start + room)))
                room -= parts[-1].end - start
                start = parts[-1].end
                if not room:
                    yield parts
                    parts, room = [], STEP
        if parts:
            yield parts

    def _read(self, parts: list[Part], batch: Batch) -> None:
        questions = self.client.pipeline(transaction=False)
        for uid, start, end in parts:
            questions.zrange(f"{self.prefix}{uid}:followings", start, end - 1, withscores=True)
        lists = self._ask(questions)
        members = {_text(uid) for entries in lists if isinstance(entries, list) for uid, _ in entries}
        names = self._find_names(sorted({*members, *(part.uid for part in parts)}))
        for (uid, start, end), entries in zip(parts, lists, strict=True):
            key = f"{self.prefix}{uid}:followings"
            if not isinstance(entries, list):
                batch.faults.append((f"{key}: {entries}", end - start))
                continue
            owner = names[uid]
            if isinstance(owner, str):
                batch.faults.append((f"{key}: {owner}", len(entries)))
                continue
            for member, score in entries:
                other = names[_text(member)]
                if isinstance(other, str):
                    batch.faults.append((f"{key}: {other}", 1))
                else:
                    batch.follows.append(Follow(owner, other, score))

    def _find_names(self, uids: list[str]) -> dict[str, Resource | str]:
        """The resource of each uid, or a text that says what is wrong."""
        names: dict[str, Resource | str] = {uid: f"holds {uid!r:.80}, which is not a uid" for uid in uids}
        wanted = [uid for uid in uids if re.fullmatch(_UID, uid)]
        questions = self.client.pipeline(transaction=False)
        for uid in wanted:
            questions.hmget(f"{self.prefix}{uid}", "identifier", "object_id")
        for uid, reply in zip(wanted, self._ask(questions), strict=True):
            if isinstance(reply, Exception):
                names[uid] = f"{self.prefix}{uid}: {reply}"
            elif None in reply:
                names[uid] = f"{self.prefix}{uid} does not name a resource"
            else:
                names[uid] = Resource(*map(_text, reply))
        return names

    @staticmethod
    def _ask(pipeline: Any) -> list[Any]:
        """The replies; for a key of another type, an exception instead of a reply."""
        with translated():
            replies: list[Any] = pipeline.execute(raise_on_error=False)
            for reply in replies:
                if isinstance(reply, Exception) and not str(reply).startswith("WRONGTYPE"):
                    raise reply
        return replies


def _count(size: Any) -> int:
    """The size of a list; 1 for a key of another type, so that it is read and reported."""
    return size if isinstance(size, int) else 1


def _text(word: Any) -> str:
    return word.decode(errors="surrogateescape") if isinstance(word, bytes) else word
