"""Checkable facts of a sentence in English or French: numbers, dates, times, durations, money.

"1,5 million", "1.5 million" and "1 500 000" are one number; "10 juin" and "June 10" are one date, and "20h40"
and "8:40 p.m." are one time.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from bot.text.words import fold


class CheckableFacts(NamedTuple):
    """Checkable facts of a text: numbers, dates, times, durations and money.

    `numbers` holds for each number its possible values ("1.500" has two in French). `fact_pairs` are pairs
    that must occur together: day and month, month and year, number and unit of time; or a kind and one value,
    such as a currency or a weekday.
    """

    numbers: tuple[frozenset[Decimal], ...]
    fact_pairs: frozenset[tuple[str, str]]

    @property
    def possible_values(self) -> frozenset[Decimal]:
        """Possible values of all numbers together."""
        return frozenset[Decimal]().union(*self.numbers)


_MONTH_NUMBER_BY_NAME = {
    name: number
    for number, names in enumerate(
        "january janvier,february fevrier,march mars,april avril,may mai,june juin,july juillet,august aout,"
        "september septembre,october octobre,november novembre,december decembre".split(","),
        1,
    )
    for name in names.split()
}
_AMBIGUOUS_MONTHS = frozenset({"may", "march", "mars"})
"""Names of months that are also other words; they count as months only beside a number or a preposition."""
_ENGLISH_WEEKDAY_BY_NAME = {
    name: english_name
    for english_name, french_name in zip(
        "monday tuesday wednesday thursday friday saturday sunday".split(),
        "lundi mardi mercredi jeudi vendredi samedi dimanche".split(),
        strict=True,
    )
    for name in (english_name, french_name)
}
_TIME_UNIT_BY_NAME = {
    name: names.split()[0]
    for names in (
        "second seconds seconde secondes", "minute minutes", "hour hours heure heures h",
        "day days jour jours", "week weeks semaine semaines", "month months mois",
        "year years an ans annee annees",
        "decade decades decennie decennies", "century centuries siecle siecles",
    )
    for name in names.split()
}  # fmt: skip
_UNIT_SIGN_BY_NAME = {
    name: names.split()[0]
    for names in (
        "$ dollar dollars usd", "€ euro euros eur", "£ pound pounds sterling gbp", "¥ yen yens yuan yuans",
        "% percent pourcent pourcents", "£ livres",
    )
    for name in names.split()
}  # fmt: skip
_FACTOR_BY_SCALE = {
    "hundred": 100, "hundreds": 100, "cent": 100, "cents": 100, "centaine": 100, "centaines": 100,
    "thousand": 1000, "thousands": 1000, "mille": 1000, "millier": 1000, "milliers": 1000, "k": 1000,
    "million": 10**6, "millions": 10**6, "mn": 10**6, "m": 10**6,
    "billion": 10**9, "billions": 10**9, "bn": 10**9, "milliard": 10**9, "milliards": 10**9, "md": 10**9,
    "mds": 10**9, "trillion": 10**12, "trillions": 10**12,
}  # fmt: skip
_VALUE_BY_NUMBER_WORD = {
    name: value
    for value, names in {
        1: "one", 2: "two deux", 3: "three trois", 4: "four quatre", 5: "five cinq", 6: "six",
        7: "seven sept", 8: "eight huit", 9: "nine neuf", 10: "ten dix dizaine", 11: "eleven onze",
        12: "twelve douze douzaine dozen", 13: "thirteen treize", 14: "fourteen quatorze",
        15: "fifteen quinze quinzaine", 16: "sixteen seize", 17: "seventeen", 18: "eighteen", 19: "nineteen",
        20: "twenty vingt vingts vingtaine", 30: "thirty trente trentaine", 40: "forty quarante quarantaine",
        50: "fifty cinquante cinquantaine", 60: "sixty soixante soixantaine", 70: "seventy septante",
        80: "eighty octante", 90: "ninety nonante",
    }.items()
    for name in names.split()
}  # fmt: skip
_NOON_HOUR = 12
_INDEFINITE_ARTICLES = frozenset({"a", "an", "un", "une"})
_QUATRE_VINGT = 4
"""Value of "quatre" in "quatre-vingt", the French word for 80."""
_THOUSANDS_GROUP_DIGITS = 3

_MONTH_ALTERNATIVES = "|".join(_MONTH_NUMBER_BY_NAME)
_YEAR_PATTERN = r"(?:1[0-9]|20)\d\d"
_DATE_PATTERN = re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|e)?(?: of)? (?P<month>{_MONTH_ALTERNATIVES})\b")
_ENGLISH_DATE_PATTERN = re.compile(
    rf"\b(?P<month>{_MONTH_ALTERNATIVES}) (?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\w.,]*\d)"
)
_MONTH_YEAR_PATTERN = re.compile(
    rf"\b(?P<month>{_MONTH_ALTERNATIVES})(?: \d{{1,2}}(?:st|nd|rd|th)?)?,? (?:of |de "
    rf")?(?P<year>{_YEAR_PATTERN})\b"
)
_MONTH_PATTERN = re.compile(
    rf"\b(?P<preposition>in |en |of |de |d'|since |depuis |until )?(?P<month>{_MONTH_ALTERNATIVES})\b"
)
_NUMERIC_DATE_PATTERN = re.compile(r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b")
_TIME_PATTERN = re.compile(
    r"(?<![\w.,:])(?P<hour>\d{1,2})(?: ?h ?|:)(?P<minute>\d\d)(?!\d|:\d)(?: ?(?P<day_half>[ap])\.? ?m\b)?"
)
_DOTTED_DATE_PATTERN = re.compile(r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b")
_ISO_DATE_PATTERN = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_ROMAN_NUMERAL_PATTERN = re.compile(r"\b([ivx]{1,5})(?:e|eme)? (?=siecles?\b)")
_SCALE_ALTERNATIVES = "|".join(sorted(_FACTOR_BY_SCALE, key=len, reverse=True))
_TIME_UNIT_ALTERNATIVES = "|".join(sorted(_TIME_UNIT_BY_NAME, key=len, reverse=True))
_NUMBER_PATTERN = re.compile(
    r"(?<![\w.,])[v$€£¥]?(?P<digits>\d{1,3}(?: \d{3})+(?:[.,]\d+)?(?!\d)|\d+(?:[.,]\d+)*)"
    rf"(?: ?(?P<scale>{_SCALE_ALTERNATIVES})(?![^\W\d_]))?"
    rf"(?:(?: |-)?(?P<unit>{_TIME_UNIT_ALTERNATIVES})(?![^\W\d_]))?"
)
_VERSION_NUMBER_PATTERN = re.compile(r"\d+(?:\.\d+){2,}(?<!\.\d{3})")
_WORD_PATTERN = re.compile(r"[^\W\d_]+|[$€£¥%]")
_PERCENT_PATTERN = re.compile(r"\bp(?:ou|e)r ?cent\b")


def extract_facts(text: str, language: str | None = None) -> CheckableFacts:
    """Return the checkable facts of a text.

    `language` (ISO 639-1) determines how numbers are written; with None, the English and the French way are
    allowed.
    """
    text_with_slashed_dates = _DOTTED_DATE_PATTERN.sub(r"\1/\2/\3", text)
    folded_text = _PERCENT_PATTERN.sub("percent", " ".join(fold(text_with_slashed_dates).split()))
    numbers: list[frozenset[Decimal]] = []
    fact_pairs: set[tuple[str, str]] = {
        *_extract_date_facts(folded_text),
        *map(_build_time_fact, _TIME_PATTERN.finditer(folded_text)),
    }
    folded_text = _TIME_PATTERN.sub(" ", folded_text)
    for match in _NUMBER_PATTERN.finditer(folded_text):
        digits = match["digits"].replace(" ", "")
        if _VERSION_NUMBER_PATTERN.fullmatch(digits):
            fact_pairs.add(("release", digits))
            continue
        candidate_values = _list_possible_values(digits, match["scale"], language)
        numbers.append(candidate_values)
        if match["unit"]:
            fact_pairs.update(
                (f"{candidate_value:f}", _TIME_UNIT_BY_NAME[match["unit"]]) for candidate_value in candidate_values
            )
    spelled_numbers = list(
        _extract_spelled_numbers(_WORD_PATTERN.findall(_NUMBER_PATTERN.sub(" ", folded_text).replace("'", " ")))
    )
    fact_pairs.update((str(spelled_value), unit) for spelled_value, unit in spelled_numbers if unit)
    numbers += (
        frozenset({Decimal(spelled_value)}) for spelled_value, _unit in spelled_numbers if spelled_value > 1
    )  # "un" may be an article
    numbers += (
        frozenset({Decimal(_parse_roman_numeral(match[1]))}) for match in _ROMAN_NUMERAL_PATTERN.finditer(folded_text)
    )
    words = _WORD_PATTERN.findall(folded_text)
    fact_pairs.update(("unit", _UNIT_SIGN_BY_NAME[word]) for word in words if word in _UNIT_SIGN_BY_NAME)
    fact_pairs.update(("weekday", _ENGLISH_WEEKDAY_BY_NAME[word]) for word in words if word in _ENGLISH_WEEKDAY_BY_NAME)
    return CheckableFacts(tuple(numbers), frozenset(fact_pairs))


def has_unsupported_fact(claimed_facts: CheckableFacts, supported_facts: CheckableFacts) -> bool:
    """Return whether a text claims a fact that the supported facts do not include."""
    supported_values = supported_facts.possible_values
    return not claimed_facts.fact_pairs <= supported_facts.fact_pairs or any(
        supported_values.isdisjoint(possible_values) for possible_values in claimed_facts.numbers
    )


def _build_time_fact(match: re.Match[str]) -> tuple[str, str]:
    hour = int(match["hour"])
    if match["day_half"]:
        hour = hour % _NOON_HOUR + (_NOON_HOUR if match["day_half"] == "p" else 0)
    return "time", f"{hour}:{match['minute']}"


def _extract_date_facts(folded_text: str) -> Iterator[tuple[str, str]]:
    for pattern in (_DATE_PATTERN, _ENGLISH_DATE_PATTERN):
        for match in pattern.finditer(folded_text):
            yield f"day {int(match['day'])}", f"month {_MONTH_NUMBER_BY_NAME[match['month']]}"
            yield "month", str(_MONTH_NUMBER_BY_NAME[match["month"]])
    for match in _MONTH_YEAR_PATTERN.finditer(folded_text):
        yield f"month {_MONTH_NUMBER_BY_NAME[match['month']]}", match["year"]
        yield "month", str(_MONTH_NUMBER_BY_NAME[match["month"]])
    for match in _MONTH_PATTERN.finditer(folded_text):
        if match["preposition"] or match["month"] not in _AMBIGUOUS_MONTHS:
            yield "month", str(_MONTH_NUMBER_BY_NAME[match["month"]])
    numeric_dates = [tuple(map(int, match.groups())) for match in _ISO_DATE_PATTERN.finditer(folded_text)]
    for match in _NUMERIC_DATE_PATTERN.finditer(folded_text):
        first_number, second_number, year = map(int, match.groups())
        numeric_dates += [(year, second_number, first_number), (year, first_number, second_number)]
    for year, month, day in numeric_dates:
        yield f"day {day}", f"month {month}"
        yield f"month {month}", str(year)
        yield "month", str(month)


def _list_possible_values(digits: str, scale: str | None, language: str | None) -> frozenset[Decimal]:
    """Return the values that a number written in digits may have in a language."""
    *digit_groups, last_group = re.split("[.,]", digits)
    separator = digits[-len(last_group) - 1 : -len(last_group)]
    candidate_values = set()
    if not digit_groups:
        candidate_values.add(Decimal(digits))
    elif len(digit_groups) > 1:
        is_single_separator = len(set(re.findall("[.,]", digits))) == 1
        candidate_values.add(
            Decimal(
                "".join([*digit_groups, last_group])
                if is_single_separator
                else "".join(digit_groups) + "." + last_group
            )
        )
    else:
        may_be_thousands = (
            len(last_group) == _THOUSANDS_GROUP_DIGITS
            and len(digit_groups[0]) <= _THOUSANDS_GROUP_DIGITS
            and digit_groups[0] != "0"
        )
        if (
            may_be_thousands
            and not (separator == "," and language == "fr")
            and not (separator == "." and language == "en")
        ):
            candidate_values.add(Decimal(digit_groups[0] + last_group))
        if not (may_be_thousands and separator == "," and language == "en"):
            candidate_values.add(Decimal(f"{digit_groups[0]}.{last_group}"))
    if scale:
        factor = 10**12 if scale.startswith("billion") and language == "fr" else _FACTOR_BY_SCALE[scale]
        scaled_values = {unscaled_value * factor for unscaled_value in candidate_values}
        candidate_values = scaled_values | (candidate_values if len(scale) == 1 else set())  # "5 m" may be metres.
    return frozenset(candidate_value.normalize() for candidate_value in candidate_values)


def _extract_spelled_numbers(words: Sequence[str]) -> Iterator[tuple[int, str | None]]:
    """Yield the numbers that are spelled in words, each with the unit of time after it, or None without one.

    An article before a unit of time ("an hour"), or as the last word, counts as 1.
    """
    position = 0
    while position < len(words):
        number, end_position = _parse_number_words(words, position)
        if end_position == position and words[position] in _INDEFINITE_ARTICLES:
            number, end_position = 1, position + 1
            if words[end_position : end_position + 1] and words[end_position] not in _TIME_UNIT_BY_NAME:
                position = end_position
                continue
        if end_position > position:
            yield number, _TIME_UNIT_BY_NAME.get(words[end_position]) if end_position < len(words) else None
        position = max(end_position, position + 1)


def _parse_number_words(words: Sequence[str], start: int) -> tuple[int, int]:
    """Return the number that the words from `start` on spell, and the position after its last word.

    If there is no number, that position is `start`.
    """
    total_value = current_value = 0
    position = start
    for word in words[start:]:
        if word in _VALUE_BY_NUMBER_WORD:
            is_quatre_vingt = current_value == _QUATRE_VINGT and word in {"vingt", "vingts"}
            current_value = 80 if is_quatre_vingt else current_value + _VALUE_BY_NUMBER_WORD[word]
        elif word in _FACTOR_BY_SCALE and len(word) > 1:
            scaled_value = max(current_value, 1) * _FACTOR_BY_SCALE[word]
            total_value, current_value = (
                (total_value, scaled_value)
                if scaled_value < _FACTOR_BY_SCALE["thousand"]
                else (total_value + scaled_value, 0)
            )
        elif not (
            word in {"et", "and"}
            and current_value
            and _VALUE_BY_NUMBER_WORD.keys() & words[position + 1 : position + 2]
        ):
            break
        position += 1
    return total_value + current_value, position


def _parse_roman_numeral(text: str) -> int:
    digit_values = [{"i": 1, "v": 5, "x": 10}[character] for character in text]
    pairs = zip(digit_values, [*digit_values[1:], 0], strict=True)
    return sum(-digit_value if digit_value < next_value else digit_value for digit_value, next_value in pairs)
