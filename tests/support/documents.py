"""The documents of the project and their snippets: Python files, sessions, templates, console lines."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from docutils import nodes
from docutils.core import publish_doctree
from docutils.parsers.rst import roles

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.rst"

#: The pages of the documentation by name, but for those that are made of docstrings and of other documents.
PAGES = {
    page.stem: page
    for page in sorted((ROOT / "docs").glob("*.rst"))
    if page.stem not in ("index", "reference", "languages", "changelog")
}

SETTINGS = """
SECRET_KEY = "documents"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "mysite.urls"
ALLOWED_HOSTS = ["localhost"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]  # it refuses other hosts
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
INSTALLED_APPS.append("shop")
"""

MANAGE = """
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
execute_from_command_line(sys.argv)
"""

#: What is in the settings of a new project before the README adds to them.
BEFORE = 'INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]'

#: What a page may take for granted: an application with an empty registry, and a project without URLs.
GIVEN = {
    "mysite/urls.py": "urlpatterns = []",
    "shop/sequere_registry.py": "",
    "shop/models.py": """
from django.db import models


class Project(models.Model):
    published = models.BooleanField(default=True)
""",
}


def _refer(name, rawtext, text, lineno, inliner, options=None, content=None):
    """A reference to another page, which Sphinx follows and docutils does not know."""
    return [nodes.inline(rawtext, text)], []


roles.register_local_role("doc", _refer)


def blocks(path):
    """The code blocks of a document, as (language, text); the document itself must be without fault."""
    tree = publish_doctree(path.read_text(), settings_overrides={"halt_level": 2, "report_level": 2})
    for node in tree.findall(nodes.literal_block):
        assert node["classes"][0] == "code", f"a block without a language: {node.astext()}"
        yield node["classes"][1], node.astext()


def steps_of(text):
    """The lines after a $ of a console block, each with what is printed below it. A backslash continues a line."""
    for line, shown in re.findall(r"^\$ ((?:.*\\\n)*.+)\n?((?:[^$].*\n?)*)", text, re.MULTILINE):
        yield line, shown.strip()


def steps(path):
    """The lines of all console blocks of a document, each with what is printed below it."""
    for language, text in blocks(path):
        if language == "console":
            yield from steps_of(text)


def commands(path):
    """The lines of all console blocks of a document."""
    return [line for line, _ in steps(path)]


def session(path):
    """What the Python sessions of a document type and show."""
    return "".join(f"{text}\n\n" for language, text in blocks(path) if language == "pycon")


def make_project(folder, socket, *pages):
    """A project of what the README and these pages say, in which a later page replaces the files of an earlier one.

    A snippet names its file in its first line: ``# myapp/models.py`` or ``{# myapp/templates/page.html #}``. Those of
    one page with the same name are one file.
    """
    files = dict(GIVEN)
    for page in (README, *pages):
        own: dict[str, str] = {}
        for language, text in blocks(page):
            if language in ("python", "html"):
                name = re.match(r"(?:# (\S+\.py)|\{# (\S+\.html) #\})\n", text)
                assert name, f"{page.name}: a snippet that does not name its file: {text}"
                key = name[1] or name[2]
                own[key] = f"{own[key]}\n\n{text}" if key in own else text
        files |= own
    files["manage.py"] = MANAGE
    files["mysite/settings.py"] = "\n".join([BEFORE, files["mysite/settings.py"], SETTINGS])
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".py" and file.parent != folder:
            (file.parent / "__init__.py").touch()
        file.write_text(text.replace("redis://localhost:6379/0", f"unix://{socket}"))  # the server of the test


def manage(folder, settings, *arguments):
    """Run manage.py of a project. Returns the finished process."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": settings}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
