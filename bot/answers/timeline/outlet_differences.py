"""Differences between outlets: different numbers for one thing in articles on one event.

Two numbers are compared if they have one unit, count one thing, and stand in sentences that otherwise say much
the same. In doubt nothing is reported: a number that may be an update of an earlier one, that is only a bound,
or that the other outlet has, too, is no difference, nor are amounts that may be in the dollars of two countries.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from bot.answers.timeline.reported_numbers import (
    COUNT_UNIT,
    DURATION_UNIT,
    PERCENT_UNIT,
    ReportedNumber,
    extract_reported_numbers,
)
from bot.core.models import Article
from bot.stories import bilingual_terms
from bot.text import excerpts, urls
from bot.text.words import fold

MAX_GAP_SECONDS = 86_400
"""Maximum time in seconds between two articles whose numbers are compared."""
MAX_ARTICLES = 60
"""Maximum number of articles of an event whose numbers are compared, newest first."""
MAX_NUMBERS = 200
"""Maximum number of numbers that are compared with each other."""
MAX_SENTENCES = 6
"""Maximum number of sentences of an article whose numbers are compared, after its title."""

_UPDATE_GAP_SECONDS = 6 * 3_600
"""Time in seconds after which another number of a thing that changes may be an update of the earlier one."""
_ROUNDING_SHARE = 0.03
"""Share by which two numbers may differ by rounding."""
_UNIT_ROUNDING_SHARE = 0.25
"""Share by which two durations in different units of time may differ by rounding, such as 20 days and 3 weeks."""
_MAX_RATIO = 4.0
"""Maximum ratio of two numbers of one thing; numbers that differ more count different things."""
_MIN_CONTEXT_SHARE = 0.3
"""Minimum share of the words of two sentences that both have, for their numbers to be of one thing."""
_MIN_CONFIRMING_OUTLETS = 3
"""Minimum number of outlets that report a number for it to be confirmed."""
_MIN_AMBIGUOUS_SHARE = 0.65
"""Minimum share of the words of two sentences that both have, where several outlets confirm each of two numbers."""
_MAX_CHARS_READ = 2_000
"""Maximum number of characters of an article's text that are split into sentences."""
_UPDATE_PATTERN = re.compile(
    r"\b(?:now (?:at|stands?|totals?|over|more|[\d$€£])|updated|revis\w+|correct(?:s|ed)"
    r"|(?:rises?|rose|climbs?|climbed|grows?|grew|jumps?|jumped|raised?|raises|lifted|increased?|bumped|boosted"
    r"|cuts?|lowered|reduced) (?:up |down )?(?:to|from)|(?:up|down) from|desormais|alourdi\w*|revu\w*|corrig\w*"
    r"|(?:pass|port|relev|ramen|mont|grimp)\w* (?:de|a))\b"
)
"""Pattern of words (no case or accents) that say that a number replaces an earlier one."""


_DOLLAR_SIGN = "$"
_DOLLAR_LETTERS_PATTERN = re.compile(r"(?<![^\W_])([A-Z]{1,2})\$\s?$")
_COUNTRY_BY_DOLLAR_LETTERS = {
    "US": "us", "A": "au", "AU": "au", "C": "ca", "CA": "ca", "HK": "hk", "NZ": "nz", "S": "sg", "SG": "sg", "NT": "tw"
}  # fmt: skip
"""Countries by the letters before the sign of their dollar, as codes that are also their top-level domains."""


class NumberReport(NamedTuple):
    """A number that an article reports, with its outlet's folded name (no case or accents)."""

    article: Article
    folded_outlet: str
    number: ReportedNumber


class OutletDifference(NamedTuple):
    """Two or three reports, from at least two outlets, of different numbers of one thing, earliest first.

    `noun_stems` are the stems, with translations, of the words that follow both of the two most comparable numbers.
    """

    reports: tuple[NumberReport, ...]
    noun_stems: frozenset[str]

    def format_numbers(self) -> list[str]:
        """Return the numbers as they are written, the first one with the thing that it counts."""
        first_report, *further_reports = self.reports
        return [
            first_report.number.format(self.noun_stems),
            *(report.number.format() for report in further_reports),
        ]


