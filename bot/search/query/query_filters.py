"""Filters of a query: how their names and values are written, in English and in French."""

import re
from enum import StrEnum
from functools import cache

from babel import Locale

from bot.core import i18n
from bot.text.words import fold


class FilterName(StrEnum):
    """Property of an article that a query can filter by."""

    SOURCE = "source"
    AUTHOR = "author"
    TAG = "tag"
    LANGUAGE = "language"
    SINCE = "since"
    BEFORE = "before"
    IMAGE = "image"
    BOOKMARKED = "bookmarked"


TITLE_FILTER = "title"
"""Name of the filter that restricts a word or phrase to titles."""
FILTER_NAME_BY_ALIAS: dict[str, str] = {
    alias: filter_name
    for filter_name, aliases in {
        TITLE_FILTER: "title titre intitle",
        FilterName.SOURCE: "source outlet media site",
        FilterName.AUTHOR: "author auteur by par",
        FilterName.TAG: "tag category etiquette categorie",
        FilterName.LANGUAGE: "lang language langue",
        FilterName.SINCE: "since after depuis apres",
        FilterName.BEFORE: "before until avant jusqua jusqu'a",
        "has": "has avec a contient",
        "is": "is est",
    }.items()
    for alias in aliases.split()
}
"""Names of filters (`FilterName`, `title`, `has` or `is`) by English and French aliases without accents."""
FLAG_VALUES_AND_PROPERTY_BY_FILTER_NAME: dict[str, tuple[frozenset[str], FilterName]] = {
    "has": (frozenset("image images picture pictures photo photos img".split()), FilterName.IMAGE),
    "is": (
        frozenset(
            "bookmark bookmarked saved marked favorite favourite favori favoris enregistre"
            " enregistree enregistres garde gardee marque marquee marque-page sauvegarde signet".split()
        ),
        FilterName.BOOKMARKED,
    ),
}
"""Values of the filters `has` and `is`, without case and accents, each set with the property that it stands for."""
_QUOTATION_MARK_CHARACTERS = frozenset('"“”«»„')


def find_filter_by_alias(alias: str) -> str | None:
    """Return the name of the filter with an English or French alias: a `FilterName`, `title`, `has` or `is`.

    Returns None if no filter has the alias.
    """
    return FILTER_NAME_BY_ALIAS.get(fold(alias))


def find_language_code(name: str) -> str | None:
    """Return the ISO 639-1 code of a language such as `fr`, `en-GB`, `français` or `German`.

    Two letters, alone or before a hyphen, are taken for a code, whether or not a language has it. Returns None for
    any other unknown name.
    """
    folded_name = fold(name).strip()
    code = _load_language_code_by_name().get(folded_name, folded_name.partition("-")[0])
    return code if re.fullmatch("[a-z]{2}", code) else None


@cache
def _load_language_code_by_name() -> dict[str, str]:
    """Return the ISO 639-1 codes of languages by their names in the languages of the user interface."""
    return {
        fold(name): code
        for display_language in i18n.LANGUAGES
        for code, name in Locale(display_language).languages.items()
        if len(code) == 2  # noqa: PLR2004 - ISO 639-1
    }


_FRENCH_ALIASES_WITH_FRENCH_VALUES = frozenset("apres avant jusqua jusqu'a avec a contient est depuis langue".split())
"""French names of the filters by date, language, image or bookmark, whose values have French names, too."""
_FRENCH_ALIASES = _FRENCH_ALIASES_WITH_FRENCH_VALUES | frozenset("auteur categorie etiquette titre".split())
"""Names of filters by which a query is recognised as written in French."""
FILTER_ALIAS_PATTERN = r"(?:[^\W\d_]{2,12}|(?i:jusqu['’][aà])|[aàAÀ](?=:(?:image|photo)))"
"""Regular expression of the name of a filter as it is typed before a colon, in English or French."""
_TYPED_ALIAS_PATTERN = re.compile(rf"(?<![^\s(-])({FILTER_ALIAS_PATTERN}):(?=\S)")


def uses_french_alias(query: str) -> bool:
    """Return whether a query contains a French alias of a filter, which shows that the query is in French."""
    return any(fold(alias) in _FRENCH_ALIASES for alias in _TYPED_ALIAS_PATTERN.findall(query))


def expects_french_values(alias: str) -> bool:
    """Return whether a filter is typed with a French name and has French values, which are then suggested."""
    return fold(alias) in _FRENCH_ALIASES_WITH_FRENCH_VALUES


def format_filter(name: str, filter_value: str) -> str:
    """Return a filter as it is typed in a query: `tag:IA`, `source:"Le Monde"`.

    Quotation marks in the value are left out.
    """
    unquoted_value = "".join(character for character in filter_value if character not in _QUOTATION_MARK_CHARACTERS)
    return f'{name}:"{unquoted_value}"' if re.search(r"[\s()|]", unquoted_value) else f"{name}:{unquoted_value}"
