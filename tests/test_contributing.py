"""The example of docs/contributing.md works: it is put into a copy of the project and tested there."""

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
NEW_FILES = {"cogs/feeds/counting.py", "tests/cogs/test_counting.py"}


def load_examples() -> dict[str, str]:
    """Return the text of each file in the document."""
    return {match[1]: match[2] for match in EXAMPLE.finditer((ROOT / "docs/contributing.md").read_text("utf-8"))}


def insert_before(path: Path, before: str, added_text: str) -> None:
    """Insert text before a line that occurs once."""
    text = path.read_text("utf-8")
    assert text.count(before) == 1, f"{before!r} in {path}"
    path.write_text(text.replace(before, added_text + before), "utf-8")


def run_module(folder: Path, *command: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    process = subprocess.run(
        [sys.executable, "-m", *command],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stdout + process.stderr


@pytest.mark.timeout(400)  # other tests run in it, which takes two minutes on a busy machine
def test_the_command_of_the_document_works_and_passes_what_every_command_must(tmp_path):
    """Prevent an example that no longer works, or lacks a step that a check requires."""
    example_files = load_examples()
    assert set(example_files) == {
        *NEW_FILES,
        "cogs/__init__.py",
        "data/locales/fr/LC_MESSAGES/telex.po",
        *GUIDES,
    }
    checkout = tmp_path / "project"
    ignored = shutil.ignore_patterns("*.db*")
    for folder in ("bot", "cogs", "data", "tests", "docs"):
        shutil.copytree(ROOT / folder, checkout / folder, ignore=ignored)
    bytecode = Path(f"{sys.pycache_prefix}{ROOT}")
    if sys.pycache_prefix and bytecode.exists():  # to compile it again takes longer than the tests
        shutil.copytree(bytecode, Path(f"{sys.pycache_prefix}{checkout}"))
    for name in ("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout / name)
    for name in NEW_FILES:
        (checkout / name).write_text(example_files[name], "utf-8")
    import_lines, cog_lines = example_files["cogs/__init__.py"].split("\n\n")
    insert_before(checkout / "cogs/__init__.py", "from cogs.feeds.feed_commands import", import_lines + "\n")
    insert_before(checkout / "cogs/__init__.py", "    WhyCog,\n", cog_lines)
    catalogue = checkout / "data/locales/fr/LC_MESSAGES/telex.po"
    catalogue.write_text(
        catalogue.read_text("utf-8") + "\n" + example_files["data/locales/fr/LC_MESSAGES/telex.po"], "utf-8"
    )
    for name in GUIDES:
        (checkout / name).write_text((checkout / name).read_text("utf-8") + "\n" + example_files[name], "utf-8")

    run_module(checkout, "ruff", "check", *sorted(NEW_FILES), "cogs/__init__.py")
    run_module(checkout, "ruff", "format", "--check", *sorted(NEW_FILES), "cogs/__init__.py")
    test_paths = (
        "tests/cogs/test_counting.py",
        "tests/test_translations.py",
        "tests/test_unmarked.py",
        "tests/test_guides.py",
    )
    run_module(checkout, "pytest", "-n", "0", "-p", "no:cacheprovider", *test_paths)
