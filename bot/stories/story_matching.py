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

from bot.search.index import text_analysis
from bot.store.records.content_records import ArticleBrief, SimilarArticle
from bot.stories.brand_names import AMBIGUOUS_BRANDS, BRANDS
from bot.stories.story_membership import MAX_STORY_GAP_SECONDS
from bot.stories.title_conflicts import Figures, extract_figures, figures_conflict, versioned_subjects

WINDOW_SECONDS = 3 * 86_400
"""Seconds for which an article is remembered."""
LEAD_LENGTH = 240
"""Characters of a text that count as its lead."""
MIN_SIMILARITY = 0.2
"""Likeness below which two articles have nothing to do with each other."""
MAX_SIMILAR = 48
"""Articles that one may be like: the likest."""

_MAX_TITLE_LENGTH = 300  # characters
_LEAD_TERM_FACTOR = 0.5  # as much as in the title counts a word that stands in the lead
_MAX_LOOKUP_TERMS = 12  # words by which others are looked for, the most telling first,
_MAX_POSTINGS_READ = 800  # until so many were found;
_MAX_COMPARED = 64  # the likest of which are compared exactly
_MIN_SHARED_TERMS = 2  # words that titles have to share at least
_COSINE_OFFSET = 0.05  # cosines of vectors are larger than those of words
_MIN_CROSS_LINGUAL_COSINE = (
    0.55  # cosine from which on articles in two languages have something to do with each other
)
_CROSS_LINGUAL_OFFSET = 0.1
_MAX_AGE_PENALTY = 0.5  # of the likeness that is left after two days
_TITLE_CASE_SHARE = 0.6  # share of capitals from which on they say nothing
_MIN_NAME_LENGTH = 3  # letters
_EMPTY: frozenset[str] = frozenset()  # mostly there are none, and each empty set takes as much as a full one
_AGENCY_PREFIX = re.compile(
    r"^\s*(?:(?:update|wrapup) \d+\s*-|global markets\s*-|live\s*[:|-]|en direct\s*[:,-])\s*", re.IGNORECASE
)
_STARTS_SENTENCE = re.compile(r"(?:^|[.:;!?|«»“”\"–—-])\s*$")


@dataclass(frozen=True, slots=True)
class StoryFeatures:
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
    total_weight: float
    lead_terms: tuple[str, ...]  # a set of so few takes four times the memory, and thousands are held
    mentioned_words: tuple[str, ...]
    names: frozenset[str]
    brands: frozenset[str]
    figures: Figures
    versioned_names: frozenset[str]
    vector: bytes | None = None


def extract_story_features(
    brief: ArticleBrief, term_weight: Callable[[str], float], vector: bytes | None = None
) -> StoryFeatures:
    """What is compared of an article; `weigh` tells how much a term tells, `vector` what the title means."""
    title, lead, language = plain_title(brief.title), brief.lead[:LEAD_LENGTH], brief.language
    weights = {
        term: term_weight(term) ** 2 for term in _intern_all(text_analysis.stemmed_tokens(title, language))
    }
    words = frozenset(_intern_all(text_analysis.tokens(title)))
    names = frozenset(_intern_all(_names(title, lead))) or _EMPTY
    brands = (words & BRANDS).union(_brands(title)) or _EMPTY
    numbers = extract_figures(title)
    return StoryFeatures(
        article_id=brief.article_id,
        feed_id=brief.feed_id,
        published=brief.published,
        language=language,
        weights=weights,
        total_weight=sum(weights.values()) or 1.0,
        lead_terms=tuple(set(_intern_all(text_analysis.stemmed_tokens(lead, language))) - weights.keys()),
        mentioned_words=tuple(words.union(_intern_all(_capitalised(lead, anywhere=True)))),
        names=names,
        brands=brands,
        figures=numbers,
        versioned_names=versioned_subjects(numbers) & (names | brands) or _EMPTY,
        vector=vector,
    )


def proper_names(title: str) -> frozenset[str]:
    """The words of a title that are names in any language, folded: people, places, companies, products."""
    return frozenset(_names(title, ""))


