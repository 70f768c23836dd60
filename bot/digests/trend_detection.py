"""Detection of trends: words that occur in more titles of a period than of the period before.

The measure is the log-likelihood ratio G² of a two-by-two table (Ted Dunning, "Accurate methods for the
statistics of surprise and coincidence", Computational Linguistics 19(1), 1993). It decides both whether a
word is rising and whether two words form one name. Articles count once per page, and a word counts only if
several outlets use it, so that an outlet's boilerplate in titles is no trend.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.digests.title_phrases import PhraseKey, is_number_or_date, iter_phrases
from bot.store.records.content_records import TitleSample
from bot.text.words import fold

MAX_TITLES = 5_000
"""Maximum number of titles that are read for each of the two periods that are compared."""
MIN_ARTICLES_TO_COMPARE = 10
"""Minimum number of articles that each of the two periods needs for a comparison."""
MAX_TRENDS = 8
"""Maximum number of rising words that are returned."""
MAX_SOURCES = 4
"""Maximum number of largest outlets that are returned."""

_G2_P01 = 6.63
"""Minimum G² of a rising word: significance p = 0.01 (chi-square, one degree of freedom)."""
_G2_P001 = 10.83
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
"""Maximum overlap (Jaccard index) of the articles of two trends; above it, only the stronger one is kept."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendRow:
    """Row of a trend chart: a word or an outlet, with its number of articles in the period and before it.

    `counts` has the number of articles in each equal part of both periods, oldest first; its second half is
    the current period.
    """

    name: str
    articles: int
    before: int
    outlets: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    """Trends of a period: the rising words, most significant first, and the largest outlets.

    Counts are estimates for all articles if only a sample of titles was read.
    """

    article_count: int
    previous_count: int
    outlets: int = 0
    """Number of outlets that published articles in the period."""
    rising_rows: tuple[TrendRow, ...] = ()
    sources: tuple[TrendRow, ...] = ()

    @property
    def is_comparable(self) -> bool:
        """Whether both periods have enough articles for a comparison."""
        return min(self.article_count, self.previous_count) >= MIN_ARTICLES_TO_COMPARE


def log_likelihood_ratio(both: int, first: int, second: int, neither: int) -> float:
    """Return G², the log-likelihood ratio of a two-by-two table of counts; it is 0 for independent events."""
    total = both + first + second + neither
    rows, columns = (both + first, second + neither), (both + second, first + neither)
    surprise = 0.0
    for observed, row, column in (
        (both, rows[0], columns[0]),
        (first, rows[0], columns[1]),
        (second, rows[1], columns[0]),
        (neither, rows[1], columns[1]),
    ):
        if observed:
            surprise += observed * math.log(observed * total / (row * column))
    return 2 * surprise


def detect_trends(now: int, period: TrendPeriod, step: int, titles: Sequence[TitleSample]) -> Trends:
    """Return the trends of the period that ends at `now`, compared with the period before.

    `now` is Unix time in seconds. `titles` are of both periods; each stands for `step` articles.

    Detection takes about a second for 10,000 titles, so run it in a worker.
    """
    title_index = _TitleIndex(now, period)
    for title in titles:
        title_index.add(title)
    recent_count = len(title_index.recent_articles)
    totals = Trends(
        article_count=recent_count * step,
        previous_count=(len(title_index.bucket_by_article) - recent_count) * step,
        outlets=len({title_index.outlets[number] for number in title_index.recent_articles}),
    )
    if not totals.is_comparable:
        return totals
    return replace(
        totals,
        rising_rows=tuple(
            title_index.make_row(title_index.spelling(key), title_index.articles_with(key), step)
            for key in _select_trends(title_index)
        ),
        sources=tuple(
            title_index.make_row(outlet, article_numbers, step)
            for outlet, article_numbers in title_index.largest_outlets()
        ),
    )


