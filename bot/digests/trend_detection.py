"""Detection of trends: words that occur in more titles than in the period before.

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
"""Maximum number of titles that are read of a period, and of the period before."""
MIN_ARTICLES_TO_COMPARE = 10
"""Minimum number of articles in each of the two periods for a comparison."""
MAX_TRENDS = 8
"""Maximum number of rising words in a result."""
MAX_SOURCES = 4
"""Maximum number of outlets in a result."""

_G2_P01 = 6.63
"""G² at p = 0.01 (chi-square, one degree of freedom)."""
_G2_P001 = 10.83
"""G² at p = 0.001 (chi-square, one degree of freedom)."""
_MIN_ARTICLES = 3
"""Minimum number of articles with a rising word."""
_MAX_OUTLET_SHARE = 0.8
"""Maximum share of a word's articles from one outlet."""
_MIN_PHRASE_SHARE = 0.6
"""Minimum share of a word's articles that contain it within a name for the name to replace it."""
_MAX_OVERLAP = 0.5
"""Maximum Jaccard index of the articles of two trends; above it they are one."""


class TrendPeriod(StrEnum):
    """Length of the period for trends."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def seconds(self) -> int:
        """Length of the period in seconds."""
        return {TrendPeriod.DAY: 1, TrendPeriod.WEEK: 7, TrendPeriod.MONTH: 30}[self] * 86_400

    @property
    def bucket_count(self) -> int:
        """Number of buckets in a chart of the period: of three hours, a day, or three days."""
        return {TrendPeriod.DAY: 8, TrendPeriod.WEEK: 7, TrendPeriod.MONTH: 10}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendRow:
    """A word or an outlet with the number of its articles in the period and in the period before.

    `counts` are per bucket of both periods, oldest first; the second half is the current period.
    """

    name: str
    articles: int
    before: int
    outlets: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    """The rising words, most significant first, and the largest outlets. Counts are whole numbers."""

    article_count: int
    previous_count: int
    outlets: int = 0
    """Number of outlets of the period's articles."""
    rising_rows: tuple[TrendRow, ...] = ()
    sources: tuple[TrendRow, ...] = ()

    @property
    def is_comparable(self) -> bool:
        """Whether both periods have enough articles for a comparison."""
        return min(self.article_count, self.previous_count) >= MIN_ARTICLES_TO_COMPARE


def log_likelihood_ratio(both: int, first: int, second: int, neither: int) -> float:
    """Return G² of a two-by-two table, which is 0 for independent events."""
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
    """Return the trends of the `period` that ends at `now` (UTC seconds), compared with the one before.

    `titles` are of both periods; each stands for `step` articles. Takes about a second for 10,000 titles, so
    run it in a worker.
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
    """Titles and their words; articles are numbered here."""

    def __init__(self, now: int, period: TrendPeriod) -> None:
        self._now, self._period = now, period
        self._added_titles: set[tuple[str, str]] = set()
        self.bucket_by_article: list[int] = []  # Bucket of time by article number
        self.outlets: list[str] = []  # By article number
        self.recent_articles: set[int] = set()  # Articles of the current period
        self.articles_by_key: dict[PhraseKey, set[int]] = defaultdict(set)
        self._spellings: dict[PhraseKey, Counter[str]] = defaultdict(Counter)

    def add(self, sample: TitleSample) -> None:
        """Add a title, unless its page or its outlet already has it."""
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
        """Return the articles with a word; part of a name may have none of its own."""
        return self.articles_by_key.get(key, set())

    def spelling(self, key: PhraseKey) -> str:
        """Return the most frequent spelling of a word."""
        return self._spellings[key].most_common(1)[0][0]

    def make_row(self, name: str, article_numbers: set[int], step: int) -> TrendRow:
        """Return the counts of a set of articles."""
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
    """Return the rising words and names, most significant first, one per set of articles."""
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
    """Yield the parts of a name that mostly occur within it."""
    for subphrase in _subphrases(name):
        articles = title_index.articles_with(subphrase) & title_index.recent_articles
        if len(title_index.articles_with(name) & articles) >= _MIN_PHRASE_SHARE * len(articles):
            yield subphrase


def _rise_significance(title_index: _TitleIndex, articles: set[int]) -> float:
    """Return G² of a word whose share of articles rose and that enough outlets use; else 0."""
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
    """Return whether words form a name: they mostly occur together, more often than by chance."""
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
