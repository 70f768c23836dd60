"""Conflicts between the figures of two titles in English or French: sums, shares, counts, versions, days.

"$1.5bn" and "1,5 milliard de dollars" are one sum; "iPhone 15" and "iPhone 16" are two versions.
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from bot.search.index import text_analysis
from bot.text.times.calendar_names import MONTHS
from bot.text.words import fold


class Figure(NamedTuple):
    """A number and its subject: a currency, `%`, something counted or versioned, or `day`."""

    subject: str
    value: float


Figures = frozenset[Figure]

ROUNDING_TOLERANCE = 0.03
"""Maximum difference of equal sums, shares or counts, as a share of the larger one."""

_CURRENCIES = {
    "$": "usd", "us$": "usd", "dollar": "usd", "dollars": "usd", "usd": "usd",
    "€": "eur", "euro": "eur", "euros": "eur", "eur": "eur",
    "£": "gbp", "pound": "gbp", "pounds": "gbp", "livres": "gbp", "gbp": "gbp",
    "¥": "jpy", "yen": "jpy", "yens": "jpy", "yuan": "cny", "yuans": "cny",
}  # fmt: skip
_SCALES = {
    "k": 1e3, "thousand": 1e3, "mille": 1e3, "million": 1e6, "millions": 1e6, "mn": 1e6, "mln": 1e6, "m": 1e6,
    "billion": 1e9, "billions": 1e9, "bn": 1e9, "b": 1e9, "milliard": 1e9, "milliards": 1e9, "md": 1e9,
    "mds": 1e9, "trillion": 1e12, "trillions": 1e12, "tn": 1e12,
}  # fmt: skip
_PERCENT = frozenset({"%", "percent", "pc", "pourcent"})
_ROUNDED = frozenset(_CURRENCIES.values()) | {"%"}
_UNITS = _ROUNDED | {"day"}
_signs = "|".join(re.escape(sign) for sign in sorted(_CURRENCIES, key=len, reverse=True))
_scales = "|".join(sorted(_SCALES, key=len, reverse=True))
_NUMBER = re.compile(
    rf"(?P<before>us\$|[$€£¥]) ?(?P<paid>\d[\d.,]*(?: \d{{3}})*) ?(?P<paid_scale>(?:{_scales})\b)?"
    rf"|(?<![\w.,])(?P<number>\d{{1,3}}(?: \d{{3}})+|\d+(?:[.,]\d+)*)(?: ?(?P<scale>(?:{_scales})\b))?"
    rf"(?: ?(?P<unit>(?:d'|de )?(?:{_signs})(?!\w)|%|(?:per ?cent|pc|pour ?cent)\b))?"
)
_MODEL = re.compile(
    r"(?<![\w.])(?P<name>[a-z]{1,12})-?(?P<version>\d{1,4}(?:\.\d+)*)(?P<letter>[a-z]?)(?![\w.]*\w)"
)
_NAMED = re.compile(
    r"(?<![\w.])(?P<name>[a-z][a-z]+) (?:v|version )?(?P<version>\d{1,4}(?:\.\d+)*)(?![\w.,%]*\w)(?! ?%)"
)
_WORD_AFTER = re.compile(r" (?:(?:more|new|plus de|nouveaux|nouvelles) )?(?P<word>[a-z]{3,})")
_months = "|".join(sorted(MONTHS, key=len, reverse=True))
_DAY = re.compile(
    rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th|er)? (?P<month>{_months})\b"
    rf"|\b(?P<month_>{_months}) (?P<day_>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\.\d)"
)
_YEAR = range(1900, 2100)
_NON_PRODUCT_WORDS = frozenset({"day", "top", "update", "part", "plus", "moins", "jour"})


def extract_figures(text: str) -> Figures:
    """Return the figures of a title."""
    folded = " ".join(fold(text).split())
    if not any(map(str.isdecimal, folded)):
        return frozenset()
    return frozenset(_figures(folded))


def _figures(folded: str) -> Iterator[Figure]:
    for match in _DAY.finditer(folded):
        month, day = match["month"] or match["month_"], match["day"] or match["day_"]
        yield Figure("day", MONTHS[month] * 100 + int(day))
    folded = _DAY.sub(" ", folded)
    yield from _versions(folded)
    yield from _numbers(folded)


def _versions(folded: str) -> Iterator[Figure]:
    for match in _MODEL.finditer(folded):
        letter = ord(match["letter"]) / 1e9 if match["letter"] else 0
        yield Figure(match["name"], _version(match["version"]) + letter)
    for match in _NAMED.finditer(folded):
        name, version = match["name"], match["version"]
        if (
            not text_analysis.is_stop_word(name)
            and name not in _NON_PRODUCT_WORDS
            and int(version.split(".")[0]) not in _YEAR
        ):
            yield Figure(name, _version(version))


def _numbers(folded: str) -> Iterator[Figure]:
    for match in _NUMBER.finditer(folded):
        if match["before"]:
            amount = _value(match["paid"]) * _SCALES.get(match["paid_scale"] or "", 1)
            yield Figure(_CURRENCIES[match["before"]], amount)
            continue
        value = _value(match["number"]) * _SCALES.get(match["scale"] or "", 1)
        unit = (match["unit"] or "").strip().removeprefix("d'").removeprefix("de ").replace(" ", "")
        if unit in _CURRENCIES:
            yield Figure(_CURRENCIES[unit], value)
        elif unit in _PERCENT:
            yield Figure("%", value)
        elif after := _WORD_AFTER.match(folded, match.end()):
            counted = text_analysis.stemmed_tokens(after["word"], "en")
            if counted and value not in _YEAR:
                yield Figure(f"# {counted[0]}", value)


def figures_conflict(one: Collection[Figure], other: Collection[Figure], *, translated: bool = False) -> bool:
    """Return whether two titles give different numbers for one subject.

    Counted things have other names in another language, so if `is_cross_lingual`, all counts are compared.
    """
    if not one or not other:
        return False
    ours, theirs = _by_kind(one, translated=translated), _by_kind(other, translated=translated)
    return any(
        not any(
            _are_equal(a, b, rounded=kind in _ROUNDED or kind[0] == "#")
            for a in ours[kind]
            for b in theirs[kind]
        )
        for kind in ours.keys() & theirs.keys()
    )


def versioned_subjects(found: Collection[Figure]) -> frozenset[str]:
    """Return the folded names that stand beside a version or model number."""
    return frozenset(
        figure.subject for figure in found if figure.subject.isalpha() and figure.subject not in _UNITS
    )


def _by_kind(found: Collection[Figure], *, translated: bool) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for kind, value in found:
        values.setdefault("#" if translated and kind.startswith("#") else kind, []).append(value)
    return values


def _are_equal(one: float, other: float, *, rounded: bool) -> bool:
    return one == other or (rounded and abs(one - other) <= ROUNDING_TOLERANCE * max(abs(one), abs(other)))


def _value(digits: str) -> float:
    """Parse a number as English or French writes it; before three last digits a mark separates thousands."""
    digits = digits.replace(" ", "").strip(".,")
    *before, last = re.split("[.,]", digits)
    if not before or (len(last) == 3 and before[0] != "0"):  # noqa: PLR2004 - a group of thousands
        return float("".join([*before, last]))
    return float("".join(before) + "." + last)


def _version(text: str) -> float:
    """Return a number that is equal only for versions that are written equally."""
    major, *minor = (int(part) for part in text.split("."))
    return major + sum((part + 1) / float(1000 ** (place + 1)) for place, part in enumerate(minor))
