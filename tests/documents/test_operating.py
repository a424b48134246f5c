"""``docs/operating.rst``: its snippets run, and it lists every system check."""

from __future__ import annotations

import re

import pytest

from sequere.models import follow
from tests.support.documents import PAGES, ROOT, blocks, commands
from tests.support.manifest import MANIFEST
from tests.testapp.models import Project, User

#: Follows of three users and projects, of which one is deleted without signals.
PROGRAM = (
    "from myapp.models import *; from sequere.models import follow; "
    "[follow(User.objects.create(), Project.objects.create(pk=key), timestamp=1) for key in (6, 7)]; "
    "Project.objects.filter(pk=6)._raw_delete('default')"
)


def test_every_system_check_is_documented():
    code = "".join(path.read_text() for path in (ROOT / "sequere").rglob("*.py"))
    listed = re.findall(r"^``(sequere\.[EW]\d+)``$", PAGES["operating"].read_text(), re.MULTILINE)
    assert sorted(set(re.findall(r'"(sequere\.[EW]\d+)"', code))) == sorted(listed)


def test_every_sub_command_is_named():
    from tests.management.test_advice import SUBCOMMANDS

    told = PAGES["operating"].read_text()
    assert [name for name in SUBCOMMANDS if f"``{name}``" not in told] == []


def test_the_console_lines(in_root, project, valkey):
    folder = project(PAGES["operating"])
    in_root("export DJANGO_SETTINGS_MODULE=mysite.operating")
    in_root("python manage.py check --fail-level WARNING", folder)
    in_root(f'python manage.py shell -c "{PROGRAM}"', folder)
    told = {line.replace("manage.py ", ""): in_root(line, folder) for line in commands(PAGES["operating"])}
    told = {line.removeprefix("python "): reply for line, reply in told.items()}
    assert told["sequere forget project 7"] == "1 follow removed: the graph has forgotten project 7."
    assert told["sequere prune --dry-run"].splitlines()[0] == "project 6"
    assert told["sequere prune"].splitlines() == [
        "project 6: 1 follow",
        "3 looked at, 1 forgotten with 1 follow, 0 left alone.",
    ]
    assert told["sequere audit"] == "2 resources, 0 findings: all is well."
    assert told["sequere audit user 1 --repair"] == "1 resource, 0 findings: all is well."
    assert "2  user" in told["sequere stats"]
    assert told["sequere lookup user 1"] == "1"
    assert told["sequere resolve 1"] == "user 1"
    assert told["sequere scripts --load"].count("  loaded") == len(MANIFEST)
    assert told["-m sequere scripts --show follow | redis-cli -x SCRIPT LOAD"] == MANIFEST["follow"]["sha1"]
    assert told["-m sequere acl --prefix sequere: | redis-cli"] == "OK"
    assert (folder / "vendor" / "sequere" / "v1" / "follow.lua").is_file()
    with valkey.client() as client:
        assert "+zadd" in client.acl_getuser("sequere")["commands"]
        client.acl_deluser("sequere")


@pytest.mark.django_db
def test_the_python_snippet(valkey, capsys):
    (snippet,) = (text for language, text in blocks(PAGES["operating"]) if language == "python" and "prune(" in text)
    user, project = User.objects.create(username="ada"), Project.objects.create(name="Flight")
    follow(user, project, timestamp=1)
    Project.objects.filter(pk=project.pk)._raw_delete("default")
    names = {}
    exec(snippet, names)
    names["report"]()
    assert capsys.readouterr().out == f"Resource(identifier='project', object_id='{project.pk}') forgotten 0\n"
