"""Conflicts between the figures of two titles in English or French: sums, percentages, counts, versions, days.

"$1.5bn" and "1,5 milliard de dollars" are one sum; "iPhone 15" and "iPhone 16" are two versions.
"""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from bot.search.index import text_analysis
from bot.text.times.calendar_names import MONTH_NUMBERS
from bot.text.words import fold


class Figure(NamedTuple):
    """A number in a title with its subject.

    `subject` is a currency, `%`, `# ` with the stem of a counted word, the name of something versioned, or `day`.
    `value` is a day as 100 times the month plus the day of the month, a version as one comparable number.
    """

    subject: str
    value: float


Figures = frozenset[Figure]

ROUNDING_TOLERANCE = 0.03
"""Maximum difference between two sums, percentages or counts that count as equal, as a share of the larger."""

_CURRENCY_BY_WORD = {
    "$": "usd", "us$": "usd", "dollar": "usd", "dollars": "usd", "usd": "usd",
    "€": "eur", "euro": "eur", "euros": "eur", "eur": "eur",
    "£": "gbp", "pound": "gbp", "pounds": "gbp", "livres": "gbp", "gbp": "gbp",
    "¥": "jpy", "yen": "jpy", "yens": "jpy", "yuan": "cny", "yuans": "cny",
}  # fmt: skip
_SCALE_BY_WORD = {
    "k": 1e3, "thousand": 1e3, "mille": 1e3, "million": 1e6, "millions": 1e6, "mn": 1e6, "mln": 1e6, "m": 1e6,
    "billion": 1e9, "billions": 1e9, "bn": 1e9, "b": 1e9, "milliard": 1e9, "milliards": 1e9, "md": 1e9,
    "mds": 1e9, "trillion": 1e12, "trillions": 1e12, "tn": 1e12,
}  # fmt: skip
_PERCENT_UNITS = frozenset({"%", "percent", "pc", "pourcent"})
_ROUNDED_SUBJECTS = frozenset(_CURRENCY_BY_WORD.values()) | {"%"}
_UNIT_SUBJECTS = _ROUNDED_SUBJECTS | {"day"}
_CURRENCY_ALTERNATION = "|".join(re.escape(sign) for sign in sorted(_CURRENCY_BY_WORD, key=len, reverse=True))
_SCALE_ALTERNATION = "|".join(sorted(_SCALE_BY_WORD, key=len, reverse=True))
_NUMBER_PATTERN = re.compile(
    rf"(?P<currency_sign>us\$|[$€£¥]) ?(?P<amount>\d[\d.,]*(?: \d{{3}})*) "
    rf"?(?P<amount_scale>(?:{_SCALE_ALTERNATION})\b)?"
    rf"|(?<![\w.,])(?P<number>\d{{1,3}}(?: \d{{3}})+|\d+(?:[.,]\d+)*)(?: "
    rf"?(?P<scale>(?:{_SCALE_ALTERNATION})\b))?"
    rf"(?: ?(?P<unit>(?:d'|de )?(?:{_CURRENCY_ALTERNATION})(?!\w)|%|(?:per ?cent|pc|pour ?cent)\b))?"
)
_MODEL_PATTERN = re.compile(
    r"(?<![\w.])(?P<name>[a-z]{1,12})-?(?P<version>\d{1,4}(?:\.\d+)*)(?P<letter>[a-z]?)(?![\w.]*\w)"
)
_VERSION_PATTERN = re.compile(
    r"(?<![\w.])(?P<name>[a-z][a-z]+) (?:v|version )?(?P<version>\d{1,4}(?:\.\d+)*)(?![\w.,%]*\w)(?! ?%)"
)
_WORD_AFTER_PATTERN = re.compile(r" (?:(?:more|new|plus de|nouveaux|nouvelles) )?(?P<word>[a-z]{3,})")
_MONTH_ALTERNATION = "|".join(sorted(MONTH_NUMBERS, key=len, reverse=True))
_DAY_PATTERN = re.compile(
    rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th|er)? (?P<month>{_MONTH_ALTERNATION})\b"
    rf"|\b(?P<leading_month>{_MONTH_ALTERNATION}) (?P<following_day>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\.\d)"
)
_YEAR_RANGE = range(1900, 2100)
_NON_PRODUCT_WORDS = frozenset({"day", "top", "update", "part", "plus", "moins", "jour"})


def extract_figures(title: str) -> Figures:
    """Return the figures of a title: its numbers with what they count or measure."""
    folded_text = " ".join(fold(title).split())
    if not any(map(str.isdecimal, folded_text)):
        return frozenset()
    return frozenset(_iter_figures(folded_text))