def find_outlet_difference(articles: Sequence[Article]) -> OutletDifference | None:
    """Return the clearest difference between outlets on one event, or None if there is none.

    It is slow: call it in a worker process.
    """
    newest_articles = sorted(articles, key=lambda article: -article.published)[:MAX_ARTICLES]
    reports = [
        NumberReport(article, fold(article.outlet), number)
        for article in newest_articles
        for number in _read_numbers(article)
    ][:MAX_NUMBERS]
    confirmed_reports = [report for report in reports if _is_confirmed(report, reports)]
    ambiguous_things = _find_ambiguous_things(confirmed_reports)
    scored_pairs = [
        (context_share, pair)
        for pair in combinations(reports, 2)
        if (context_share := _compare_reports(*pair, reports)) is not None
        and (
            _get_unit_and_noun(pair[0].number) not in ambiguous_things
            or (context_share >= _MIN_AMBIGUOUS_SHARE and not all(report in confirmed_reports for report in pair))
        )
    ]
    if not scored_pairs:
        return None
    best_pair = max(scored_pairs, key=lambda scored_pair: scored_pair[0])[1]
    first_stems, second_stems = (_add_translations({noun.stem for noun in report.number.nouns}) for report in best_pair)
    return OutletDifference(tuple(_select_reports(best_pair, scored_pairs)), first_stems & second_stems)


def _is_confirmed(report: NumberReport, reports: Sequence[NumberReport]) -> bool:
    """Return whether several outlets report the number of a report."""
    outlets = {
        other_report.folded_outlet for other_report in reports if _have_same_value(report.number, other_report.number)
    }
    return len(outlets) >= _MIN_CONFIRMING_OUTLETS


def _find_ambiguous_things(confirmed_reports: Sequence[NumberReport]) -> set[tuple[str, str]]:
    """Return pairs of unit and counted noun (or "") with two different numbers, each reported by several outlets.

    Such numbers are mostly of two things, rather than of one on which outlets differ.
    """
    return {
        _get_unit_and_noun(first.number)
        for first, second in combinations(confirmed_reports, 2)
        if _get_unit_and_noun(first.number) == _get_unit_and_noun(second.number)
        and not _may_be_equal(first.number, second.number)
        and _compute_ratio(first.number, second.number) <= _MAX_RATIO
    }


def _get_unit_and_noun(number: ReportedNumber) -> tuple[str, str]:
    """Return the unit of a number, and the stem of the first noun that it counts, or ""."""
    return number.unit, number.nouns[0].stem if number.nouns else ""


def _have_same_value(first_number: ReportedNumber, second_number: ReportedNumber) -> bool:
    """Return whether two numbers are of one unit, and may mean one value without their qualifiers."""
    return first_number.unit == second_number.unit and _may_be_equal(
        first_number._replace(qualifier=""), second_number._replace(qualifier="")
    )


def _select_reports(
    best_pair: tuple[NumberReport, NumberReport],
    scored_pairs: Sequence[tuple[float, tuple[NumberReport, NumberReport]]],
) -> list[NumberReport]:
    """Return two or three reports of different numbers, earliest first.

    They are the report of `best_pair` that differs from more reports, and among the reports from which it differs the
    one with the lowest number and, if their numbers differ, the one with the highest number.
    """
    differing_reports_of_pair = [
        [
            second if first is report else first
            for _context_share, (first, second) in scored_pairs
            if report is first or report is second
        ]
        for report in best_pair
    ]
    report, other_reports = max(
        zip(best_pair, differing_reports_of_pair, strict=True), key=lambda report_and_others: len(report_and_others[1])
    )
    reports_by_value = sorted(other_reports, key=lambda other_report: other_report.number.ranges)
    lowest_report, highest_report = reports_by_value[0], reports_by_value[-1]
    selected_reports = [report, lowest_report]
    if not _may_be_equal(lowest_report.number, highest_report.number):
        selected_reports.append(highest_report)
    return sorted(selected_reports, key=lambda selected_report: selected_report.article.published)


