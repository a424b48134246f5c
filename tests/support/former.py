"""What django-sequere 0.x wrote, in Redis and in the database, by the commands and the model of its own code."""

from __future__ import annotations

import uuid
from contextlib import contextmanager

from django.apps.registry import Apps
from django.db import connections, models


class Former:
    """The Redis backend of 0.4.1, or with ``numbers`` that of 0.2, whose uids are numbers."""

    def __init__(self, client, prefix="sequere:", *, numbers=False):
        self.client, self.prefix, self.numbers = client, prefix, numbers

    def make_uid(self, identifier, object_id):
        key = f"{self.prefix}uid:{identifier}:{object_id}"
        uid = self.client.get(key)
        if uid:
            return uid.decode()
        uid = str(self.client.incr(f"{self.prefix}global:uid")) if self.numbers else uuid.uuid4().hex
        data = {"identifier": identifier, "object_id": object_id, "uid": uid}
        self.client.hset(f"{self.prefix}uid:{uid}", mapping=data)
        self.client.set(key, uid)
        return uid

    def follow(self, one, other, timestamp):
        one_uid, other_uid = self.make_uid(*one), self.make_uid(*other)
        self._add(one_uid, "followings", other_uid, other[0], timestamp)
        self._add(other_uid, "followers", one_uid, one[0], timestamp)
        if self.client.zscore(f"{self.prefix}uid:{other_uid}:followings", one_uid) is not None:
            self._add(one_uid, "friends", other_uid, other[0], timestamp)
            self._add(other_uid, "friends", one_uid, one[0], timestamp)

    def _add(self, uid, name, member, identifier, timestamp):
        for key in (f"{self.prefix}uid:{uid}:{name}", f"{self.prefix}uid:{uid}:{name}:{identifier}"):
            self.client.incr(f"{key}:count")
            self.client.zadd(key, {member: timestamp})


class FollowTable(models.Model):
    """The model of 0.4.1."""

    id = models.AutoField(primary_key=True)
    created_at = models.DateTimeField()
    from_object_id = models.PositiveIntegerField()
    from_identifier = models.CharField(max_length=50, db_index=True)
    to_object_id = models.PositiveIntegerField()
    to_identifier = models.CharField(max_length=50, db_index=True)
    is_mutual = models.BooleanField(default=False)

    class Meta:
        apps = Apps()
        app_label = "sequere"
        db_table = "sequere_follow"

    def __str__(self):
        return str(self.pk)


@contextmanager
def table_of_follows(alias):
    """Within it, a database has the table of 0.4.1. Not in a transaction."""
    with connections[alias].schema_editor() as editor:
        editor.create_model(FollowTable)
    try:
        yield FollowTable.objects.using(alias)
    finally:
        with connections[alias].schema_editor() as editor:
            editor.delete_model(FollowTable)


def dump(client):
    """Every key of a server and what it holds."""
    return {key: client.dump(key) for key in client.scan_iter()}
