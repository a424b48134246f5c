"""The versions that contributors test with: ``nox`` runs all of them, ``nox -l`` lists them, ``nox -s NAME`` runs one.

Arguments after ``--`` go to pytest.
"""

from __future__ import annotations

import nox

nox.options.sessions = ["tests", "lint", "docs"]

#: Django's releases and the Pythons that each supports.
MATRIX = [
    ("3.11", "5.2"),
    ("3.12", "5.2"),
    ("3.13", "5.2"),
    ("3.12", "6.0"),
    ("3.13", "6.0"),
    ("3.14", "6.0"),
    ("3.12", "6.1"),
    ("3.13", "6.1"),
    ("3.14", "6.1"),
]


@nox.session
@nox.parametrize("python,django", MATRIX)
def tests(session: nox.Session, django: str) -> None:
    """Run the tests with one Python and one Django, and the newest clients."""
    session.install("-e", ".[tests,servers]", f"django~={django}.0")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types."""
    session.install("-e", ".[tests,lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation, with warnings as errors."""
    session.install("-e", ".[docs]")
    session.run("python", "-m", "sphinx", "-q", "-W", "docs", "docs/_build")
