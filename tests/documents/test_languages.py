"""The page on other languages names every relation, list and error."""

from __future__ import annotations

from tests.support.documents import ROOT
from tests.support.manifest import MANIFEST, RELATIONS

PAGE = (ROOT / "lua" / "README.rst").read_text()


def test_the_table_of_relations_is_complete():
    table = PAGE.partition("\nRelationships\n---")[2].partition("*Requests.*")[0]
    for row in RELATIONS.values():
        names = [row[column] for column in ("name", "forward", "backward", "mutual") if column in row]
        assert [name for name in names if f"``{name}``" not in table] == []


def test_the_table_of_errors_is_complete():
    table = PAGE.partition("\nErrors\n---")[2].partition("\nWriting a client\n")[0]
    codes = {code for entry in MANIFEST.values() for code in entry["errors"]}
    assert codes == {line.split("``")[1] for line in table.splitlines() if line.startswith("``SEQUERE_")}