def _intern_all(words: Iterable[str]) -> Iterator[str]:
    """Words that thousands of articles share, each held in memory once."""
    return map(sys.intern, words)


def plain_title(title: str) -> str:
    """A title without what agencies put before it, bounded."""
    return _AGENCY_PREFIX.sub("", title[:_MAX_TITLE_LENGTH])


class RecentArticleIndex:
    """The articles of the last days, found by their words. `add` and `kin` take well under a millisecond."""

    def __init__(self) -> None:
        self._by_id: dict[int, StoryFeatures] = {}
        self._insertion_order: deque[int] = deque()
        self._postings: defaultdict[str, list[int]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, new: StoryFeatures) -> None:
        """Remember an article; one that is known is replaced."""
        if new.article_id in self._by_id:
            self._remove(new.article_id)
        else:
            self._insertion_order.append(new.article_id)
        self._by_id[new.article_id] = new
        for key in _index_keys(new):
            self._postings[key].append(new.article_id)

    def set_vector(self, article_id: int, vector: bytes) -> None:
        """What the title of an article means became known."""
        if article_id in self._by_id:
            self._by_id[article_id] = replace(self._by_id[article_id], vector=vector)

    def evict_before(self, before: int) -> None:
        """Forget the articles published before a time, in the order in which they came."""
        while self._insertion_order and self._by_id[self._insertion_order[0]].published < before:
            article_id = self._insertion_order.popleft()
            self._remove(article_id)
            del self._by_id[article_id]

    def find_similar(self, new: StoryFeatures) -> tuple[SimilarArticle, ...]:
        """The articles of other feeds that seem to tell the same, the likest first."""
        shared: Counter[int] = Counter()
        left = _MAX_POSTINGS_READ
        for key in _lookup_keys(new):
            holding = self._postings.get(key, ())
            if len(holding) <= left:
                left -= len(holding)
                weight = new.weights.get(key, 1.0)
                for article_id in holding:
                    shared[article_id] += weight  # type: ignore[assignment]  # weights are no whole numbers
        others = [self._by_id[article_id] for article_id, _ in shared.most_common(_MAX_COMPARED)]
        cosines = _cosines(new, others)
        found = [
            SimilarArticle(other.article_id, alike)
            for other, cosine in zip(others, cosines, strict=True)
            if other.feed_id != new.feed_id and (alike := similarity(new, other, cosine)) >= MIN_SIMILARITY
        ]
        return tuple(sorted(found, key=lambda kin: -kin.similarity)[:MAX_SIMILAR])

    def _remove(self, article_id: int) -> None:
        for key in _index_keys(self._by_id[article_id]):
            holding = self._postings[key]
            holding.remove(article_id)
            if not holding:
                del self._postings[key]


def similarity(one: StoryFeatures, other: StoryFeatures, cosine: float | None = None) -> float:
    """From 0 to 1: how likely two articles tell of the same event. `cosine` is that of their vectors.

    The later one came, the more it takes: what follows after a day is mostly a new development.
    """
    apart = abs(one.published - other.published)
    translated = None not in (one.language, other.language) and one.language != other.language
    if (
        apart > MAX_STORY_GAP_SECONDS
        or figures_conflict(one.figures, other.figures, translated=translated)
        or _name_different_subjects(one, other)
    ):
        return 0.0
    alike = (
        _cross_lingual_similarity(one, other, cosine)
        if translated
        else _lexical_similarity(one, other, cosine)
    )
    return alike * (1 - _MAX_AGE_PENALTY * apart / MAX_STORY_GAP_SECONDS)


def _cross_lingual_similarity(one: StoryFeatures, other: StoryFeatures, cosine: float | None) -> float:
    """How alike articles in two languages are, of which the vectors alone can tell where a name agrees."""
    if cosine is None or cosine < _MIN_CROSS_LINGUAL_COSINE or not _share_a_name(one, other):
        return 0.0
    return cosine - _CROSS_LINGUAL_OFFSET


