"""Circular imports, for annotations too."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.support.source_trees import parse_module

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("bot", "cogs", "benchmarks", "tools", "tests")


def list_modules(root: Path) -> dict[str, Path]:
    paths = [path for folder in FOLDERS for path in (root / folder).rglob("*.py")]
    return {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def iter_imports(module: str, modules: Mapping[str, Path]) -> Iterator[str]:
    """Yield the modules that a module imports anywhere, in functions and under TYPE_CHECKING too."""
    for node in ast.walk(parse_module(modules[module])):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports {node.module} by a relative name"
            names = [
                name if (name := f"{node.module}.{alias.name}") in modules else str(node.module) for alias in node.names
            ]
        yield from (name for name in names if name in modules and name != module)


def find_circle(root: Path) -> list[str]:
    """Find the modules of one circle, each imported by the next; an empty list if there is none."""
    modules = list_modules(root)
    graph = {module: set(iter_imports(module, modules)) for module in modules}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


def test_modules_have_no_circular_imports():
    assert find_circle(ROOT) == []


@pytest.mark.parametrize(
    ("first_import", "is_circle"),
    [
        ("from bot import second", True),
        ("from bot.second import name", True),
        ("import bot.second", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bot.second import name", True),
        ("def use():\n    from bot.second import name", True),
        ("from bot import first", False),
        ("from bot import third", False),
    ],
)
def test_circular_import_is_detected(tmp_path, first_import, is_circle):
    (tmp_path / "bot").mkdir()
    for module, text in {"first": first_import, "second": "import bot.first", "third": ""}.items():
        (tmp_path / "bot" / f"{module}.py").write_text(text)
    (tmp_path / "bot" / "__init__.py").touch()
    assert (set(find_circle(tmp_path)) == {"bot.first", "bot.second"}) is is_circle