def have_different_numbers(first_answer: tuple[str, Article], second_answer: tuple[str, Article]) -> bool:
    """Return whether two answers to one question are different numbers of one thing, in which their outlets differ.

    An answer is the words of an article that answer, with the article. The words around the numbers need not be
    similar, because the question tells what they are of.
    """
    first_reports, second_reports = (
        [
            NumberReport(article, fold(article.outlet), number)
            for number in extract_reported_numbers(text, article.language)
        ]
        for text, article in (first_answer, second_answer)
    )
    return any(
        _may_differ(first_report, second_report)
        and _count_one_thing(first_report, second_report)
        and not _is_update(first_report, second_report)
        for first_report in first_reports
        for second_report in second_reports
    )


def _read_numbers(article: Article) -> Iterator[ReportedNumber]:
    """Yield the numbers in the title and the first sentences of an article."""
    text = (article.body or article.summary)[:_MAX_CHARS_READ]
    for sentence in (article.title, *excerpts.split_sentences(text)[:MAX_SENTENCES]):
        yield from extract_reported_numbers(sentence, article.language)


def _compare_reports(
    first_report: NumberReport, second_report: NumberReport, reports: Collection[NumberReport]
) -> float | None:
    """Return the share of words that the sentences of two numbers share, or None if the outlets do not differ."""
    if not _may_differ(first_report, second_report):
        return None
    context_share = _compute_context_share(first_report, second_report)
    if context_share is None or _is_update(first_report, second_report):
        return None
    if any(
        _is_superseded(report, reports) or _has_agreeing_number(report, other_report, reports)
        for report, other_report in ((first_report, second_report), (second_report, first_report))
    ):
        return None
    return context_share


def _may_differ(first_report: NumberReport, second_report: NumberReport) -> bool:
    """Return whether different outlets report two different numbers of one unit at about the same time."""
    first_number, second_number = first_report.number, second_report.number
    return (
        first_number.unit == second_number.unit
        and abs(first_report.article.published - second_report.article.published) <= MAX_GAP_SECONDS
        and first_report.folded_outlet != second_report.folded_outlet
        and not _may_be_equal(first_number, second_number)
        and _compute_ratio(first_number, second_number) <= _MAX_RATIO
        and _may_be_of_one_currency(first_report, second_report)
    )


def _may_be_of_one_currency(first_report: NumberReport, second_report: NumberReport) -> bool:
    """Return whether two amounts with one currency sign have one currency, as far as their outlets and letters tell."""
    return first_report.number.unit != _DOLLAR_SIGN or (
        _get_dollar_country(first_report) == _get_dollar_country(second_report)
    )


def _get_dollar_country(report: NumberReport) -> str:
    """Return the country whose dollar an amount is in: by the letters before its sign, or else by its outlet's site."""
    sign_end = report.number.start + report.number.sentence.startswith(_DOLLAR_SIGN, report.number.start)
    match = _DOLLAR_LETTERS_PATTERN.search(report.number.sentence, 0, sign_end)
    if match is not None and match[1] in _COUNTRY_BY_DOLLAR_LETTERS:
        return _COUNTRY_BY_DOLLAR_LETTERS[match[1]]
    site_country = urls.parse_host(report.article.url).rpartition(".")[2]
    return site_country if site_country in _COUNTRY_BY_DOLLAR_LETTERS.values() else "us"


def _compute_context_share(first_report: NumberReport, second_report: NumberReport) -> float | None:
    """Return the share of words that the sentences of two numbers share, or None if they are of different things."""
    first_number, second_number = first_report.number, second_report.number
    if not _count_one_thing(first_report, second_report) or not _have_compatible_surroundings(
        first_number, second_number
    ):
        return None
    first_context = _translate(first_number.context_stems, first_report, second_report)
    shared_count = len(first_context & second_number.context_stems)
    share = shared_count / max(1, len(first_number.context_stems) + len(second_number.context_stems) - shared_count)
    return share if share >= _MIN_CONTEXT_SHARE else None


