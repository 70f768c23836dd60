"""The biggest stories of a time, on a topic or on anything, a line each, from several outlets."""

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
MIN_STORIES = 3
"""Stories that a time which nobody stated has to have, else it reaches farther back; and articles in the
language of the question, else those in others are told too."""
MIN_OUTLETS = 2
"""Outlets that those have to be of, where as many tell anything."""
MAX_TOPIC_ARTICLES = 120
"""Articles that are looked at for the stories of a topic,"""
MAX_ARTICLES = 400  # and where there is none
PREFERENCE_FACTOR = 1.4  # how much more a story counts for each point of the server's taste
MAX_PREFERENCE_ARTICLES = 3  # articles of a story that tell whether it is to that
REPEATED_OUTLET_FACTOR = 0.75  # how much a story counts for each one before it from the same outlet
DAY_SECONDS = 86_400
LOOKBACKS_SECONDS = (
    7 * DAY_SECONDS,
    30 * DAY_SECONDS,
    120 * DAY_SECONDS,
    365 * DAY_SECONDS,
    36_500 * DAY_SECONDS,
)
"""How far back `lately` reaches, by what there is."""
SAME_STORY_WINDOW_SECONDS = 4 * DAY_SECONDS  # within which titles that are alike tell the same story
MIN_TITLE_JACCARD = 0.5  # of the words of two titles (Jaccard): hardly any two different stories reach it


@dataclass(slots=True)
class _Story:
    """Articles that tell the same, the one that stands for it first."""

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
    """The stories that answer a question for the news, the biggest first, and the time that they are of.

    What is to the server's `taste` counts for more. Where all there is is older than the time that was asked
    for: as long a time up to the newest. Raises `StoreError`.
    """
    if feed_ids is not None and not feed_ids:
        return (), request.period
    period = request.period
    found = await _articles(searcher, request, feed_ids, period if request.is_period_stated else None)
    if not found and request.is_period_stated:
        found = await _articles(searcher, request, feed_ids, None)
        if found and found[0][0].published >= period.start:
            return (), period  # there is news, of another time than was asked for
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
    """The whole days that a period touches."""
    first, last = (datetime.fromtimestamp(moment, zone) for moment in (period.start, period.end - 1))
    start, end = (
        datetime(each.year, each.month, each.day, tzinfo=zone) for each in (first, last + timedelta(days=1))
    )
    return Period(int(start.timestamp()), int(end.timestamp()))


def _most_recent(
    found: Sequence[tuple[Article, float]], kin: Collection[tuple[int, int]], taste: PreferenceModel
) -> tuple[tuple[BriefingItem, ...], Period]:
    """The stories of the last days that have any; of more days where those have few."""
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
    """The newest articles on a topic, each with how much it is about it; only in the language of the question
    where there are some. None while there is no index."""
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
    """The articles that may be on a topic, and how much each of its words tells."""
    words = tuple(map(Word, topic))
    limit = MAX_TOPIC_ARTICLES if topic else MAX_ARTICLES
    hits = engine.match_all((*words, *times), scope, limit, newest=True)
    if len(hits) == MAX_TOPIC_ARTICLES:  # a word may have the stem of a commoner one: `OpenAI` that of "open"
        exact = tuple(Phrase(word) for word in topic)
        hits += engine.match_all((*exact, *times), scope, MAX_TOPIC_ARTICLES, newest=True)
    if topic and len(hits) < MAX_ITEMS:
        hits += engine.match_any(" ".join(topic), scope, MAX_TOPIC_ARTICLES, required=times)
    weights = tuple(inverse_document_frequency(engine, text_analysis.query_stems(word)) for word in topic)
    return list(dict.fromkeys(hit.article_id for hit in hits)), weights


def _group_stories(found: Sequence[tuple[Article, float]], kin: Collection[tuple[int, int]]) -> list[_Story]:
    """The articles by the stories that they tell: seen as they came in (`kin`), or told by their titles."""
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
    """Whether two titles tell of one event. With different numbers they never do: each release is news."""
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
    """The biggest stories: by outlets, freshness and how much they are about it; no outlet has it all."""
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
