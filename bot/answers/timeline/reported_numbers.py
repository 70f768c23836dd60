"""Numbers that a sentence reports, each with the thing that it counts or measures, in English and French."""

import re
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from bot.answers.question_analysis import AnswerType
from bot.answers.typed_spans import find_typed_spans
from bot.search.index import text_analysis
from bot.stories.brand_names import BRANDS
from bot.text.words import fold, split_words
from bot.writing.checkable_facts import extract_facts

MAX_SENTENCE_LENGTH = 400
"""Maximum length in characters of a sentence whose numbers are read; longer ones are lists."""
DURATION_UNIT = "time"
"""Unit of durations, whose values are in days."""
PERCENT_UNIT = "%"
"""Unit of percentages."""
COUNT_UNIT = "count"
"""Unit of numbers that count things, which their nouns name."""

_MAX_WORD_LENGTH = 30
"""Number of characters beside a number that are searched for the word there."""
_MAX_NOUNS = 3
"""Maximum number of words after a number that may name the counted thing."""
_APPROXIMATE_SHARE = 0.1
"""Share by which a number that is called approximate ("about 500") may be off."""
_BOUND_FACTOR = 1.25
"""Maximum factor between a bound ("over 500") and the number that is meant: nobody says so of 5,000."""
_YEAR_PATTERN = re.compile(r"(?:19|20)\d\d")
_DAYS_BY_TIME_UNIT = {
    "second": 1 / 86_400, "minute": 1 / 1440, "hour": 1 / 24, "day": 1, "week": 7, "month": 30.4, "year": 365
}  # fmt: skip
_CURRENCY_BY_NAME = {"dollar": "$", "euro": "€", "pound": "£", "livre": "£"}
_UNIT_AFTER_PATTERN = re.compile(
    r"\s?(?:(?:de |d['’]|us )?(?P<currency>[$€£]|(?:dollar|euro|pound|livre)s?\b)"
    r"|(?P<percent>%|p(?:er|our) ?cent\b|pc\b))",
    re.IGNORECASE,
)
_SCALE_LETTERS_PATTERN = re.compile(
    r"(?<=\d) ?(?:(?P<billion>b(?:l?n)?)|(?P<million>m(?:l?n)?)|(?P<thousand>k))(?![^\W_])", re.IGNORECASE
)
_LAST_DIGIT_TOLERANCE = 0.4
"""Units of its last digit by which a number before a scale may be off: "2 million" is 1.6 to 2.4 million."""
_DIGITS_BEFORE_SCALE_PATTERN = re.compile(r"(?P<digits>\d+)(?:[.,](?P<decimals>\d+))?\s(?=[^\W\d_])")
"""Pattern of digits before a scale such as "million"."""
_LIST_NOUN_PATTERN = re.compile(
    r"(?:thing|way|reason|moment|fact|tip|trick|lesson|question|quote|chose|raison|facon|astuce|conseil|lecon|point)s?"
)
"""Pattern of what articles list ("10 things to know"): each outlet lists as many as it wants."""
_LOWER_BOUND_PATTERN = re.compile(r"\b(?:at least|more than|over|above|au moins|plus d(?:e |')|superieure? a)\s*$")
_UPPER_BOUND_PATTERN = re.compile(
    r"\b(?:at most|up to|less than|fewer than|under|below|au plus|moins d(?:e |')|jusqu'a)\s*$"
)
_APPROXIMATION_PATTERN = re.compile(
    r"\b(?:about|around|nearly|almost|some|roughly|close to|environ|pres d(?:e |')|presque|quelque)\s*$"
)
_ROUND_NUMBER_PATTERN = re.compile(r"dozens?|hundreds|thousands|millions|[a-z]+aines?|milliers")
"""Pattern of number words (no case or accents) that are approximate themselves, such as "une douzaine"."""
_LABEL_PATTERN = re.compile(
    r"(?:\b(?:chap(?:ter|itre)?|ch|season|saison|episode|part|partie|pt|no|number|numero|day|night|week|phase|level"
    r"|version|article|top|vol|group|groupe|page|act|section|step|round|class|type|model|aged?)s?[. ]*|\bn° ?|[#/:-])$"
)
"""Pattern of text before a number that names or orders something and counts nothing ("Chapter 11")."""
_SCALE_ABBREVIATION_PATTERN = re.compile(r"[bm]l?n", re.IGNORECASE)
_HYPHEN_PATTERN = re.compile(r"(?<=\d)-(?=[^\W\d_])")
_ATTACHED_UNIT_PATTERN = re.compile(r"(?<=\d)(?!(?:b|bn|bln|m|mn|mln|k)\b)[^\W\d_]+$", re.IGNORECASE)
"""Pattern of a unit that is written together with its number ("792p", "128GB")."""
_ORDINAL_PATTERN = re.compile(r"\d+(?:st|nd|rd|th|er|e|eme|ème)", re.IGNORECASE)
_FRENCH_NUMBER_WORDS = frozenset({"seize", "cent", "cents", "dix", "vingt"})
"""French number words that are other words or names in English."""
_NOUN_GAP_PATTERN = re.compile(r"\+?[ \xa0\u202f]+(?:(?:de|of|more|new|other|autres|nouveaux|nouvelles) |d['’])?")
"""Pattern of what may stand between a number and the words that name the counted thing."""


