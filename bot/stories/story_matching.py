"""Story matching: which articles report the same event, by title, lead, names, numbers and meaning.

The words that two titles share are weighted by squared IDF, as in a cosine (Salton and Buckley,
"Term-weighting approaches in automatic text retrieval", 1988), in both directions; a title word that only the
lead (the beginning of the text) of the other article contains counts in part. Different numbers of one thing,
different brands, or more than two days between them rule a match out: in doubt there are two stories. Whether
an article joins a story of several articles is decided per channel (`story_membership`).
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
from bot.stories.title_conflicts import (
    Figures,
    extract_figures,
    has_figure_conflict,
    select_versioned_subjects,
)

RECENT_WINDOW_SECONDS = 3 * 86_400
"""Time in seconds for which an article is held in memory for comparison with new articles."""
LEAD_LENGTH = 240
"""Length in characters of the lead, the beginning of a text that is compared."""
MIN_SIMILARITY = 0.2
"""Minimum similarity, from 0 to 1, of two articles that may report the same event."""
MAX_SIMILAR_ARTICLES = 48
"""Maximum number of similar articles that are kept for an article, most similar first."""

_MAX_TITLE_LENGTH = 300
"""Maximum number of characters read of an article's title."""
_LEAD_TERM_FACTOR = 0.5
"""Factor on the weight of a title word found in the other article's lead instead of its title."""
_MAX_LOOKUP_TERMS = 12
"""Maximum number of an article's terms, the most distinctive, by which similar articles are looked up."""
_MAX_POSTINGS_READ = 800
"""Maximum number of index entries (pairs of term and article) that are read to look up similar articles."""
_MAX_COMPARED_ARTICLES = 64
"""Maximum number of articles found by the lookup that are compared exactly."""
_MIN_SHARED_TERMS = 2
"""Minimum number of terms that the titles of two similar articles in one language share."""
_COSINE_OFFSET = 0.05
"""Amount subtracted from the mean of word similarity and cosine of two articles.

Cosines of vectors are larger than those of words.
"""
_MIN_CROSS_LINGUAL_COSINE = 0.55
"""Minimum cosine of two similar articles in different languages."""
_CROSS_LINGUAL_OFFSET = 0.1
"""Amount subtracted from the cosine of two articles in different languages."""
_MAX_GAP_PENALTY = 0.5
"""Share of the similarity that two articles lose if the time between them is the maximum."""
_TITLE_CASE_SHARE = 0.6
"""Minimum share of capitals among the first letters of the longer words of a title in title case."""
_MIN_NAME_LENGTH = 3
"""Minimum length in letters of a word that counts as a name."""
_EMPTY_SET: frozenset[str] = frozenset()
"""Empty set that articles share: most need one, and each would take as much memory as a full set."""
_AGENCY_PREFIX_PATTERN = re.compile(
    r"^\s*(?:(?:update|wrapup) \d+\s*-|global markets\s*-|live\s*[:|-]|en direct\s*[:,-])\s*", re.IGNORECASE
)
_SENTENCE_START_PATTERN = re.compile(r"(?:^|[.:;!?|«»“”\"–—-])\s*$")