class _TitleIndex:
    """Index of titles by their words and phrases. Articles are numbered in the order of addition."""

    def __init__(self, now: int, period: TrendPeriod) -> None:
        self._now, self._period = now, period
        self._added_titles: set[tuple[str, str]] = set()
        self.bucket_by_article: list[int] = []  # Bucket of time by article number
        self.outlets: list[str] = []  # By article number
        self.recent_articles: set[int] = set()  # Articles of the current period
        self.articles_by_key: dict[PhraseKey, set[int]] = defaultdict(set)
        self._spellings: dict[PhraseKey, Counter[str]] = defaultdict(Counter)

    def add(self, sample: TitleSample) -> None:
        """Add a title, unless one of the same page, or the same title of its outlet, was added before."""
        bucket_count = self._period.bucket_count
        bucket = (
            2 * bucket_count - 1 - (self._now - 1 - sample.published) * bucket_count // self._period.seconds
        )
        dedupe_keys = {("page", sample.page), (f"of {sample.outlet}", fold(sample.title))}
        if not 0 <= bucket < 2 * bucket_count or not sample.title or dedupe_keys & self._added_titles:
            return
        self._added_titles |= dedupe_keys
        number = len(self.bucket_by_article)
        self.bucket_by_article.append(bucket)
        self.outlets.append(sample.outlet)
        if bucket >= bucket_count:
            self.recent_articles.add(number)
        for key, spelling in iter_phrases(sample.title):
            self.articles_by_key[key].add(number)
            self._spellings[key][spelling] += 1

    def articles_with(self, key: PhraseKey) -> set[int]:
        """Return the numbers of the articles with a word or phrase; an empty set if there are none."""
        return self.articles_by_key.get(key, set())

    def spelling(self, key: PhraseKey) -> str:
        """Return the most frequent spelling of a word or phrase."""
        return self._spellings[key].most_common(1)[0][0]

    def make_row(self, name: str, article_numbers: set[int], step: int) -> TrendRow:
        """Return the chart row of a word or an outlet from the numbers of its articles."""
        counts = Counter(self.bucket_by_article[number] for number in article_numbers)
        recent = article_numbers & self.recent_articles
        return TrendRow(
            name=name,
            articles=len(recent) * step,
            before=(len(article_numbers) - len(recent)) * step,
            outlets=len({self.outlets[number] for number in recent}),
            counts=tuple(counts[bucket] * step for bucket in range(2 * self._period.bucket_count)),
        )

    def largest_outlets(self) -> list[tuple[str, set[int]]]:
        articles_by_outlet: dict[str, set[int]] = defaultdict(set)
        for number, outlet in enumerate(self.outlets):
            articles_by_outlet[outlet].add(number)
        order = sorted(
            articles_by_outlet,
            key=lambda outlet: (-len(articles_by_outlet[outlet] & self.recent_articles), outlet),
        )
        return [
            (outlet, articles_by_outlet[outlet])
            for outlet in order[:MAX_SOURCES]
            if outlet and articles_by_outlet[outlet] & self.recent_articles
        ]


def _select_trends(title_index: _TitleIndex) -> list[PhraseKey]:
    """Return the rising words and names, most significant first.

    Of several that occur in mostly the same articles, only the most significant is returned.
    """
    rising: dict[PhraseKey, float] = {}
    for key, articles in title_index.articles_by_key.items():
        if (
            (significance := _rise_significance(title_index, articles))
            and _is_collocation(title_index, key)
            and not is_number_or_date(key)
        ):
            rising[key] = significance
    for name in sorted((key for key in rising if len(key) > 1), key=len):
        for subphrase in list(_subphrases_covered_by(title_index, name)):
            rising.pop(subphrase, None)
    selected: list[PhraseKey] = []
    for key in sorted(rising, key=lambda key: (-rising[key], -len(key), key)):
        articles = title_index.articles_with(key) & title_index.recent_articles
        if all(
            _jaccard(articles, title_index.articles_with(selected_key) & title_index.recent_articles)
            <= _MAX_OVERLAP
            for selected_key in selected
        ):
            selected.append(key)
        if len(selected) == MAX_TRENDS:
            break
    return selected


def _subphrases_covered_by(title_index: _TitleIndex, name: PhraseKey) -> Iterator[PhraseKey]:
    """Yield the words and shorter phrases of a name that mostly occur within the whole name."""
    for subphrase in _subphrases(name):
        articles = title_index.articles_with(subphrase) & title_index.recent_articles
        if len(title_index.articles_with(name) & articles) >= _MIN_PHRASE_SHARE * len(articles):
            yield subphrase


def _rise_significance(title_index: _TitleIndex, articles: set[int]) -> float:
    """Return G² of the rise of a word, or 0 if it did not rise significantly or too few outlets use it."""
    recent = articles & title_index.recent_articles
    recent_with_word, earlier_with_word = len(recent), len(articles) - len(recent)
    recent_total, earlier_total = (
        len(title_index.recent_articles),
        len(title_index.bucket_by_article) - len(title_index.recent_articles),
    )
    if (
        recent_with_word < _MIN_ARTICLES
        or recent_with_word * earlier_total <= earlier_with_word * recent_total
    ):
        return 0.0
    outlets = Counter(title_index.outlets[number] for number in recent)
    if len({title_index.outlets[number] for number in title_index.recent_articles}) > 1 and (
        len(outlets) == 1 or max(outlets.values()) > _MAX_OUTLET_SHARE * recent_with_word
    ):
        return 0.0
    significance = log_likelihood_ratio(
        recent_with_word,
        earlier_with_word,
        recent_total - recent_with_word,
        earlier_total - earlier_with_word,
    )
    return significance if significance >= _G2_P01 else 0.0


def _is_collocation(title_index: _TitleIndex, key: PhraseKey) -> bool:
    """Return whether the words of a phrase form a name: they occur together more often than by chance.

    A single word counts as a name.
    """
    if len(key) == 1:
        return True
    both = len(title_index.articles_with(key))
    first, last = title_index.articles_with(key[:1]), title_index.articles_with(key[-1:])
    if both < _MIN_PHRASE_SHARE * min(len(first), len(last)):
        return False
    neither = len(title_index.bucket_by_article) - len(first | last)
    return log_likelihood_ratio(both, len(first - last), len(last - first), neither) >= _G2_P001


def _subphrases(name: PhraseKey) -> Iterator[PhraseKey]:
    for length in range(1, len(name)):
        for start in range(len(name) - length + 1):
            yield name[start : start + length]


def _jaccard(first: set[int], second: set[int]) -> float:
    return len(first & second) / len(first | second)
