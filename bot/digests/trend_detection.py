"""Detection of trends: words that occur in more titles of a period than of the period before.

The measure is the log-likelihood ratio G² of a two-by-two table (Ted Dunning, "Accurate methods for the
statistics of surprise and coincidence", Computational Linguistics 19(1), 1993). It decides both whether a
word is rising and whether two words form one name. Articles count once per page, and if there are
several outlets, a word counts only if several use it, so that an outlet's boilerplate in titles is no trend.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from bot.digests.title_phrases import PhraseKey, is_number_or_date, iter_phrases
from bot.store.records.content_records import TitleSample
from bot.text.words import fold

MAX_TITLES = 5_000
"""Maximum number of titles that are read for each of the two periods that are compared; a sample if there are more."""
MIN_ARTICLES_TO_COMPARE = 10
"""Minimum number of articles that each of the two periods needs for a comparison."""
MAX_TRENDS = 8
"""Maximum number of rising words and names that are returned."""
MAX_OUTLETS = 4
"""Maximum number of outlets with the most articles that are returned."""

_MIN_RISE_G2 = 6.63
"""Minimum G² of a rising word: significance p = 0.01 (chi-square, one degree of freedom)."""
_MIN_COLLOCATION_G2 = 10.83
"""Minimum G² of words that form a name: significance p = 0.001 (chi-square, one degree of freedom)."""
_MIN_ARTICLES = 3
"""Minimum number of recent articles that a rising word needs."""
_MAX_OUTLET_SHARE = 0.8
"""Maximum share of a rising word's recent articles that may come from one outlet."""
_MIN_PHRASE_SHARE = 0.6
"""Minimum share of a word's articles in which the word is part of a name, for the name to replace it.

Also the minimum share of the articles with a phrase's rarer end word that contain the whole phrase.
"""
_MAX_OVERLAP = 0.5
"""Maximum overlap (Jaccard index) of the articles of two trends; above it, only the stronger trend is kept."""