@dataclass(frozen=True, slots=True)
class StoryFeatures:
    """Features of an article for story matching.

    Attributes:
        weights: Squared inverse document frequency of each title term, by term.
        total_weight: Sum of `weights`.
        lead_terms: Terms of the lead that are not in the title; a tuple takes a quarter of a set's memory.
        mentioned_words: Folded words of the title, and capitalised words of the lead.
        names: Folded proper names of the title.
        brands: Folded brand names of the title.
        figures: Numbers in the title, each with what it counts or measures.
        versioned_names: Names and brands that stand beside a version number.
        vector: Vector of the title's meaning (embedding), or None if unknown.
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
    brief: ArticleBrief, compute_idf: Callable[[str], float], vector: bytes | None = None
) -> StoryFeatures:
    """Return the features of an article for story matching.

    `compute_idf` returns the inverse document frequency of an index term. `vector` is the vector of the
    title's meaning, or None if unknown.
    """
    title, lead, language = strip_agency_prefix(brief.title), brief.lead[:LEAD_LENGTH], brief.language
    weight_by_term = {
        term: compute_idf(term) ** 2 for term in _intern_words(text_analysis.stem_tokens(title, language))
    }
    words = frozenset(_intern_words(text_analysis.tokenize(title)))
    names = frozenset(_intern_words(_iter_names(title, lead))) or _EMPTY_SET
    brands = (words & BRANDS).union(_iter_brands(title)) or _EMPTY_SET
    figures = extract_figures(title)
    return StoryFeatures(
        article_id=brief.article_id,
        feed_id=brief.feed_id,
        published=brief.published,
        language=language,
        weights=weight_by_term,
        total_weight=sum(weight_by_term.values()) or 1.0,
        lead_terms=tuple(set(_intern_words(text_analysis.stem_tokens(lead, language))) - weight_by_term.keys()),
        mentioned_words=tuple(words.union(_intern_words(_iter_capitalised(lead, includes_sentence_starts=True)))),
        names=names,
        brands=brands,
        figures=figures,
        versioned_names=select_versioned_subjects(figures) & (names | brands) or _EMPTY_SET,
        vector=vector,
    )


def extract_proper_names(title: str) -> frozenset[str]:
    """Return the folded names in a title of any language: people, places, companies, products."""
    return frozenset(_iter_names(title, ""))


def _intern_words(words: Iterable[str]) -> Iterator[str]:
    """Return words interned, so that the thousands of articles that share them take less memory."""
    return map(sys.intern, words)


def strip_agency_prefix(title: str) -> str:
    """Return a title without the prefix of a news agency, cut to `_MAX_TITLE_LENGTH` characters."""
    return _AGENCY_PREFIX_PATTERN.sub("", title[:_MAX_TITLE_LENGTH])


class RecentArticleIndex:
    """Index in memory of articles, such as those of the last days, by their words.

    `add` and `find_similar` take well under a millisecond.
    """

    def __init__(self) -> None:
        self._features_by_id: dict[int, StoryFeatures] = {}
        self._article_ids_in_insertion_order: deque[int] = deque()
        self._article_ids_by_key: defaultdict[str, list[int]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._features_by_id)

    def add(self, features: StoryFeatures) -> None:
        """Add an article to the index, or replace the article with the same id."""
        if features.article_id in self._features_by_id:
            self._remove(features.article_id)
        else:
            self._article_ids_in_insertion_order.append(features.article_id)
        self._features_by_id[features.article_id] = features
        for index_key in _iter_index_keys(features):
            self._article_ids_by_key[index_key].append(features.article_id)

    def set_vector(self, article_id: int, vector: bytes) -> None:
        """Set the vector of an article's title, if the article is still in the index."""
        if article_id in self._features_by_id:
            self._features_by_id[article_id] = replace(self._features_by_id[article_id], vector=vector)

    def evict_before(self, published_before: int) -> None:
        """Remove the articles added first, up to the first that was published at a Unix time in seconds or later."""
        while (
            self._article_ids_in_insertion_order
            and self._features_by_id[self._article_ids_in_insertion_order[0]].published < published_before
        ):
            article_id = self._article_ids_in_insertion_order.popleft()
            self._remove(article_id)
            del self._features_by_id[article_id]

    def find_similar(self, features: StoryFeatures, *, is_lasting: bool = False) -> tuple[SimilarArticle, ...]:
        """Return at most `MAX_SIMILAR_ARTICLES` articles of other feeds that seem to report the same event, best first.

        If the event `is_lasting`, articles of the feed itself count too, and the time between articles doesn't.
        """
        shared_weight_by_article: Counter[int] = Counter()
        remaining_postings = _MAX_POSTINGS_READ
        for index_key in _select_lookup_keys(features):
            article_ids = self._article_ids_by_key.get(index_key, ())
            if len(article_ids) <= remaining_postings:
                remaining_postings -= len(article_ids)
                weight = features.weights.get(index_key, 1.0)
                for article_id in article_ids:
                    shared_weight_by_article[article_id] += weight  # type: ignore[assignment]  # weights are no whole numbers
        candidates = [
            self._features_by_id[article_id]
            for article_id, _ in shared_weight_by_article.most_common(_MAX_COMPARED_ARTICLES)
        ]
        cosines = _compute_cosines(features, candidates)
        similar_articles = [
            SimilarArticle(candidate.article_id, candidate_similarity)
            for candidate, cosine in zip(candidates, cosines, strict=True)
            if (is_lasting or candidate.feed_id != features.feed_id)
            and (candidate_similarity := compute_similarity(features, candidate, cosine, is_lasting=is_lasting))
            >= MIN_SIMILARITY
        ]
        return tuple(
            sorted(similar_articles, key=lambda similar_article: -similar_article.similarity)[:MAX_SIMILAR_ARTICLES]
        )

    def _remove(self, article_id: int) -> None:
        for index_key in _iter_index_keys(self._features_by_id[article_id]):
            article_ids = self._article_ids_by_key[index_key]
            article_ids.remove(article_id)
            if not article_ids:
                del self._article_ids_by_key[index_key]


