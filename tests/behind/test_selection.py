"""A walk through lists that are compared goes on in the other store."""

from __future__ import annotations

import itertools

import pytest

from sequere.backends.operations import Filter, Select
from sequere.backends.redis.behind.drain import drain
from sequere.backends.redis.behind.rebuild import rebuild
from sequere.resources import Resource
from tests.support.behind import ADA, CROWD, FLIGHT, fill
from tests.support.calls import Ask

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

TOWER = Resource("project", "tower")


@pytest.mark.parametrize("sign", ["&", "-"])
def test_a_walk_goes_on_when_redis_goes_cold_and_comes_back(behind, sign):
    fill(behind)
    some = CROWD[::2]
    for number, one in enumerate(some):
        Ask(behind).follow(one, TOWER, timestamp=float(number))
    drain(behind.unguarded)
    found = []
    select = Select(FLIGHT, "followers", [Filter(sign, TOWER, "followers"), Filter("-", ADA, "friends")], limit=2)
    for number in itertools.count():
        selected = behind.perform(select)
        found += [Resource(*entry[:2]) for entry in selected.entries]
        if not selected.cursor:
            break
        select.cursor = selected.cursor
        if number % 2 == 0:
            behind.unguarded.client.flushall()
        else:
            rebuild(behind.unguarded)
    friends = {entry[:2] for entry in Ask(behind).page(ADA, "friends").entries}
    assert number > 3
    wanted = {one for one in CROWD if (one in some) is (sign == "&") and one not in friends}
    assert set(found) == wanted