class TrendPeriod(StrEnum):
    """Length of the period whose trends are shown; it is compared with the period of equal length before."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def seconds(self) -> int:
        """Length of the period in seconds."""
        return {TrendPeriod.DAY: 1, TrendPeriod.WEEK: 7, TrendPeriod.MONTH: 30}[self] * 86_400

    @property
    def bucket_count(self) -> int:
        """Number of bars in a chart of the period: each stands for three hours, a day, or three days."""
        return {TrendPeriod.DAY: 8, TrendPeriod.WEEK: 7, TrendPeriod.MONTH: 10}[self]


class TrendRow(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    # The keys in queued digests:
    rename={"article_count": "articles", "previous_count": "before", "outlet_count": "outlets"},
):
    """Row of a trend chart: a word or an outlet, with its number of articles in the period and before it.

    `article_count` and `outlet_count` are of the current period, `previous_count` is the number of articles in
    the period before. `counts` has the number of articles in each equal part of both periods, oldest first; its
    second half is the current period.
    """

    name: str
    article_count: int
    previous_count: int
    outlet_count: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    """Trends of a period: the rising words, most significant first, and the largest outlets.

    `article_count` is the number of articles in the period, `previous_count` in the period before. Counts are
    estimates for all articles if only a sample of titles was read.
    """

    article_count: int
    previous_count: int
    outlet_count: int = 0
    """Number of outlets that published articles in the period."""
    rising_rows: tuple[TrendRow, ...] = ()
    outlet_rows: tuple[TrendRow, ...] = ()
    """The outlets with the most articles in the period, largest first."""

    @property
    def is_comparable(self) -> bool:
        """Whether both periods have enough articles for a comparison."""
        return min(self.article_count, self.previous_count) >= MIN_ARTICLES_TO_COMPARE


def log_likelihood_ratio(both_count: int, first_only_count: int, second_only_count: int, neither_count: int) -> float:
    """Return G², the log-likelihood ratio of a two-by-two table of counts; it is 0 for independent events."""
    total_count = both_count + first_only_count + second_only_count + neither_count
    row_totals, column_totals = (
        (both_count + first_only_count, second_only_count + neither_count),
        (both_count + second_only_count, first_only_count + neither_count),
    )
    log_likelihood = 0.0
    for observed_count, row_total, column_total in (
        (both_count, row_totals[0], column_totals[0]),
        (first_only_count, row_totals[0], column_totals[1]),
        (second_only_count, row_totals[1], column_totals[0]),
        (neither_count, row_totals[1], column_totals[1]),
    ):
        if observed_count:
            log_likelihood += observed_count * math.log(observed_count * total_count / (row_total * column_total))
    return 2 * log_likelihood


def detect_trends(now: int, period: TrendPeriod, step: int, title_samples: Sequence[TitleSample]) -> Trends:
    """Return the trends of the period that ends at `now`, compared with the period before.

    `now` is Unix time in seconds. `title_samples` are titles of both periods; each stands for `step` articles.
    Without enough articles for a comparison, only the total numbers are returned. Detection takes about a second
    for 10,000 titles, so run it in a worker.
    """
    title_index = _TitleIndex(now, period)
    for title_sample in title_samples:
        title_index.add(title_sample)
    recent_count = len(title_index.recent_article_numbers)
    trends_without_rows = Trends(
        article_count=recent_count * step,
        previous_count=(len(title_index.bucket_by_article_number) - recent_count) * step,
        outlet_count=len(
            {
                title_index.outlet_by_article_number[article_number]
                for article_number in title_index.recent_article_numbers
            }
        ),
    )
    if not trends_without_rows.is_comparable:
        return trends_without_rows
    return replace(
        trends_without_rows,
        rising_rows=tuple(
            title_index.make_row(title_index.find_spelling(key), title_index.find_article_numbers(key), step)
            for key in _select_trends(title_index)
        ),
        outlet_rows=tuple(
            title_index.make_row(outlet, article_numbers, step)
            for outlet, article_numbers in title_index.list_largest_outlets()
        ),
    )


class _TitleIndex:
    """Index of titles by their words and phrases.

    The key of a word or phrase is its stems. Articles are numbered in the order of addition. A bucket is one of the
    equal parts of both periods, oldest first.
    """

    def __init__(self, now: int, period: TrendPeriod) -> None:
        self._now, self._period = now, period
        self._added_dedupe_keys: set[tuple[str, str]] = set()
        self.bucket_by_article_number: list[int] = []
        self.outlet_by_article_number: list[str] = []
        self.recent_article_numbers: set[int] = set()
        self.article_numbers_by_key: dict[PhraseKey, set[int]] = defaultdict(set)
        self._spelling_counts_by_key: dict[PhraseKey, Counter[str]] = defaultdict(Counter)

    def add(self, title_sample: TitleSample) -> None:
        """Add a title of the two periods, unless its page has a title already or its outlet the same title."""
        bucket_count = self._period.bucket_count
        bucket = 2 * bucket_count - 1 - (self._now - 1 - title_sample.published) * bucket_count // self._period.seconds
        dedupe_keys = {("page", title_sample.page_key), (f"of {title_sample.outlet}", fold(title_sample.title))}
        if not 0 <= bucket < 2 * bucket_count or not title_sample.title or dedupe_keys & self._added_dedupe_keys:
            return
        self._added_dedupe_keys |= dedupe_keys
        article_number = len(self.bucket_by_article_number)
        self.bucket_by_article_number.append(bucket)
        self.outlet_by_article_number.append(title_sample.outlet)
        if bucket >= bucket_count:
            self.recent_article_numbers.add(article_number)
        for key, spelling in iter_phrases(title_sample.title):
            self.article_numbers_by_key[key].add(article_number)
            self._spelling_counts_by_key[key][spelling] += 1

    def find_article_numbers(self, key: PhraseKey) -> set[int]:
        """Return the numbers of the articles with a word or phrase; an empty set if there are none."""
        return self.article_numbers_by_key.get(key, set())

    def find_spelling(self, key: PhraseKey) -> str:
        """Return the most frequent spelling of a word or phrase."""
        return self._spelling_counts_by_key[key].most_common(1)[0][0]

    def make_row(self, name: str, article_numbers: set[int], step: int) -> TrendRow:
        """Return the chart row of a word or an outlet.

        `article_numbers` are the numbers of its articles in the index, each of which stands for `step` articles.
        """
        count_by_bucket = Counter(self.bucket_by_article_number[article_number] for article_number in article_numbers)
        recent_article_numbers = article_numbers & self.recent_article_numbers
        return TrendRow(
            name=name,
            article_count=len(recent_article_numbers) * step,
            previous_count=(len(article_numbers) - len(recent_article_numbers)) * step,
            outlet_count=len(
                {self.outlet_by_article_number[article_number] for article_number in recent_article_numbers}
            ),
            counts=tuple(count_by_bucket[bucket] * step for bucket in range(2 * self._period.bucket_count)),
        )

    def list_largest_outlets(self) -> list[tuple[str, set[int]]]:
        """Return the outlets with the most recent articles, largest first, each with its article numbers."""
        article_numbers_by_outlet: dict[str, set[int]] = defaultdict(set)
        for article_number, outlet in enumerate(self.outlet_by_article_number):
            article_numbers_by_outlet[outlet].add(article_number)
        outlets_by_size = sorted(
            article_numbers_by_outlet,
            key=lambda outlet: (-len(article_numbers_by_outlet[outlet] & self.recent_article_numbers), outlet),
        )
        return [
            (outlet, article_numbers_by_outlet[outlet])
            for outlet in outlets_by_size[:MAX_OUTLETS]
            if outlet and article_numbers_by_outlet[outlet] & self.recent_article_numbers
        ]


def _select_trends(title_index: _TitleIndex) -> list[PhraseKey]:
    """Return the keys of the rising words and names, most significant first.

    Of several words or names that occur in mostly the same articles, only the most significant is returned.
    """
    significance_by_key: dict[PhraseKey, float] = {}
    for key, article_numbers in title_index.article_numbers_by_key.items():
        if (
            (significance := _compute_rise_significance(title_index, article_numbers))
            and _is_collocation(title_index, key)
            and not is_number_or_date(key)
        ):
            significance_by_key[key] = significance
    for name_key in sorted((key for key in significance_by_key if len(key) > 1), key=len):
        for subphrase in list(_iter_covered_subphrases(title_index, name_key)):
            significance_by_key.pop(subphrase, None)
    selected_keys: list[PhraseKey] = []
    for key in sorted(significance_by_key, key=lambda key: (-significance_by_key[key], -len(key), key)):
        article_numbers = title_index.find_article_numbers(key) & title_index.recent_article_numbers
        if all(
            _compute_jaccard_index(
                article_numbers, title_index.find_article_numbers(selected_key) & title_index.recent_article_numbers
            )
            <= _MAX_OVERLAP
            for selected_key in selected_keys
        ):
            selected_keys.append(key)
        if len(selected_keys) == MAX_TRENDS:
            break
    return selected_keys


def _iter_covered_subphrases(title_index: _TitleIndex, name_key: PhraseKey) -> Iterator[PhraseKey]:
    """Yield the words and shorter phrases of a name that mostly occur within the whole name."""
    for subphrase in _iter_subphrases(name_key):
        article_numbers = title_index.find_article_numbers(subphrase) & title_index.recent_article_numbers
        if len(title_index.find_article_numbers(name_key) & article_numbers) >= _MIN_PHRASE_SHARE * len(
            article_numbers
        ):
            yield subphrase


def _compute_rise_significance(title_index: _TitleIndex, article_numbers: set[int]) -> float:
    """Return G² of the rise of a word, or 0 if it did not rise significantly or too few outlets use it."""
    recent_article_numbers = article_numbers & title_index.recent_article_numbers
    recent_with_word_count, earlier_with_word_count = (
        len(recent_article_numbers),
        len(article_numbers) - len(recent_article_numbers),
    )
    recent_total_count, earlier_total_count = (
        len(title_index.recent_article_numbers),
        len(title_index.bucket_by_article_number) - len(title_index.recent_article_numbers),
    )
    if (
        recent_with_word_count < _MIN_ARTICLES
        or recent_with_word_count * earlier_total_count <= earlier_with_word_count * recent_total_count
    ):
        return 0.0
    article_count_by_outlet = Counter(
        title_index.outlet_by_article_number[article_number] for article_number in recent_article_numbers
    )
    if len(
        {title_index.outlet_by_article_number[article_number] for article_number in title_index.recent_article_numbers}
    ) > 1 and (
        len(article_count_by_outlet) == 1
        or max(article_count_by_outlet.values()) > _MAX_OUTLET_SHARE * recent_with_word_count
    ):
        return 0.0
    significance = log_likelihood_ratio(
        recent_with_word_count,
        earlier_with_word_count,
        recent_total_count - recent_with_word_count,
        earlier_total_count - earlier_with_word_count,
    )
    return significance if significance >= _MIN_RISE_G2 else 0.0


def _is_collocation(title_index: _TitleIndex, key: PhraseKey) -> bool:
    """Return whether the words of a phrase form a name: they occur together more often than by chance.

    A single word counts as a name.
    """
    if len(key) == 1:
        return True
    both_count = len(title_index.find_article_numbers(key))
    first_word_article_numbers, last_word_article_numbers = (
        title_index.find_article_numbers(key[:1]),
        title_index.find_article_numbers(key[-1:]),
    )
    if both_count < _MIN_PHRASE_SHARE * min(len(first_word_article_numbers), len(last_word_article_numbers)):
        return False
    neither_count = len(title_index.bucket_by_article_number) - len(
        first_word_article_numbers | last_word_article_numbers
    )
    return (
        log_likelihood_ratio(
            both_count,
            len(first_word_article_numbers - last_word_article_numbers),
            len(last_word_article_numbers - first_word_article_numbers),
            neither_count,
        )
        >= _MIN_COLLOCATION_G2
    )


def _iter_subphrases(name_key: PhraseKey) -> Iterator[PhraseKey]:
    for length in range(1, len(name_key)):
        for start in range(len(name_key) - length + 1):
            yield name_key[start : start + length]


def _compute_jaccard_index(first_article_numbers: set[int], second_article_numbers: set[int]) -> float:
    return len(first_article_numbers & second_article_numbers) / len(first_article_numbers | second_article_numbers)
