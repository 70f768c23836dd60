"""Grouping of a digest's candidate articles into stories.

The stored similarity of two articles counts. Where there is none, as for articles of one feed or an import,
their titles are compared by the same measure without leads; across languages by the words that translate each
other.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence

from bot.store.records.content_records import ArticleBrief
from bot.store.records.outbox_records import DigestCandidate
from bot.stories.story_matching import StoryFeatures, extract_story_features, similarity
from bot.stories.story_membership import membership_margin
from bot.writing import bilingual_terms

StoryArticles = list[DigestCandidate]
"""The articles of a story, the earliest first."""

_MIN_SHARED_WORDS = 3
"""Words that two titles must share to be compared."""
_FEWEST_ACROSS = 2
"""Translated words that two titles must share to be compared; few, since the dictionary is small."""
_LEAST_ACROSS = 0.3
"""Minimum share of the weight of two titles that is translated in the other for them to be similar.

Of the ten million pairs of 2,500 English and 4,000 French headlines of other days, 30 reach it.
"""
_AS_COSINE = 0.35
"""Difference between the cosine of two titles on one event and their translated share."""
_MIN_COLLECTION_SIZE = 50
"""Minimum collection size in articles that is assumed for the IDF of a word."""


def group_into_stories(
    candidates: Sequence[DigestCandidate], similar_pairs: Iterable[tuple[int, int, float]]
) -> list[StoryArticles]:
    """Return the stories, earliest first. `similar_pairs` are pairs of article ids with their similarity."""
    known: dict[tuple[int, int], float] = {}
    for one, other, alike in similar_pairs:
        known[one, other] = known[other, one] = alike
    related: dict[int, list[int]] = defaultdict(list)
    for one, other in known:
        related[one].append(other)
    tellings = _features_by_article(candidates)
    across = _across(tellings.values())
    groups: list[StoryArticles] = []
    of_word: dict[str, set[int]] = defaultdict(set)  # Story indexes by word of a title
    of_article: dict[int, int] = {}
    for article in sorted(candidates, key=lambda one: (one.published, one.article_id)):
        words = tellings[article.article_id].weights
        near = {of_article[other] for other in related[article.article_id] if other in of_article}
        shared = Counter(group for word in words for group in of_word[word])
        near |= {group for group, count in shared.items() if count >= _MIN_SHARED_WORDS}
        translated = Counter(group for word in across.get(article.article_id, ()) for group in of_word[word])
        near |= {group for group, count in translated.items() if count >= _FEWEST_ACROSS}
        place = next(
            (one for one in sorted(near) if _belongs(article, groups[one], known, tellings, across)), None
        )
        if place is None:
            place = len(groups)
            groups.append([])
        groups[place].append(article)
        of_article[article.article_id] = place
        for word in words:
            of_word[word].add(place)
    return groups


def _belongs(
    article: DigestCandidate,
    group: StoryArticles,
    known: dict[tuple[int, int], float],
    tellings: dict[int, StoryFeatures],
    across: dict[int, frozenset[str]],
) -> bool:
    """Return whether an article belongs to a story, by its similarity to the articles of the story."""
    pairs = [(article.article_id, other.article_id) for other in group]
    alike = [known[pair] for pair in pairs if pair in known]
    if not alike:
        alike = [
            similarity(tellings[one], tellings[other], _translated(tellings[one], tellings[other], across))
            for one, other in pairs
        ]
    return membership_margin(alike, len(group)) >= 0


def _across(tellings: Collection[StoryFeatures]) -> dict[int, frozenset[str]]:
    """Return the terms of each title in both languages, by article id; empty if all are in one language."""
    if len({telling.language for telling in tellings} - {None}) < 2:  # noqa: PLR2004 - two languages
        return {}
    terms = {telling.article_id: frozenset(telling.weights) for telling in tellings}
    return {
        article_id: title | bilingual_terms.translations(title) | bilingual_terms.translated_names(title)
        for article_id, title in terms.items()
    }


def _translated(one: StoryFeatures, other: StoryFeatures, across: dict[int, frozenset[str]]) -> float | None:
    """Return a cosine for titles in two languages; None in one language, or if they are hardly similar."""
    if one.language == other.language or not across:
        return None
    share = (_share(one, across[other.article_id]) + _share(other, across[one.article_id])) / 2
    # Names are equal in both languages, so at least one other word must be translated.
    is_translated = not bilingual_terms.translations(other.weights).isdisjoint(
        one.weights.keys() - other.weights.keys()
    )
    return share + _AS_COSINE if share >= _LEAST_ACROSS and is_translated else None


def _share(telling: StoryFeatures, terms: frozenset[str]) -> float:
    return sum(weight for term, weight in telling.weights.items() if term in terms) / telling.total_weight


def _features_by_article(candidates: Sequence[DigestCandidate]) -> dict[int, StoryFeatures]:
    """Return the features of each title, with the BM25 IDF of words among the candidates."""
    holding: Counter[str] = Counter()
    plain = {one.article_id: _title_features(one, holding, len(candidates)) for one in candidates}
    for each in plain.values():
        holding.update(each.weights.keys())
    return {one.article_id: _title_features(one, holding, len(candidates)) for one in candidates}


def _title_features(one: DigestCandidate, holding: Counter[str], count: int) -> StoryFeatures:
    size = max(count, _MIN_COLLECTION_SIZE)
    brief = ArticleBrief(one.article_id, "", one.feed_id, one.title, "", one.language, one.published)
    return extract_story_features(
        brief, lambda word: math.log(1 + (size - holding[word] + 0.5) / (holding[word] + 0.5))
    )
