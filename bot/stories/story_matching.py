"""Story matching: which articles report the same event, by title, lead, names, numbers and meaning.

The words that two titles share are weighted by squared IDF, as in a cosine (Salton and Buckley,
"Term-weighting approaches in automatic text retrieval", 1988), in both directions; a title word that only the
other's lead contains counts in part. Different numbers of one thing, different brands, or more than two days
between them rule a match out: in doubt there are two stories. Whether an article joins a story of several
articles is decided per channel (`story_membership`).
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
"""Time for which an article is held in memory."""
LEAD_LENGTH = 240
"""Length of the lead of a text, in characters."""
MIN_SIMILARITY = 0.2
"""Minimum similarity of similar articles."""
MAX_SIMILAR = 48
"""Maximum number of similar articles of an article, most similar first."""

_MAX_TITLE_LENGTH = 300
"""Maximum number of characters read of a title."""
_LEAD_TERM_FACTOR = 0.5
"""Weight of a title word found in the other lead, relative to one found in the other title."""
_MAX_LOOKUP_TERMS = 12
"""Maximum number of terms, most distinctive first, by which candidates are looked up."""
_MAX_POSTINGS_READ = 800
"""Maximum number of postings read for them."""
_MAX_COMPARED = 64
"""Maximum number of candidates that are compared exactly."""
_MIN_SHARED_TERMS = 2
"""Minimum number of terms that two titles share."""
_COSINE_OFFSET = 0.05
"""Subtracted from the mean with a cosine, because cosines of vectors are larger than those of words."""
_MIN_CROSS_LINGUAL_COSINE = 0.55
"""Minimum cosine of similar articles in two languages."""
_CROSS_LINGUAL_OFFSET = 0.1
"""Subtracted from the cosine of articles in two languages."""
_MAX_AGE_PENALTY = 0.5
"""Share of the similarity that is lost over the maximum time between two articles."""
_TITLE_CASE_SHARE = 0.6
"""Share of capitalised words from which on capitals do not indicate names."""
_MIN_NAME_LENGTH = 3
"""Minimum length of a name, in letters."""
_EMPTY: frozenset[str] = frozenset()
"""Shared empty set: most articles need one, and each would take as much memory as a full one."""
_AGENCY_PREFIX = re.compile(
    r"^\s*(?:(?:update|wrapup) \d+\s*-|global markets\s*-|live\s*[:|-]|en direct\s*[:,-])\s*", re.IGNORECASE
)
_STARTS_SENTENCE = re.compile(r"(?:^|[.:;!?|«»“”\"–—-])\s*$")


@dataclass(frozen=True, slots=True)
class StoryFeatures:
    """Features of an article for story matching.

    Attributes:
        weights: Squared IDF of each title term.
        total_weight: Sum of `weights`.
        lead_terms: Terms of the lead that are not in the title; a tuple takes a quarter of a set's memory.
        mentioned_words: Folded words of the title, and capitalised words of the lead.
        names: Folded proper names of the title.
        brands: Folded brand names of the title.
        versioned_names: Names and brands that stand beside a version number.
        vector: Embedding of the title, or None.
    """

    article_id: int
    feed_id: int
    published: int
    language: str | None
    weights: dict[str, float]
    total_weight: float
    lead_terms: tuple[str, ...]
    mentioned_words: tuple[str, ...]
    names: frozenset[str]
    brands: frozenset[str]
    figures: Figures
    versioned_names: frozenset[str]
    vector: bytes | None = None


def extract_story_features(
    brief: ArticleBrief, term_weight: Callable[[str], float], vector: bytes | None = None
) -> StoryFeatures:
    """Extract the features of an article. `compute_term_weight` returns the IDF of an index term."""
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
    """Return the folded names in a title of any language: people, places, companies, products."""
    return frozenset(_names(title, ""))


def _intern_all(words: Iterable[str]) -> Iterator[str]:
    """Intern words, because thousands of articles share them."""
    return map(sys.intern, words)


def plain_title(title: str) -> str:
    """Return a title without an agency's prefix, cut to `_MAX_TITLE_LENGTH` characters."""
    return _AGENCY_PREFIX.sub("", title[:_MAX_TITLE_LENGTH])


class RecentArticleIndex:
    """Articles of the last days in memory, found by their words.

    `add` and `find_similar` take well under a millisecond.
    """

    def __init__(self) -> None:
        self._by_id: dict[int, StoryFeatures] = {}
        self._insertion_order: deque[int] = deque()
        self._postings: defaultdict[str, list[int]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._by_id)

    def add(self, new: StoryFeatures) -> None:
        """Add an article, or replace it."""
        if new.article_id in self._by_id:
            self._remove(new.article_id)
        else:
            self._insertion_order.append(new.article_id)
        self._by_id[new.article_id] = new
        for key in _index_keys(new):
            self._postings[key].append(new.article_id)

    def set_vector(self, article_id: int, vector: bytes) -> None:
        """Set the embedding of an article's title, if the article is still held."""
        if article_id in self._by_id:
            self._by_id[article_id] = replace(self._by_id[article_id], vector=vector)

    def evict_before(self, before: int) -> None:
        """Remove articles published before a Unix time, in the order in which they were added."""
        while self._insertion_order and self._by_id[self._insertion_order[0]].published < before:
            article_id = self._insertion_order.popleft()
            self._remove(article_id)
            del self._by_id[article_id]

    def find_similar(self, new: StoryFeatures) -> tuple[SimilarArticle, ...]:
        """Return the articles of other feeds that seem to report the same event, most similar first."""
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
    """Return how similar two articles are, from 0 to 1; `cosine` is that of their vectors, or None.

    The similarity decreases with the time between them, because later articles mostly report a new
    development.
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
    """Return the similarity of articles in two languages, which needs a cosine and a common name."""
    if cosine is None or cosine < _MIN_CROSS_LINGUAL_COSINE or not _share_a_name(one, other):
        return 0.0
    return cosine - _CROSS_LINGUAL_OFFSET


def _lexical_similarity(one: StoryFeatures, other: StoryFeatures, cosine: float | None) -> float:
    if len(one.weights.keys() & other.weights.keys()) < _MIN_SHARED_TERMS:
        return 0.0
    words = (_weight_share(one, other) + _weight_share(other, one)) / 2
    return words if cosine is None else max(0.0, (words + cosine) / 2 - _COSINE_OFFSET)


def _weight_share(one: StoryFeatures, other: StoryFeatures) -> float:
    """Return the share of a title's weight that another article has, mostly counting its title."""
    found = 0.0
    for term, weight in one.weights.items():
        if term in other.weights:
            found += weight
        elif term in other.lead_terms:
            found += weight * _LEAD_TERM_FACTOR
    return found / one.total_weight


def _name_different_subjects(one: StoryFeatures, other: StoryFeatures) -> bool:
    """Return whether each article names something that the other does not, and neither name is shared."""
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
    """Yield brand names: words with inner capitals (iPhone, OpenAI), and capitalised ambiguous brands."""
    says = not _is_title_case(title)
    for form, start, end in text_analysis.token_spans(title):
        raw = title[start:end]
        inside = form.isalpha() and raw != raw.upper() and raw[1:] != raw[1:].lower()
        if inside or (says and form in AMBIGUOUS_BRANDS and raw[0].isupper()):
            yield form


def _is_title_case(title: str) -> bool:
    """Return whether most long words are capitalised, so that capitals do not indicate names."""
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
    """Yield the keys of an article in the index: its terms, and its names, which match in any language."""
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
