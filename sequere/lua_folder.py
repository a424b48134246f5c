"""The folder with the scripts and their manifest."""

from __future__ import annotations

from importlib.resources import files

_package = files("sequere")

#: ``sequere/lua`` of an installed package; ``lua`` at the top of a checkout, which pip before 23.1 installs in place
#: without looking at ``package_dir``.
LUA = _package / "lua" if (_package / "lua").is_dir() else _package / ".." / "lua"
