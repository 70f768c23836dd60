"""Translations of what Telex says, from the gettext catalogues in `data/locales`, one `.po` per language.

Messages in code are English and marked with `_` or `ngettext`; variable parts are named `{placeholders}`,
filled with `.format(...)` after translation. The language is a context variable, so that concurrent tasks can
answer in different languages.

Names of commands and options are translated by entries with the contexts `command` (`/feed add`) and `option`
(`url`). Translations mention a command by its English path; it is replaced by the translated name.
"""

from __future__ import annotations

import gettext as gettext_module
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING

from bot import DATA

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog

LANGUAGES = ("en", "fr")
"""ISO 639-1 codes of the supported languages."""
_COMMAND_PATTERN = re.compile(r"(?<![\w/<`])(/[a-z]+)( [a-z]+)?(?![\w-])")
COMMAND_CONTEXT = "command"
"""Message context of commands' names in catalogues."""
OPTION_CONTEXT = "option"
"""Message context of options' names in catalogues."""

_language_variable: ContextVar[str] = ContextVar("language", default="en")
_mention_by_command: Mapping[str, str] = {}  # Clickable mentions of commands by English path
_localized_command_pattern_by_language: dict[str, re.Pattern[str]] = {}


def supported_language(tag: str | None) -> str | None:
    """Return the supported language of a locale tag such as `en-GB` (BCP 47), or None if there is none."""
    language = (tag or "").replace("_", "-").partition("-")[0].lower()
    return language if language in LANGUAGES else None


def current_language() -> str:
    """Return the language of messages in the current task."""
    return _language_variable.get()


@contextmanager
def language_scope(locale_tag: str | None) -> Iterator[None]:
    """Set the language of messages within the `with` block.

    None and a locale tag that is not supported mean English.
    """
    reset_token = _language_variable.set(supported_language(locale_tag) or "en")
    try:
        yield
    finally:
        _language_variable.reset(reset_token)


def set_language(locale_tag: str | None) -> None:
    """Set the language of messages for the rest of the current task.

    None and a locale tag that is not supported mean English.
    """
    _language_variable.set(supported_language(locale_tag) or "en")


@cache
def load_catalogue(language: str) -> gettext_module.NullTranslations:
    """Load the translations of a language; they are empty for English, the source language, which has no catalogue."""
    path = DATA / "locales" / language / "LC_MESSAGES" / "telex.po"
    if not path.is_file():
        return gettext_module.NullTranslations()
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - worker processes translate nothing
    from babel.messages.pofile import read_po  # noqa: PLC0415 - worker processes translate nothing

    compiled_file = io.BytesIO()
    with path.open("rb") as po_file:
        po_catalogue = read_po(po_file, locale=language)
    _localize_command_names(po_catalogue, language)
    write_mo(compiled_file, po_catalogue)
    compiled_file.seek(0)
    return gettext_module.GNUTranslations(compiled_file)


def _localize_command_names(catalogue: Catalog, language: str) -> None:
    """Replace English command paths such as `/feed add` in translations by the translated names."""
    localized_name_by_command = {
        str(message.id): str(message.string)
        for message in catalogue
        if message.context == COMMAND_CONTEXT and message.string
    }
    if not localized_name_by_command:
        return
    english_pattern = re.compile(_build_any_command_regex(localized_name_by_command))
    _localized_command_pattern_by_language[language] = re.compile(
        f"(?<!`){_build_any_command_regex(localized_name_by_command.values())}"
    )

    def localize_command_names(text: str) -> str:
        return english_pattern.sub(lambda match: localized_name_by_command[match[0]], text)

    for message in catalogue:
        if message.context is None and message.id:
            translation = message.string
            message.string = (
                localize_command_names(translation)
                if isinstance(translation, str)
                else tuple(map(localize_command_names, translation or ()))
            )


def _build_any_command_regex(commands: Iterable[str]) -> str:
    alternatives = "|".join(map(re.escape, sorted(commands, key=len, reverse=True)))
    return rf"(?<![\w/<])(?:{alternatives})(?![\w-])"


def localized_command(path: str) -> str:
    """Return the name of a command, such as `/feed add`, in the current language."""
    return load_catalogue(current_language()).pgettext(COMMAND_CONTEXT, path)


def set_command_mentions(mention_by_command: Mapping[str, str]) -> None:
    """Set the clickable mentions of commands by English path, such as `</feed add:42>` for `/feed add`."""
    global _mention_by_command  # noqa: PLW0603 - one bot per process registers commands
    _mention_by_command = mention_by_command


def linkify_commands(sentence: str) -> str:
    """Return a sentence with its commands replaced by clickable mentions.

    Such text is for Markdown only, not for footers, titles, labels or logs. Commands with unknown ids stay
    plain text. In languages with translated command names they become code instead, because a mention with a
    translated name does nothing (https://github.com/discord/discord-api-docs/issues/5518).
    """
    load_catalogue(current_language())
    if localized_pattern := _localized_command_pattern_by_language.get(current_language()):
        return localized_pattern.sub(r"`\g<0>`", sentence)
    return _COMMAND_PATTERN.sub(lambda match: _find_command_mention(match[1], match[2]), sentence)


def _find_command_mention(first_word: str, second_word: str | None) -> str:
    """Return a mention of `/first second`, or of `/first` and the second word if that is no subcommand.

    `second_word` begins with the space before it, or is None.
    """
    if second_word is None:
        return _mention_by_command.get(first_word, first_word)
    return (
        _mention_by_command.get(first_word + second_word)
        or _mention_by_command.get(first_word, first_word) + second_word
    )


def gettext(message: str) -> str:
    """Return the translation of a message into the current language."""
    return load_catalogue(current_language()).gettext(message)


def pgettext(context: str, message: str) -> str:
    """Return the translation of a message into the current language, in the wording for a context."""
    return load_catalogue(current_language()).pgettext(context, message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the translation of a message into the current language, in the plural form for a number."""
    return load_catalogue(current_language()).ngettext(singular, plural, number)


def N_(message: str) -> str:  # noqa: N802 - gettext's conventional name
    """Return a message unchanged, marking it for extraction; it is translated by `_` later."""
    return message


def format_count(singular: str, plural: str, number: int, **placeholders: object) -> str:
    """Return a translated plural message with the number as `{count}` and further placeholders filled in."""
    return ngettext(singular, plural, number).format(count=format_number(number), **placeholders)


def format_number(number: int) -> str:
    """Format a number in the current language: `1,234`, in French with a narrow no-break space.

    The library Babel formats it identically, but loads 5 MB of locale data.
    """
    return f"{number:,}" if current_language() == "en" else f"{number:,}".replace(",", "\u202f")


_ = gettext
