"""What imports what: no circle, and no client of Redis before a backend asks for it."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "sequere"


def name_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports_of(name, text, modules):
    """The modules of the package that a module imports anywhere in it: in functions and for type checkers too."""
    package = name if modules[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                if inner in modules or base in modules:
                    yield inner if inner in modules else base


def graph_of(texts, modules):
    return {name: set(imports_of(name, text, modules)) for name, text in texts.items()}


def test_no_module_imports_itself_through_others():
    texts = {name: path.read_text(encoding="utf-8") for name, path in MODULES.items()}
    graph = graph_of(texts, MODULES)
    assert "sequere.twins" in graph["sequere.graph.follows"]
    TopologicalSorter(graph).prepare()
    # The faults planted: one in a function, one for type checkers.
    for line in (
        "def late():\n    from .graph import follows\n",
        "if TYPE_CHECKING:\n    from .models import follow\n",
    ):
        with pytest.raises(CycleError):
            TopologicalSorter(graph_of({**texts, "sequere.twins": texts["sequere.twins"] + line}, MODULES)).prepare()


def test_the_top_room_imports_no_client():
    code = (
        "import django, os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; django.setup()\n"
        "import sequere.models, sequere.mixin, sequere.results, sequere.backends.base\n"
        "print(sorted({'redis', 'valkey'} & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"
