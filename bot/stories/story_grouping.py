"""Grouping of articles, such as those that a digest may list, into stories.

The stored similarity of two articles decides. If none is stored, as for articles of one feed or of an import,
only their titles are compared, by the same measure; titles in two languages by words that translate each
other.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

from bot.core.models import Article
from bot.store.records.content_records import ArticleBrief
from bot.store.records.outbox_records import DigestCandidate
from bot.stories import bilingual_terms
from bot.stories.story_matching import StoryFeatures, compute_similarity, extract_story_features
from bot.stories.story_membership import compute_story_membership_score

TitledArticle = ArticleBrief | DigestCandidate
"""Type of the records of articles that can be grouped, by their titles."""

ArticleT = TypeVar("ArticleT", ArticleBrief, DigestCandidate)
"""Type variable: the type of article records that a call groups, all of one type."""

_MIN_SHARED_TERMS = 3
"""Minimum number of terms that a title must share with the titles of a story to be compared with them."""
_MIN_BILINGUAL_TERMS = 2
"""Minimum number of a title's terms and their translations in a story's titles, for the title to be compared with it.

It is low, since the dictionary of English and French terms is small.
"""
_MIN_TRANSLATED_SHARE = 0.3
"""Minimum share of the word weights of two titles that have a translation in the other one, for them to be similar.

Of the ten million pairs of 2,500 English and 4,000 French headlines of different days, 30 reach this share.
"""
_TRANSLATED_SHARE_OFFSET = 0.35
"""Amount added to the translated share of two titles' words to estimate the cosine of their vectors."""
_MIN_COLLECTION_SIZE = 50
"""Minimum number of articles that is assumed when computing a word's inverse document frequency (IDF)."""


def group_into_stories(
    articles: Sequence[ArticleT], similar_pairs: Iterable[tuple[int, int, float]]
) -> list[list[ArticleT]]:
    """Group articles into stories; return the stories in the order of their earliest articles.

    `similar_pairs` are pairs of article ids with their similarity (0 to 1).
    """
    similarity_by_pair: dict[tuple[int, int], float] = {}
    for first_id, second_id, pair_similarity in similar_pairs:
        similarity_by_pair[first_id, second_id] = similarity_by_pair[second_id, first_id] = pair_similarity
    similar_ids_by_article_id: dict[int, list[int]] = defaultdict(list)
    for first_id, second_id in similarity_by_pair:
        similar_ids_by_article_id[first_id].append(second_id)
    features_by_article_id = _build_features_by_article(articles)
    bilingual_terms_by_id = _build_bilingual_terms_by_article(features_by_article_id.values())
    stories: list[list[ArticleT]] = []
    story_indexes_by_term: dict[str, set[int]] = defaultdict(set)
    story_index_by_article_id: dict[int, int] = {}
    for article in sorted(articles, key=lambda article: (article.published, article.article_id)):
        title_terms = features_by_article_id[article.article_id].weights
        similar_story_indexes = {
            story_index_by_article_id[similar_id]
            for similar_id in similar_ids_by_article_id[article.article_id]
            if similar_id in story_index_by_article_id
        }
        shared_term_counts = Counter(
            term_story_index for term in title_terms for term_story_index in story_indexes_by_term[term]
        )
        similar_story_indexes |= {
            term_story_index
            for term_story_index, term_count in shared_term_counts.items()
            if term_count >= _MIN_SHARED_TERMS
        }
        bilingual_term_counts = Counter(
            term_story_index
            for term in bilingual_terms_by_id.get(article.article_id, ())
            for term_story_index in story_indexes_by_term[term]
        )
        similar_story_indexes |= {
            term_story_index
            for term_story_index, term_count in bilingual_term_counts.items()
            if term_count >= _MIN_BILINGUAL_TERMS
        }
        story_index = next(
            (
                similar_story_index
                for similar_story_index in sorted(similar_story_indexes)
                if _belongs_to_story(
                    article,
                    stories[similar_story_index],
                    similarity_by_pair,
                    features_by_article_id,
                    bilingual_terms_by_id,
                )
            ),
            None,
        )
        if story_index is None:
            story_index = len(stories)
            stories.append([])
        stories[story_index].append(article)
        story_index_by_article_id[article.article_id] = story_index
        for term in title_terms:
            story_indexes_by_term[term].add(story_index)
    return stories


