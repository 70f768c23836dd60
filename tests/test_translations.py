"""Every sentence that Telex says exists in French, whole and with the same blanks to fill."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from bot import DATA, locale

ROOT = Path(__file__).resolve().parent.parent
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "locale_str": None}
LONGEST_IN_DISCORD = 100  # of a description or a choice


def said() -> dict[str, str | tuple[str, ...]]:
    """What is marked in code, by its singular, with `locale_str` apart from the rest."""
    found: dict[str, str | tuple[str, ...]] = {}
    for folder in ("bot", "cogs"):
        for _file, _line, message, _comments, _context in extract_from_dir(
            ROOT / folder, method_map=[("**.py", "python")], keywords=KEYWORDS, comment_tags=()
        ):
            found[message if isinstance(message, str) else message[0]] = message
    return found


@pytest.fixture(scope="module")
def french() -> Catalog:
    with (DATA / "locales" / "fr" / "LC_MESSAGES" / "telex.po").open("rb") as file:
        return read_po(file, locale="fr")


def texts(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)[^}]*}", text))


def test_every_sentence_in_the_code_is_translated(french: Catalog) -> None:
    missing = [text for text in said() if text not in french or not all(texts(french[text]))]
    assert not missing


def test_the_catalogue_holds_no_sentence_that_the_code_does_not_say(french: Catalog) -> None:
    sentences = said()
    assert not [message.id for message in french if message.id and _singular(message) not in sentences]


def test_every_translation_has_the_blanks_of_its_sentence(french: Catalog) -> None:
    for message in french:
        if message.id:
            for text in texts(message):
                assert placeholders(text) == placeholders(_plural(message)), text


def test_no_translation_is_unsure(french: Catalog) -> None:
    assert not [message.id for message in french if message.fuzzy and message.id]


def test_french_texts_keep_their_spaces_before_high_punctuation(french: Catalog) -> None:
    for message in french:
        if message.id:
            for text in texts(message):
                prose = re.sub(r"`[^`]*`|<[^>]*>|https?://\S+|{[^}]*}:|\d+:\d+|:\w+:", "", text)
                assert not re.search(r"[^\s\u00a0\u202f!?][?!;]| [?!;:»]|« |\w:(?!//)", prose), text
                assert "'" not in prose, f"a straight apostrophe in {text}"
                assert '"' not in prose or '"' in _singular(message), f"straight quotes in {text}"


def test_a_language_without_a_catalogue_speaks_english() -> None:
    with locale.use("de-DE"):
        assert locale.current() == "en"


def _singular(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _plural(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[1]
