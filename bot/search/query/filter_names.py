"""The filters of a query: how people write their names and values, in English and in French."""

import re
from enum import StrEnum
from functools import cache

from babel import Locale

from bot.core import locale
from bot.text.words import fold


class Filter(StrEnum):
    """What an article can be chosen by besides its words."""

    SOURCE = "source"
    AUTHOR = "author"
    TAG = "tag"
    LANGUAGE = "language"
    SINCE = "since"
    BEFORE = "before"
    IMAGE = "image"
    BOOKMARKED = "bookmarked"


TITLE = "title"
NAMES: dict[str, str] = {
    name: filter_
    for filter_, names in {
        TITLE: "title titre intitle",
        Filter.SOURCE: "source outlet media site",
        Filter.AUTHOR: "author auteur by par",
        Filter.TAG: "tag category etiquette categorie",
        Filter.LANGUAGE: "lang language langue",
        Filter.SINCE: "since after depuis apres",
        Filter.BEFORE: "before until avant jusqua jusqu'a",
        "has": "has avec a contient",
        "is": "is est",
    }.items()
    for name in names.split()
}
CHOICES: dict[str, tuple[frozenset[str], Filter]] = {
    "has": (frozenset("image images picture pictures photo photos img".split()), Filter.IMAGE),
    "is": (
        frozenset(
            "bookmark bookmarked saved marked favorite favourite favori favoris enregistre"
            " enregistree enregistres garde gardee marque marquee marque-page sauvegarde signet".split()
        ),
        Filter.BOOKMARKED,
    ),
}
_MARKS = frozenset('"“”«»„')


def named(name: str) -> str | None:
    """The filter that a person names in either language: a `Filter`, `title`, `has` or `is`; or None."""
    return NAMES.get(fold(name))


def language_code(name: str) -> str | None:
    """The ISO 639-1 code of a language that a person names: `fr`, `en-GB`, `français`, `German`; or None."""
    value = fold(name).strip()
    code = _languages().get(value, value.partition("-")[0])
    return code if re.fullmatch("[a-z]{2}", code) else None


@cache
def _languages() -> dict[str, str]:
    """The codes of languages by their names in the languages that Telex speaks."""
    return {
        fold(name): code
        for language in locale.LANGUAGES
        for code, name in Locale(language).languages.items()
        if len(code) == 2  # noqa: PLR2004 - ISO 639-1
    }


_FRENCH = frozenset("apres avant jusqua jusqu'a avec a contient est depuis langue".split())
"""Names of filters with a fixed set of values, as they are written in French."""
_FRENCH_NAMES = _FRENCH | frozenset("auteur categorie etiquette titre".split())
_NAMED = re.compile(r"(?<![^\s(-])([^\W\d_]{2,12}|[aàAÀ]):(?=\S)")


def speaks_french(query: str) -> bool:
    """Whether a query names a filter by a name that is French alone."""
    return any(fold(name) in _FRENCH_NAMES for name in _NAMED.findall(query))


def is_french(name: str) -> bool:
    """Whether a filter is named in French, so that its values are to be."""
    return fold(name) in _FRENCH


def written(name: str, value: str) -> str:
    """A filter as it is typed in a query: `tag:IA`, `source:"Le Monde"`."""
    bare = "".join(character for character in value if character not in _MARKS)
    return f'{name}:"{bare}"' if re.search(r"[\s()|]", bare) else f"{name}:{bare}"