def _count_one_thing(first_report: NumberReport, second_report: NumberReport) -> bool:
    """Return whether two numbers of one unit may be of one thing: for counts, the words after them decide.

    The first word after one of the numbers must be among the words after the other.
    """
    if first_report.number.unit != COUNT_UNIT:
        return True
    first_stem_sets, second_stem_sets = (
        [_translate({noun.stem}, report, other_report) for noun in report.number.nouns]
        for report, other_report in ((first_report, second_report), (second_report, first_report))
    )
    return any(first_stem_sets[0] & stems for stems in second_stem_sets) or any(
        second_stem_sets[0] & stems for stems in first_stem_sets
    )


def _translate(stems: Collection[str], report: NumberReport, other_report: NumberReport) -> frozenset[str]:
    """Return stems of a report, with their translations if the other report is in another language."""
    return _add_translations(stems) if report.article.language != other_report.article.language else frozenset(stems)


def _have_compatible_surroundings(first_number: ReportedNumber, second_number: ReportedNumber) -> bool:
    """Return whether the words around two numbers allow that they are of one thing.

    Sentences on one event have many durations and shares in them, such as those of different periods.
    """
    is_same_before = bool(first_number.word_before) and first_number.word_before == second_number.word_before
    is_same_after = bool(first_number.word_after) and first_number.word_after == second_number.word_after
    if first_number.unit == DURATION_UNIT:
        return is_same_before or is_same_after
    return (
        first_number.unit != PERCENT_UNIT or is_same_after or not (first_number.word_after and second_number.word_after)
    )


def _add_translations(stems: Collection[str]) -> frozenset[str]:
    """Return stems with their translations between English and French."""
    terms = frozenset(stems)
    return terms | bilingual_terms.translate_terms(terms) | bilingual_terms.translate_names(terms)


def _is_update(first_report: NumberReport, second_report: NumberReport) -> bool:
    """Return whether the later of two numbers may replace the earlier one, by time or by the words of a sentence."""
    gap_seconds = abs(first_report.article.published - second_report.article.published)
    return gap_seconds > _UPDATE_GAP_SECONDS or any(
        _UPDATE_PATTERN.search(fold(report.number.sentence)) for report in (first_report, second_report)
    )


def _has_agreeing_number(report: NumberReport, other_report: NumberReport, reports: Collection[NumberReport]) -> bool:
    """Return whether the outlet of one report has the number of the other report, too."""
    return any(
        _may_be_equal(further_report.number, other_report.number)
        for further_report in _iter_outlet_reports(report, reports)
    )


def _is_superseded(report: NumberReport, reports: Collection[NumberReport]) -> bool:
    """Return whether the outlet of a report later reported another number of the same thing."""
    return any(
        further_report.article.published > report.article.published
        and not _may_be_equal(further_report.number, report.number)
        and _compute_context_share(report, further_report) is not None
        for further_report in _iter_outlet_reports(report, reports)
    )


def _iter_outlet_reports(report: NumberReport, reports: Collection[NumberReport]) -> Iterator[NumberReport]:
    """Yield the reports by the outlet of a report whose numbers have its unit; the report itself is among them."""
    for further_report in reports:
        if further_report.number.unit == report.number.unit and further_report.folded_outlet == report.folded_outlet:
            yield further_report


def _may_be_equal(first_number: ReportedNumber, second_number: ReportedNumber) -> bool:
    """Return whether two numbers, with their qualifiers, may mean one value, or values that differ by rounding."""
    are_units_equal = first_number.days_per_unit == second_number.days_per_unit
    tolerance = 1 + (_ROUNDING_SHARE if are_units_equal else _UNIT_ROUNDING_SHARE)
    return any(
        first_low <= second_high * tolerance and second_low <= first_high * tolerance
        for first_low, first_high in first_number.possible_ranges
        for second_low, second_high in second_number.possible_ranges
    )


def _compute_ratio(first_number: ReportedNumber, second_number: ReportedNumber) -> float:
    """Return the least ratio between two numbers that may each mean several ranges; at most 1 if two ranges overlap."""
    return min(
        max(first_low, second_low) / max(min(first_high, second_high), 1e-9)
        for first_low, first_high in first_number.ranges
        for second_low, second_high in second_number.ranges
    )
