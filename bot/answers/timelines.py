"""The stories of a period or about a topic, newest first, one line each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from enum import IntEnum
from functools import lru_cache
from itertools import islice

from bot.answers.answer_model import Line
from bot.answers.happenings import Happening
from bot.core.models import Article
from bot.search.cross_lingual import translations
from bot.search.searching import Searcher
from bot.store.sqlite.search_index import All, Any, Column, Scope, Terms, Wanted
from bot.text import namesakes, safe, terms
from bot.text.periods import Period

LINES = 10
READ = 80
"""Newest articles of a period that are looked at for a topic."""
LEAD = 400  # characters of a text that tell what it is about
LONGEST = 12_000  # characters read of a text
OFTEN = 2  # more often in a text, a word is what it is about
MONTH = 30 * 86400
STORY = 4 * 86400  # seconds within which titles that are alike tell the same story
ALIKE = 0.5  # of the words of two titles (Jaccard): hardly any two different stories reach it
TITLES = 3  # articles with a topic in their titles, from which on others are left out


async def told(
    searcher: Searcher, happening: Happening, *, feed_ids: Collection[int] | None
) -> tuple[tuple[Line, ...], Period]:
    """The stories of a period about a topic, newest first, one line each, at most ten; and that period.

    One that only the question implies may be longer than it seems, where nothing is newer; none of its
    stories only mentions the topic, since an older one may be about it.
    """
    period = happening.period
    if feed_ids is not None and not feed_ids:
        return (), period
    scope = Scope(
        feed_ids=None if feed_ids is None else frozenset(feed_ids),
        since=period.start,
        before=period.end,
    )
    lowest = _Place.TEXT if happening.stated else _Place.BEGINNING
    for since in (period.start,) if happening.stated else (period.start, period.end - MONTH):
        articles = await _about(searcher, happening.topic, replace(scope, since=since), lowest)
        if articles:
            kin = await _kin(searcher, articles)
            lines = await searcher.aside(_lines, articles, happening.topic, kin)
            return lines, Period(since, period.end)
    return (), period


async def otherwise(
    searcher: Searcher, topic: Sequence[str], *, feed_ids: Collection[int] | None, most: int
) -> tuple[Article, ...]:
    """The newest articles of any time that are about a topic: no period of it held any.

    Those with the topic in their titles where there are any; never those that only mention it.
    """
    if feed_ids is not None and not feed_ids:
        return ()
    scope = Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids))
    articles = await _found(searcher, topic, scope)
    return tuple((await searcher.aside(_foremost, articles, topic))[:most])


async def newest_on(
    searcher: Searcher, topic: Sequence[str], *, feed_ids: Collection[int] | None
) -> tuple[Line, ...]:
    """The newest stories of any time that are about a topic, one line each; none that only mention it."""
    if not topic or (feed_ids is not None and not feed_ids):
        return ()
    scope = Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids))
    articles = await _about(searcher, topic, scope, _Place.BEGINNING)
    return await searcher.aside(_lines, articles, topic, await _kin(searcher, articles))


async def fate(
    searcher: Searcher, topic: Sequence[str], *, feed_ids: Collection[int] | None
) -> tuple[Line, ...]:
    """The stories of any time with all words of a topic in their titles, newest first, one line each."""
    if not topic or (feed_ids is not None and not feed_ids):
        return ()
    scope = Scope(feed_ids=None if feed_ids is None else frozenset(feed_ids))
    articles = await _found(searcher, topic, scope)
    return await searcher.aside(_titled, articles, topic, await _kin(searcher, articles))


async def _kin(searcher: Searcher, articles: Sequence[Article]) -> set[tuple[int, int]]:
    """Pairs of ids of articles that were seen to tell of one event as they came in."""
    return await searcher.store.stories.kin([article.id for article in articles])


async def _about(searcher: Searcher, topic: Sequence[str], scope: Scope, lowest: _Place) -> list[Article]:
    """The newest articles that are about all words of a topic, or else hold them where `lowest` allows it."""
    articles = await _found(searcher, topic, scope)
    return await searcher.aside(_chosen, articles, topic, lowest) if topic else articles


async def _found(searcher: Searcher, topic: Sequence[str], scope: Scope) -> list[Article]:
    """The newest articles that hold all words of a topic."""
    store = searcher.store
    if not topic:
        hits = await store.index.newest(None, scope=scope, limit=READ)
        return await store.articles.by_ids([hit.article_id for hit in hits])
    found: dict[int, int] = {}  # articles and when they were published
    for column in (Column.TITLE, Column.TEXT):
        wanted = All(tuple(_any_form(word, column) for word in topic))
        for hit in await store.index.newest(wanted, scope=scope, limit=READ):
            found[hit.article_id] = hit.published
    return await store.articles.by_ids(sorted(found, key=lambda article_id: -found[article_id]))


def _any_form(word: str, column: Column) -> Wanted:
    forms = frozenset(terms.alternatives(word))
    wanted = forms | translations(forms) | namesakes.also(forms)
    return Any(tuple(Terms((form,), column) for form in sorted(wanted)))


def _chosen(articles: Iterable[Article], topic: Sequence[str], lowest: _Place) -> list[Article]:
    """Those of some articles that are about a topic: by their titles where those are enough, their
    beginnings, or, where no article is and `lowest` does not forbid it, those that mention it.
    """
    places = [(place, each) for each in articles if (place := _place(each, topic)) >= lowest]
    for least in (_Place.TITLE, _Place.BEGINNING):
        chosen = [each for place, each in places if place >= least]
        if len(chosen) >= (TITLES if least is _Place.TITLE else 1):
            return chosen
    return [each for _, each in places]


def _foremost(articles: Iterable[Article], topic: Sequence[str]) -> list[Article]:
    """Those of some articles with a topic in their titles, or, where there are none, that are about it."""
    places = [(_place(each, topic), each) for each in articles]
    best = max((place for place, _ in places), default=_Place.NOWHERE)
    return [each for place, each in places if place == best and place >= _Place.BEGINNING]


def _titled(
    articles: Iterable[Article], topic: Sequence[str], kin: Collection[tuple[int, int]]
) -> tuple[Line, ...]:
    return _lines([each for each in articles if _place(each, topic) is _Place.TITLE], topic, kin)


class _Place(IntEnum):
    """Where an article holds all words of a topic."""

    NOWHERE = 0
    TEXT = 1
    BEGINNING = 2
    TITLE = 3


def _place(article: Article, topic: Sequence[str]) -> _Place:
    """Where all words of a topic stand, in the forms they have in the article's language.

    By the other language's stemmer `OpenAI` would also be "open".
    """
    language = article.language
    words = [_forms(word, language) for word in topic]
    body = article.body or article.summary
    title = frozenset(terms.stems(article.title, language))
    if not any(map(title.isdisjoint, words)):
        return _Place.TITLE
    begins = title.union(terms.stems(f"{article.summary[:LEAD]}\n{body[:LEAD]}", language))
    if not any(map(begins.isdisjoint, words)):
        return _Place.BEGINNING
    counts = Counter(terms.stems(body[:LONGEST], language))
    counts.update(begins)
    often = min(sum(counts[form] for form in forms) for forms in words)
    if often > OFTEN:
        return _Place.BEGINNING
    return _Place.TEXT if often else _Place.NOWHERE


@lru_cache(maxsize=1024)
def _forms(word: str, language: str | None) -> frozenset[str]:
    """The terms of a word in articles of a language: as a word of that language, and translated."""
    others = ("fr", "en") if language is None else ("en" if language == "fr" else "fr",)
    translated = (translations(terms.forms(word, other)) for other in others)
    forms = frozenset(terms.forms(word, language))
    return forms.union(namesakes.also(frozenset(terms.alternatives(word))), *translated)


def _lines(
    articles: Iterable[Article], topic: Sequence[str], kin: Collection[tuple[int, int]]
) -> tuple[Line, ...]:
    """One line a story, newest first. `kin` are pairs of ids that tell of one event, in either order."""
    of_topic = frozenset[str]().union(*(_forms(word, None) for word in topic))
    kept: list[tuple[frozenset[str], Article]] = []
    told: set[int] = set()  # the articles of the stories that have a line
    related: dict[int, set[int]] = defaultdict(set)
    for one, other in kin:
        related[one].add(other)
        related[other].add(one)

    def new() -> Iterable[Line]:
        for article in articles:
            words = frozenset(terms.stems(article.title, article.language)) - of_topic
            is_new = told.isdisjoint(related[article.id])
            told.add(article.id)
            if is_new and not any(_same_story(words, article, *other) for other in kept):
                kept.append((words, article))
                yield Line(safe.plain(article.title) or article.url, article)

    return tuple(islice(new(), LINES))


def _same_story(words: frozenset[str], article: Article, others: frozenset[str], other: Article) -> bool:
    """Whether two articles tell of the same event: by their titles' words beyond the topic.

    Titles with different numbers never do: of two releases, two quarters, two counts each is news.
    """
    if article.page == other.page:
        return True
    if abs(article.published - other.published) > STORY:
        return False
    numbers, other_numbers = (
        {word for word in each if any(map(str.isdecimal, word))} for each in (words, others)
    )
    if numbers and other_numbers and numbers != other_numbers:
        return False
    common = len(words & others)
    return common > 1 and common > ALIKE * len(words | others)
