"""The examples of docs/contributing.md: a command and a setting, added to the bot as documented."""

from __future__ import annotations

import ast
import importlib.util
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po

import cogs
from bot.core import i18n, setting_registry
from bot.core.setting_registry import CHANNEL_SETTINGS, SwitchSetting
from bot.posting.wording import setting_words
from tests import test_translations
from tests.support import store_probe
from tests.support.interactions import find_accessory_id, get_last_reply, read_message_text, read_reply_text
from tests.test_unmarked import find_unmarked

ROOT = Path(__file__).resolve().parent.parent
COG, TEST = "cogs/feeds/counting.py", "tests/cogs/test_counting.py"
COG_LIST, CATALOGUE = "cogs/__init__.py", "data/locales/fr/LC_MESSAGES/telex.po"
GUIDES = {"en": "docs/guide.md", "fr": "docs/guide.fr.md"}
DOCUMENT = (ROOT / "docs/contributing.md").read_text("utf-8")
EXAMPLES: dict[str, str] = dict(re.findall(r"^`([\w./]+)`\n\n```\w+\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL))
"""The text of each file in the document."""
SETTING_EXAMPLE = DOCUMENT[DOCUMENT.index("\n## A setting\n") : DOCUMENT.index("\n## A translation\n")]
DECLARATION, WORDS, COLUMN, SETTING_TRANSLATIONS = re.findall(
    r"^```\w+\n(.*?)^```$", SETTING_EXAMPLE, re.MULTILINE | re.DOTALL
)


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
    catalogue.write_text(
        f"{(ROOT / CATALOGUE).read_text('utf-8')}\n{EXAMPLES[CATALOGUE]}\n{SETTING_TRANSLATIONS}", "utf-8"
    )
    monkeypatch.setattr(i18n, "DATA", tmp_path)
    i18n.load_catalogue.cache_clear()
    yield
    i18n.load_catalogue.cache_clear()


@pytest.fixture
def translations() -> Catalog:
    """The catalogue entries of the example."""
    return read_po(io.BytesIO(EXAMPLES[CATALOGUE].encode()), locale="fr")


def import_example_tests() -> dict[str, object]:
    """Import the tests of the example, so that pytest runs them in this module."""
    names: dict[str, object] = {"__name__": __name__}
    exec(compile(EXAMPLES[TEST], TEST, "exec"), names)
    return {name: test for name, test in names.items() if name.startswith("test_")}


globals().update(import_example_tests())


def test_example_has_every_file_of_the_document():
    assert set(EXAMPLES) == {COG, TEST, COG_LIST, CATALOGUE, *GUIDES.values()}


@pytest.mark.parametrize("path", [COG, TEST])
@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=" ".join)
def test_linters_accept_example(path, command):
    arguments = [sys.executable, "-m", "ruff", *command, "--stdin-filename", path, "-"]
    process = subprocess.run(arguments, check=False, cwd=ROOT, input=EXAMPLES[path], capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr


def test_every_text_of_example_is_marked():
    assert find_unmarked(ast.parse(EXAMPLES[COG]), spoken=True) == set()


def test_every_text_of_example_is_translated(translations):
    messages = extract("python", io.BytesIO(EXAMPLES[COG].encode()), test_translations.KEYWORDS)
    assert {message for _line, message, _comments, _context in messages} == {
        tuple(message.id) if message.pluralizable else message.id
        for message in translations
        if message.id and not message.context
    }
    test_translations.test_translations_have_same_placeholders(translations)
    test_translations.test_french_texts_have_spaces_before_high_punctuation(translations)


def test_every_command_of_example_is_translated_and_in_guide(translations):
    command_paths = [f"/{command.name}" for command in cogs.ALL_COGS[-1].__cog_app_commands__]
    assert set(test_translations.load_translated_names(translations, i18n.COMMAND_CONTEXT)) == set(command_paths)
    for language, guide in GUIDES.items():
        with i18n.language_scope(language):
            assert all(f"`{i18n.localized_command(path)}`" in EXAMPLES[guide] for path in command_paths)


@pytest.fixture
def blur_pictures(telex, monkeypatch) -> SwitchSetting:
    """The example of a channel setting, declared and stored as documented."""
    exec(DECLARATION, names := dict(vars(setting_registry)))
    setting: SwitchSetting = names["BLUR_PICTURES"]
    monkeypatch.setattr(setting_registry, "BLUR_PICTURES", setting, raising=False)
    monkeypatch.setitem(cast("dict[str, SwitchSetting]", CHANNEL_SETTINGS), setting.column_name, setting)
    words = eval(f"{{{WORDS}}}", dict(vars(setting_words)))
    monkeypatch.setitem(cast("dict[SwitchSetting, Any]", setting_words.SETTING_WORDS), setting, words[setting])
    with store_probe.open_connection(store_probe.locate_database(telex.store)) as connection:
        connection.execute(COLUMN.strip())
    return setting


@pytest.mark.parametrize("language", ["en-US", "fr"])
async def test_setting_of_example_is_in_panel_and_history(telex, blur_pictures, language):
    telex.locales[telex.editor.id] = language
    words = setting_words.SETTING_WORDS[blur_pictures]
    assert isinstance(words, setting_words.SwitchWords)
    with i18n.language_scope(language[:2]):
        name, off_line, on_line = map(i18n._, (words.name, words.off_line, words.on_line))
    assert (name == words.name) == (language == "en-US")
    panel = get_last_reply(await telex.run_as_editor("settings channel"))
    assert f"**{name}**\n-# {off_line}" in read_message_text(panel)
    panel = get_last_reply(await telex.editor.click(panel, custom_id=find_accessory_id(panel, name)))
    assert f"**{name}**\n-# {on_line}" in read_message_text(panel)
    assert (await telex.store.preferences.get_by_channel(telex.news.id))[blur_pictures]
    assert f"**{name}**" in read_reply_text(await telex.run_as_editor("settings history"))
