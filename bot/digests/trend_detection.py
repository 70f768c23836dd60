"""What is rising: the words of titles that stand in more of them than in the time before.

The measure is the log-likelihood ratio G² of a two-by-two table (Ted Dunning, "Accurate methods for the
statistics of surprise and coincidence", Computational Linguistics 19(1), 1993). It decides both whether a
word is rising and whether two words are one name. Articles are counted once a page, and a word counts only
when several outlets write it, so that what one of them puts into every title is no trend.
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
"""Titles that are read of a period, and of the time before it."""
MIN_ARTICLES_TO_COMPARE = 10
"""Articles that a period and the time before it need for a comparison."""
MAX_TRENDS = 8
"""Rising words that are told."""
MAX_SOURCES = 4
"""Sources that are told."""

_G2_P01 = 6.63  # G² that comes by chance once in a hundred times (chi-square, one degree of freedom),
_G2_P001 = 10.83  # and once in a thousand times
_MIN_ARTICLES = 3  # articles of a word
_MAX_OUTLET_SHARE = 0.8  # of a word's articles that one outlet may have
_MIN_PHRASE_SHARE = 0.6  # of the articles of a word that have it within a name
_MAX_OVERLAP = 0.5  # of the articles of two words that have both: one of them is enough


class TrendPeriod(StrEnum):
    """How far back one looks."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def seconds(self) -> int:
        """Its length."""
        return {TrendPeriod.DAY: 1, TrendPeriod.WEEK: 7, TrendPeriod.MONTH: 30}[self] * 86_400

    @property
    def bucket_count(self) -> int:
        """Parts that a chart cuts it into: three hours, a day, three days."""
        return {TrendPeriod.DAY: 8, TrendPeriod.WEEK: 7, TrendPeriod.MONTH: 10}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendRow:
    """A word or a source with its articles, in the period and as long before.

    `counts` are those of equal parts of both, oldest first; the second half is the period's.
    """

    name: str
    articles: int
    before: int
    outlets: int
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    """What is rising, the most significant first, and the largest sources. Figures are whole numbers."""

    article_count: int
    previous_count: int
    outlets: int = 0
    """Of the period's articles."""
    rising_rows: tuple[TrendRow, ...] = ()
    sources: tuple[TrendRow, ...] = ()

    @property
    def comparable(self) -> bool:
        """Whether there are enough articles to tell anything."""
        return min(self.article_count, self.previous_count) >= MIN_ARTICLES_TO_COMPARE


def log_likelihood_ratio(both: int, first: int, second: int, neither: int) -> float:
    """G² of a two-by-two table: how surprising it is if the two things were independent."""
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
    """What is rising in the `period` that ends at `now` (seconds of UTC), compared with as long before it.

    `titles` are of both; each stands for `step` articles. Takes about a second for 10,000 titles: it is for a
    worker.
    """
    read = _TitleIndex(now, period)
    for title in titles:
        read.add(title)
    recent = len(read.recent_articles)
    counted = Trends(
        article_count=recent * step,
        previous_count=(len(read.bucket_by_article) - recent) * step,
        outlets=len({read.outlets[number] for number in read.recent_articles}),
    )
    if not counted.comparable:
        return counted
    return replace(
        counted,
        rising_rows=tuple(
            read.make_row(read.spelling(key), read.articles_with(key), step) for key in _select_trends(read)
        ),
        sources=tuple(read.make_row(outlet, having, step) for outlet, having in read.largest_outlets()),
    )


