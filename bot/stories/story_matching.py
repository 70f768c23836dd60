"""Which articles tell of the same event: by their titles, leads, names, numbers and, with the extra, meaning.

What two titles share is weighed by how rare its words are (idf, squared as in a cosine; Salton and Buckley,
"Term-weighting approaches in automatic text retrieval", 1988), in both directions; a word of a title that
only the other's lead has counts in part. Numbers of one thing that differ, other companies and more than two
days end it: when in doubt there are two stories. What a story of several articles takes is decided where its
articles are known, in each channel (`story_membership`).
"""

import re
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from bot.search.index import analysis
from bot.store.records.content_records import Brief, Kin
from bot.stories.companies import COMPANIES, WORDS_TOO
from bot.stories.story_membership import APART
from bot.stories.title_conflicts import Figures, contradict, figures, versioned

WINDOW = 3 * 86_400
"""Seconds for which an article is remembered."""
LEAD = 240
"""Characters of a text that count as its lead."""
LEAST = 0.2
"""Likeness below which two articles have nothing to do with each other."""
MOST_KIN = 48
"""Articles that one may be like: the likest."""

_TITLE = 300  # characters
_IN_LEAD = 0.5  # as much as in the title counts a word that stands in the lead
_LOOKED_UP = 12  # words by which others are looked for, the most telling first,
_BUDGET = 800  # until so many were found;
_COMPARED = 64  # the likest of which are compared exactly
_SHARED = 2  # words that titles have to share at least
_SHIFT = 0.05  # cosines of vectors are larger than those of words
_ACROSS = 0.55  # cosine from which on articles in two languages have something to do with each other
_ACROSS_SHIFT = 0.1
_LATE = 0.5  # of the likeness that is left after two days
_TITLE_CASE = 0.6  # share of capitals from which on they say nothing
_NAME = 3  # letters
_NONE: frozenset[str] = frozenset()  # mostly there are none, and each empty set takes as much as a full one
_SERIES = re.compile(
    r"^\s*(?:(?:update|wrapup) \d+\s*-|global markets\s*-|live\s*[:|-]|en direct\s*[:,-])\s*", re.IGNORECASE
)
_STARTS_SENTENCE = re.compile(r"(?:^|[.:;!?|«»“”\"–—-])\s*$")


@dataclass(frozen=True, slots=True)
class Telling:
    """What is compared of an article.

    `weights` are how much each term of the title tells, `total` their sum; `lead` are the other terms of the
    lead; `mentioned` are the words of the title and those of the lead with a capital, folded, `names` those
    of the title that are names, `brands` those of companies and products, `versioned` those with a number.
    """

    article_id: int
    feed_id: int
    published: int
    language: str | None
    weights: dict[str, float]
    total: float
    lead: tuple[str, ...]  # a set of so few takes four times the memory, and thousands are held
    mentioned: tuple[str, ...]
    names: frozenset[str]
    brands: frozenset[str]
    figures: Figures
    versioned: frozenset[str]
    vector: bytes | None = None


def telling(brief: Brief, weigh: Callable[[str], float], vector: bytes | None = None) -> Telling:
    """What is compared of an article; `weigh` tells how much a term tells, `vector` what the title means."""
    title, lead, language = plain_title(brief.title), brief.lead[:LEAD], brief.language
    weights = {term: weigh(term) ** 2 for term in _kept(analysis.stems(title, language))}
    words = frozenset(_kept(analysis.words(title)))
    names = frozenset(_kept(_names(title, lead))) or _NONE
    brands = (words & COMPANIES).union(_brands(title)) or _NONE
    numbers = figures(title)
    return Telling(
        article_id=brief.article_id,
        feed_id=brief.feed_id,
        published=brief.published,
        language=language,
        weights=weights,
        total=sum(weights.values()) or 1.0,
        lead=tuple(set(_kept(analysis.stems(lead, language))) - weights.keys()),
        mentioned=tuple(words.union(_kept(_capitalised(lead, anywhere=True)))),
        names=names,
        brands=brands,
        figures=numbers,
        versioned=versioned(numbers) & (names | brands) or _NONE,
        vector=vector,
    )


def proper_names(title: str) -> frozenset[str]:
    """The words of a title that are names in any language, folded: people, places, companies, products."""
    return frozenset(_names(title, ""))


def _kept(words: Iterable[str]) -> Iterator[str]:
    """Words that thousands of articles share, each held in memory once."""
    return map(sys.intern, words)


def plain_title(title: str) -> str:
    """A title without what agencies put before it, bounded."""
    return _SERIES.sub("", title[:_TITLE])


class Recent:
    """The articles of the last days, found by their words. `add` and `kin` take well under a millisecond."""

    def __init__(self) -> None:
        self._by_id: dict[int, Telling] = {}
        self._found: deque[int] = deque()
        self._holding: defaultdict[str, list[int]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, new: Telling) -> None:
        """Remember an article; one that is known is replaced."""
        if new.article_id in self._by_id:
            self._remove(new.article_id)
        else:
            self._found.append(new.article_id)
        self._by_id[new.article_id] = new
        for key in _keys(new):
            self._holding[key].append(new.article_id)

    def encoded(self, article_id: int, vector: bytes) -> None:
        """What the title of an article means became known."""
        if article_id in self._by_id:
            self._by_id[article_id] = replace(self._by_id[article_id], vector=vector)

    def forget(self, before: int) -> None:
        """Forget the articles published before a time, in the order in which they came."""
        while self._found and self._by_id[self._found[0]].published < before:
            article_id = self._found.popleft()
            self._remove(article_id)
            del self._by_id[article_id]

    def kin(self, new: Telling) -> tuple[Kin, ...]:
        """The articles of other feeds that seem to tell the same, the likest first."""
        shared: Counter[int] = Counter()
        left = _BUDGET
        for key in _looked_up(new):
            holding = self._holding.get(key, ())
            if len(holding) <= left:
                left -= len(holding)
                weight = new.weights.get(key, 1.0)
                for article_id in holding:
                    shared[article_id] += weight  # type: ignore[assignment]  # weights are no whole numbers
        others = [self._by_id[article_id] for article_id, _ in shared.most_common(_COMPARED)]
        cosines = _cosines(new, others)
        found = [
            Kin(other.article_id, alike)
            for other, cosine in zip(others, cosines, strict=True)
            if other.feed_id != new.feed_id and (alike := likeness(new, other, cosine)) >= LEAST
        ]
        return tuple(sorted(found, key=lambda kin: -kin.likeness)[:MOST_KIN])

    def _remove(self, article_id: int) -> None:
        for key in _keys(self._by_id[article_id]):
            holding = self._holding[key]
            holding.remove(article_id)
            if not holding:
                del self._holding[key]


