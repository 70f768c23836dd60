"""The language of what Telex says: gettext catalogues read from `data/locales`, one `.po` a language.

Messages in code are English and marked with `_` or `ngettext`; a variable part is a named `{placeholder}`
filled by `.format(...)` after translation. The language is a context variable, so that an answer is in the
asker's language whatever else runs at the same time.

Commands and their options have names of their own in each language, as entries with the contexts `command`
(`/feed add`) and `option` (`url`). A translation that mentions a command writes its English path; what is
said has the name that Discord shows in that language.
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
_COMMAND_PATTERN = re.compile(r"(?<![\w/<`])(/[a-z]+)( [a-z]+)?(?![\w-])")
COMMAND, OPTION = "command", "option"
"""Contexts of names in catalogues."""

_language: ContextVar[str] = ContextVar("language", default="en")
_mentions: Mapping[str, str] = {}  # what Discord shows as a command to click, by its English path
_localized_command_patterns: dict[str, re.Pattern[str]] = {}  # of commands, by languages that have some


def supported_language(tag: str | None) -> str | None:
    """The language Telex speaks for a locale tag such as `fr` or `en-GB` (BCP 47), or None."""
    language = (tag or "").replace("_", "-").partition("-")[0].lower()
    return language if language in LANGUAGES else None


def current_language() -> str:
    """The language of this task."""
    return _language.get()


@contextmanager
def language_scope(language: str | None) -> Iterator[None]:
    """Speak `language` (a locale tag; English where Telex does not speak it) within the block."""
    token = _language.set(supported_language(language) or "en")
    try:
        yield
    finally:
        _language.reset(token)


def set_language(language: str | None) -> None:
    """Speak `language` (a locale tag; English where Telex does not speak it) for the rest of this task."""
    _language.set(supported_language(language) or "en")


@cache
def load_catalogue(language: str) -> gettext_module.NullTranslations:
    """The messages of a language. English, the language of the source, has none."""
    path = DATA / "locales" / language / "LC_MESSAGES" / "telex.po"
    if not path.is_file():
        return gettext_module.NullTranslations()
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - workers say nothing to people
    from babel.messages.pofile import read_po  # noqa: PLC0415 - likewise

    compiled = io.BytesIO()
    with path.open("rb") as source:
        messages = read_po(source, locale=language)
    _localize_command_names(messages, language)
    write_mo(compiled, messages)
    compiled.seek(0)
    return gettext_module.GNUTranslations(compiled)


def _localize_command_names(messages: Catalog, language: str) -> None:
    """Let translations mention commands by the names that they have in that language."""
    names = {
        str(message.id): str(message.string)
        for message in messages
        if message.context == COMMAND and message.string
    }
    if not names:
        return
    english = re.compile(_any_command_pattern(names))
    _localized_command_patterns[language] = re.compile(f"(?<!`){_any_command_pattern(names.values())}")

    def named(text: str) -> str:
        return english.sub(lambda found: names[found[0]], text)

    for message in messages:
        if message.context is None and message.id:
            texts = message.string
            message.string = named(texts) if isinstance(texts, str) else tuple(map(named, texts or ()))


def _any_command_pattern(commands: Iterable[str]) -> str:
    longest_first = "|".join(map(re.escape, sorted(commands, key=len, reverse=True)))
    return rf"(?<![\w/<])(?:{longest_first})(?![\w-])"


def localized_command(path: str) -> str:
    """The path of a command, such as `/feed add`, as Discord shows it in the language of this task."""
    return load_catalogue(current_language()).pgettext(COMMAND, path)


def set_command_mentions(mentions: Mapping[str, str]) -> None:
    """From now on these are the mentions of commands, such as `</feed add:42>` for `/feed add`."""
    global _mentions  # noqa: PLW0603 - one bot a process registers them
    _mentions = mentions


def linkify_commands(sentence: str) -> str:
    """A sentence of ours, in the language of this task, with the commands that it names to be clicked.

    For what Discord reads as Markdown: not for footers, titles, labels and logs. It stays as it is where the
    ids are not known. In languages with names of their own for commands these are shown as code: Discord
    shows a mention as it is written, and one with a translated name does nothing
    (https://github.com/discord/discord-api-docs/issues/5518).
    """
    load_catalogue(current_language())
    if own := _localized_command_patterns.get(current_language()):
        return own.sub(r"`\g<0>`", sentence)
    return _COMMAND_PATTERN.sub(lambda found: _mention(found[1], found[2]), sentence)


def _mention(first: str, second: str | None) -> str:
    """A mention of `/first second`, or of `/first` where the second word is none of the command's."""
    if second is None:
        return _mentions.get(first, first)
    return _mentions.get(first + second) or _mentions.get(first, first) + second


def gettext(message: str) -> str:
    """The message in the language of this task."""
    return load_catalogue(current_language()).gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """The message in the language of this task, in the form that goes with the number."""
    return load_catalogue(current_language()).ngettext(singular, plural, number)


def N_(message: str) -> str:  # noqa: N802 - gettext's own name for it
    """The message as it is: marks one that `_` translates later."""
    return message


def format_count(singular: str, plural: str, number: int, **blanks: object) -> str:
    """`ngettext`, with the number as `{count}`, and other blanks filled."""
    return ngettext(singular, plural, number).format(count=format_number(number), **blanks)


def format_number(number: int) -> str:
    """A number as the language of this task writes it: `1,234`, or with a narrow no-break space in French.

    The same as Babel's, which would load five megabytes about both languages for it.
    """
    return f"{number:,}" if current_language() == "en" else f"{number:,}".replace(",", "\u202f")


_ = gettext
