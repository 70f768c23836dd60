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

from bot.digests.title_runs import Key, is_weak, runs
from bot.store.records.content_records import Titled
from bot.text.words import fold

MOST_TITLES = 5_000
"""Titles that are read of a period, and of the time before it."""
FEWEST_ARTICLES = 10
"""Articles that a period and the time before it need for a comparison."""
RISING = 8
"""Rising words that are told."""
SOURCES = 4
"""Sources that are told."""

_SIGNIFICANT = 6.63  # G² that comes by chance once in a hundred times (chi-square, one degree of freedom),
_BOUND = 10.83  # and once in a thousand times
_FEWEST = 3  # articles of a word
_GREATEST_SHARE = 0.8  # of a word's articles that one outlet may have
_ONE_NAME = 0.6  # of the articles of a word that have it within a name
_SAME = 0.5  # of the articles of two words that have both: one of them is enough


class Period(StrEnum):
    """How far back one looks."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def seconds(self) -> int:
        """Its length."""
        return {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 30}[self] * 86_400

    @property
    def parts(self) -> int:
        """Parts that a chart cuts it into: three hours, a day, three days."""
        return {Period.DAY: 8, Period.WEEK: 7, Period.MONTH: 10}[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
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

    articles: int
    before: int
    outlets: int = 0
    """Of the period's articles."""
    rising: tuple[Line, ...] = ()
    sources: tuple[Line, ...] = ()

    @property
    def comparable(self) -> bool:
        """Whether there are enough articles to tell anything."""
        return min(self.articles, self.before) >= FEWEST_ARTICLES


def log_likelihood(both: int, first: int, second: int, neither: int) -> float:
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


def find(now: int, period: Period, step: int, titles: Sequence[Titled]) -> Trends:
    """What is rising in the `period` that ends at `now` (seconds of UTC), compared with as long before it.

    `titles` are of both; each stands for `step` articles. Takes about a second for 10,000 titles: it is for a
    worker.
    """
    read = _Titles(now, period)
    for title in titles:
        read.add(title)
    recent = len(read.recent)
    counted = Trends(
        articles=recent * step,
        before=(len(read.parts) - recent) * step,
        outlets=len({read.outlets[number] for number in read.recent}),
    )
    if not counted.comparable:
        return counted
    return replace(
        counted,
        rising=tuple(read.line(read.spelling(key), read.holders(key), step) for key in _best(read)),
        sources=tuple(read.line(outlet, having, step) for outlet, having in read.largest()),
    )


class _Titles:
    """Titles and the words in them. An article is a number here."""

    def __init__(self, now: int, period: Period) -> None:
        self._now, self._period = now, period
        self._seen: set[tuple[str, str]] = set()
        self.parts: list[int] = []  # of the time, by article
        self.outlets: list[str] = []  # by article
        self.recent: set[int] = set()  # articles of the period
        self.having: dict[Key, set[int]] = defaultdict(set)  # articles by word
        self._spellings: dict[Key, Counter[str]] = defaultdict(Counter)

    def add(self, titled: Titled) -> None:
        """Read a title, unless its page or its outlet has had it."""
        halves = self._period.parts
        part = 2 * halves - 1 - (self._now - 1 - titled.published) * halves // self._period.seconds
        names = {("page", titled.page), (f"of {titled.outlet}", fold(titled.title))}
        if not 0 <= part < 2 * halves or not titled.title or names & self._seen:
            return
        self._seen |= names
        number = len(self.parts)
        self.parts.append(part)
        self.outlets.append(titled.outlet)
        if part >= halves:
            self.recent.add(number)
        for key, written in runs(titled.title):
            self.having[key].add(number)
            self._spellings[key][written] += 1

    def holders(self, key: Key) -> set[int]:
        """The articles that have a word; a part of a name may stand nowhere by itself."""
        return self.having.get(key, set())

    def spelling(self, key: Key) -> str:
        """A word as most titles have it."""
        return self._spellings[key].most_common(1)[0][0]

    def line(self, name: str, having: set[int], step: int) -> Line:
        """The figures of the articles that have something."""
        counts = Counter(self.parts[number] for number in having)
        recent = having & self.recent
        return Line(
            name=name,
            articles=len(recent) * step,
            before=(len(having) - len(recent)) * step,
            outlets=len({self.outlets[number] for number in recent}),
            counts=tuple(counts[part] * step for part in range(2 * self._period.parts)),
        )

    def largest(self) -> list[tuple[str, set[int]]]:
        of: dict[str, set[int]] = defaultdict(set)
        for number, outlet in enumerate(self.outlets):
            of[outlet].add(number)
        order = sorted(of, key=lambda outlet: (-len(of[outlet] & self.recent), outlet))
        return [(outlet, of[outlet]) for outlet in order[:SOURCES] if outlet and of[outlet] & self.recent]


def _best(read: _Titles) -> list[Key]:
    """The rising words and names, the most significant first; of those of the same articles only one."""
    rising: dict[Key, float] = {}
    for key, having in read.having.items():
        if (surprise := _rise(read, having)) and _is_one_name(read, key) and not is_weak(key):
            rising[key] = surprise
    for name in sorted((key for key in rising if len(key) > 1), key=len):
        for part in list(_covered(read, name)):
            rising.pop(part, None)
    best: list[Key] = []
    for key in sorted(rising, key=lambda key: (-rising[key], -len(key), key)):
        having = read.holders(key) & read.recent
        if all(_overlap(having, read.holders(other) & read.recent) <= _SAME for other in best):
            best.append(key)
        if len(best) == RISING:
            break
    return best


def _covered(read: _Titles, name: Key) -> Iterator[Key]:
    """The parts of a name that mostly stand within it."""
    for part in _parts(name):
        holding = read.holders(part) & read.recent
        if len(read.holders(name) & holding) >= _ONE_NAME * len(holding):
            yield part


def _rise(read: _Titles, having: set[int]) -> float:
    """G² of a word that stands in a greater share of the period's articles, from enough outlets; else 0."""
    recent = having & read.recent
    with_it, had_it = len(recent), len(having) - len(recent)
    all_now, all_before = len(read.recent), len(read.parts) - len(read.recent)
    if with_it < _FEWEST or with_it * all_before <= had_it * all_now:
        return 0.0
    outlets = Counter(read.outlets[number] for number in recent)
    if len({read.outlets[number] for number in read.recent}) > 1 and (
        len(outlets) == 1 or max(outlets.values()) > _GREATEST_SHARE * with_it
    ):
        return 0.0
    surprise = log_likelihood(with_it, had_it, all_now - with_it, all_before - had_it)
    return surprise if surprise >= _SIGNIFICANT else 0.0


def _is_one_name(read: _Titles, key: Key) -> bool:
    """Whether words belong together: where one of them stands the others mostly do, more than by chance."""
    if len(key) == 1:
        return True
    both = len(read.holders(key))
    first, last = read.holders(key[:1]), read.holders(key[-1:])
    if both < _ONE_NAME * min(len(first), len(last)):
        return False
    neither = len(read.parts) - len(first | last)
    return log_likelihood(both, len(first - last), len(last - first), neither) >= _BOUND


def _parts(name: Key) -> Iterator[Key]:
    for length in range(1, len(name)):
        for start in range(len(name) - length + 1):
            yield name[start : start + length]


def _overlap(one: set[int], other: set[int]) -> float:
    return len(one & other) / len(one | other)