def _lexical_similarity(one: StoryFeatures, other: StoryFeatures, cosine: float | None) -> float:
    if len(one.weights.keys() & other.weights.keys()) < _MIN_SHARED_TERMS:
        return 0.0
    words = (_weight_share(one, other) + _weight_share(other, one)) / 2
    return words if cosine is None else max(0.0, (words + cosine) / 2 - _COSINE_OFFSET)


def _weight_share(one: StoryFeatures, other: StoryFeatures) -> float:
    """How much of what the words of a title tell stands in another article, in its title above all."""
    found = 0.0
    for term, weight in one.weights.items():
        if term in other.weights:
            found += weight
        elif term in other.lead_terms:
            found += weight * _LEAD_TERM_FACTOR
    return found / one.total_weight


def _name_different_subjects(one: StoryFeatures, other: StoryFeatures) -> bool:
    """Whether each names somebody that the other does not, and nobody that both name."""
    if one.brands.difference(other.mentioned_words) and other.brands.difference(one.mentioned_words):
        return True
    ours, theirs = one.versioned_names, other.versioned_names
    if ours and theirs and ours.isdisjoint(theirs):
        return True
    return bool(
        one.names
        and other.names
        and one.names.isdisjoint(other.mentioned_words)
        and other.names.isdisjoint(one.mentioned_words)
    )


def _share_a_name(one: StoryFeatures, other: StoryFeatures) -> bool:
    return not one.names.isdisjoint(other.mentioned_words) or not other.names.isdisjoint(one.mentioned_words)


def _names(title: str, lead: str) -> Iterator[str]:
    told = set(_capitalised(lead, anywhere=False))
    if not _is_title_case(title):
        told.update(_capitalised(title, anywhere=False))
    for form, start, end in text_analysis.token_spans(title):
        raw = title[start:end]
        if len(form) < _MIN_NAME_LENGTH or text_analysis.is_stop_word(form) or not raw:
            continue
        if raw[1:] != raw[1:].lower() or (raw[0].isupper() and (form in told or form in BRANDS)):
            yield form


def _brands(title: str) -> Iterator[str]:
    """The words with capitals inside, as in iPhone and OpenAI, and names that could be words."""
    says = not _is_title_case(title)
    for form, start, end in text_analysis.token_spans(title):
        raw = title[start:end]
        inside = form.isalpha() and raw != raw.upper() and raw[1:] != raw[1:].lower()
        if inside or (says and form in AMBIGUOUS_BRANDS and raw[0].isupper()):
            yield form


def _is_title_case(title: str) -> bool:
    """Whether nearly every long word has a capital, so that capitals tell nothing."""
    long = [
        title[start]
        for _form, start, end in text_analysis.token_spans(title)
        if end - start > _MIN_NAME_LENGTH
    ]
    return sum(map(str.isupper, long)) >= _TITLE_CASE_SHARE * len(long)


def _capitalised(text: str, *, anywhere: bool) -> Iterator[str]:
    for form, start, end in text_analysis.token_spans(text):
        if end - start < _MIN_NAME_LENGTH or not text[start].isupper() or text_analysis.is_stop_word(form):
            continue
        if anywhere or not _STARTS_SENTENCE.search(text[max(0, start - 4) : start]):
            yield form


def _index_keys(told: StoryFeatures) -> Iterator[str]:
    """By what an article is found: its terms, and its names as they are written in either language."""
    yield from told.weights
    for name in told.names:
        yield f"={name}"


def _lookup_keys(told: StoryFeatures) -> list[str]:
    telling_most = sorted(told.weights, key=lambda term: -told.weights[term])[:_MAX_LOOKUP_TERMS]
    return [*telling_most, *(f"={name}" for name in told.names)]


def _cosines(new: StoryFeatures, others: list[StoryFeatures]) -> list[float | None]:
    if new.vector is None:
        return [None] * len(others)
    from bot.search.semantic.vector_index import cosines  # noqa: PLC0415 - needs the extra, which made the vector

    close = iter(cosines(new.vector, [each.vector for each in others if each.vector is not None]))
    return [None if other.vector is None else next(close) for other in others]