class Noun(NamedTuple):
    """A word after a number that may name the counted thing: its stem, and where it ends in the sentence."""

    stem: str
    end: int


class ReportedNumber(NamedTuple):
    """A number that a sentence reports, with the thing that it counts or measures.

    Attributes:
        sentence: The sentence.
        start: Start of the number in the sentence, in characters.
        end: End of the number and its currency, percent sign or unit of time.
        ranges: Lowest and highest value that it may mean, several if it can be read in several ways.
        qualifier: `>` for "at least" or "over", `<` for "up to", `~` for "about"; otherwise "".
        unit: A currency sign, `PERCENT_UNIT`, `DURATION_UNIT` or `COUNT_UNIT`.
        nouns: Words after it, of which the first ones name the counted thing; none unless the unit is `COUNT_UNIT`.
        word_before: The word before it, folded (no case or accents), or "".
        word_after: The folded word after its unit, or "" if there is none or a punctuation mark is between.
        context_stems: Stems of the sentence's words, except numbers and the first of `nouns`.
        days_per_unit: Number of days in the unit of time of a duration; otherwise 1.
    """

    sentence: str
    start: int
    end: int
    ranges: tuple[tuple[float, float], ...]
    qualifier: str
    unit: str
    nouns: tuple[Noun, ...]
    word_before: str
    word_after: str
    context_stems: frozenset[str]
    days_per_unit: float = 1

    @property
    def possible_ranges(self) -> tuple[tuple[float, float], ...]:
        """Return the lowest and highest value of each reading, with what the qualifier allows."""
        low_factor = {"<": 1 / _BOUND_FACTOR, "~": 1 - _APPROXIMATE_SHARE}.get(self.qualifier, 1.0)
        high_factor = {">": _BOUND_FACTOR, "~": 1 + _APPROXIMATE_SHARE}.get(self.qualifier, 1.0)
        return tuple((low * low_factor, high * high_factor) for low, high in self.ranges)

    def format(self, noun_stems: Collection[str] = ()) -> str:
        """Return the number as it is written, up to the first of its nouns with one of these stems."""
        return self.sentence[self.start : next((noun.end for noun in self.nouns if noun.stem in noun_stems), self.end)]


def extract_reported_numbers(sentence: str, language: str | None) -> list[ReportedNumber]:
    """Return the numbers of a sentence that clearly count or measure something, in order.

    A sentence of more than `MAX_SENTENCE_LENGTH` characters has none.
    """
    return list(_iter_reported_numbers(sentence, language)) if len(sentence) <= MAX_SENTENCE_LENGTH else []


def _iter_reported_numbers(sentence: str, language: str | None) -> Iterator[ReportedNumber]:
    spans = [span for span in find_typed_spans(sentence) if span.answer_type in {AnswerType.NUMBER, AnswerType.MONEY}]
    stem_spans = text_analysis.find_stems_with_spans(sentence, language) if spans else []
    context_stems = frozenset(stem for stem, start, end in stem_spans if not _is_number(sentence[start:end], language))
    for span in spans:
        folded_text_before = fold(sentence[: span.start])
        number_end = _find_number_end(sentence, span.start, span.end, stem_spans, language)
        word_before, _word_after = _find_words_around(sentence, span.start, number_end)
        if number_end == span.start or word_before in BRANDS or _LABEL_PATTERN.search(folded_text_before):
            continue
        unit, end = _find_unit(sentence, span.start, number_end)
        nouns = () if unit else tuple(_iter_nouns(sentence, number_end, stem_spans))
        ranges = _read_ranges(sentence[span.start : number_end], language)
        days_per_unit = _read_days_per_unit(sentence[number_end : nouns[0].end]) if nouns else None
        if days_per_unit is not None:
            unit, end, nouns = DURATION_UNIT, nouns[0].end, ()
            ranges = tuple((low * days_per_unit, high * days_per_unit) for low, high in ranges)
        if not ranges or (not unit and not _counts_things(sentence[span.start : number_end], nouns)):
            continue
        yield ReportedNumber(
            sentence,
            span.start,
            end,
            ranges,
            _read_qualifier(folded_text_before, sentence[span.start : number_end + 1]),
            unit or COUNT_UNIT,
            nouns,
            *_find_words_around(sentence, span.start, end),
            context_stems - {noun.stem for noun in nouns[:1]},
            days_per_unit or 1,
        )


def _counts_things(number_text: str, nouns: Sequence[Noun]) -> bool:
    """Return whether a number without a unit counts what its nouns name, and is no year or length of a list."""
    is_year = _YEAR_PATTERN.fullmatch(number_text) is not None
    return bool(nouns) and not is_year and not _LIST_NOUN_PATTERN.fullmatch(nouns[0].stem)