def compute_similarity(
    first_features: StoryFeatures,
    second_features: StoryFeatures,
    cosine: float | None = None,
    *,
    is_lasting: bool = False,
) -> float:
    """Return how similar two articles are, from 0 to 1.

    `cosine` is the cosine of their titles' vectors, or None if unknown. The similarity decreases with the
    time between the articles, because later articles mostly report a new development, unless the event
    `is_lasting`, with all its developments.
    """
    gap_seconds = 0 if is_lasting else abs(first_features.published - second_features.published)
    are_translations = (
        None not in (first_features.language, second_features.language)
        and first_features.language != second_features.language
    )
    if (
        gap_seconds > MAX_STORY_GAP_SECONDS
        or has_figure_conflict(first_features.figures, second_features.figures, is_cross_lingual=are_translations)
        or _have_different_subjects(first_features, second_features)
    ):
        return 0.0
    similarity_without_gap = (
        _compute_cross_lingual_similarity(first_features, second_features, cosine)
        if are_translations
        else _compute_lexical_similarity(first_features, second_features, cosine)
    )
    return similarity_without_gap * (1 - _MAX_GAP_PENALTY * gap_seconds / MAX_STORY_GAP_SECONDS)


def _compute_cross_lingual_similarity(
    first_features: StoryFeatures, second_features: StoryFeatures, cosine: float | None
) -> float:
    """Return the similarity of two articles in different languages.

    It is 0 unless the cosine is known and high enough, and a name of one article is in the other.
    """
    if cosine is None or cosine < _MIN_CROSS_LINGUAL_COSINE or not _have_common_name(first_features, second_features):
        return 0.0
    return cosine - _CROSS_LINGUAL_OFFSET


def _compute_lexical_similarity(
    first_features: StoryFeatures, second_features: StoryFeatures, cosine: float | None
) -> float:
    if len(first_features.weights.keys() & second_features.weights.keys()) < _MIN_SHARED_TERMS:
        return 0.0
    word_similarity = (
        _compute_weight_share(first_features, second_features) + _compute_weight_share(second_features, first_features)
    ) / 2
    return word_similarity if cosine is None else max(0.0, (word_similarity + cosine) / 2 - _COSINE_OFFSET)


def _compute_weight_share(first_features: StoryFeatures, second_features: StoryFeatures) -> float:
    """Return the share of the weight of a title's words that another article contains.

    Words in the lead of the other article count less than words in its title.
    """
    shared_weight = 0.0
    for term, weight in first_features.weights.items():
        if term in second_features.weights:
            shared_weight += weight
        elif term in second_features.lead_terms:
            shared_weight += weight * _LEAD_TERM_FACTOR
    return shared_weight / first_features.total_weight


