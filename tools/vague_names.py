"""Check that names say what they name.

    python -m tools.vague_names             # fails where a share of vague or generic names exceeds its limit
    python -m tools.vague_names bot/store   # lists the vague and generic names of a room or a module

A vague name is a participle, a pronoun or a verb without its object ("found", "one", "show"); a generic name
fits any value ("result", "data"). A word beside another doesn't count: `found_articles` says what was found.
Whatever binds a name is checked: parameters, assignments, fields, attributes of `self`, targets of loops,
`with`, `except` and `case`, and functions. No two modules of `bot` and `cogs` may have one name.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

VAGUE = frozenset(
    """
    ask asked asks began begun brings brought chosen each ended finds found gave given gives gone heard
    held holds it its keep keeps kept knew known knows least leaves left lot made make makes meant more
    most named one ones other others owed read rest said same say says seen sees shown shows show some
    sought such taken takes tell tells these they thing things those told took typed wanted wants way what
    whole whom whose writes written
    """.split()
)
GENERIC = frozenset(
    "data elem element entry_ info item items obj result results stuff temp thing tmp value values".split()
)
ALLOWED = {
    "element": "a node of an HTML or XML document",
    "item": "a component in discord.py, an element of a JSON feed or of a list on a page",
    "items": "several of them",
}


class Binding(NamedTuple):
    """A name and the line that binds it."""

    path: Path
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.name}"

    @property
    def room(self) -> str:
        """The folder of the room, such as `bot/store`, or the package outside of any room."""
        return "/".join(self.path.parent.parts[:2])

    def is_in(self, words: frozenset[str]) -> bool:
        """Return whether the name is one of `words` and not allowed."""
        word = self.name.strip("_")
        return word in words and word not in ALLOWED


class Share(NamedTuple):
    """The vague or generic names of a place, and their largest share in percent."""

    place: str
    kind: str
    bindings: list[Binding]
    offenders: list[Binding]
    limit: float

    @property
    def percent(self) -> float:
        """Share of the offenders in all bindings of the place."""
        return 100 * len(self.offenders) / max(1, len(self.bindings))

    def __str__(self) -> str:
        return f"{self.place:16} {self.percent:5.1f} % {self.kind} (limit {self.limit} %)"


def bound_name(node: ast.AST) -> str | None:
    """Return the name that `node` binds, or None."""
    match node:
        case (
            ast.arg(arg=name)
            | ast.Name(id=name, ctx=ast.Store())
            | ast.FunctionDef(name=name)
            | ast.AsyncFunctionDef(name=name)
            | ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store())
            | ast.ExceptHandler(name=str(name))
            | ast.MatchAs(name=str(name))
            | ast.MatchStar(name=str(name))
        ):
            return name
    return None


def read_bindings(paths: Iterable[Path]) -> Iterator[Binding]:
    """Yield the bindings of modules, and of all modules below folders."""
    for path in paths:
        for module in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            for node in ast.walk(ast.parse(module.read_text("utf-8"))):
                name = bound_name(node)
                if name is not None and name not in {"self", "cls"}:
                    yield Binding(module, getattr(node, "lineno", 1), name)


def measure(bindings: Iterable[Binding]) -> list[Share]:
    """Return the shares that have a limit: of the program with its tools, of each of its rooms, and of the tests."""
    rooms = defaultdict(list)
    for binding in bindings:
        rooms["tests" if binding.path.parts[0] == "tests" else binding.room].append(binding)
    tests = rooms.pop("tests", [])
    program = [binding for room in rooms.values() for binding in room]

    def share(place: str, kind: str, bindings: list[Binding], limit: float) -> Share:
        words = VAGUE if kind == "vague" else GENERIC
        return Share(place, kind, bindings, [binding for binding in bindings if binding.is_in(words)], limit)

    return [
        share("program", "vague", program, 1.3),
        share("program", "generic", program, 3.0),
        *(share(room, "vague", rooms[room], 2.0) for room in sorted(rooms)),
        share("tests", "vague", tests, 3.0),
    ]


def main(arguments: list[str]) -> int:
    """Print the names to change and the shares. Return the exit status: 1 where a limit is exceeded."""
    if arguments:
        bindings = read_bindings(map(Path, arguments))
        print(*(binding for binding in bindings if binding.is_in(VAGUE | GENERIC)), sep="\n")
        return 0
    shares = measure(read_bindings(map(Path, ("bot", "cogs", "benchmarks", "tools", "tests"))))
    exceeded = [share for share in shares if share.percent > share.limit]
    print(*sorted({binding for share in exceeded for binding in share.offenders}), sep="\n")
    print(*(exceeded or shares), sep="\n")
    repeated_names = find_repeated_module_names(map(Path, ("bot", "cogs")))
    print(*(f"several modules are called {name}" for name in repeated_names), sep="\n")
    return 1 if exceeded or repeated_names else 0


def find_repeated_module_names(folders: Iterable[Path]) -> list[str]:
    """Return the file names that more than one module below the folders has; packages' own modules don't count."""
    counts = Counter(path.name for folder in folders for path in folder.rglob("*.py"))
    return [name for name, count in counts.items() if count > 1 and not name.startswith("__")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
