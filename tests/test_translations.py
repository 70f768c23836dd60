"""The French catalogue: complete, with the same placeholders and correct typography."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from discord import app_commands

import cogs
from bot import DATA
from bot.core import i18n
from tests.support.source_trees import parse_module

ROOT = Path(__file__).resolve().parent.parent
KEYWORDS: dict[str, Any] = {
    "_": None,
    "N_": None,
    "gettext": None,
    "pgettext": ((1, "c"), 2),
    "ngettext": (1, 2),
    "format_count": (1, 2),
    "locale_str": None,
}
NAME = r"[-_\w]{1,32}"
"""https://discord.com/developers/docs/interactions/application-commands#application-command-object"""


@cache
def extract_messages() -> dict[str, str | tuple[str, ...]]:
    """Extract the marked messages of the code, by their singular."""
    messages: dict[str, str | tuple[str, ...]] = {}
    for folder in ("bot", "cogs"):
        for _file, _line, message, _comments, _context in extract_from_dir(
            ROOT / folder, method_map=[("**.py", "python")], keywords=KEYWORDS, comment_tags=()
        ):
            messages[message if isinstance(message, str) else message[0]] = message
    return messages


@cache
def list_calls() -> list[tuple[str | None, ast.Call]]:
    """List every call in `bot` and `cogs` with the last name of its function."""
    paths = [path for folder in ("bot", "cogs") for path in (ROOT / folder).rglob("*.py")]
    return [
        (getattr(node.func, "id", None) or getattr(node.func, "attr", None), node)
        for path in paths
        for node in ast.walk(parse_module(path))
        if isinstance(node, ast.Call)
    ]


def find_calls(names: set[str]) -> Iterator[ast.Call]:
    """Find calls of functions with these last names."""
    return (node for name, node in list_calls() if name in names)


def find_marked_sentence(node: ast.AST) -> str | None:
    """Return the sentence of a `_("…")`, None for another node."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_" and node.args:
        sentence = getattr(node.args[0], "value", None)
        return sentence if isinstance(sentence, str) else None
    return None


@pytest.fixture(scope="module")
def french() -> Catalog:
    with (DATA / "locales" / "fr" / "LC_MESSAGES" / "telex.po").open("rb") as file:
        return read_po(file, locale="fr")


def list_texts(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def find_placeholders(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)[^}]*}", text))


def list_command_options() -> dict[str, list[str]]:
    """List the paths of all slash commands and groups, each with the names of its options."""
    options_by_path: dict[str, list[str]] = {}
    for cog in cogs.ALL_COGS:
        group = f"/{cog.__cog_group_name__}" if cog.__cog_is_app_commands_group__ else ""
        if group:
            options_by_path[group] = []
        for command in cog.__cog_app_commands__:
            assert isinstance(command, app_commands.Command)
            path = f"{group} {command.name}" if group else f"/{command.name}"
            options_by_path[path] = [option.name for option in command.parameters]
    return options_by_path


def load_translated_names(catalog: Catalog, context: str) -> dict[str, str]:
    return {str(message.id): str(message.string) for message in catalog if message.context == context}


def test_every_command_and_option_has_valid_french_name(french):
    """Add yours to the first entries of the catalogue: msgctxt "command" or "option"."""
    options_by_path = list_command_options() | {"/owner": []}  # which is added in the operator's server alone
    assert set(options_by_path) == set(load_translated_names(french, i18n.COMMAND_CONTEXT))
    assert {option for options in options_by_path.values() for option in options} == set(
        load_translated_names(french, i18n.OPTION_CONTEXT)
    )
    for path, name in load_translated_names(french, i18n.COMMAND_CONTEXT).items():
        group, _space, own = name.rpartition(" ")
        assert re.fullmatch(NAME, own.removeprefix("/")), name
        assert own == own.lower()
        assert group == (
            load_translated_names(french, i18n.COMMAND_CONTEXT)[path.rpartition(" ")[0]] if " " in path else ""
        ), name
    for name in load_translated_names(french, i18n.OPTION_CONTEXT).values():
        assert re.fullmatch(NAME, name), name
        assert name == name.lower()


def test_personal_digest_command_has_french_name(french):
    assert load_translated_names(french, "command")["/digest me"] == "/résumé moi"


def test_every_choice_is_translated(french):
    """Choices come from a Literal's values, which no extraction marks."""
    for cog in cogs.ALL_COGS:
        for command in cog.__cog_app_commands__:
            assert isinstance(command, app_commands.Command)
            for option in command.parameters:
                for choice in option.choices:
                    assert choice.name in french, f"/{command.qualified_name}: {choice.name}"


