"""``manage.py sequere export``, and ``import`` of what it wrote."""

from __future__ import annotations

import json
import os
import signal
import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from sequere.backends import get_backend
from sequere.backends.database import walk
from sequere.backends.database.models import Edge as Row
from sequere.backends.operations import AddEdges, Follow
from sequere.backends.redis.behind.drain import drain
from sequere.exceptions import ColdStore, InvalidSettings
from sequere.exporting import export_graph
from sequere.importing import lines as importing_lines
from sequere.relations import FOREVER
from sequere.resources import Resource
from tests.conftest import use_fallback
from tests.support.behind import in_step, start_anew

pytestmark = pytest.mark.django_db(databases="__all__", transaction=True)

KINDS = [
    "sqlite",
    "postgresql",
    "mariadb",
    "fakeredis",
    "redis-6.2",
    "valkey-9.1",
    "ready valkey-9.1",
    "cold valkey-9.1",
]
ADA, BOB, CYD = (Resource("user", str(number)) for number in range(1, 4))
FLIGHT = Resource("project", "7")
CROWD = [Resource("user", str(number)) for number in range(10, 15)]
TIME = 1382676091.612067
LATER = 4102444800.25


def fill(backend):
    """Edges of every relation, with kinds, in the order of time and against it; one list is longer than a page."""
    for relation, one, others, at, *ends in [
        ("follow", ADA, [BOB, FLIGHT], TIME),
        ("follow", BOB, [ADA], 0.0),
        ("follow@watch", ADA, [FLIGHT], FOREVER - 0.000001),
        ("request", CYD, [FLIGHT], TIME),
        ("request@watch", BOB, [ADA], TIME + 1),
        ("archive", BOB, [FLIGHT], TIME + 0.000001),
        ("block", CYD, [ADA, BOB], TIME),
        ("mute", ADA, [BOB], TIME, LATER),
        ("mute", BOB, [ADA], TIME),
        ("mute@loud", ADA, [CYD], TIME, LATER + 1),
        *(
            ("follow", Resource("user", str(number)), [FLIGHT, Resource("country", "é:\n")], 9.0)
            for number in range(10, 15)
        ),
        *(
            ("follow", FLIGHT, [Resource("country", f"{begin + number}") for number in range(40)], begin + 0.5)
            for begin in range(1000, 1600, 40)
        ),
    ]:
        backend.perform(AddEdges(relation, one, others, at, *ends))


def clear(backend):
    """An empty store of the same kind."""
    if hasattr(backend, "unguarded"):
        start_anew(backend, ready=bool(backend.unguarded.client.exists("sequere:global:journal")))
    elif hasattr(backend, "client"):
        backend.client.flushall()
    else:
        Row.objects.all().delete()


def run(*arguments):
    """The exit status of a sub-command, and what it printed."""
    output = StringIO()
    status = 0
    try:
        call_command("sequere", *arguments, stdout=output)
    except SystemExit as stop:
        status = stop.code
    return status, output.getvalue()


def export(*arguments):
    status, output = run("export", *arguments)
    assert status == 0
    return output.splitlines()


def line(relation, one, other, at):
    return {"relation": relation, "from": [*one], "to": [*other], "at": at}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "graph.jsonl"


@pytest.mark.parametrize("backend", KINDS, indirect=True)
def test_a_round_trip_is_exact(backend, file):
    fill(backend)
    assert run("export", "--output", str(file)) == (0, "622 edges exported.\n")
    written = file.read_text().splitlines()
    clear(backend)
    assert export() == []
    told = "622 lines read, 622 imported, 0 existed, 0 blocked, 0 skipped, 0 left out.\n"
    assert run("import", str(file)) == (0, told)
    assert sorted(export()) == sorted(written)
    parsed = [json.loads(text) for text in written]
    assert [one["relation"] for one in parsed[:3]] == ["block", "block", parsed[2]["relation"]]
    assert "block" not in {one["relation"] for one in parsed[2:]}
    for one in (
        line("follow", ADA, BOB, "1382676091.612067"),
        line("follow@watch", ADA, FLIGHT, "8589934591.999999"),
        line("mute@loud", ADA, CYD, "4102444801.250000"),
        line("mute", BOB, ADA, f"{FOREVER + 1382676091}.000000"),
        line("follow", Resource("user", "10"), Resource("country", "é:\n"), "9.000000"),
    ):
        assert one in parsed


def test_write_behind_brings_an_import_to_the_database(database, settings, servers, file):
    backend = use_fallback("valkey-9.1", settings, servers)
    fill(backend)
    written = export("--output", str(file)) and sorted(file.read_text().splitlines())
    start_anew(backend)
    run("import", str(file))
    drain(backend.unguarded)
    assert in_step(backend)
    backend.unguarded.client.flushall()
    assert sorted(export()) == written  # from the database


