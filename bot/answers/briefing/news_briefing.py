"""Construction of briefings: the biggest stories of a period, about a topic or about anything."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from math import log2

from bot.answers.answer_model import BriefingStory
from bot.answers.briefing.news_requests import NewsRequest
from bot.answers.briefing.topic_relevance import score_topic_relevance
from bot.core.models import Article
from bot.search.index import text_analysis
from bot.search.index.search_engine import Scope, SearchEngine
from bot.search.query.query_filters import FilterName
from bot.search.query.query_tree import FieldFilter, Node, Phrase, Word
from bot.search.ranked_search import compute_idf
from bot.search.searching import Searcher
from bot.store.records.content_records import MIN_SINGLE_ARTICLE_SIMILARITY
from bot.stories.preference_model import PreferenceModel
from bot.stories.story_grouping import group_articles
from bot.text import discord_text
from bot.text.times.periods import Period

MAX_STORIES = 6
"""Maximum number of stories in a briefing (answer to a request for news)."""
MIN_STORIES = 3
"""Minimum number of stories in a briefing (answer to a request for news), where there are enough articles.

A period that the request does not state is extended until there are as many. If the request's language has fewer
articles, articles in all languages are used.
"""
MIN_OUTLETS = 2
"""Minimum number of outlets in a briefing (answer to a request for news), if as many report on the topic at all.

A period that the request does not state is extended until there are as many.
"""
MAX_ARTICLES_PER_TOPIC_SEARCH = 120
"""Maximum number of articles that each search for a briefing about a topic finds."""
MAX_ARTICLES_WITHOUT_TOPIC = 400
"""Maximum number of articles retrieved for a briefing without a topic."""
PREFERENCE_FACTOR = 1.4
"""Factor on a story's score per point of its preference score, which says how much the server's users like it."""
MAX_PREFERENCE_ARTICLES = 3
"""Maximum number of a story's articles that give its preference score: how much the server's users like it."""
REPEATED_OUTLET_FACTOR = 0.75
"""Factor on a story's score for each story of the same outlet that is already selected."""
DAY_SECONDS = 86_400
"""Length of a day in seconds."""
LOOKBACKS_SECONDS = tuple(days * DAY_SECONDS for days in (7, 30, 120, 365, 36_500))
"""Lengths in seconds of the period of a request for news that states none.

They are tried in order until there are enough stories.
"""


@dataclass(frozen=True, slots=True, eq=False)
class _Story:
    """Articles that report one event, newest first, each with its relevance to the topic, from 0 to 1.

    The newest article represents the others.
    """

    scored_articles: Sequence[tuple[Article, float]]

    @property
    def articles(self) -> list[Article]:
        return [article for article, _relevance in self.scored_articles]

    @property
    def outlet(self) -> str:
        return self.articles[0].outlet

    @property
    def outlet_count(self) -> int:
        return len({article.outlet for article in self.articles})

    @property
    def relevance(self) -> float:
        return max(relevance for _article, relevance in self.scored_articles)


async def build_briefing(
    searcher: Searcher,
    request: NewsRequest,
    *,
    feed_ids: Collection[int] | None,
    preferences: PreferenceModel,
) -> tuple[tuple[BriefingStory, ...], Period]:
    """Return the biggest stories that a request for news asks for, biggest first, and the period covered.

    Stories that match the server's `preferences` rank higher. If every article is older than the period that the
    request states, the period is moved back so that it ends on the day of the newest article. A period that the request
    does not state ends on that day, too.

    Raises:
        StoreError: The database failed.
    """
    if feed_ids is not None and not feed_ids:
        return (), request.period
    period = request.period
    scored_articles = await _find_articles(searcher, request, feed_ids, period if request.is_period_stated else None)
    if not scored_articles and request.is_period_stated:
        scored_articles = await _find_articles(searcher, request, feed_ids, None)
        if scored_articles:
            newest_article, _relevance = scored_articles[0]
            if newest_article.published >= period.start:
                return (), period  # The newest articles are later than the requested period.
            period_end = newest_article.published + 1
            period = _round_to_days(Period(period_end - (period.end - period.start), period_end), request.zone)
            scored_articles = [
                (article, relevance) for article, relevance in scored_articles if article.published >= period.start
            ]
    if not scored_articles:
        return (), request.period
    stories = await _group_stories(searcher, scored_articles)
    if request.is_period_stated:
        return _select_stories(stories, period, preferences), period
    briefing_stories, period = _build_recent_briefing(stories, preferences)
    return briefing_stories, _round_to_days(period, request.zone)


def _round_to_days(period: Period, zone: tzinfo) -> Period:
    """Return a period extended to whole days of the time zone."""
    first_day, last_day = (datetime.fromtimestamp(timestamp, zone) for timestamp in (period.start, period.end - 1))
    day_start, day_end = (
        datetime(day.year, day.month, day.day, tzinfo=zone) for day in (first_day, last_day + timedelta(days=1))
    )
    return Period(int(day_start.timestamp()), int(day_end.timestamp()))


def _build_recent_briefing(
    stories: Sequence[_Story], preferences: PreferenceModel
) -> tuple[tuple[BriefingStory, ...], Period]:
    """Build a briefing of the shortest of some periods (`LOOKBACKS_SECONDS`) with enough stories, or else of all."""
    articles = [article for story in stories for article in story.articles]
    period_end = max(article.published for article in articles) + 1
    oldest_published_at = min(article.published for article in articles)
    min_outlets = min(MIN_OUTLETS, len({article.outlet for article in articles}))
    for lookback_seconds in LOOKBACKS_SECONDS:
        period = Period(max(period_end - lookback_seconds, oldest_published_at), period_end)
        briefing_stories = _select_stories(_restrict_to_period(stories, period), period, preferences)
        outlets = {story.article.outlet for story in briefing_stories}
        has_enough = len(briefing_stories) >= MIN_STORIES and len(outlets) >= min_outlets
        if has_enough or period.start == oldest_published_at:
            break
    return briefing_stories, period


