"""Every snippet of docs/connections.rst runs."""

from __future__ import annotations

import re
import sys
from importlib import import_module

import pytest

from sequere import registry
from sequere.backends import get_backend
from sequere.models import is_following
from sequere.resources import Resource
from tests.support.calls import both_ways
from tests.support.documents import PAGES, blocks
from tests.support.proxy import between
from tests.support.replication import free_ports
from tests.support.servers import running
from tests.testapp.models import Project, User

SNIPPETS = {re.match(r"# mysite/(\w+)\.py\n", text)[1]: text for _, text in blocks(PAGES["connections"])}


@pytest.fixture
def mysite(tmp_path, monkeypatch):
    """A function that makes a module of a snippet, with a port in the place of Redis's own."""
    folder = tmp_path / "mysite"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "settings.py").touch()
    monkeypatch.syspath_prepend(tmp_path)

    def make(name, port=6379):
        (folder / f"{name}.py").write_text(SNIPPETS[name].replace("6379", str(port)))
        return import_module(f"mysite.{name}")

    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] == "mysite"]:
        del sys.modules[name]


@pytest.mark.parametrize("name", ["pool", "limits"])
def test_settings(mysite, settings, name):
    with free_ports(1) as (port,):
        pass
    with running("valkey-9.1", "--bind", "127.0.0.1", "--port", str(port)):
        module = mysite(name, port)
        for setting in filter(str.isupper, vars(module)):
            setattr(settings, setting, getattr(module, setting))
        replies = [call() for call in both_ways("follow", Resource("user", "1"), Resource("user", "2"), timestamp=1.0)]
        assert replies == [True, False]
        get_backend().client.connection_pool.disconnect()


def test_a_follow_in_spite_of_a_disturbance(mysite, valkey, settings, tmp_path):
    user, project = registry.from_key(User, 1), registry.from_key(Project, 7)
    with between(tmp_path, valkey.socket) as proxy:
        settings.SEQUERE_REDIS_CONNECTION = {"unix_socket_path": proxy.address}
        assert is_following(user, project) is False
        proxy.lose = 1
        assert mysite("patience").follow_patiently(user, project) is False
        assert is_following(user, project) is True
        get_backend().client.close()


def test_all_of_them_are_run():
    assert set(SNIPPETS) == {"pool", "limits", "patience"}