def test_an_import_may_be_repeated_and_a_file_may_have_any_order(valkey, file):
    fill(get_backend())
    written = export()
    file.write_text("\n\n".join(reversed(written)))
    told = "622 lines read, 0 imported, 622 existed, 0 blocked, 0 skipped, 0 left out.\n"
    assert run("import", str(file)) == (0, told)
    clear(get_backend())
    assert run("import", str(file), "--state", f"{file}.2")[0] == 0
    assert sorted(export()) == sorted(written)
    assert run("import", str(file))[1].endswith("says that this import is finished. Remove it to import again.\n")


def test_what_a_block_excludes_is_counted(valkey, file):
    get_backend().perform(AddEdges("block", BOB, [ADA], TIME))
    edges = [line("follow", ADA, BOB, 5), line("block", CYD, ADA, 5.5), line("request@watch", ADA, CYD, "5")]
    edges += [
        line("follow", ADA, FLIGHT, "5.25"),
        line("mute", ADA, BOB, "1000"),
        line("follow", ("ghost", "1"), ADA, 5),
    ]
    file.write_text("\n".join(map(json.dumps, edges)))
    status, output = run("import", str(file), "--dry-run")
    assert (status, output.splitlines()[-1]) == (1, "6 lines read, 4 can be imported, 1 skipped, 1 left out.")
    status, output = run("import", str(file))
    assert status == 1
    assert output.splitlines() == [
        "left out: ghost 1 -> user 1: No model is registered as 'ghost'; registered: user, document, country, place, "
        "profile, book, project.",
        "blocked: user 1 -> user 2",
        "blocked: user 1 -> user 3 (request@watch)",
        "6 lines read, 2 imported, 0 existed, 2 blocked, 1 skipped, 1 left out.",
    ]


def test_one_kind_too_many_is_left_out(valkey, file):
    file.write_text("\n".join(json.dumps(line(f"follow@k{number}", ADA, BOB, 5)) for number in range(17)))
    status, output = run("import", str(file))
    assert status == 1
    assert "left out: user 1 -> user 2 (follow@k16): " in output
    assert "kind would be the 17th" in output
    assert "17 lines read, 16 imported, 0 existed, 0 blocked, 0 skipped, 1 left out." in output


NAN = float("nan")
GOOD = json.dumps(line("follow", ADA, BOB, 5))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("{", "is not JSON in UTF-8"),
        ("[" * 100_000, "is not JSON in UTF-8"),
        (b"\xff", "is not JSON in UTF-8"),
        ("7", "must be an object with relation, from, to, at and nothing else"),
        (
            json.dumps({**json.loads(GOOD), "kind": "watch"}),
            "must be an object with relation, from, to, at and nothing",
        ),
        (json.dumps(line("like", ADA, BOB, 5)), "relation must be one of follow, .*; got 'like'"),
        (json.dumps(line("block@watch", ADA, BOB, 5)), "relation must be one of follow"),
        (json.dumps(line(["follow"], ADA, BOB, 5)), "relation must be one of follow"),
        (json.dumps(line("follow", ["user", 1], BOB, 5)), r"from must be an identifier and an object id, two texts"),
        (GOOD.replace('["user", "2"]', '"ab"'), "to must be an identifier and an object id, two texts"),
        (json.dumps(line("follow", ADA, ["a b", "1"], 5)), "to.identifier must be 1 to 50 characters"),
        (json.dumps(line("follow", ADA, ["user", "\ud800"], 5)), "to.object_id must be text that can be encoded"),
        *(
            (
                json.dumps(line("follow", ADA, BOB, at)),
                "at must be seconds since the epoch, from 0 to below 8589934592;",
            )
            for at in (
                "",
                "-1",
                "1e3",
                "1_0",
                " 1",
                "1.0000001",
                True,
                None,
                -1,
                2**33,
                10**400,
                "8589934592",
                float("nan"),
            )
        ),
        (json.dumps(line("mute", ADA, BOB, 2**34)), "at must be seconds since the epoch, from 0 to below 17179869184"),
    ],
)
def test_a_wrong_line_is_named_and_its_batch_is_not_written(valkey, file, monkeypatch, wrong, words):
    monkeypatch.setattr(importing_lines, "STEP", 2)
    wrong = wrong if isinstance(wrong, bytes) else wrong.encode()
    good = [json.dumps(line("follow", ADA, Resource("project", str(number)), 5)).encode() for number in range(4)]
    file.write_bytes(b"\n".join([*good[:3], wrong, good[3]]))
    with pytest.raises(CommandError, match=words) as caught:
        run("import", str(file))
    assert f"{file}, line 4: " in str(caught.value)
    assert str(caught.value).endswith("run the same command again; no line after 2 was imported.")
    assert len(export()) == 2
    file.write_bytes(b"\n".join([*good[:3], GOOD.encode(), good[3]]))
    status, output = run("import", str(file))
    assert output.startswith(f"Continuing after 2 lines, the position stored in {file}.state.\n")
    assert "5 lines read, 5 imported, 0 existed" in output
    assert (status, len(export())) == (0, 5)