def test_french_names_of_commands_and_options_are_unique(french):
    translated = list(load_translated_names(french, i18n.COMMAND_CONTEXT).values())
    assert len(translated) == len(set(translated))
    of_option = load_translated_names(french, i18n.OPTION_CONTEXT)
    for path, options in list_command_options().items():
        french_names = [of_option[option] for option in options]
        assert len(french_names) == len(set(french_names)), path


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_commands_named_in_sentences_exist(language, french):
    with i18n.language_scope(language):
        command_paths = {i18n.localized_command(path) for path in list_command_options()}
        groups = {path.rpartition(" ")[0] for path in command_paths if " " in path}
        command_count = 0
        for message in (entry for entry in french if entry.id and not entry.context):
            plural_texts = (
                [i18n.ngettext(message.id[0], message.id[1], number) for number in (1, 2)]
                if message.pluralizable
                else []
            )
            for text in plural_texts or [i18n.gettext(_get_singular(message))]:
                for match in re.finditer(r"(?<![\w/<])(/[^\W\d_][\w-]*)(?: ([\w-]+))?", text):
                    path = f"{match[1]} {match[2]}" if match[1] in groups else match[1]
                    assert path in command_paths, f"{path} in: {text}"
                    command_count += 1
        assert command_count > 40


def test_every_sentence_is_translated(french):
    missing = [text for text in extract_messages() if text not in french or not all(list_texts(french[text]))]
    assert not missing


def test_catalogue_has_no_unused_sentence(french):
    sentences = extract_messages()
    assert not [
        message.id
        for message in french
        if message.id and not message.context and _get_singular(message) not in sentences
    ]


def test_translations_have_same_placeholders(french):
    for message in french:
        if message.id:
            for text in list_texts(message):
                assert find_placeholders(text) == find_placeholders(_get_plural(message)), text


def test_no_translation_is_fuzzy(french):
    assert not [message.id for message in french if message.fuzzy and message.id]


_NO_PROSE = re.compile(r"`[^`]*`|<[^>]*>|https?://\S+|{[^}]*}:|\d+:\d+|:\w+:|(?:avec|est):\w+")


def test_french_texts_have_spaces_before_high_punctuation(french):
    for message in french:
        if message.id:
            for text in list_texts(message):
                prose = _NO_PROSE.sub("", text)
                assert not re.search(r"[^\s\u00a0\u202f!?][?!;]| [?!;:»]|« |\w:(?!//)", prose), text
                assert not re.search(r"\u00a0[?!;]|\u202f[:»]|«\u202f", prose), f"a space of another width in {text}"
                assert "'" not in prose, f"a straight apostrophe in {text}"
                assert '"' not in prose or '"' in _get_singular(message), f"straight quotes in {text}"


def test_english_texts_have_typographic_apostrophes():
    straight = re.compile(r"\w'\w|s' ")
    assert not [
        text
        for message in extract_messages().values()
        for text in ([message] if isinstance(message, str) else message)
        if straight.search(text)
    ]


def test_language_without_catalogue_falls_back_to_english():
    with i18n.language_scope("de-DE"):
        assert i18n.current_language() == "en"


def test_numbers_are_formatted_by_language():
    with i18n.language_scope("en"):
        assert [i18n.format_number(number) for number in (999, 1_234_567)] == ["999", "1,234,567"]
    with i18n.language_scope("fr"):
        assert [i18n.format_number(number) for number in (999, 1_234_567)] == ["999", "1\u202f234\u202f567"]


