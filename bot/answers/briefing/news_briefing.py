"""Construction of briefings: the biggest stories of a period, about a topic or about anything."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from heapq import nlargest
from operator import itemgetter

from bot.answers.answer_model import MAX_QUOTES, Answer, BriefingStory, Confidence, Quote
from bot.answers.briefing.news_requests import NewsRequest
from bot.answers.briefing.topic_relevance import score_topic_relevance
from bot.answers.candidates import MAX_QUOTE_LENGTH
from bot.core.models import Article
from bot.search.index import text_analysis
from bot.search.index.search_engine import Scope, SearchEngine
from bot.search.query.query_filters import FilterName
from bot.search.query.query_tree import FieldFilter, Node, Phrase
from bot.search.ranked_search import compute_idf
from bot.search.searching import Searcher
from bot.store.records.content_records import MIN_SINGLE_ARTICLE_SIMILARITY
from bot.stories.preference_model import PreferenceModel
from bot.stories.story_grouping import group_articles
from bot.stories.story_ranking import compute_story_score
from bot.text import discord_text
from bot.text.times.periods import Period
from bot.text.times.time_expressions import RECENT_SECONDS

MAX_STORIES = 6
"""Maximum number of stories in a briefing (answer to a request for news).

A period that the request does not state is extended until there are as many.
"""
MAX_ARTICLES_PER_TOPIC_SEARCH = 120
"""Maximum number of articles that each search for a briefing about a topic finds."""
MAX_ARTICLES_WITHOUT_TOPIC = 400
"""Maximum number of articles retrieved for a briefing without a topic."""
REPEATED_OUTLET_FACTOR = 0.75
"""Factor on a story's score for each story of the same outlet that ranks higher."""


async def build_briefing(
    searcher: Searcher,
    request: NewsRequest,
    *,
    feed_ids: Collection[int] | None,
    preferences: PreferenceModel,
) -> Answer | None:
    """Answer a request for news with the biggest stories, biggest first; return None if there are no stories.

    Stories that match the server's `preferences` rank higher. If the request states no period, or every article is
    older than that period, the period ends on the day of the newest article and is long enough for `MAX_STORIES`
    stories.

    Raises:
        StoreError: The database failed.
    """
    period, has_articles_in_period = request.period, False
    if request.is_period_stated:
        scored_articles = await _find_articles(searcher, request, feed_ids, period)
        has_articles_in_period = bool(scored_articles)
    if not has_articles_in_period:
        scored_articles = await _find_articles(searcher, request, feed_ids, None)
        if not scored_articles or (request.is_period_stated and scored_articles[0][0].published >= period.start):
            return None  # There are no articles, or the newest are later than the requested period.
    relevance_by_id = {article.id: relevance for article, relevance in scored_articles}
    similar_pairs = await searcher.store.stories.load_similar_pairs(relevance_by_id, MIN_SINGLE_ARTICLE_SIMILARITY)
    stories = await searcher.run_in_worker(
        group_articles,
        [article for article, _relevance in scored_articles],
        [(*article_ids, 1.0) for article_ids in similar_pairs],
    )
    if not has_articles_in_period:
        period = _find_recent_period(stories, request.zone)
    briefing_stories = _select_stories(stories, relevance_by_id, period, preferences)
    quotes = [Quote(story.title[:MAX_QUOTE_LENGTH], story.article) for story in briefing_stories[:MAX_QUOTES]]
    return Answer(
        question="",
        confidence=Confidence.SURE,
        quotes=tuple(quotes),
        sources=tuple(story.article for story in briefing_stories),
        briefing=briefing_stories,
        period=period,
    )


