"""Sphinx: ``python -m sphinx -W docs docs/_build``."""

from __future__ import annotations

import os

import django

import sequere

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

project = "django-sequere"
author = "the django-sequere developers"
release = version = sequere.__version__
extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "furo"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
