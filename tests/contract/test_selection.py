"""Lists compared with each other, and suggestions: the same answers from every backend."""

from __future__ import annotations

import random
import time

import pytest
from asgiref.sync import async_to_sync

from sequere import exceptions
from sequere.backends.operations import AddEdges, Filter, ReadPage, Select, Suggest, Suggestion, Unfollow
from sequere.resources import Resource

pytestmark = pytest.mark.django_db(databases="__all__")

ADA, BOB, NOBODY = Resource("user", "ada"), Resource("user", "bob"), Resource("user", "nobody")
LATER = 4e9


def fan(number):
    return Resource("user", str(number))


def add(backend, relation, one, others, timestamp=1000.0):
    ends = timestamp if relation.startswith("mute") else None
    backend.perform(AddEdges(relation, one, others, timestamp, ends=ends))


def walk(backend, select):
    """All calls of a walk."""
    results = [backend.perform(select)]
    while results[-1].cursor:
        select.cursor = results[-1].cursor
        results.append(backend.perform(select))
    return results


@pytest.fixture
def crowd(backend):
    """Fifteen follow Ada at 1001, 1002 ...; every third of them, in the opposite order, and five others follow Bob."""
    for number in range(1, 16):
        add(backend, "follow", fan(number), [ADA], 1000.0 + number)
    for number in range(3, 16, 3):
        add(backend, "follow", fan(number), [BOB], 2000.0 - number)
    for number in range(16, 21):
        add(backend, "follow", fan(number), [BOB], 3000.0)
    return backend


def test_entries_that_another_list_holds_too(crowd):
    found = crowd.perform(Select(BOB, "followers", [Filter("&", ADA, "followers")], sized=True))
    assert [entry[1:] for entry in found.entries] == [(str(n), 2000.0 - n) for n in range(3, 16, 3)]
    assert (found.cursor, found.size, found.looked) == ("", 10, 10)


def test_the_smallest_list_is_walked_and_times_are_those_of_the_first(crowd):
    found = crowd.perform(Select(ADA, "followers", [Filter("&", BOB, "followers")], limit=4, sized=True))
    assert [entry[1:] for entry in found.entries] == [(str(n), 1000.0 + n) for n in (3, 6, 9, 12)]
    assert (found.size, found.looked) == (10, 9)
    rest = crowd.perform(Select(ADA, "followers", [Filter("&", BOB, "followers")], cursor=found.cursor, sized=True))
    assert [entry.object_id for entry in rest.entries] == ["15"]
    assert (rest.cursor, rest.size, rest.looked) == ("", 10, 1)


def test_entries_that_another_list_does_not_hold(crowd):
    found = crowd.perform(Select(ADA, "followers", [Filter("-", BOB, "followers")]))
    assert [entry.object_id for entry in found.entries] == [str(n) for n in range(15, 0, -1) if n % 3]
    assert found.size is None


def test_a_list_without_filters(crowd):
    found = walk(crowd, Select(ADA, "followers", limit=7))
    page = crowd.perform(ReadPage(ADA, "followers"))
    assert [entry for result in found for entry in result.entries] == page.entries


def test_a_walk_stays_with_its_list(crowd):
    select = Select(ADA, "followers", [Filter("&", BOB, "followers")], limit=3)
    first = crowd.perform(select)
    for number in range(50, 60):
        add(crowd, "follow", fan(number), [BOB], 1.0)  # now the list of Ada is smaller, and these are not in it
    crowd.perform(Unfollow(fan(first.entries[-1].object_id), BOB))
    select.cursor = first.cursor
    rest = [entry.object_id for result in walk(crowd, select) for entry in result.entries]
    assert rest == ["12", "15"]


def test_the_budget_is_divided_by_the_number_of_filters(crowd):
    for filters, looked in [(0, 7), (1, 7), (2, 3), (7, 1), (10, 1)]:
        lists = [Filter("-", NOBODY, "followers")] * filters
        found = crowd.perform(Select(ADA, "followers", lists, budget=7))
        assert (found.looked, len(found.entries)) == (looked, looked)
    found = walk(crowd, Select(ADA, "followers", [Filter("&", ADA, "followings")] * 2, budget=2))
    assert found == [([], "", 0, None)]
    found = walk(crowd, Select(ADA, "followers", [Filter("-", ADA, "followers")], budget=14))
    assert [(result.entries, result.looked) for result in found] == [([], 14), ([], 1)]


def test_a_resource_that_the_graph_does_not_know(crowd):
    assert crowd.perform(Select(NOBODY, "followers", sized=True)) == ([], "", 0, 0)
    assert crowd.perform(Select(ADA, "followers", [Filter("&", NOBODY, "followers")], sized=True)) == ([], "", 0, 0)
    assert len(crowd.perform(Select(ADA, "followers", [Filter("-", NOBODY, "blocked")])).entries) == 15


