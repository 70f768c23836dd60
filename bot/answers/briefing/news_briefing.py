"""Briefings: the biggest stories of a period, about a topic or about anything, one item each."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from math import log2

from bot.answers.answer_model import BriefingItem
from bot.answers.briefing.news_requests import NewsRequest
from bot.answers.briefing.topic_relevance import score_topic_relevance
from bot.core.models import Article
from bot.search.index import text_analysis
from bot.search.index.search_engine import EngineError, Scope, SearchEngine
from bot.search.query.query_filters import FilterName
from bot.search.query.query_tree import FieldFilter, Node, Phrase, Word
from bot.search.ranked_search import inverse_document_frequency
from bot.search.searching import Searcher
from bot.store.records.content_records import SINGLE_ARTICLE_SIMILARITY
from bot.stories.preference_model import NO_PREFERENCES, PreferenceModel
from bot.text import discord_text
from bot.text.times.periods import Period

MAX_ITEMS = 6
"""Maximum number of stories in a briefing."""
MIN_STORIES = 3
"""Minimum number of stories. With fewer, an implied period is extended, and other languages are included."""
MIN_OUTLETS = 2
"""Minimum number of outlets in a briefing of an implied period, if that many report anything."""
MAX_TOPIC_ARTICLES = 120
"""Maximum number of articles retrieved for a topic."""
MAX_ARTICLES = 400
"""Maximum number of articles retrieved without a topic."""
PREFERENCE_FACTOR = 1.4
"""Factor on a story's score for each point of the server's preference score."""
MAX_PREFERENCE_ARTICLES = 3
"""Maximum number of articles of a story from which its preference score is computed."""
REPEATED_OUTLET_FACTOR = 0.75
"""Factor on a story's score for each selected story of its outlet."""
DAY_SECONDS = 86_400
LOOKBACKS_SECONDS = (
    7 * DAY_SECONDS,
    30 * DAY_SECONDS,
    120 * DAY_SECONDS,
    365 * DAY_SECONDS,
    36_500 * DAY_SECONDS,
)
"""Lengths of an implied period, tried in order until there are enough stories."""
SAME_STORY_WINDOW_SECONDS = 4 * DAY_SECONDS
"""Maximum time between two articles that report one story according to their titles."""
MIN_TITLE_JACCARD = 0.5
"""Jaccard index of two titles' stems above which they report one story; other pairs hardly reach it."""


@dataclass(slots=True)
class _Story:
    """Articles that report one event; the first represents them."""

    articles: list[Article]
    relevance: float

    @property
    def outlets(self) -> int:
        return len({article.outlet for article in self.articles})

    @property
    def newest(self) -> int:
        return max(article.published for article in self.articles)


async def build_briefing(
    searcher: Searcher,
    request: NewsRequest,
    *,
    feed_ids: Collection[int] | None,
    taste: PreferenceModel = NO_PREFERENCES,
) -> tuple[tuple[BriefingItem, ...], Period]:
    """Return the biggest stories that a request for news asks for, biggest first, and their period.

    Stories that match the server's `preferences` rank higher. If every article is older than the requested
    period, the period is moved back so that it ends with the newest article.

    Raises:
        StoreError: The database failed.
    """
    if feed_ids is not None and not feed_ids:
        return (), request.period
    period = request.period
    found = await _articles(searcher, request, feed_ids, period if request.is_period_stated else None)
    if not found and request.is_period_stated:
        found = await _articles(searcher, request, feed_ids, None)
        if found and found[0][0].published >= period.start:
            return (), period  # The newest articles are later than the requested period.
        if found:
            end = found[0][0].published + 1
            period = _round_to_days(Period(end - (period.end - period.start), end), request.zone)
            found = [each for each in found if each[0].published >= period.start]
    if not found:
        return (), request.period
    kin = await searcher.store.stories.similar_pairs(
        [article.id for article, _ in found], SINGLE_ARTICLE_SIMILARITY
    )
    if request.is_period_stated:
        return _select_items(_group_stories(found, kin), period, taste), period
    lines, period = _most_recent(found, kin, taste)
    return lines, _round_to_days(period, request.zone)


def _round_to_days(period: Period, zone: tzinfo) -> Period:
    """Extend a period to whole days of the time zone."""
    first, last = (datetime.fromtimestamp(moment, zone) for moment in (period.start, period.end - 1))
    start, end = (
        datetime(each.year, each.month, each.day, tzinfo=zone) for each in (first, last + timedelta(days=1))
    )
    return Period(int(start.timestamp()), int(end.timestamp()))


def _most_recent(
    found: Sequence[tuple[Article, float]], kin: Collection[tuple[int, int]], taste: PreferenceModel
) -> tuple[tuple[BriefingItem, ...], Period]:
    """Build a briefing of the shortest look-back period that has enough stories and outlets."""
    end = found[0][0].published + 1
    lines: tuple[BriefingItem, ...] = ()
    outlets = min(MIN_OUTLETS, len({article.outlet for article, _fit in found}))
    for reach in LOOKBACKS_SECONDS:
        period = Period(max(end - reach, found[-1][0].published), end)
        lately = [each for each in found if each[0].published >= period.start]
        lines = _select_items(_group_stories(lately, kin), period, taste)
        if len(lines) >= MIN_STORIES and len({line.article.outlet for line in lines}) >= outlets:
            break
        if len(lately) == len(found):
            break
    return lines, period


