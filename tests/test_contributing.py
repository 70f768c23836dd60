"""The example of docs/contributing.md works: its command is added to the bot, and passes what every command must."""

from __future__ import annotations

import ast
import importlib.util
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po

import cogs
from bot.core import i18n
from tests import test_translations
from tests.test_unmarked import find_unmarked

ROOT = Path(__file__).resolve().parent.parent
COG, TEST = "cogs/feeds/counting.py", "tests/cogs/test_counting.py"
COG_LIST, CATALOGUE = "cogs/__init__.py", "data/locales/fr/LC_MESSAGES/telex.po"
GUIDES = {"en": "docs/guide.md", "fr": "docs/guide.fr.md"}
DOCUMENT = (ROOT / "docs/contributing.md").read_text("utf-8")
EXAMPLES: dict[str, str] = dict(re.findall(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL))
"""The text of each file in the document."""

pytestmark = pytest.mark.xdist_group("source")


@pytest.fixture(autouse=True)
def _add_command(tmp_path, monkeypatch) -> Iterator[None]:
    """Put the example's cog, its line in the list of cogs and its translations in place."""
    cog_file = tmp_path / "counting.py"
    cog_file.write_text(EXAMPLES[COG], "utf-8")
    spec = importlib.util.spec_from_file_location("cogs.feeds.counting", cog_file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    import_line, cog_line = EXAMPLES[COG_LIST].split("\n\n")
    names: dict[str, type] = {}
    exec(import_line, names)
    monkeypatch.setattr(cogs, "ALL_COGS", (*cogs.ALL_COGS, *eval(cog_line.strip(), names)))
    catalogue = tmp_path / CATALOGUE.removeprefix("data/")
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text(f"{(ROOT / CATALOGUE).read_text('utf-8')}\n{EXAMPLES[CATALOGUE]}", "utf-8")
    monkeypatch.setattr(i18n, "DATA", tmp_path)
    i18n.load_catalogue.cache_clear()
    yield
    i18n.load_catalogue.cache_clear()


@pytest.fixture
def translations() -> Catalog:
    """The catalogue's entries for the example alone."""
    return read_po(io.BytesIO(EXAMPLES[CATALOGUE].encode()), locale="fr")


def import_example_tests() -> dict[str, object]:
    """The tests of the example, which pytest runs as if they stood here."""
    names: dict[str, object] = {"__name__": __name__}
    exec(compile(EXAMPLES[TEST], TEST, "exec"), names)
    return {name: test for name, test in names.items() if name.startswith("test_")}


globals().update(import_example_tests())


def test_the_example_has_every_file_that_it_tells_to_change():
    assert set(EXAMPLES) == {COG, TEST, COG_LIST, CATALOGUE, *GUIDES.values()}


@pytest.mark.parametrize("path", [COG, TEST])
@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=" ".join)
def test_the_linters_accept_the_example(path, command):
    arguments = [sys.executable, "-m", "ruff", *command, "--stdin-filename", path, "-"]
    process = subprocess.run(arguments, check=False, cwd=ROOT, input=EXAMPLES[path], capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr


def test_every_text_of_the_example_is_marked():
    assert find_unmarked(ast.parse(EXAMPLES[COG]), spoken=True) == set()


def test_every_text_of_the_example_is_translated(translations):
    messages = extract("python", io.BytesIO(EXAMPLES[COG].encode()), test_translations.KEYWORDS)
    assert {message for _line, message, _comments, _context in messages} == {
        tuple(message.id) if message.pluralizable else message.id
        for message in translations
        if message.id and not message.context
    }
    test_translations.test_every_translation_has_the_blanks_of_its_sentence(translations)
    test_translations.test_french_texts_keep_their_spaces_before_high_punctuation(translations)


def test_every_name_of_the_example_is_translated_and_in_the_guide(translations):
    command_paths = [f"/{command.name}" for command in cogs.ALL_COGS[-1].__cog_app_commands__]
    assert set(test_translations.load_translated_names(translations, i18n.COMMAND_CONTEXT)) == set(command_paths)
    for language, guide in GUIDES.items():
        with i18n.language_scope(language):
            assert all(f"`{i18n.localized_command(path)}`" in EXAMPLES[guide] for path in command_paths)