def _find_number_end(
    sentence: str, start: int, end: int, stem_spans: Sequence[tuple[str, int, int]], language: str | None
) -> int:
    """Return the end of the digits and number words of a span, or its start if there are none."""
    number_end = max(
        (
            token_end
            for _stem, token_start, token_end in stem_spans
            if start <= token_start < end and _is_number(sentence[token_start:token_end], language)
        ),
        default=start,
    )
    match = _ATTACHED_UNIT_PATTERN.search(sentence, start, number_end)
    return number_end if match is None else match.start()


@lru_cache(maxsize=4096)
def _is_number(word: str, language: str | None) -> bool:
    """Return whether a word is a cardinal number in digits or letters, or a scale such as "million"."""
    if word[0].isdecimal():
        return not _ORDINAL_PATTERN.fullmatch(word)
    if _SCALE_ABBREVIATION_PATTERN.fullmatch(word):
        return True
    is_foreign = language == "en" and fold(word) in _FRENCH_NUMBER_WORDS
    return not is_foreign and bool(extract_facts(word, language).numbers)


def _find_unit(sentence: str, start: int, number_end: int) -> tuple[str, int]:
    """Return the currency sign or `%` of a number and where it ends; "" and the number's end if it has neither."""
    match = _UNIT_AFTER_PATTERN.match(sentence, number_end)
    if match is not None and match["percent"]:
        return PERCENT_UNIT, match.end()
    if match is not None:
        currency = fold(match["currency"]).removesuffix("s")
        return _CURRENCY_BY_NAME.get(currency, currency), match.end()
    sign = next((sign for sign in sentence[max(0, start - 1) : start + 1] if sign in "$€£"), "")
    return sign, number_end


def _iter_nouns(sentence: str, number_end: int, stem_spans: Sequence[tuple[str, int, int]]) -> Iterator[Noun]:
    """Yield at most `_MAX_NOUNS` words after a number, up to a punctuation mark; "of" or "new" may precede them."""
    position = number_end
    following_stem_spans = [stem_span for stem_span in stem_spans if stem_span[2] > number_end]
    for stem, token_start, token_end in following_stem_spans[:_MAX_NOUNS]:
        if token_start < number_end:
            yield Noun(fold(sentence[number_end:token_end]), token_end)
        elif not _NOUN_GAP_PATTERN.fullmatch(sentence, position, token_start):
            return
        else:
            yield Noun(stem, token_end)
        position = token_end


def _find_words_around(sentence: str, start: int, end: int) -> tuple[str, str]:
    """Return the folded word before a number, and the one after its unit; "" where there is none."""
    words_before = split_words(sentence[max(0, start - _MAX_WORD_LENGTH) : start])
    words_after = split_words(sentence[end : end + _MAX_WORD_LENGTH]) if sentence[end : end + 1].isspace() else []
    return words_before[-1] if words_before else "", words_after[0] if words_after else ""


def _read_ranges(number_text: str, language: str | None) -> tuple[tuple[float, float], ...]:
    """Return the lowest and highest value of each reading of a number, or of "10 to 20"; () if it cannot be read.

    A number before a scale ("2 million") is rounded.
    """
    number_text = _HYPHEN_PATTERN.sub(" ", _SCALE_LETTERS_PATTERN.sub(lambda match: f" {match.lastgroup}", number_text))
    value_lists = [sorted(map(float, values)) for values in extract_facts(number_text, language).numbers]
    if len(value_lists) == 1 and (match := _DIGITS_BEFORE_SCALE_PATTERN.search(number_text)):
        decimals = len(match["decimals"] or "")
        rounding_share = (
            _LAST_DIGIT_TOLERANCE / 10**decimals / max(1.0, float(match["digits"] + "." + (match["decimals"] or "0")))
        )
        return tuple((value * (1 - rounding_share), value * (1 + rounding_share)) for value in value_lists[0])
    if len(value_lists) == 1:
        return tuple((value, value) for value in value_lists[0])
    if len(value_lists) == 2 and len(value_lists[0]) == len(value_lists[1]) == 1 and value_lists[0] < value_lists[1]:  # noqa: PLR2004
        return ((value_lists[0][0], value_lists[1][0]),)
    return ()


def _read_days_per_unit(text: str) -> float | None:
    """Return the number of days in the unit of time that a text consists of, or None if it is none."""
    time_units = {unit for _value, unit in extract_facts(f"2 {text.strip()}").fact_pairs}
    return next((days for unit, days in _DAYS_BY_TIME_UNIT.items() if unit in time_units), None)


def _read_qualifier(folded_text_before: str, number_text: str) -> str:
    """Return how the words at a number qualify it: `>`, `<`, `~`, or "" if they don't."""
    if _LOWER_BOUND_PATTERN.search(folded_text_before) or number_text.endswith("+"):
        return ">"
    if _UPPER_BOUND_PATTERN.search(folded_text_before):
        return "<"
    is_approximate = _APPROXIMATION_PATTERN.search(folded_text_before) or _ROUND_NUMBER_PATTERN.fullmatch(
        fold(number_text.rstrip())
    )
    return "~" if is_approximate else ""
