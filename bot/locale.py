"""The language of what Telex says: gettext catalogues read from `data/locales`, one `.po` a language.

Messages in code are English and marked with `_` or `ngettext`; a variable part is a named `{placeholder}`
filled by `.format(...)` after translation. The language is a context variable, so that an answer is in the
asker's language whatever else runs at the same time.
"""

from __future__ import annotations

import gettext as gettext_module
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from bot import DATA

LANGUAGES = ("en", "fr")

_language: ContextVar[str] = ContextVar("language", default="en")


def supported(tag: str | None) -> str | None:
    """The language Telex speaks for a locale tag such as `fr` or `en-GB` (BCP 47), or None."""
    language = (tag or "").replace("_", "-").partition("-")[0].lower()
    return language if language in LANGUAGES else None


def current() -> str:
    """The language of this task."""
    return _language.get()


@contextmanager
def use(language: str | None) -> Iterator[None]:
    """Speak `language` (a locale tag; English where Telex does not speak it) within the block."""
    token = _language.set(supported(language) or "en")
    try:
        yield
    finally:
        _language.reset(token)


def speak(language: str | None) -> None:
    """Speak `language` (a locale tag; English where Telex does not speak it) for the rest of this task."""
    _language.set(supported(language) or "en")


@cache
def catalogue(language: str) -> gettext_module.NullTranslations:
    """The messages of a language. English, the language of the source, has none."""
    path = DATA / "locales" / language / "LC_MESSAGES" / "telex.po"
    if not path.is_file():
        return gettext_module.NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return gettext_module.GNUTranslations(compiled)


def gettext(message: str) -> str:
    """The message in the language of this task."""
    return catalogue(current()).gettext(message)


def ngettext(singular: str, plural: str, number: int) -> str:
    """The message in the language of this task, in the form that goes with the number."""
    return catalogue(current()).ngettext(singular, plural, number)


_ = gettext
