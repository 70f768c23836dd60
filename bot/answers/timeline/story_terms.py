"""Key terms of a story: the words by which its later and earlier articles are recognised."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from bot.core.models import Article
from bot.search.index import text_analysis
from bot.stories import bilingual_terms
from bot.stories.story_matching import extract_proper_names
from bot.text import discord_text
from bot.text.words import fold

LEAD_LENGTH = 400
"""Length in characters of the beginning of a text that is searched for key terms."""
MAX_KEY_TERMS = 4
"""Maximum number of key terms of a story."""
MIN_KEY_SHARE = 0.45
"""Minimum share of the weight of a story's key terms that an article of the story has."""

_NAME_FACTOR = 3.0
"""Factor on the weight of a key term that is a name."""
_STORY_NAME_FACTOR = 4.0
"""Factor on the weight of a key term by which a person names the story."""
_MAX_TOPIC_WORDS = 3
"""Maximum number of words that name the topic of a story."""
_MAX_TOPIC_LENGTH = 60
"""Maximum length in UTF-16 units of the topic of a story."""
_MIN_TERM_LENGTH = 3


def select_key_terms(
    articles: Sequence[Article], weigh_term: Callable[[str, int], float], story_name: str = ""
) -> dict[str, float]:
    """Return the key terms of articles on one event with their weights, heaviest first.

    They are at most `MAX_KEY_TERMS` stems of rare words that many of the titles share, above all of names and of
    `story_name`, the words by which a person names the story, which count as if all titles had them. `weigh_term` is
    called with a stem and the number of titles that have it, and returns the weight of the stem, such as its inverse
    document frequency, or 0 to leave it out.
    """
    story_name_terms = {stem for word in story_name.split() for stem in text_analysis.find_query_stems(word)}
    title_counts = Counter(
        term
        for article in articles
        for term in story_name_terms.union(text_analysis.stem_tokens(article.title, article.language))
        if len(term) >= _MIN_TERM_LENGTH and not term.isdecimal()
    )
    proper_name_terms = {
        term
        for article in articles
        for name in extract_proper_names(article.title)
        for term in text_analysis.stem_tokens(name, article.language)
    }
    weight_by_term = {
        term: weight
        * (count / len(articles))
        * (_NAME_FACTOR if term in proper_name_terms else 1)
        * (_STORY_NAME_FACTOR if term in story_name_terms else 1)
        for term, count in title_counts.items()
        if (weight := weigh_term(term, count)) > 0
    }
    return dict(
        sorted(weight_by_term.items(), key=lambda term_weight: (-term_weight[1], term_weight[0]))[:MAX_KEY_TERMS]
    )


def compute_key_share(key_terms: Mapping[str, float], article: Article) -> float:
    """Return the share of the weight of a story's key terms that the beginning of an article has, from 0 to 1.

    It is 0 without the heaviest term. Terms also count in translation.
    """
    lead = (article.summary or article.body)[:LEAD_LENGTH]
    terms = frozenset(text_analysis.stem_tokens(f"{article.title}\n{lead}", article.language))
    terms |= bilingual_terms.translate_terms(terms) | bilingual_terms.translate_names(terms)
    if next(iter(key_terms), None) not in terms:
        return 0.0
    return sum(weight for term, weight in key_terms.items() if term in terms) / sum(key_terms.values())


def name_topic(articles: Sequence[Article]) -> str:
    """Return the words that name the story of these articles, from the first title that has such words.

    They are a word that many titles share, names before other words, and further such words beside it. A word that
    stands alone must be a name. Without such words, the first title is returned.
    """
    shared_terms = select_key_terms(articles, lambda _term, _count: 1.0)
    topics = (_find_topic(shared_terms, article) for article in articles)
    return discord_text.to_plain_line(next(filter(None, topics), articles[0].title), _MAX_TOPIC_LENGTH)


def _find_topic(shared_terms: Mapping[str, float], article: Article) -> str:
    """Return the words of a title around its heaviest shared term, or "" if they name no topic."""
    tokens = text_analysis.find_stems_with_spans(article.title, article.language)
    positions = [position for position, (stem, _start, _end) in enumerate(tokens) if stem in shared_terms]
    if not positions:
        return ""
    first_position = last_position = max(positions, key=lambda position: shared_terms[tokens[position][0]])
    while (
        last_position + 1 in positions
        and last_position - first_position + 1 < _MAX_TOPIC_WORDS
        and _are_adjacent(article, tokens, last_position)
    ):
        last_position += 1
    while (
        first_position - 1 in positions
        and last_position - first_position + 1 < _MAX_TOPIC_WORDS
        and _are_adjacent(article, tokens, first_position - 1)
    ):
        first_position -= 1
    topic = article.title[tokens[first_position][1] : tokens[last_position][2]]
    if first_position == last_position and fold(topic) not in extract_proper_names(article.title):
        return ""
    return topic[0].upper() + topic[1:] if topic.split()[0].islower() else topic


def _are_adjacent(article: Article, tokens: Sequence[tuple[str, int, int]], position: int) -> bool:
    """Return whether only a space, a hyphen or a genitive is between a word of a title and the next one."""
    return article.title[tokens[position][2] : tokens[position + 1][1]] in {" ", "-", "\xa0", "'s ", "’s "}