def _iter_figures(folded_text: str) -> Iterator[Figure]:
    for match in _DAY_PATTERN.finditer(folded_text):
        month, day = match["month"] or match["leading_month"], match["day"] or match["following_day"]
        yield Figure("day", MONTH_NUMBERS[month] * 100 + int(day))
    folded_text = _DAY_PATTERN.sub(" ", folded_text)
    yield from _iter_versions(folded_text)
    yield from _iter_numbers(folded_text)


def _iter_versions(folded_text: str) -> Iterator[Figure]:
    for match in _MODEL_PATTERN.finditer(folded_text):
        letter_fraction = ord(match["letter"]) / 1e9 if match["letter"] else 0
        yield Figure(match["name"], _parse_version(match["version"]) + letter_fraction)
    for match in _VERSION_PATTERN.finditer(folded_text):
        name, version = match["name"], match["version"]
        if (
            not text_analysis.is_stop_word(name)
            and name not in _NON_PRODUCT_WORDS
            and int(version.split(".")[0]) not in _YEAR_RANGE
        ):
            yield Figure(name, _parse_version(version))


def _iter_numbers(folded_text: str) -> Iterator[Figure]:
    for match in _NUMBER_PATTERN.finditer(folded_text):
        if match["currency_sign"]:
            amount = _parse_number(match["amount"]) * _SCALE_BY_WORD.get(match["amount_scale"] or "", 1)
            yield Figure(_CURRENCY_BY_WORD[match["currency_sign"]], amount)
            continue
        number_value = _parse_number(match["number"]) * _SCALE_BY_WORD.get(match["scale"] or "", 1)
        unit = (match["unit"] or "").strip().removeprefix("d'").removeprefix("de ").replace(" ", "")
        if unit in _CURRENCY_BY_WORD:
            yield Figure(_CURRENCY_BY_WORD[unit], number_value)
        elif unit in _PERCENT_UNITS:
            yield Figure("%", number_value)
        elif next_word_match := _WORD_AFTER_PATTERN.match(folded_text, match.end()):
            stems = text_analysis.stem_tokens(next_word_match["word"], "en")
            if stems and number_value not in _YEAR_RANGE:
                yield Figure(f"# {stems[0]}", number_value)


def has_figure_conflict(
    first_figures: Collection[Figure], second_figures: Collection[Figure], *, is_cross_lingual: bool = False
) -> bool:
    """Return whether two titles both give numbers for a subject, none of which is equal.

    If `is_cross_lingual`, all counts have one subject, because counted things have other names in another language.
    """
    if not first_figures or not second_figures:
        return False
    first_values_by_subject, second_values_by_subject = (
        _group_by_subject(first_figures, merges_counts=is_cross_lingual),
        _group_by_subject(second_figures, merges_counts=is_cross_lingual),
    )
    return any(
        not any(
            _are_equal(first_value, second_value, is_rounded=subject in _ROUNDED_SUBJECTS or subject[0] == "#")
            for first_value in first_values_by_subject[subject]
            for second_value in second_values_by_subject[subject]
        )
        for subject in first_values_by_subject.keys() & second_values_by_subject.keys()
    )


def select_versioned_subjects(figures: Collection[Figure]) -> frozenset[str]:
    """Return the folded names (no case or accents) that stand beside a version or model number."""
    return frozenset(
        figure.subject for figure in figures if figure.subject.isalpha() and figure.subject not in _UNIT_SUBJECTS
    )


def _group_by_subject(figures: Collection[Figure], *, merges_counts: bool) -> dict[str, list[float]]:
    values_by_subject: dict[str, list[float]] = {}
    for subject, value in figures:
        values_by_subject.setdefault("#" if merges_counts and subject.startswith("#") else subject, []).append(value)
    return values_by_subject


def _are_equal(first_value: float, second_value: float, *, is_rounded: bool) -> bool:
    return first_value == second_value or (
        is_rounded and abs(first_value - second_value) <= ROUNDING_TOLERANCE * max(abs(first_value), abs(second_value))
    )


def _parse_number(number_text: str) -> float:
    """Return the value of a number written in English or French.

    A mark before the last three digits separates thousands, except after a lone 0.
    """
    number_text = number_text.replace(" ", "").strip(".,")
    *leading_groups, last_group = re.split("[.,]", number_text)
    if not leading_groups or (len(last_group) == 3 and leading_groups[0] != "0"):  # noqa: PLR2004 - a group of thousands
        return float("".join([*leading_groups, last_group]))
    return float("".join(leading_groups) + "." + last_group)


def _parse_version(version_text: str) -> float:
    """Return a version as a number; versions are equal if all their parts are: 1.1 is 1.01, but neither 1.10 nor 1."""
    major_number, *minor_numbers = (int(part) for part in version_text.split("."))
    return major_number + sum(
        (minor_number + 1) / float(1000 ** (minor_index + 1)) for minor_index, minor_number in enumerate(minor_numbers)
    )