class _TitleIndex:
    """Titles and the words in them. An article is a number here."""

    def __init__(self, now: int, period: TrendPeriod) -> None:
        self._now, self._period = now, period
        self._seen: set[tuple[str, str]] = set()
        self.bucket_by_article: list[int] = []  # of the time, by article
        self.outlets: list[str] = []  # by article
        self.recent_articles: set[int] = set()  # articles of the period
        self.articles_by_key: dict[PhraseKey, set[int]] = defaultdict(set)  # articles by word
        self._spellings: dict[PhraseKey, Counter[str]] = defaultdict(Counter)

    def add(self, titled: TitleSample) -> None:
        """Read a title, unless its page or its outlet has had it."""
        halves = self._period.bucket_count
        part = 2 * halves - 1 - (self._now - 1 - titled.published) * halves // self._period.seconds
        names = {("page", titled.page), (f"of {titled.outlet}", fold(titled.title))}
        if not 0 <= part < 2 * halves or not titled.title or names & self._seen:
            return
        self._seen |= names
        number = len(self.bucket_by_article)
        self.bucket_by_article.append(part)
        self.outlets.append(titled.outlet)
        if part >= halves:
            self.recent_articles.add(number)
        for key, written in iter_phrases(titled.title):
            self.articles_by_key[key].add(number)
            self._spellings[key][written] += 1

    def articles_with(self, key: PhraseKey) -> set[int]:
        """The articles that have a word; a part of a name may stand nowhere by itself."""
        return self.articles_by_key.get(key, set())

    def spelling(self, key: PhraseKey) -> str:
        """A word as most titles have it."""
        return self._spellings[key].most_common(1)[0][0]

    def make_row(self, name: str, having: set[int], step: int) -> TrendRow:
        """The figures of the articles that have something."""
        counts = Counter(self.bucket_by_article[number] for number in having)
        recent = having & self.recent_articles
        return TrendRow(
            name=name,
            articles=len(recent) * step,
            before=(len(having) - len(recent)) * step,
            outlets=len({self.outlets[number] for number in recent}),
            counts=tuple(counts[part] * step for part in range(2 * self._period.bucket_count)),
        )

    def largest_outlets(self) -> list[tuple[str, set[int]]]:
        of: dict[str, set[int]] = defaultdict(set)
        for number, outlet in enumerate(self.outlets):
            of[outlet].add(number)
        order = sorted(of, key=lambda outlet: (-len(of[outlet] & self.recent_articles), outlet))
        return [
            (outlet, of[outlet])
            for outlet in order[:MAX_SOURCES]
            if outlet and of[outlet] & self.recent_articles
        ]


def _select_trends(read: _TitleIndex) -> list[PhraseKey]:
    """The rising words and names, the most significant first; of those of the same articles only one."""
    rising: dict[PhraseKey, float] = {}
    for key, having in read.articles_by_key.items():
        if (
            (surprise := _rise_significance(read, having))
            and _is_collocation(read, key)
            and not is_number_or_date(key)
        ):
            rising[key] = surprise
    for name in sorted((key for key in rising if len(key) > 1), key=len):
        for part in list(_subphrases_covered_by(read, name)):
            rising.pop(part, None)
    best: list[PhraseKey] = []
    for key in sorted(rising, key=lambda key: (-rising[key], -len(key), key)):
        having = read.articles_with(key) & read.recent_articles
        if all(
            _jaccard(having, read.articles_with(other) & read.recent_articles) <= _MAX_OVERLAP
            for other in best
        ):
            best.append(key)
        if len(best) == MAX_TRENDS:
            break
    return best


def _subphrases_covered_by(read: _TitleIndex, name: PhraseKey) -> Iterator[PhraseKey]:
    """The parts of a name that mostly stand within it."""
    for part in _subphrases(name):
        holding = read.articles_with(part) & read.recent_articles
        if len(read.articles_with(name) & holding) >= _MIN_PHRASE_SHARE * len(holding):
            yield part


def _rise_significance(read: _TitleIndex, having: set[int]) -> float:
    """G² of a word that stands in a greater share of the period's articles, from enough outlets; else 0."""
    recent = having & read.recent_articles
    with_it, had_it = len(recent), len(having) - len(recent)
    all_now, all_before = len(read.recent_articles), len(read.bucket_by_article) - len(read.recent_articles)
    if with_it < _MIN_ARTICLES or with_it * all_before <= had_it * all_now:
        return 0.0
    outlets = Counter(read.outlets[number] for number in recent)
    if len({read.outlets[number] for number in read.recent_articles}) > 1 and (
        len(outlets) == 1 or max(outlets.values()) > _MAX_OUTLET_SHARE * with_it
    ):
        return 0.0
    surprise = log_likelihood_ratio(with_it, had_it, all_now - with_it, all_before - had_it)
    return surprise if surprise >= _G2_P01 else 0.0


def _is_collocation(read: _TitleIndex, key: PhraseKey) -> bool:
    """Whether words belong together: where one of them stands the others mostly do, more than by chance."""
    if len(key) == 1:
        return True
    both = len(read.articles_with(key))
    first, last = read.articles_with(key[:1]), read.articles_with(key[-1:])
    if both < _MIN_PHRASE_SHARE * min(len(first), len(last)):
        return False
    neither = len(read.bucket_by_article) - len(first | last)
    return log_likelihood_ratio(both, len(first - last), len(last - first), neither) >= _G2_P001


def _subphrases(name: PhraseKey) -> Iterator[PhraseKey]:
    for length in range(1, len(name)):
        for start in range(len(name) - length + 1):
            yield name[start : start + length]


def _jaccard(one: set[int], other: set[int]) -> float:
    return len(one & other) / len(one | other)
