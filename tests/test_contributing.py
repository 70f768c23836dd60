"""The example of docs/contributing.md is a command that works: put in place in a copy and tested there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = re.compile(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GUIDES = {"docs/guide.md", "docs/guide.fr.md"}
NEW = {"cogs/feeds/counting.py", "tests/cogs/test_counting.py"}


def examples() -> dict[str, str]:
    """What the document gives for each file."""
    return {
        match[1]: match[2] for match in EXAMPLE.finditer((ROOT / "docs/contributing.md").read_text("utf-8"))
    }


def insert(path: Path, before: str, added: str) -> None:
    """Put text before a line that is there once."""
    text = path.read_text("utf-8")
    assert text.count(before) == 1, f"{before!r} in {path}"
    path.write_text(text.replace(before, added + before), "utf-8")


def run(folder: Path, *command: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(400)  # other tests run in it, which takes two minutes on a busy machine
def test_the_command_of_the_document_works_and_passes_what_every_command_must(tmp_path):
    """A document that shows what no longer works, or leaves out a step that a check asks for, fails here."""
    given = examples()
    assert set(given) == {*NEW, "cogs/__init__.py", "data/locales/fr/LC_MESSAGES/telex.po", *GUIDES}
    house = tmp_path / "house"
    ignored = shutil.ignore_patterns("*.db*")
    for folder in ("bot", "cogs", "data", "tests", "docs"):
        shutil.copytree(ROOT / folder, house / folder, ignore=ignored)
    compiled = Path(f"{sys.pycache_prefix}{ROOT}")
    if sys.pycache_prefix and compiled.exists():  # to compile it again takes longer than the tests
        shutil.copytree(compiled, Path(f"{sys.pycache_prefix}{house}"))
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"):
        shutil.copy(ROOT / name, house / name)
    for name in NEW:
        (house / name).write_text(given[name], "utf-8")
    imported, named = given["cogs/__init__.py"].split("\n\n")
    insert(house / "cogs/__init__.py", "from cogs.feeds.feed_commands import", imported + "\n")
    insert(house / "cogs/__init__.py", "    Why,\n", named)
    catalogue = house / "data/locales/fr/LC_MESSAGES/telex.po"
    catalogue.write_text(
        catalogue.read_text("utf-8") + "\n" + given["data/locales/fr/LC_MESSAGES/telex.po"], "utf-8"
    )
    for name in GUIDES:
        (house / name).write_text((house / name).read_text("utf-8") + "\n" + given[name], "utf-8")

    run(house, "ruff", "check", *sorted(NEW), "cogs/__init__.py")
    run(house, "ruff", "format", "--check", *sorted(NEW), "cogs/__init__.py")
    wanted = (
        "tests/cogs/test_counting.py",
        "tests/test_translations.py",
        "tests/test_unmarked.py",
        "tests/test_guides.py",
    )
    run(house, "pytest", "-n", "0", "-p", "no:cacheprovider", *wanted)