def likeness(one: Telling, other: Telling, cosine: float | None = None) -> float:
    """From 0 to 1: how likely two articles tell of the same event. `cosine` is that of their vectors.

    The later one came, the more it takes: what follows after a day is mostly a new development.
    """
    apart = abs(one.published - other.published)
    translated = None not in (one.language, other.language) and one.language != other.language
    if (
        apart > APART
        or contradict(one.figures, other.figures, translated=translated)
        or _are_rivals(one, other)
    ):
        return 0.0
    alike = _translated(one, other, cosine) if translated else _likeness(one, other, cosine)
    return alike * (1 - _LATE * apart / APART)


def _translated(one: Telling, other: Telling, cosine: float | None) -> float:
    """How alike articles in two languages are, of which the vectors alone can tell where a name agrees."""
    if cosine is None or cosine < _ACROSS or not _name_the_same(one, other):
        return 0.0
    return cosine - _ACROSS_SHIFT


def _likeness(one: Telling, other: Telling, cosine: float | None) -> float:
    if len(one.weights.keys() & other.weights.keys()) < _SHARED:
        return 0.0
    words = (_share(one, other) + _share(other, one)) / 2
    return words if cosine is None else max(0.0, (words + cosine) / 2 - _SHIFT)


def _share(one: Telling, other: Telling) -> float:
    """How much of what the words of a title tell stands in another article, in its title above all."""
    found = 0.0
    for term, weight in one.weights.items():
        if term in other.weights:
            found += weight
        elif term in other.lead:
            found += weight * _IN_LEAD
    return found / one.total


def _are_rivals(one: Telling, other: Telling) -> bool:
    """Whether each names somebody that the other does not, and nobody that both name."""
    if one.brands.difference(other.mentioned) and other.brands.difference(one.mentioned):
        return True
    ours, theirs = one.versioned, other.versioned
    if ours and theirs and ours.isdisjoint(theirs):
        return True
    return bool(
        one.names
        and other.names
        and one.names.isdisjoint(other.mentioned)
        and other.names.isdisjoint(one.mentioned)
    )


def _name_the_same(one: Telling, other: Telling) -> bool:
    return not one.names.isdisjoint(other.mentioned) or not other.names.isdisjoint(one.mentioned)


def _names(title: str, lead: str) -> Iterator[str]:
    told = set(_capitalised(lead, anywhere=False))
    if not _is_title_case(title):
        told.update(_capitalised(title, anywhere=False))
    for form, start, end in analysis.word_spans(title):
        raw = title[start:end]
        if len(form) < _NAME or analysis.is_small(form) or not raw:
            continue
        if raw[1:] != raw[1:].lower() or (raw[0].isupper() and (form in told or form in COMPANIES)):
            yield form


def _brands(title: str) -> Iterator[str]:
    """The words with capitals inside, as in iPhone and OpenAI, and names that could be words."""
    says = not _is_title_case(title)
    for form, start, end in analysis.word_spans(title):
        raw = title[start:end]
        inside = form.isalpha() and raw != raw.upper() and raw[1:] != raw[1:].lower()
        if inside or (says and form in WORDS_TOO and raw[0].isupper()):
            yield form


def _is_title_case(title: str) -> bool:
    """Whether nearly every long word has a capital, so that capitals tell nothing."""
    long = [title[start] for _form, start, end in analysis.word_spans(title) if end - start > _NAME]
    return sum(map(str.isupper, long)) >= _TITLE_CASE * len(long)


def _capitalised(text: str, *, anywhere: bool) -> Iterator[str]:
    for form, start, end in analysis.word_spans(text):
        if end - start < _NAME or not text[start].isupper() or analysis.is_small(form):
            continue
        if anywhere or not _STARTS_SENTENCE.search(text[max(0, start - 4) : start]):
            yield form


def _keys(told: Telling) -> Iterator[str]:
    """By what an article is found: its terms, and its names as they are written in either language."""
    yield from told.weights
    for name in told.names:
        yield f"={name}"


def _looked_up(told: Telling) -> list[str]:
    telling_most = sorted(told.weights, key=lambda term: -told.weights[term])[:_LOOKED_UP]
    return [*telling_most, *(f"={name}" for name in told.names)]


def _cosines(new: Telling, others: list[Telling]) -> list[float | None]:
    if new.vector is None:
        return [None] * len(others)
    from bot.search.semantic.vector_index import cosines  # noqa: PLC0415 - needs the extra, which made the vector

    close = iter(cosines(new.vector, [each.vector for each in others if each.vector is not None]))
    return [None if other.vector is None else next(close) for other in others]