def test_lists_of_one_identifier_and_of_a_kind(crowd):
    add(crowd, "follow", Resource("project", "1"), [ADA], 5000.0)
    add(crowd, "follow@watch", fan(1), [ADA, BOB], 6000.0)
    both = [Filter("&", ADA, "followers:project")]
    assert crowd.perform(Select(ADA, "followers", both)).entries == [("project", "1", 5000.0)]
    both = [Filter("-", ADA, "followers:user")]
    assert crowd.perform(Select(ADA, "followers", both)).entries == [("project", "1", 5000.0)]
    both = [Filter("&", BOB, "followers@watch:user")]
    assert crowd.perform(Select(ADA, "followers", both)).entries == [("user", "1", 1001.0)]
    assert crowd.perform(Select(ADA, "followers@watch", both)).entries == [("user", "1", 6000.0)]


def test_friends(crowd):
    for number in (6, 7):
        add(crowd, "follow", ADA, [fan(number)], 7000.0 + number)
    found = crowd.perform(Select(ADA, "friends", [Filter("&", BOB, "followers")]))
    assert found.entries == [("user", "6", 7006.0)]
    found = crowd.perform(Select(ADA, "followers", [Filter("&", ADA, "friends")], limit=1))
    assert found.entries == [("user", "7", 1007.0)]
    select = Select(ADA, "followers", [Filter("&", ADA, "friends")], limit=1, cursor=found.cursor)
    assert crowd.perform(select).entries == [("user", "6", 1006.0)]


def test_a_mute_that_has_ended_counts_as_absent(crowd):
    add(crowd, "mute", BOB, [fan(1)], time.time() - 10)
    add(crowd, "mute", BOB, [fan(2)], LATER)
    assert len(crowd.perform(Select(ADA, "followers", [Filter("-", BOB, "muted")])).entries) == 14
    both = [Filter("&", BOB, "muted")]
    assert crowd.perform(Select(ADA, "followers", both)).entries == [("user", "2", 1002.0)]
    found = crowd.perform(Select(BOB, "muted", [Filter("&", ADA, "followers")]))
    assert found.entries == [("user", "2", LATER)]
    assert crowd.perform(Select(BOB, "muted", [Filter("-", ADA, "followings")])).entries == [("user", "2", LATER)]


def test_it_is_asked_asynchronously(crowd):
    @async_to_sync
    async def run():
        select = Select(BOB, "followers", [Filter("&", ADA, "followers")], limit=1)
        return await crowd.aperform(select), await crowd.aperform(Suggest(fan(3)))

    found, suggestions = run()
    assert found.entries == [("user", "3", 1997.0)]
    assert suggestions == []


@pytest.mark.parametrize("seed", range(3))
def test_what_sets_give(backend, seed):
    """Random lists, filters, limits and budgets; the sets are made of whole pages."""
    chance = random.Random(seed)
    people = [fan(number) for number in range(9)]
    relations = ["follow", "follow@watch", "request@watch", "archive"]
    for relation in relations:
        for one in people:
            others = chance.sample([other for other in people if other != one], chance.randrange(9))
            if others:
                add(backend, relation, one, others, float(chance.randrange(5)))
    names = ["followers", "followings", "friends", "followers@watch", "friends@watch:user", "requested@watch"]
    names += ["archived", "archived_by:user", "followers:project"]

    def read(resource, name):
        return {entry[:2]: entry.timestamp for entry in backend.perform(ReadPage(resource, name)).entries}

    for _ in range(15):
        owner, name = chance.choice(people), chance.choice(names)
        signs = chance.choices("&-", weights=[1, 2], k=chance.randrange(5))
        filters = [Filter(sign, chance.choice([*people, NOBODY]), chance.choice(names)) for sign in signs]
        base = read(owner, name)
        wanted = dict(base)
        walked = [base, *(read(*one[1:]) for one in filters if one.sign == "&")]
        for sign, *place in filters:
            there = read(*place)
            wanted = {other: at for other, at in wanted.items() if (other in there) is (sign == "&")}
        select = Select(owner, name, filters, chance.randrange(1, 4), chance.randrange(1, 6), sized=True)
        results = walk(backend, select)
        found = [entry for result in results for entry in result.entries]
        assert sorted(found) == sorted((*other, at) for other, at in wanted.items()), (owner, name, filters)
        smallest = min(walked, key=len)
        times = [smallest[entry[:2]] for entry in found]
        assert times == sorted(times, reverse=True)
        assert sum(result.looked for result in results) == len(smallest)
        assert {result.size for result in results} == {len(smallest)}