async def _articles(
    searcher: Searcher, asked: NewsRequest, feed_ids: Collection[int] | None, period: Period | None
) -> list[tuple[Article, float]]:
    """Return articles about the topic with their relevance, newest first.

    Only articles in the language of the request, if there are at least `MIN_STORIES`. Empty without an index.
    """
    await searcher.index.ensure_current()
    engine, topic = searcher.index.engine, asked.topic
    if engine is None:
        return []
    scope = Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids))
    times: tuple[Node, ...] = ()
    if period is not None:
        times = (FieldFilter(FilterName.SINCE, period.start), FieldFilter(FilterName.BEFORE, period.end))
    try:
        ids, weights = await asyncio.to_thread(_search, engine, topic, times, scope)
    except EngineError as error:
        searcher.index.report_search_failure(error)
        return []
    articles = sorted(await searcher.store.articles.by_ids(ids), key=lambda article: -article.published)
    on_topic = await searcher.run_in_worker(score_topic_relevance, articles, topic, weights)
    own = [each for each in on_topic if each[0].language == asked.language]
    return own if len(own) >= MIN_STORIES else on_topic


def _search(
    engine: SearchEngine, topic: Sequence[str], times: Sequence[Node], scope: Scope
) -> tuple[list[int], tuple[float, ...]]:
    """Return the ids of articles that may be about the topic, and the IDF of each topic word."""
    words = tuple(map(Word, topic))
    limit = MAX_TOPIC_ARTICLES if topic else MAX_ARTICLES
    hits = engine.match_all((*words, *times), scope, limit, newest=True)
    if len(hits) == MAX_TOPIC_ARTICLES:
        # A word may share its stem with a more frequent one, as "OpenAI" does with "open".
        exact = tuple(Phrase(word) for word in topic)
        hits += engine.match_all((*exact, *times), scope, MAX_TOPIC_ARTICLES, newest=True)
    if topic and len(hits) < MAX_ITEMS:
        hits += engine.match_any(" ".join(topic), scope, MAX_TOPIC_ARTICLES, required=times)
    weights = tuple(inverse_document_frequency(engine, text_analysis.query_stems(word)) for word in topic)
    return list(dict.fromkeys(hit.article_id for hit in hits)), weights


def _group_stories(found: Sequence[tuple[Article, float]], kin: Collection[tuple[int, int]]) -> list[_Story]:
    """Group articles into stories: by the pairs found similar on arrival, or by similar titles."""
    related: defaultdict[int, set[int]] = defaultdict(set)
    for one, other in kin:
        related[one].add(other)
        related[other].add(one)
    stories: list[_Story] = []
    titles: dict[int, frozenset[str]] = {
        article.id: frozenset(text_analysis.stemmed_tokens(article.title, article.language))
        for article, _ in found
    }
    for article, fit in found:
        for story in stories:
            if any(
                other.id in related[article.id] or _same_story(article, other, titles)
                for other in story.articles
            ):
                story.articles.append(article)
                story.relevance = max(story.relevance, fit)
                break
        else:
            stories.append(_Story([article], fit))
    return stories


def _same_story(article: Article, other: Article, titles: Mapping[int, frozenset[str]]) -> bool:
    """Return whether two articles report one event.

    Titles with different numbers never do, because each release is news.
    """
    if article.page == other.page:
        return True
    if abs(article.published - other.published) > SAME_STORY_WINDOW_SECONDS:
        return False
    words, others = titles[article.id], titles[other.id]
    numbers, other_numbers = ({word for word in each if word.isdecimal()} for each in (words, others))
    if numbers and other_numbers and numbers != other_numbers:
        return False
    common = len(words & others)
    return common > 1 and common > MIN_TITLE_JACCARD * len(words | others)


def _select_items(
    stories: Iterable[_Story], period: Period, taste: PreferenceModel
) -> tuple[BriefingItem, ...]:
    """Select the biggest stories by outlets, freshness, relevance and preference.

    Each story ranks lower for every selected story of its outlet.
    """
    length = max(1, period.end - period.start)
    left = {
        number: (
            story,
            log2(1 + story.outlets)
            * story.relevance
            * 0.5 ** ((period.end - story.newest) / (length / 2))
            * PREFERENCE_FACTOR ** taste.score(story.articles[:MAX_PREFERENCE_ARTICLES]),
        )
        for number, story in enumerate(stories)
    }
    chosen: list[_Story] = []
    shown: Counter[str] = Counter()
    while left and len(chosen) < MAX_ITEMS:
        best = max(
            left,
            key=lambda number: left[number][1] * REPEATED_OUTLET_FACTOR ** shown[_outlet(left[number][0])],
        )
        story, _points = left.pop(best)
        chosen.append(story)
        shown[_outlet(story)] += 1
    return tuple(
        BriefingItem(
            discord_text.to_plain_line(story.articles[0].title) or story.articles[0].url,
            story.articles[0],
            story.outlets,
        )
        for story in chosen
    )


def _outlet(story: _Story) -> str:
    return story.articles[0].outlet
