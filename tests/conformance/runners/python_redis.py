"""Runs the conformance vectors with Python and redis-py: no Django, no sequere.

    python python_redis.py VECTORS ADDRESS --flushall [--functions] [--cluster]

VECTORS is a folder or a file, ADDRESS the path of a unix socket or host:port; with --cluster, of a node of a
cluster. With --functions the scripts are called as functions.

THE SERVER IS EMPTIED (FLUSHALL) BEFORE EACH CASE. Without --flushall this refuses to run;
with --keep in its place it runs on what is there.
"""

import json
import sys
from pathlib import Path

import redis

LUA = Path(__file__).resolve().parents[3] / "lua"
CATALOGUE = json.loads((LUA / "manifest.json").read_text())
MANIFEST = {entry["name"]: entry for entry in CATALOGUE["scripts"]}
TEXTS = {name: (LUA / entry["version"] / f"{name}.lua").read_bytes() for name, entry in MANIFEST.items()}


def run_script(client, name, keys, arguments):
    """Call a script by its SHA-1; where the server does not have it, by its text, once."""
    rest = [len(keys), *keys, *arguments]
    try:
        return client.execute_command("EVALSHA", MANIFEST[name]["sha1"], *rest)
    except redis.exceptions.NoScriptError:
        return client.execute_command("EVAL", TEXTS[name], *rest)


def run_function(client, name, keys, arguments):
    """Call a script as the function that it is in the library."""
    return client.execute_command("FCALL", f"sequere_{name}", len(keys), *keys, *arguments)


def connect(address, *, cluster=False, **user):
    host, _, port = address.rpartition(":")
    place = {"unix_socket_path": address} if address.startswith("/") else {"host": host, "port": int(port)}
    client = (redis.RedisCluster if cluster else redis.Redis)(**place, **user, protocol=2, decode_responses=True)
    for one in map(client.get_redis_connection, client.get_nodes()) if cluster else [client]:
        one.response_callbacks.clear()  # replies as the server gives them
    return client


def same(wanted, got, bound):
    """Whether a reply is the expected one; a text such as $cursor stands for any, and is bound to it."""
    if isinstance(wanted, list):
        return (
            isinstance(got, list)
            and len(got) == len(wanted)
            and all(same(*pair, bound) for pair in zip(wanted, got, strict=True))
        )
    if isinstance(wanted, str) and wanted.startswith("$"):
        bound[wanted] = got
        return isinstance(got, str) and got != ""
    return type(got) is type(wanted) and got == wanted


class Runner:
    def __init__(self, address, options):
        self.address = address
        self.client = connect(address, cluster="--cluster" in options)
        self.run = run_function if "--functions" in options else run_script
        if "--functions" in options:
            self.client.function_load((LUA / CATALOGUE["functions"]).read_text(), replace=True)

    def step(self, step, bound):
        """None, or what went wrong."""
        try:
            got = self.reply(step, bound)
        except (redis.RedisError, redis.exceptions.RedisClusterException) as error:
            code = str(error).split(" ")[0]
            return None if code == step.get("error") else f"got the error {error}"
        if "error" in step:
            return f"got {got!r}"
        if "reply" in step and not same(step["reply"], got, bound):
            return f"got {got!r}"
        return None

    def reply(self, step, bound):
        if "command" in step:
            return self.client.execute_command(*[bound.get(word, word) for word in step["command"]])
        arguments = [bound.get(argument, argument) for argument in step["arguments"]]
        if "as" not in step:
            return self.run(self.client, step["call"], step["keys"], arguments)
        with connect(self.address, username=step["as"], password=step["as"]) as client:
            return self.run(client, step["call"], step["keys"], arguments)

    def case(self, case):
        """Whether all steps of a case went as they should; the first that did not ends it."""
        bound = {}
        for step in case["steps"]:
            wrong = self.step(step, bound)
            if wrong:
                print(f"{case['name']}: {wrong} for {json.dumps(step, ensure_ascii=False)}")
                return False
        return True


def main(vectors, address, mode="", *options):
    if mode not in ("--flushall", "--keep") or not set(options) <= {"--functions", "--cluster"}:
        sys.exit(f"This would empty the server at {address}. If you mean that: --flushall")
    runner = Runner(address, options)
    path = Path(vectors)
    failed = passed = 0
    for file in sorted(path.glob("*.json")) if path.is_dir() else [path]:
        for case in json.loads(file.read_text()):
            if mode == "--flushall":
                runner.client.flushall()
            if runner.case(case):
                passed += 1
            else:
                failed += 1
    runner.client.close()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
