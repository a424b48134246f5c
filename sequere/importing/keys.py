"""The follows that django-sequere 0.x has in Redis.

Its keys are those of this version, with two exceptions: the uids of 0.3 and 0.4 are 32 hexadecimal digits, and the hash
that names the resource of a uid has one colon fewer (``sequere:uid:{uid}``). The lists ``followings`` decide who
follows whom, as ``is_following()`` of 0.x did.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..backends.redis.backend import RedisBackend
from ..backends.redis.errors import translated
from ..resources import Resource
from .lists import ListSource, Part, ask, to_text
from .sources import Batch, Found
from .state import State

_UID = r"[0-9a-f]{32}|[0-9]+"
_LIST = re.compile(rf"({_UID}):followings")


class KeySource(ListSource):
    """The keys of 0.x under a prefix (with its last colon), read by a client of redis-py or valkey-py."""

    unit = "follow"
    suffix = ":followings"

    def __init__(self, client: Any, prefix: str) -> None:
        super().__init__(client, f"{prefix}uid:")

    def is_list(self, name: str) -> bool:
        return _LIST.fullmatch(name) is not None

    def explain_none(self) -> str:
        return (
            f"There is no list {self.prefix}*:followings of django-sequere 0.x. --prefix must be the text before "
            "'uid:' in the names of its keys; 0.4 adds a colon to the prefix in its settings."
        )

    def collides_with(self, backend: RedisBackend, state: State) -> bool:
        """Whether these keys are the ones that the backend has, or would write. One round trip."""
        name, _ = next(state.lists(""))
        uid = name.removesuffix(self.suffix)
        with translated():
            return self.prefix == f"{backend.prefix}uid:" and bool(backend.client.exists(f"{self.prefix}{uid}"))

    def read(self, parts: Sequence[Part], batch: Batch) -> None:
        lists = [
            (name.removesuffix(self.suffix), [(to_text(member), score) for member, score in entries])
            for name, entries in self.read_entries(parts, batch)
        ]
        members = {member for _, entries in lists for member, _ in entries}
        names = self._find_names(sorted({*members, *(uid for uid, _ in lists)}))
        for uid, entries in lists:
            key = f"{self.prefix}{uid}:followings"
            owner = names[uid]
            if isinstance(owner, str):
                batch.faults.append((f"{key}: {owner}", len(entries)))
                continue
            for member, score in entries:
                other = names[member]
                if isinstance(other, str):
                    batch.faults.append((f"{key}: {other}", 1))
                else:
                    batch.edges.append(Found("follow", owner, other, score))

    def _find_names(self, uids: list[str]) -> dict[str, Resource | str]:
        """The resource of each uid, or a text that says what is wrong."""
        names: dict[str, Resource | str] = {uid: f"holds {uid!r:.80}, which is not a uid" for uid in uids}
        wanted = [uid for uid in uids if re.fullmatch(_UID, uid)]
        questions = self.client.pipeline(transaction=False)
        for uid in wanted:
            questions.hmget(f"{self.prefix}{uid}", "identifier", "object_id")
        for uid, reply in zip(wanted, ask(questions), strict=True):
            if isinstance(reply, Exception):
                names[uid] = f"{self.prefix}{uid}: {reply}"
            elif None in reply:
                names[uid] = f"{self.prefix}{uid} does not name a resource"
            else:
                names[uid] = Resource(*map(to_text, reply))
        return names
