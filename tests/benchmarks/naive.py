"""The peer: the same follow as commands that the client sends, in the layout of the original README.

It is kinder to itself than a real one: it creates no uid and does not look whether the follow stands
already, so a repeated call would count twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import redis

#: Its keys stand beside those of the package.
PREFIX = "naive:"


class NaiveFollow:
    """One user that follows one project, among ``followings`` others of the one and ``followers`` of the other."""

    def __init__(self, client: redis.Redis, *, number: int, followings: int, followers: int) -> None:
        self.client = client
        self.names = f"{PREFIX}uid:user:{number}", f"{PREFIX}uid:project:{number}"
        self.uids = [str(client.incr(f"{PREFIX}global:uid")) for _ in self.names]
        pipeline = client.pipeline(transaction=False)
        for name, uid in zip(self.names, self.uids, strict=True):
            pipeline.set(name, uid)
        for list_key, _ in _entries(*self.uids):
            count = followings if ":followings" in list_key else followers
            pipeline.zadd(list_key, {str(uid): 1e9 + uid + 0.123456 for uid in range(1000, 1000 + count)})
            pipeline.set(f"{list_key}:count", count)
        pipeline.execute()

    def follow(self) -> list[Any]:
        """One command after the other: ten round trips."""
        from_uid, to_uid = (self.client.get(name).decode() for name in self.names)
        return _write(self.client, from_uid, to_uid)

    def follow_by_pipeline(self) -> list[Any]:
        """Two round trips: the uids, then all that is written as one transaction."""
        from_uid, to_uid = (uid.decode() for uid in self.client.mget(self.names))
        pipeline = self.client.pipeline()
        _write(pipeline, from_uid, to_uid)
        return pipeline.execute()

    def unfollow(self) -> None:
        """Back to how it was; no round trip of its own is timed."""
        pipeline = self.client.pipeline(transaction=False)
        for list_key, uid in _entries(*self.uids):
            pipeline.zrem(list_key, uid)
            pipeline.decr(f"{list_key}:count")
        pipeline.execute()


def _entries(from_uid: str, to_uid: str) -> Iterator[tuple[str, str]]:
    """The four lists that a follow stands in, each with the uid in it."""
    followings, followers = f"{PREFIX}uid:{from_uid}:followings", f"{PREFIX}uid:{to_uid}:followers"
    yield from [(followings, to_uid), (f"{followings}:project", to_uid)]
    yield from [(followers, from_uid), (f"{followers}:user", from_uid)]


def _write(target: redis.Redis, from_uid: str, to_uid: str) -> list[Any]:
    timestamp = time.time()
    replies = []
    for list_key, uid in _entries(from_uid, to_uid):
        replies += [target.zadd(list_key, {uid: timestamp}), target.incr(f"{list_key}:count")]
    return replies