def _find_recent_period(stories: Sequence[Sequence[Article]], zone: tzinfo) -> Period:
    """Return the shortest period of days up to the newest article, at least a week, with `MAX_STORIES` stories."""
    newest_times = sorted((story[-1].published for story in stories), reverse=True)
    start = min(newest_times[0] - RECENT_SECONDS, newest_times[:MAX_STORIES][-1])
    first_day, last_day = (datetime.fromtimestamp(timestamp, zone) for timestamp in (start, newest_times[0]))
    day_start, day_end = (
        datetime(day.year, day.month, day.day, tzinfo=zone) for day in (first_day, last_day + timedelta(days=1))
    )
    return Period(int(day_start.timestamp()), int(day_end.timestamp()))


async def _find_articles(
    searcher: Searcher, request: NewsRequest, feed_ids: Collection[int] | None, period: Period | None
) -> list[tuple[Article, float]]:
    """Return articles about the topic with their relevance from 0 to 1, newest first; `period` None means any time.

    The list is empty if the search index cannot be used.
    """
    topic, scope = request.topic, Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids))
    period_filters: tuple[Node, ...] = ()
    if period is not None:
        period_filters = FieldFilter(FilterName.SINCE, period.start), FieldFilter(FilterName.BEFORE, period.end)
    ids_and_weights = await searcher.run_in_engine(
        lambda engine: _search_article_ids(engine, topic, period_filters, scope)
    )
    article_ids, topic_word_weights = ids_and_weights or ([], ())
    articles = sorted(await searcher.store.articles.list_by_ids(article_ids), key=lambda article: -article.published)
    return await searcher.run_in_worker(score_topic_relevance, articles, topic, topic_word_weights, request.language)


def _search_article_ids(
    engine: SearchEngine, topic: Sequence[str], period_filters: Sequence[Node], scope: Scope
) -> tuple[list[int], tuple[float, ...]]:
    """Return the ids of articles that may be about the topic, and the inverse document frequency of each topic word.

    Without a topic, they are the ids of the newest articles.
    """
    limit = MAX_ARTICLES_PER_TOPIC_SEARCH if topic else MAX_ARTICLES_WITHOUT_TOPIC
    # Phrases, because a word may share its stem with a more frequent one, as "OpenAI" does with "open".
    hits = engine.match_all((*map(Phrase, topic), *period_filters), scope, limit, newest_first=True)
    if topic:
        hits += engine.match_any(" ".join(topic), scope, limit, required_nodes=period_filters)
    topic_word_weights = tuple(compute_idf(engine, text_analysis.find_query_stems(word)) for word in topic)
    return list({hit.article_id for hit in hits}), topic_word_weights


def _select_stories(
    stories: Iterable[Sequence[Article]],
    relevance_by_id: Mapping[int, float],
    period: Period,
    preferences: PreferenceModel,
) -> tuple[BriefingStory, ...]:
    """Return at most `MAX_STORIES` stories of a period, ranked by outlets, freshness, relevance and preferences.

    The articles of each story are given oldest first; the newest represents them. A story ranks lower for each better
    story of the same outlet.
    """
    scored_stories = []
    for story in stories:
        outlet_count = len({article.outlet for article in story})
        score = max(relevance_by_id[article.id] for article in story) * compute_story_score(
            outlet_count=outlet_count,
            bookmark_count=0,
            recency=(story[-1].published - period.start) / (period.end - period.start),
            preference=preferences.compute_score(story),
        )
        title = discord_text.to_plain_line(story[-1].title) or story[-1].url
        if story[-1].published >= period.start:
            scored_stories.append((score, BriefingStory(title, story[-1], outlet_count)))
    story_count_by_outlet: Counter[str] = Counter()
    ranked_stories = []
    for score, briefing_story in sorted(scored_stories, key=itemgetter(0), reverse=True):
        outlet = briefing_story.article.outlet
        ranked_stories.append((score * REPEATED_OUTLET_FACTOR ** story_count_by_outlet[outlet], briefing_story))
        story_count_by_outlet[outlet] += 1
    best_stories = nlargest(MAX_STORIES, ranked_stories, key=itemgetter(0))
    return tuple(briefing_story for _score, briefing_story in best_stories)
