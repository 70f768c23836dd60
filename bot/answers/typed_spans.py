"""Typed spans: words in the form of an answer, such as numbers, sums of money, dates and names.

Reasons and definitions have no form of their own: their spans are words that introduce them ("because", "is a").
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from babel.dates import get_day_names, get_month_names

from bot.answers.question_analysis import AnswerType
from bot.text.stopwords import STOPWORDS
from bot.text.words import fold


class TypedSpan(NamedTuple):
    """Words of a text in the form of an answer, such as a date or a name, with offsets in characters."""

    answer_type: AnswerType
    start: int
    end: int
    text: str

    @property
    def is_answer_itself(self) -> bool:
        """Return whether the words are the answer, and do not only introduce it ("because")."""
        return self.answer_type not in {AnswerType.REASON, AnswerType.DEFINITION}


_NUMBER_WORDS_REGEX = (
    r"two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
    r"|(?:twen|thir|for|fif|six|seven|eigh|nine)ty|dozens?|hundreds?|thousands?|half|third|twice"
    r"|deux|trois|quatre|cinq|sept|huit|neuf|dix|onze|douze|treize|quatorze|quinze|seize|vingt|trente|quarante"
    r"|cinquante|soixante|cent|mille|(?:dou|di|quin|ving|tren|quaran|cinquan|soixan|cen)t?z?aine|centaines?"
    r"|moitié|tiers"
    r"|(?:an?|one|une?)(?= (?:hour|day|week|month|year|decade|century|heure|jour|semaine|mois|an|année)s?\b"
    r"|\s(?:billion|million|trillion|milliard|millier)\b)|(?:(?:b|m|tr)illion|milliard|millier)s"
)
_FRENCH_YEAR_WORD = "an"
"""French word for "year".