def _get_singular(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _get_plural(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[1]


def test_every_marked_text_is_extracted():
    """Extraction ignores f-strings before Python 3.12, so such a text would stay English."""
    messages = extract_messages()
    assert not {
        text for node in find_calls({"_"}) if (text := find_marked_sentence(node)) is not None and text not in messages
    }


NUMBERS_ABOVE_ONE = {
    "Ignored parentheses nested more than {count} deep.",
    "Only the first {count} characters were read.",
    "Only the first {count} words and filters were read.",
    "The field {field} is longer than {most} characters.",
    "An excerpt has 0 to {most} characters.",
    "A role can be mentioned 1 to {most} times a day.",
    "{count} of your proposals are open here, the maximum. Wait until the managers decide.",
    "{count} proposals are open here, the maximum. Try again when the managers have decided on some.",
    "{count} people want this already. The managers know.",
    "The notice has {count} characters, and {limit} at most can be posted.",
    "I can’t use this picture. Send a PNG, JPEG, GIF or WebP of at most {side} × {side} pixels.",
    "You’ve asked {count} questions in a minute, which is the limit. Ask again {when}.",
    "This server has asked {count} questions in a minute, which is the limit. Ask again {when}.",
    "You’ve searched {count} times in a minute, which is the limit. Search again {when}.",
    "Questions can be up to {count} characters long; yours has {length}.",
    "You’ve saved {count} links in ten minutes, which is the limit. Save this one {when}.",
    "Topics that fewer than {least} people reacted to count, but stay hidden.",
    "not posted: reported by {count} of the {least} outlets it needed ({when})",
    "A server can have {count} tokens. Revoke one first.",
    "{count} filter or look left out: I can’t use it, or there’d be more than {most} filters in one place",
    "more than {count} articles",
    "At most {count} topics.",
    "A tag can have {count} characters, so I shortened {tags}.",
    "A bookmark can have {count} tags, so I left out {tags}.",
    "{count} of {total} bookmarks",  # The word agrees with the first number, also in English.
}
"""Messages in which a number that is always above one, such as a limit, stands before a word."""
UNCHANGING_WORDS = frozenset(
    (
        "MB Mo after and are at au auparavant avant avec before by de des en et failing flux from in of on par per "
        "pour so sur to"
    ).split()
)
"""Words after a number that are the same for one and for many."""


def list_number_placeholders() -> set[str]:
    """List the placeholders that stand for a number somewhere in the code."""
    names = {
        word.arg or ""
        for _name, node in list_calls()
        for word in node.keywords
        if isinstance(word.value, ast.Call) and getattr(word.value.func, "id", "") == "format_number"
    }
    assert {"total", "limit", "least"} <= names
    return names | {"count"}


def test_word_after_number_agrees_with_it_in_both_languages(french):
    """A number before a word needs a plural message, which is chosen by `{count}` or by its only number."""
    names = "|".join(list_number_placeholders())
    pattern = re.compile(rf"\{{({names})\}}[ \u00a0\u202f]([^\W\d_]{{2,}})")
    wrong_messages = set()
    for message in french:
        texts = [*([message.id] if isinstance(message.id, str) else message.id), *list_texts(message)]
        numbers = {
            match[1] for text in texts for match in pattern.finditer(str(text)) if match[2] not in UNCHANGING_WORDS
        }
        if isinstance(message.id, str):
            deciding_numbers: set[str] = set()
        else:
            deciding_numbers = {"count"} & set().union(*map(find_placeholders, map(str, texts))) or numbers
        if numbers - deciding_numbers:
            wrong_messages.add(_get_singular(message))
    assert wrong_messages - NUMBERS_ABOVE_ONE == set()
    assert NUMBERS_ABOVE_ONE - wrong_messages == set(), "exceptions that nothing needs"


def test_form_titles_and_labels_fit_discord_limit(french):
    """A longer title or label and the form does not open:
    https://discord.com/developers/docs/components/reference#label
    """
    texts_ = {
        text
        for node in find_calls({"modal_button", "FormModal", "TextField"})
        for part in (
            *node.args,
            *(word.value for word in node.keywords if word.arg in {"title", "label"}),
        )
        if (text := find_marked_sentence(part)) is not None
    }
    assert len(texts_) > 5
    for text in texts_:
        message = french.get(text)
        assert message is not None
        assert all(len(sentence) <= 45 for sentence in (text, *list_texts(message))), text


def test_descriptions_fit_discord_limit(french):
    """Discord rejects a form or menu with a longer description of a field or an option."""
    texts_ = {
        text
        for _name, node in list_calls()
        for word in node.keywords
        if word.arg == "description" and (text := find_marked_sentence(word.value)) is not None
    }
    assert texts_
    for text in texts_:
        message = french.get(text)
        assert message is not None
        assert all(len(sentence) <= 100 for sentence in (text, *list_texts(message))), text