def _restrict_to_period(stories: Iterable[_Story], period: Period) -> list[_Story]:
    """Return the stories with only those of their articles that were published since a period began."""
    recent_stories = (
        _Story([scored for scored in story.scored_articles if scored[0].published >= period.start]) for story in stories
    )
    return [story for story in recent_stories if story.scored_articles]


async def _find_articles(
    searcher: Searcher, request: NewsRequest, feed_ids: Collection[int] | None, period: Period | None
) -> list[tuple[Article, float]]:
    """Return articles about the topic with their relevance from 0 to 1, newest first; `period` None means any time.

    Articles in other languages than the request's are left out if at least `MIN_STORIES` remain. The list is
    empty if the search index cannot be used.
    """
    topic, scope = request.topic, Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids))
    period_filters: tuple[Node, ...] = ()
    if period is not None:
        period_filters = FieldFilter(FilterName.SINCE, period.start), FieldFilter(FilterName.BEFORE, period.end)
    ids_and_weights = await searcher.run_in_engine(
        lambda engine: _search_article_ids(engine, topic, period_filters, scope)
    )
    if ids_and_weights is None:
        return []
    article_ids, topic_word_weights = ids_and_weights
    articles = sorted(await searcher.store.articles.list_by_ids(article_ids), key=lambda article: -article.published)
    topic_articles = await searcher.run_in_worker(score_topic_relevance, articles, topic, topic_word_weights)
    same_language_articles = [
        (article, relevance) for article, relevance in topic_articles if article.language == request.language
    ]
    return same_language_articles if len(same_language_articles) >= MIN_STORIES else topic_articles


def _search_article_ids(
    engine: SearchEngine, topic: Sequence[str], period_filters: Sequence[Node], scope: Scope
) -> tuple[list[int], tuple[float, ...]]:
    """Return the ids of articles that may be about the topic, and the inverse document frequency of each topic word.

    Without a topic, they are the ids of the newest articles.
    """
    topic_words = tuple(map(Word, topic))
    limit = MAX_ARTICLES_PER_TOPIC_SEARCH if topic else MAX_ARTICLES_WITHOUT_TOPIC
    hits = engine.match_all((*topic_words, *period_filters), scope, limit, newest_first=True)
    if len(hits) == MAX_ARTICLES_PER_TOPIC_SEARCH:
        # A word may share its stem with a more frequent one, as "OpenAI" does with "open".
        topic_phrases = tuple(Phrase(word) for word in topic)
        hits += engine.match_all(
            (*topic_phrases, *period_filters), scope, MAX_ARTICLES_PER_TOPIC_SEARCH, newest_first=True
        )
    if topic and len(hits) < MAX_STORIES:
        hits += engine.match_any(" ".join(topic), scope, MAX_ARTICLES_PER_TOPIC_SEARCH, required_nodes=period_filters)
    topic_word_weights = tuple(compute_idf(engine, text_analysis.find_query_stems(word)) for word in topic)
    return list(dict.fromkeys(hit.article_id for hit in hits)), topic_word_weights


async def _group_stories(searcher: Searcher, scored_articles: Sequence[tuple[Article, float]]) -> list[_Story]:
    """Return articles, each with its relevance, grouped into stories."""
    relevance_by_id = {article.id: relevance for article, relevance in scored_articles}
    similar_pairs = await searcher.store.stories.load_similar_pairs(relevance_by_id, MIN_SINGLE_ARTICLE_SIMILARITY)
    stories = await searcher.run_in_worker(
        group_articles,
        [article for article, _relevance in scored_articles],
        [(*article_ids, 1.0) for article_ids in similar_pairs],
    )
    return [_Story([(article, relevance_by_id[article.id]) for article in reversed(story)]) for story in stories]


def _select_stories(
    stories: Iterable[_Story], period: Period, preferences: PreferenceModel
) -> tuple[BriefingStory, ...]:
    """Return at most `MAX_STORIES` stories, ranked by outlets, freshness, relevance and the server's preferences.

    A story ranks lower for each story of the same outlet that is already selected.
    """
    period_seconds = max(1, period.end - period.start)
    score_by_remaining_story = {
        story: log2(1 + story.outlet_count)
        * story.relevance
        * 0.5 ** ((period.end - story.articles[0].published) / (period_seconds / 2))
        * PREFERENCE_FACTOR ** preferences.compute_score(story.articles[:MAX_PREFERENCE_ARTICLES])
        for story in stories
    }
    selected_stories: list[_Story] = []
    story_count_by_outlet: Counter[str] = Counter()
    while score_by_remaining_story and len(selected_stories) < MAX_STORIES:
        best_story = max(
            score_by_remaining_story,
            key=lambda story: (
                score_by_remaining_story[story] * REPEATED_OUTLET_FACTOR ** story_count_by_outlet[story.outlet]
            ),
        )
        del score_by_remaining_story[best_story]
        selected_stories.append(best_story)
        story_count_by_outlet[best_story.outlet] += 1
    return tuple(
        BriefingStory(
            discord_text.to_plain_line(story.articles[0].title) or story.articles[0].url,
            story.articles[0],
            story.outlet_count,
        )
        for story in selected_stories
    )