REFUSED = [
    (Select(ADA, "hers"), exceptions.InvalidArgument),
    (Select(ADA, "followers", [Filter("&", BOB, "blocked@watch")]), exceptions.InvalidArgument),
    (Select(ADA, "followers", [Filter("+", BOB, "followers")]), exceptions.InvalidArgument),
    (Select(ADA, "followers", [Filter("&", BOB, "followers")] * 11), exceptions.InvalidArgument),
    (Select(ADA, "followers", [Filter("&", Resource("12", "1"), "followers")]), exceptions.InvalidIdentifier),
    (Select(Resource("user", ""), "followers"), exceptions.InvalidObjectId),
    *((Select(ADA, "followers", limit=limit), exceptions.InvalidLimit) for limit in (0, 101)),
    *((Select(ADA, "followers", budget=budget), exceptions.InvalidLimit) for budget in (0, 1001)),
    *((Select(ADA, "followers", cursor=cursor), exceptions.InvalidCursor) for cursor in ("x", "0", "5:1", "1:2:3:4")),
    (Suggest(Resource("user", "")), exceptions.InvalidObjectId),
    (Suggest(ADA, kind="Watch"), exceptions.InvalidArgument),
    (Suggest(ADA, sample=51), exceptions.InvalidLimit),
    (Suggest(ADA, each=26), exceptions.InvalidLimit),
    (Suggest(ADA, limit=51), exceptions.InvalidLimit),
    (Suggest(ADA, limit=0), exceptions.InvalidLimit),
]


def test_what_is_refused(backend):
    for operation, error in REFUSED:
        with pytest.raises(error):
            backend.perform(operation)


def test_the_cursor_of_a_walk_with_other_lists_is_refused(crowd):
    cursor = crowd.perform(Select(ADA, "followers", [Filter("&", BOB, "followers")], limit=1)).cursor
    for filters in ([], [Filter("-", BOB, "followers")]):
        with pytest.raises(exceptions.InvalidCursor):
            crowd.perform(Select(ADA, "followers", filters, cursor=cursor))


# Suggestions.


def test_those_whom_most_followings_follow(backend):
    add(backend, "follow", ADA, [fan(n) for n in range(1, 5)])
    add(backend, "follow", fan(1), [fan(10), fan(11), fan(12), ADA, fan(2)])
    add(backend, "follow", fan(2), [fan(10), fan(11)])
    add(backend, "follow", fan(3), [fan(10)])
    assert backend.perform(Suggest(ADA)) == [("user", "10", 3), ("user", "11", 2), ("user", "12", 1)]
    assert backend.perform(Suggest(ADA, limit=1)) == [Suggestion("user", "10", 3)]
    assert backend.perform(Suggest(NOBODY)) == backend.perform(Suggest(fan(10))) == []


def test_those_who_have_to_do_with_one_already_are_left_out(backend):
    add(backend, "follow", ADA, [BOB])
    add(backend, "follow", BOB, [fan(n) for n in range(1, 9)])
    add(backend, "follow", ADA, [fan(1)])
    add(backend, "request", ADA, [fan(2)])
    add(backend, "block", ADA, [fan(3)])
    add(backend, "block", fan(4), [ADA])
    add(backend, "mute", ADA, [fan(5)], LATER)
    add(backend, "mute", ADA, [fan(6)], time.time() - 10)
    add(backend, "request@watch", ADA, [fan(7)])
    assert sorted(one.object_id for one in backend.perform(Suggest(ADA))) == ["6", "7", "8"]


def test_suggestions_of_a_kind(backend):
    add(backend, "follow@watch", ADA, [BOB])
    add(backend, "follow@watch", BOB, [fan(n) for n in range(1, 8)])
    add(backend, "follow", ADA, [fan(1)])
    add(backend, "follow@watch", ADA, [fan(2)])
    add(backend, "request@watch", ADA, [fan(3)])
    add(backend, "mute", ADA, [fan(4)], LATER)
    add(backend, "mute@watch", ADA, [fan(5)], LATER)
    add(backend, "mute@other", ADA, [fan(6)], LATER)
    assert sorted(one.object_id for one in backend.perform(Suggest(ADA, kind="watch"))) == ["1", "6", "7"]
    assert backend.perform(Suggest(ADA)) == []


def test_a_sample_and_the_newest_of_each(backend):
    add(backend, "follow", ADA, [fan(n) for n in range(1, 6)])
    for n in range(1, 6):
        for age in range(3):
            add(backend, "follow", fan(n), [fan(100 * n + age)], 2000.0 - age)
    found = backend.perform(Suggest(ADA, sample=2, each=1))
    assert len(found) == 2
    assert {one.object_id for one in found} <= {str(100 * n) for n in range(1, 6)}
    assert len(backend.perform(Suggest(ADA, sample=5, each=2))) == 10


def test_more_candidates_than_one_look_takes(backend):
    """More than a hundred come first and are left out."""
    helpers, asked = [fan(n) for n in range(10)], [fan(100 + n) for n in range(110)]
    add(backend, "follow", ADA, helpers)
    for first in range(0, 110, 22):
        add(backend, "request", ADA, asked[first : first + 22])
        for helper in helpers[first // 11 : first // 11 + 2]:
            add(backend, "follow", helper, asked[first : first + 22])
    add(backend, "follow", helpers[0], [fan(1000)])
    assert backend.perform(Suggest(ADA)) == [("user", "1000", 1)]