A stop word after a number is no unit of it, and "an" is an English stop word, but "10 an" may be ten years.
"""
_SCALE_REGEX = r"(?:\s?(?:billion|million|trillion|thousand|milliard|millier|mille|[MBK]\b|bn\b|percent|%)s?)"
_DIGITS_REGEX = r"\d+(?:[.,\u00a0\u202f ]\d{3})*(?:[.,]\d+)?"
_UNIT_REGEX = r"(?:[\s-]?(?:%|°C?|€|£|\$|[kcmµn]?m\b|km/h|[kmg]?g\b|[kMGT]?[WBbo]\b|[A-Za-zÀ-ÿ]{2,}(?:/[a-z]+)?))"
_COUNT_REGEX = rf"(?:{_DIGITS_REGEX}|\b(?:{_NUMBER_WORDS_REGEX})\b)"
_NUMBER_PATTERN = re.compile(
    rf"(?<![\w.,])(?:[$€£]\s?)?{_COUNT_REGEX}(?:\s?(?:to|or|à|ou|–|-)\s?{_COUNT_REGEX})?{_SCALE_REGEX}?"
    rf"(?:\s(?:de |d['’]|of )?)?{_UNIT_REGEX}?",
    re.IGNORECASE,
)
_MONEY_PATTERN = re.compile(r"[$€£]|\b(?:euros?|dollars?|livres|pounds|centimes|cents)\b", re.IGNORECASE)
_NAME_PATTERN = re.compile(
    r"(?<![\w'’])(?:[A-ZÀ-Þ][\w’'.&-]*|[a-z]+[A-Z]\w*)"
    r"(?:[ \u00a0](?:(?:(?:de|du|des|la|of|van|von|and|et|&) )?[A-ZÀ-Þ][\w’'&-]*|\d[\w.]*))*"
)
_VERBS_LIKE_MONTHS = {"may", "march"}
_RELATIVE_DAYS = ("today", "tomorrow", "yesterday", "hier", "demain", "aujourd'hui")
_TRAILING_NUMBERS_PATTERN = re.compile(r"(?:[ \u00a0]\d[\w.]*)+$")
_REASON_PATTERN = re.compile(
    r"\b(?:because|due to|since|in order to|so that|after|thanks to|caus\w+|reasons?|as a result|to avoid"
    r"|by \w+ing|parce qu\w*|car|afin|en raison|à cause|grâce à|puisqu\w*|suite à|contexte"
    r"|pour \w+(?:er|ir|re)|faute de|en \w+ant|explain\w*|expliqu\w*|permet\w*|in response|crainte)\b",
    re.IGNORECASE,
)
_DEFINITION_PATTERN = re.compile(
    r"\b(?:is|are|was|were|est|sont|était|c['’]est|called|nommée?|appelée?)\s+(?:an?|the|one|un|une|le|la|les|l['’]|des?)\b"
    r"|[,–—(-]\s+(?:a(?! (?:été|mis|pris|dit|eu|\w+é)\b)|an|the|un|une|le|la|l['’]|c['’]est)\b"
    r"|,\s+(?=[a-zà-ÿ-]{4,}(?: of| at| du| des?| de la| d['’])\b)",
    re.IGNORECASE,
)


def find_typed_spans(sentence: str, offset: int = 0) -> Iterator[TypedSpan]:
    """Yield the words of a sentence in the form of an answer, numbers first; `offset` is added to their offsets."""
    date_matches = list(_build_date_pattern().finditer(sentence))
    for answer_type, start, span_text in (
        *_find_numbers(sentence, date_matches),
        *_find_dates_names_and_introductions(sentence, date_matches),
    ):
        yield TypedSpan(answer_type, offset + start, offset + start + len(span_text), span_text)


def has_date(text: str) -> bool:
    """Return whether a text has a date or a part of one, a time such as "18h", or a period such as "next week"."""
    return bool(_build_date_pattern().search(text))


def is_relative_day(text: str) -> bool:
    """Return whether a date is only the name of a weekday, or a day such as "today"."""
    weekdays = (name for language in ("en", "fr") for name in get_day_names("wide", locale=language).values())
    return fold(text).replace("’", "'") in {*_RELATIVE_DAYS, *map(fold, weekdays)}


def _find_numbers(sentence: str, date_matches: Sequence[re.Match[str]]) -> Iterator[tuple[AnswerType, int, str]]:
    for match in _NUMBER_PATTERN.finditer(sentence):
        number_text = match[0].rstrip()
        count_text, _, unit_word = number_text.rpartition(" ")
        # In "2020 un" the next word is not a unit.
        if count_text and fold(unit_word) in STOPWORDS - {_FRENCH_YEAR_WORD}:
            number_text = count_text
        if not any(_is_part_of_date(match.start(), number_text, date_match) for date_match in date_matches):
            is_money = _MONEY_PATTERN.search(sentence, match.start(), match.end() + 12)
            yield AnswerType.MONEY if is_money else AnswerType.NUMBER, match.start(), number_text


def _find_dates_names_and_introductions(
    sentence: str, date_matches: Sequence[re.Match[str]]
) -> Iterator[tuple[AnswerType, int, str]]:
    for match in date_matches:
        if match[0] not in _VERBS_LIKE_MONTHS:
            yield AnswerType.TIME, match.start(), match[0]
    for match in _NAME_PATTERN.finditer(sentence):
        start, name_text = match.start(), match[0].rstrip(".'’-")
        first_word, _, later_words = name_text.partition(" ")
        if fold(first_word) in STOPWORDS:  # The word is capitalised only because it begins a sentence.
            start, name_text = match.end() - len(match[0]) + len(first_word) + 1, later_words
        if not match.start() and not first_word.isupper():
            # "Some 23,000 people": a word that begins a sentence has no number of its own.
            name_text = _TRAILING_NUMBERS_PATTERN.sub("", name_text)
        if name_text and not name_text[0].isdigit():
            yield AnswerType.NAME, start, name_text
    for answer_type, pattern in (
        (AnswerType.REASON, _REASON_PATTERN),
        (AnswerType.DEFINITION, _DEFINITION_PATTERN),
    ):
        for match in pattern.finditer(sentence):
            yield answer_type, match.start(), match[0]


def _is_part_of_date(start: int, number_text: str, date_match: re.Match[str]) -> bool:
    """Return whether a number is the day or the year of a date.

    A year with a unit after it ("2020 cars") counts something and does not belong to a date.
    """
    return date_match.start() <= start < date_match.end() and not (
        date_match[0].isdecimal() and len(number_text) > len(date_match[0])
    )


@cache
def _build_date_pattern() -> re.Pattern[str]:
    """Return the pattern of dates and their parts, times such as "18h", and periods such as "next week"."""
    months: set[str] = set()
    days: set[str] = set()
    for language in ("en", "fr"):
        months.update(get_month_names("wide", locale=language).values())
        days.update(get_day_names("wide", locale=language).values())
    month_and_day_names = "|".join(sorted({*months, *days}, key=len, reverse=True))
    return re.compile(
        rf"\b(?:(?:{'|'.join(days)}),? )?(?:\d{{1,2}}(?:er|st|nd|rd|th)? )?(?:{month_and_day_names})\b"
        r"(?: \d{1,2}(?:st|nd|rd|th)?\b)?(?:,? \d{4}\b)?"
        r"|\b(?:1[5-9]|20)\d\d\b|\b\d{1,2} ?h(?: ?\d\d)?\b"
        r"|\b(?:today|tomorrow|yesterday|hier|demain|aujourd['’]hui"
        r"|(?:next|last|this) (?:week|month|year|spring|summer|fall|winter)"
        r"|(?:l['’]an|la semaine|le mois|l['’]été|l['’]année) (?:dernière?|prochaine?))\b",
        re.IGNORECASE,
    )