def test_a_file_that_became_shorter_or_is_not_there(valkey, file, monkeypatch):
    monkeypatch.setattr(importing_lines, "STEP", 1)
    file.write_text(f"{GOOD}\n{GOOD}\n{{")
    with pytest.raises(CommandError, match="line 3: is not JSON"):
        run("import", str(file))
    file.write_text(GOOD)
    with pytest.raises(CommandError, match="has 1 lines, fewer than the 2 that were imported before"):
        run("import", str(file))
    with pytest.raises(CommandError, match="No such file"):
        run("import", f"{file}.none")
    with pytest.raises(CommandError, match="is not a file: save the lines in one"):
        run("import", str(file.parent))


@pytest.mark.parametrize("words", ["import", "import file --from sequere", "import --from other"])
def test_an_import_has_one_source(words):
    with pytest.raises(CommandError, match=r"required|not allowed with|invalid choice"):
        run(*words.split())


@pytest.mark.parametrize("backend", KINDS, indirect=True)
def test_the_edges_of_one_resource(backend):
    fill(backend)
    now = time.time()
    backend.perform(AddEdges("mute", FLIGHT, [BOB], now, now + 0.01))
    time.sleep(0.02)
    backend.perform(AddEdges("mute", CYD, [FLIGHT], TIME))
    found = [json.loads(text) for text in export("user", "1")]
    assert [one for one in found if one["from"] != ["user", "1"]] == [
        line("follow", BOB, ADA, "0.000000"),
        line("request@watch", BOB, ADA, "1382676092.612067"),
    ]
    assert {(one["relation"], *one["to"]) for one in found if one["from"] == ["user", "1"]} == {
        ("follow", *BOB),
        ("follow", *FLIGHT),
        ("follow@watch", *FLIGHT),
        ("mute", *BOB),
        ("mute@loud", *CYD),
    }
    assert [json.loads(text)["relation"] for text in export("user", "3")] == ["block", "block", "request", "mute"]
    assert len(export("project", "7")) == 600 + 8
    assert {json.loads(text)["relation"] for text in export("project", "7")}.isdisjoint({"archive", "block"})


def test_a_resource_that_no_row_can_be(valkey, file):
    assert export("user", "77") == []
    for words, fault in ((["usr", "1"], "no model is registered as 'usr'"), (["user", "x"], "no row of the model")):
        with pytest.raises(CommandError, match=f"The graph knows no edges of {' '.join(words)}; {fault}"):
            run("export", *words, "--output", str(file))
    with pytest.raises(CommandError, match="export takes both an identifier and an object id, or neither"):
        run("export", "user")
    assert list(file.parent.iterdir()) == []
    with pytest.raises(CommandError, match="--output: /dev/null is not a file"):
        run("export", "--output", "/dev/null")


def test_an_export_that_is_stopped_leaves_the_former_file(valkey, file, monkeypatch):
    get_backend().perform(Follow(ADA, BOB, TIME))
    file.write_text("former")
    monkeypatch.setattr("sequere.exporting.make_line", lambda edge, micros: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        run("export", "--output", str(file))
    assert file.read_text() == "former"
    assert list(file.parent.iterdir()) == [file]


def test_a_backend_of_the_project_is_not_known(monkeypatch):
    monkeypatch.setattr("sequere.exporting.get_backend", lambda: "Mine")
    with pytest.raises(InvalidSettings, match="export does not know str, the backend of SEQUERE_BACKEND_CLASS"):
        list(export_graph())


def test_redis_that_loses_its_data_meanwhile_is_an_error(settings, servers):
    backend = use_fallback("valkey-9.1", settings, servers)
    fill(backend)
    steps = export_graph()
    next(steps)
    backend.unguarded.client.flushall()
    with pytest.raises(ColdStore):
        list(steps)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql", "mariadb"], indirect=True)
def test_the_table_is_read_in_steps(backend, monkeypatch):
    monkeypatch.setattr(walk, "STEP", 3)
    for number in range(7):
        backend.perform(Follow(ADA, Resource("project", str(number)), TIME))
    assert len(export()) == 7
