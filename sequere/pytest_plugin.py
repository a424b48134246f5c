"""The fixture ``empty_graph`` for pytest.

Put ``pytest_plugins = ["sequere.pytest_plugin"]`` into the conftest.py at the root. It needs pytest-django and
``fakeredis[lua]``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def empty_graph(request: pytest.FixtureRequest) -> Iterator[None]:
    """An empty graph in fakeredis, to which the settings point; see :mod:`sequere.testing`.

    With the write-behind backend the test also gets access to the database (``db``). It does nothing in a ``TestCase``
    with :class:`~sequere.testing.EmptyGraphMixin`, which has an empty graph already.
    """
    # Not at the top: the settings may not be configured yet when pytest imports this.
    from . import testing
    from .backends import get_backend
    from .backends.redis import RedisFallbackBackend

    if request.cls is not None and issubclass(request.cls, testing.EmptyGraphMixin):
        yield
        return
    if isinstance(get_backend(), RedisFallbackBackend):
        request.getfixturevalue("db")
    with testing.empty_graph():
        yield