def group_articles(articles: Sequence[Article], similar_pairs: Iterable[tuple[int, int, float]]) -> list[list[Article]]:
    """Group articles into stories; return the stories in the order of their earliest articles.

    `similar_pairs` are pairs of article ids with their similarity (0 to 1). It is slow: call it in a worker process.
    """
    article_by_id = {article.id: article for article in articles}
    briefs = [
        ArticleBrief(article.id, article.key, article.feed_id, article.title, "", article.language, article.published)
        for article in articles
    ]
    return [[article_by_id[brief.article_id] for brief in story] for story in group_into_stories(briefs, similar_pairs)]


def _belongs_to_story(
    article: TitledArticle,
    story_articles: Sequence[TitledArticle],
    similarity_by_pair: dict[tuple[int, int], float],
    features_by_article_id: dict[int, StoryFeatures],
    bilingual_terms_by_id: dict[int, frozenset[str]],
) -> bool:
    """Return whether an article belongs to a story, by its similarity to the articles of the story."""
    article_id_pairs = [(article.article_id, member.article_id) for member in story_articles]
    similarities = [similarity_by_pair[pair] for pair in article_id_pairs if pair in similarity_by_pair]
    if not similarities:
        similarities = [
            compute_similarity(
                features_by_article_id[first_id],
                features_by_article_id[second_id],
                _estimate_cross_lingual_cosine(
                    features_by_article_id[first_id], features_by_article_id[second_id], bilingual_terms_by_id
                ),
            )
            for first_id, second_id in article_id_pairs
        ]
    return compute_story_membership_score(similarities, len(story_articles)) >= 0


def _build_bilingual_terms_by_article(features: Collection[StoryFeatures]) -> dict[int, frozenset[str]]:
    """Return the index terms of each title and their translations to the other language, by article id.

    Returns an empty dictionary if all titles are in one language.
    """
    if len({article_features.language for article_features in features} - {None}) < 2:  # noqa: PLR2004 - two languages
        return {}
    terms_by_article_id = {
        article_features.article_id: frozenset(article_features.weights) for article_features in features
    }
    return {
        article_id: title_terms
        | bilingual_terms.translate_terms(title_terms)
        | bilingual_terms.translate_names(title_terms)
        for article_id, title_terms in terms_by_article_id.items()
    }


def _estimate_cross_lingual_cosine(
    first_features: StoryFeatures,
    second_features: StoryFeatures,
    bilingual_terms_by_id: dict[int, frozenset[str]],
) -> float | None:
    """Return an estimated cosine of two titles in different languages.

    Returns None if both are in one language or hardly any words translate each other.
    """
    if first_features.language == second_features.language or not bilingual_terms_by_id:
        return None
    translated_share = (
        _compute_matched_share(first_features, bilingual_terms_by_id[second_features.article_id])
        + _compute_matched_share(second_features, bilingual_terms_by_id[first_features.article_id])
    ) / 2
    # Names are equal in both languages, so at least one other word must be translated.
    has_translated_word = not bilingual_terms.translate_terms(second_features.weights).isdisjoint(
        first_features.weights.keys() - second_features.weights.keys()
    )
    return (
        translated_share + _TRANSLATED_SHARE_OFFSET
        if translated_share >= _MIN_TRANSLATED_SHARE and has_translated_word
        else None
    )


def _compute_matched_share(features: StoryFeatures, terms: frozenset[str]) -> float:
    return sum(weight for term, weight in features.weights.items() if term in terms) / features.total_weight


def _build_features_by_article(articles: Sequence[TitledArticle]) -> dict[int, StoryFeatures]:
    """Return the features of each title by article id; the IDF of words is computed among these titles."""
    document_frequency_by_term: Counter[str] = Counter()
    preliminary_features_by_id = {
        article.article_id: _extract_title_features(article, document_frequency_by_term, len(articles))
        for article in articles
    }
    for features in preliminary_features_by_id.values():
        document_frequency_by_term.update(features.weights.keys())
    return {
        article.article_id: _extract_title_features(article, document_frequency_by_term, len(articles))
        for article in articles
    }


def _extract_title_features(
    article: TitledArticle, document_frequency_by_term: Counter[str], article_count: int
) -> StoryFeatures:
    collection_size = max(article_count, _MIN_COLLECTION_SIZE)
    title_brief = ArticleBrief(
        article.article_id,
        "",
        article.feed_id,
        article.title,
        "",
        article.language,
        article.published,
    )
    return extract_story_features(
        title_brief,
        lambda term: math.log(
            1 + (collection_size - document_frequency_by_term[term] + 0.5) / (document_frequency_by_term[term] + 0.5)
        ),
    )