def _have_different_subjects(first_features: StoryFeatures, second_features: StoryFeatures) -> bool:
    """Return whether two articles have different subjects: each names something that the other does not.

    Brands, names with a version number, and proper names are compared separately. Names with a version number, or
    proper names, differ only if the articles have none in common.
    """
    if first_features.brands.difference(second_features.mentioned_words) and second_features.brands.difference(
        first_features.mentioned_words
    ):
        return True
    first_versioned_names, second_versioned_names = (
        first_features.versioned_names,
        second_features.versioned_names,
    )
    if first_versioned_names and second_versioned_names and first_versioned_names.isdisjoint(second_versioned_names):
        return True
    return bool(
        first_features.names
        and second_features.names
        and first_features.names.isdisjoint(second_features.mentioned_words)
        and second_features.names.isdisjoint(first_features.mentioned_words)
    )


def _have_common_name(first_features: StoryFeatures, second_features: StoryFeatures) -> bool:
    return not first_features.names.isdisjoint(second_features.mentioned_words) or not second_features.names.isdisjoint(
        first_features.mentioned_words
    )


def _iter_names(title: str, lead: str) -> Iterator[str]:
    capitalised_words = set(_iter_capitalised(lead, includes_sentence_starts=False))
    if not _is_title_case(title):
        capitalised_words.update(_iter_capitalised(title, includes_sentence_starts=False))
    for word, start, end in text_analysis.find_token_spans(title):
        original_word = title[start:end]
        if len(word) < _MIN_NAME_LENGTH or text_analysis.is_stop_word(word) or not original_word:
            continue
        if original_word[1:] != original_word[1:].lower() or (
            original_word[0].isupper() and (word in capitalised_words or word in BRANDS)
        ):
            yield word


def _iter_brands(title: str) -> Iterator[str]:
    """Yield the brand names of a title: words with inner capitals, and capitalised brands that are also words.

    Examples are "iPhone" and "Orange".
    """
    do_capitals_mean_names = not _is_title_case(title)
    for word, start, end in text_analysis.find_token_spans(title):
        original_word = title[start:end]
        has_inner_capital = (
            word.isalpha() and original_word != original_word.upper() and original_word[1:] != original_word[1:].lower()
        )
        if has_inner_capital or (do_capitals_mean_names and word in AMBIGUOUS_BRANDS and original_word[0].isupper()):
            yield word


def _is_title_case(title: str) -> bool:
    """Return whether most long words of a title are capitalised, so that capitals do not indicate names."""
    initials = [
        title[start] for _word, start, end in text_analysis.find_token_spans(title) if end - start > _MIN_NAME_LENGTH
    ]
    return sum(map(str.isupper, initials)) >= _TITLE_CASE_SHARE * len(initials)


def _iter_capitalised(text: str, *, includes_sentence_starts: bool) -> Iterator[str]:
    """Yield the capitalised words of a text in folded form, those that begin a sentence only on request."""
    for word, start, end in text_analysis.find_token_spans(text):
        if end - start < _MIN_NAME_LENGTH or not text[start].isupper() or text_analysis.is_stop_word(word):
            continue
        if includes_sentence_starts or not _SENTENCE_START_PATTERN.search(text[max(0, start - 4) : start]):
            yield word


def _iter_index_keys(features: StoryFeatures) -> Iterator[str]:
    """Yield the keys by which an article is found in the index: its title terms, and its names.

    Names match in any language.
    """
    yield from features.weights
    for name in features.names:
        yield f"={name}"


def _select_lookup_keys(features: StoryFeatures) -> list[str]:
    """Return the keys by which articles similar to an article are looked up: its rarest terms, and its names."""
    distinctive_terms = sorted(features.weights, key=lambda term: -features.weights[term])[:_MAX_LOOKUP_TERMS]
    return [*distinctive_terms, *(f"={name}" for name in features.names)]


def _compute_cosines(features: StoryFeatures, candidates: list[StoryFeatures]) -> list[float | None]:
    """Return the cosine of an article and each candidate, or None where a vector is unknown."""
    if features.vector is None:
        return [None] * len(candidates)
    from bot.search.semantic.vector_index import compute_cosines  # noqa: PLC0415 - needs the extra, which made the vector

    known_cosines = iter(
        compute_cosines(
            features.vector,
            [encoded_candidate.vector for encoded_candidate in candidates if encoded_candidate.vector is not None],
        )
    )
    return [None if candidate.vector is None else next(known_cosines) for candidate in candidates]
