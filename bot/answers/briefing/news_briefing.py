"""The biggest stories of a time, on a topic or on anything, a line each, from several outlets."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from math import log2

from bot.answers.answer_model import Line
from bot.answers.briefing.topic_shares import about
from bot.answers.briefing.vague_questions import Vague
from bot.core.models import Article
from bot.search.index import analysis
from bot.search.index.engine import EngineError, Scope, SearchEngine
from bot.search.query.filter_names import Filter
from bot.search.query.query_tree import Condition, Node, Phrase, Word
from bot.search.ranked_search import weight
from bot.search.searching import Searcher
from bot.store.records.content_records import ALONE
from bot.stories.server_taste import NONE, Taste
from bot.text import safe
from bot.text.times.periods import Period

LINES = 6
ENOUGH = 3
"""Stories that a time which nobody stated has to have, else it reaches farther back; and articles in the
language of the question, else those in others are told too."""
SEVERAL = 2
"""Outlets that those have to be of, where as many tell anything."""
READ = 120
"""Articles that are looked at for the stories of a topic,"""
READ_OF_ALL = 400  # and where there is none
LIKED = 1.4  # how much more a story counts for each point of the server's taste
JUDGED = 3  # articles of a story that tell whether it is to that
ONE_OUTLET = 0.75  # how much a story counts for each one before it from the same outlet
DAY = 86_400
REACHES = (7 * DAY, 30 * DAY, 120 * DAY, 365 * DAY, 36_500 * DAY)
"""How far back `lately` reaches, by what there is."""
SAME_STORY = 4 * DAY  # within which titles that are alike tell the same story
ALIKE = 0.5  # of the words of two titles (Jaccard): hardly any two different stories reach it


@dataclass(slots=True)
class _Story:
    """Articles that tell the same, the one that stands for it first."""

    articles: list[Article]
    fit: float

    @property
    def outlets(self) -> int:
        return len({article.outlet for article in self.articles})

    @property
    def newest(self) -> int:
        return max(article.published for article in self.articles)


async def briefing(
    searcher: Searcher, asked: Vague, *, feed_ids: Collection[int] | None, taste: Taste = NONE
) -> tuple[tuple[Line, ...], Period]:
    """The stories that answer a question for the news, the biggest first, and the time that they are of.

    What is to the server's `taste` counts for more. Where all there is is older than the time that was asked
    for: as long a time up to the newest. Raises `StoreError`.
    """
    if feed_ids is not None and not feed_ids:
        return (), asked.period
    period = asked.period
    found = await _articles(searcher, asked, feed_ids, period if asked.stated else None)
    if not found and asked.stated:
        found = await _articles(searcher, asked, feed_ids, None)
        if found and found[0][0].published >= period.start:
            return (), period  # there is news, of another time than was asked for
        if found:
            end = found[0][0].published + 1
            period = _in_days(Period(end - (period.end - period.start), end), asked.zone)
            found = [each for each in found if each[0].published >= period.start]
    if not found:
        return (), asked.period
    kin = await searcher.store.stories.kin([article.id for article, _ in found], ALONE)
    if asked.stated:
        return _lines(_stories(found, kin), period, taste), period
    lines, period = _lately(found, kin, taste)
    return lines, _in_days(period, asked.zone)


def _in_days(period: Period, zone: tzinfo) -> Period:
    """The whole days that a period touches."""
    first, last = (datetime.fromtimestamp(moment, zone) for moment in (period.start, period.end - 1))
    start, end = (
        datetime(each.year, each.month, each.day, tzinfo=zone) for each in (first, last + timedelta(days=1))
    )
    return Period(int(start.timestamp()), int(end.timestamp()))


def _lately(
    found: Sequence[tuple[Article, float]], kin: Collection[tuple[int, int]], taste: Taste
) -> tuple[tuple[Line, ...], Period]:
    """The stories of the last days that have any; of more days where those have few."""
    end = found[0][0].published + 1
    lines: tuple[Line, ...] = ()
    outlets = min(SEVERAL, len({article.outlet for article, _fit in found}))
    for reach in REACHES:
        period = Period(max(end - reach, found[-1][0].published), end)
        lately = [each for each in found if each[0].published >= period.start]
        lines = _lines(_stories(lately, kin), period, taste)
        if len(lines) >= ENOUGH and len({line.article.outlet for line in lines}) >= outlets:
            break
        if len(lately) == len(found):
            break
    return lines, period


async def _articles(
    searcher: Searcher, asked: Vague, feed_ids: Collection[int] | None, period: Period | None
) -> list[tuple[Article, float]]:
    """The newest articles on a topic, each with how much it is about it; only in the language of the question
    where there are some. None while there is no index."""
    await searcher.index.ready()
    engine, topic = searcher.index.engine, asked.topic
    if engine is None:
        return []
    scope = Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids))
    times: tuple[Node, ...] = ()
    if period is not None:
        times = (Condition(Filter.SINCE, period.start), Condition(Filter.BEFORE, period.end))
    try:
        ids, weights = await asyncio.to_thread(_found, engine, topic, times, scope)
    except EngineError as error:
        searcher.index.distrust(error)
        return []
    articles = sorted(await searcher.store.articles.by_ids(ids), key=lambda article: -article.published)
    on_topic = await searcher.aside(about, articles, topic, weights)
    own = [each for each in on_topic if each[0].language == asked.language]
    return own if len(own) >= ENOUGH else on_topic


def _found(
    engine: SearchEngine, topic: Sequence[str], times: Sequence[Node], scope: Scope
) -> tuple[list[int], tuple[float, ...]]:
    """The articles that may be on a topic, and how much each of its words tells."""
    words = tuple(map(Word, topic))
    limit = READ if topic else READ_OF_ALL
    hits = engine.matching((*words, *times), scope, limit, newest=True)
    if len(hits) == READ:  # a word may have the stem of a commoner one: `OpenAI` that of "open"
        exact = tuple(Phrase(word) for word in topic)
        hits += engine.matching((*exact, *times), scope, READ, newest=True)
    if topic and len(hits) < LINES:
        hits += engine.any_words(" ".join(topic), scope, READ, required=times)
    weights = tuple(weight(engine, analysis.query_stems(word)) for word in topic)
    return list(dict.fromkeys(hit.article_id for hit in hits)), weights


def _stories(found: Sequence[tuple[Article, float]], kin: Collection[tuple[int, int]]) -> list[_Story]:
    """The articles by the stories that they tell: seen as they came in (`kin`), or told by their titles."""
    related: defaultdict[int, set[int]] = defaultdict(set)
    for one, other in kin:
        related[one].add(other)
        related[other].add(one)
    stories: list[_Story] = []
    titles: dict[int, frozenset[str]] = {
        article.id: frozenset(analysis.stems(article.title, article.language)) for article, _ in found
    }
    for article, fit in found:
        for story in stories:
            if any(
                other.id in related[article.id] or _same_story(article, other, titles)
                for other in story.articles
            ):
                story.articles.append(article)
                story.fit = max(story.fit, fit)
                break
        else:
            stories.append(_Story([article], fit))
    return stories


def _same_story(article: Article, other: Article, titles: Mapping[int, frozenset[str]]) -> bool:
    """Whether two titles tell of one event. With different numbers they never do: each release is news."""
    if article.page == other.page:
        return True
    if abs(article.published - other.published) > SAME_STORY:
        return False
    words, others = titles[article.id], titles[other.id]
    numbers, other_numbers = ({word for word in each if word.isdecimal()} for each in (words, others))
    if numbers and other_numbers and numbers != other_numbers:
        return False
    common = len(words & others)
    return common > 1 and common > ALIKE * len(words | others)


def _lines(stories: Iterable[_Story], period: Period, taste: Taste) -> tuple[Line, ...]:
    """The biggest stories: by outlets, freshness and how much they are about it; no outlet has it all."""
    length = max(1, period.end - period.start)
    left = {
        number: (
            story,
            log2(1 + story.outlets)
            * story.fit
            * 0.5 ** ((period.end - story.newest) / (length / 2))
            * LIKED ** taste.of(story.articles[:JUDGED]),
        )
        for number, story in enumerate(stories)
    }
    chosen: list[_Story] = []
    shown: Counter[str] = Counter()
    while left and len(chosen) < LINES:
        best = max(left, key=lambda number: left[number][1] * ONE_OUTLET ** shown[_outlet(left[number][0])])
        story, _points = left.pop(best)
        chosen.append(story)
        shown[_outlet(story)] += 1
    return tuple(
        Line(safe.plain(story.articles[0].title) or story.articles[0].url, story.articles[0], story.outlets)
        for story in chosen
    )


def _outlet(story: _Story) -> str:
    return story.articles[0].outlet
