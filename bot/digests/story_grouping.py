"""Grouping of the articles that a digest may list into stories.

The stored similarity of two articles decides. If none is stored, as for articles of one feed or of an import,
only their titles are compared, by the same measure; titles in two languages by words that translate each
other.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence

from bot.store.records.content_records import ArticleBrief
from bot.store.records.outbox_records import DigestCandidate
from bot.stories.story_matching import StoryFeatures, compute_similarity, extract_story_features
from bot.stories.story_membership import compute_membership_margin
from bot.writing import bilingual_terms

StoryArticles = list[DigestCandidate]
"""Articles of one story, the earliest first."""

_MIN_SHARED_WORDS = 3
"""Minimum number of words that two titles must share for their similarity to be computed."""
_MIN_TRANSLATED_WORDS = 2
"""Minimum number of translated words that titles in two languages must share to be compared.

It is low, since the dictionary is small.
"""
_MIN_TRANSLATED_SHARE = 0.3
"""Minimum share of two titles' word weights that is translated in the other title, for them to be similar.

Of the ten million pairs of 2,500 English and 4,000 French headlines of different days, 30 reach this share.
"""
_TRANSLATED_SHARE_TO_COSINE = 0.35
"""Summand that turns the translated share of two titles on one event into a comparable cosine."""
_MIN_COLLECTION_SIZE = 50
"""Minimum number of articles that is assumed when computing a word's inverse document frequency (IDF)."""


def group_into_stories(
    candidates: Sequence[DigestCandidate], similar_pairs: Iterable[tuple[int, int, float]]
) -> list[StoryArticles]:
    """Group the articles into stories and return them, earliest first.

    `similar_pairs` are pairs of article ids with their similarity.
    """
    similarity_by_pair: dict[tuple[int, int], float] = {}
    for first_id, second_id, pair_similarity in similar_pairs:
        similarity_by_pair[first_id, second_id] = similarity_by_pair[second_id, first_id] = pair_similarity
    similar_ids: dict[int, list[int]] = defaultdict(list)
    for first_id, second_id in similarity_by_pair:
        similar_ids[first_id].append(second_id)
    features = _features_by_article(candidates)
    bilingual_terms_by_id = _bilingual_terms_by_article(features.values())
    groups: list[StoryArticles] = []
    groups_by_word: dict[str, set[int]] = defaultdict(set)  # Story indexes by word of a title
    group_by_article: dict[int, int] = {}
    for article in sorted(
        candidates, key=lambda sorted_candidate: (sorted_candidate.published, sorted_candidate.article_id)
    ):
        words = features[article.article_id].weights
        nearby_groups = {
            group_by_article[similar_id]
            for similar_id in similar_ids[article.article_id]
            if similar_id in group_by_article
        }
        shared_word_counts = Counter(group for word in words for group in groups_by_word[word])
        nearby_groups |= {group for group, count in shared_word_counts.items() if count >= _MIN_SHARED_WORDS}
        translated_word_counts = Counter(
            group
            for word in bilingual_terms_by_id.get(article.article_id, ())
            for group in groups_by_word[word]
        )
        nearby_groups |= {
            group for group, count in translated_word_counts.items() if count >= _MIN_TRANSLATED_WORDS
        }
        group_index = next(
            (
                nearby_index
                for nearby_index in sorted(nearby_groups)
                if _belongs_to_story(
                    article, groups[nearby_index], similarity_by_pair, features, bilingual_terms_by_id
                )
            ),
            None,
        )
        if group_index is None:
            group_index = len(groups)
            groups.append([])
        groups[group_index].append(article)
        group_by_article[article.article_id] = group_index
        for word in words:
            groups_by_word[word].add(group_index)
    return groups


def _belongs_to_story(
    article: DigestCandidate,
    group: StoryArticles,
    similarity_by_pair: dict[tuple[int, int], float],
    features: dict[int, StoryFeatures],
    bilingual_terms_by_id: dict[int, frozenset[str]],
) -> bool:
    """Return whether an article belongs to a story, by its similarity to the articles of the story."""
    pairs = [(article.article_id, member.article_id) for member in group]
    similarities = [similarity_by_pair[pair] for pair in pairs if pair in similarity_by_pair]
    if not similarities:
        similarities = [
            compute_similarity(
                features[first_id],
                features[second_id],
                _cross_lingual_cosine(features[first_id], features[second_id], bilingual_terms_by_id),
            )
            for first_id, second_id in pairs
        ]
    return compute_membership_margin(similarities, len(group)) >= 0


def _bilingual_terms_by_article(features: Collection[StoryFeatures]) -> dict[int, frozenset[str]]:
    """Return the index terms of each title and their translations, by article id.

    Returns an empty dictionary if all titles are in one language.
    """
    if len({title_features.language for title_features in features} - {None}) < 2:  # noqa: PLR2004 - two languages
        return {}
    terms = {
        article_features.article_id: frozenset(article_features.weights) for article_features in features
    }
    return {
        article_id: title | bilingual_terms.translate_terms(title) | bilingual_terms.translate_names(title)
        for article_id, title in terms.items()
    }


def _cross_lingual_cosine(
    first: StoryFeatures, second: StoryFeatures, bilingual_terms_by_id: dict[int, frozenset[str]]
) -> float | None:
    """Return an estimated cosine of two titles in different languages.

    Returns None if both are in one language or hardly any words translate each other.
    """
    if first.language == second.language or not bilingual_terms_by_id:
        return None
    share = (
        _matched_weight_share(first, bilingual_terms_by_id[second.article_id])
        + _matched_weight_share(second, bilingual_terms_by_id[first.article_id])
    ) / 2
    # Names are equal in both languages, so at least one other word must be translated.
    is_translated = not bilingual_terms.translate_terms(second.weights).isdisjoint(
        first.weights.keys() - second.weights.keys()
    )
    return share + _TRANSLATED_SHARE_TO_COSINE if share >= _MIN_TRANSLATED_SHARE and is_translated else None


def _matched_weight_share(features: StoryFeatures, terms: frozenset[str]) -> float:
    return sum(weight for term, weight in features.weights.items() if term in terms) / features.total_weight


def _features_by_article(candidates: Sequence[DigestCandidate]) -> dict[int, StoryFeatures]:
    """Return the features of each title by article id; the IDF of words is computed among these titles."""
    document_frequency: Counter[str] = Counter()
    unweighted = {
        counted_candidate.article_id: _title_features(counted_candidate, document_frequency, len(candidates))
        for counted_candidate in candidates
    }
    for features in unweighted.values():
        document_frequency.update(features.weights.keys())
    return {
        candidate.article_id: _title_features(candidate, document_frequency, len(candidates))
        for candidate in candidates
    }


def _title_features(
    candidate: DigestCandidate, document_frequency: Counter[str], count: int
) -> StoryFeatures:
    size = max(count, _MIN_COLLECTION_SIZE)
    brief = ArticleBrief(
        candidate.article_id,
        "",
        candidate.feed_id,
        candidate.title,
        "",
        candidate.language,
        candidate.published,
    )
    return extract_story_features(
        brief,
        lambda word: math.log(1 + (size - document_frequency[word] + 0.5) / (document_frequency[word] + 0.5)),
    )
