"""Check that the program uses no private attribute of a library: a patch release may rename it.

    python -m tools.library_privates

ruff's SLF001 trusts `self`. Here the classes are imported, and `self._name` is a finding if a class of a library
among the bases defines `_name`, even where the program's class defines it too and so replaces the library's.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

PROGRAM = ("bot", "cogs")
DOCUMENTED = frozenset({"_asdict", "_exit", "_fields", "_make", "_replace"})
"""Names with an underscore that the documentation of Python has: of named tuples, and `os._exit`."""
EXEMPT = {
    "bot/demo/simcord_patches.py": "simcord's page has no hooks; its version is pinned",
    "bot/demo/simcord_routes.py": "simcord lets no route be replaced; its version is pinned",
    "bot/demo/visitor_actions.py": "simcord's page has no hooks; its version is pinned",
}
ATTRIBUTE_FUNCTIONS = frozenset({"delattr", "getattr", "hasattr", "setattr"})


class Access(NamedTuple):
    """A private name, the expression that it is an attribute of (None in a class body), and its class."""

    line: int
    name: str
    owner: ast.expr | None
    class_name: str | None


class AccessVisitor(ast.NodeVisitor):
    """Collection of a module's private attributes and of what it imports from private modules."""

    def __init__(self) -> None:
        self.accesses: list[Access] = []
        self.private_imports: list[Access] = []
        self.defined_names: set[str] = set()
        self._scopes: list[str] = []
        self._class_names: list[str] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Add what the class body binds, and visit the body."""
        self._class_names.append(".".join([*self._scopes, node.name]))
        for statement in node.body:
            for name in bound_names(statement):
                self._add(statement, name, None)
        self._visit_scope(node, node.name)
        self._class_names.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Add the name, and visit the body."""
        self.defined_names.add(node.name)
        self._visit_scope(node, f"{node.name}.<locals>")

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        """Add the name, and visit the body."""
        self.visit_FunctionDef(node)

    def _visit_scope(self, node: ast.AST, scope: str) -> None:
        self._scopes.append(scope)
        self.generic_visit(node)
        self._scopes.pop()

    def visit_Name(self, node: ast.Name) -> None:
        """Add the name if it is assigned to."""
        if isinstance(node.ctx, ast.Store):
            self.defined_names.add(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Add the attribute."""
        self._add(node, node.attr, node.value)
        if isinstance(node.ctx, ast.Store) and is_own_instance(node.value):
            self.defined_names.add(node.attr)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Add the attribute that a call of `getattr` or its like names."""
        match node:
            case ast.Call(func=ast.Name(id=function), args=[owner, ast.Constant(value=str(name)), *_]):
                if function in ATTRIBUTE_FUNCTIONS:
                    self._add(node, name, owner)
        self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        """Add private modules."""
        self._add_imports(node, [alias.name for alias in node.names])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Add private modules and names."""
        self._add_imports(node, [f"{node.module}.{alias.name}" for alias in node.names])

    def _add(self, node: ast.stmt | ast.expr, name: str, owner: ast.expr | None) -> None:
        if is_private(name):
            self.accesses.append(Access(node.lineno, name, owner, self._class_names[-1] if self._class_names else None))

    def _add_imports(self, node: ast.stmt, dotted_names: Iterable[str]) -> None:
        for dotted_name in dotted_names:
            root, *parts = dotted_name.split(".")
            if root not in PROGRAM and any(map(is_private, parts)):
                self.private_imports.append(Access(node.lineno, dotted_name, None, None))


def is_private(name: str) -> bool:
    """Return whether a name begins with an underscore and is neither documented nor one of Python's own."""
    return name.startswith("_") and not name.endswith("_") and name not in DOCUMENTED


def is_own_instance(owner: ast.expr | None) -> bool:
    """Return whether an expression is the instance or the class within whose method it stands."""
    match owner:
        case None | ast.Name(id="self" | "cls") | ast.Call(func=ast.Name(id="super")):
            return True
    return False


def bound_names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement of a class body binds."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign() | ast.AnnAssign():
            yield from (node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and is_stored(node))


def is_stored(node: ast.Name | ast.Attribute) -> bool:
    """Return whether a name or an attribute is assigned to."""
    return isinstance(node.ctx, ast.Store)


def is_of_library(definition: object) -> bool:
    """Return whether a module or a class is neither the program's nor a plain object."""
    name = definition.__name__ if isinstance(definition, ModuleType) else getattr(definition, "__module__", "")
    return definition is not object and name.partition(".")[0] not in PROGRAM


@cache
def private_names(library_class: type) -> frozenset[str]:
    """Return the private names that a class defines, in its body or by assignment to `self` in a method."""
    names = {*vars(library_class), *vars(library_class).get("__annotations__", ())}
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(library_class)))
    except (OSError, TypeError, SyntaxError):  # written in C, or made at run time
        tree = ast.Module([], [])
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_stored(node) and is_own_instance(node.value):
            names.add(node.attr)
    return frozenset(filter(is_private, names))


def find_defining_class(module: ModuleType, class_name: str | None, name: str) -> type | None:
    """Return the library's class among the bases of a class of the program that defines a name, or None."""
    definition: Any = module
    for part in class_name.split(".") if class_name else ():
        definition = getattr(definition, part, None)
    if not isinstance(definition, type):
        return None
    library_classes = filter(is_of_library, definition.__mro__)
    return next((base for base in library_classes if name in private_names(base)), None)


def describe_finding(module: ModuleType, access: Access, program_names: frozenset[str]) -> str | None:
    """Return what a private name belongs to if that is a library, or None."""
    if is_own_instance(access.owner):
        library_class = find_defining_class(module, access.class_name, access.name)
        return f"defined by {library_class.__module__}.{library_class.__qualname__}" if library_class else None
    if isinstance(access.owner, ast.Name):
        owner = getattr(module, access.owner.id, None)
        if isinstance(owner, ModuleType | type):
            return f"of {owner.__name__}" if is_of_library(owner) else None
    return None if access.name in program_names else "defined nowhere in the program"


def find_private_uses(paths: Iterable[Path]) -> Iterator[str]:
    """Yield a line for each private attribute of a library in the modules below some folders."""
    visitor_by_path: dict[Path, AccessVisitor] = {}
    for path in (module_path for folder in paths for module_path in sorted(folder.rglob("*.py"))):
        visitor_by_path[path] = visitor = AccessVisitor()
        visitor.visit(ast.parse(path.read_text("utf-8")))
    program_names = frozenset[str]().union(*(visitor.defined_names for visitor in visitor_by_path.values()))
    for path, visitor in visitor_by_path.items():
        module = importlib.import_module(".".join(path.with_suffix("").parts))
        for access in visitor.private_imports:
            yield f"{path}:{access.line} import of {access.name}"
        for access in visitor.accesses:
            if (finding := describe_finding(module, access, program_names)) is not None:
                yield f"{path}:{access.line} {access.name}: {finding}"


def main() -> int:
    """Print the findings. Return the exit status: 1 if there are any."""
    findings = [finding for finding in find_private_uses(map(Path, PROGRAM)) if finding.partition(":")[0] not in EXEMPT]
    print(*findings, f"private attributes of libraries: {len(findings)}", sep="\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
