"""Answers to questions: the passages of stored articles that answer, word for word, or that none does.

A question about a period is answered by the stories of that period (`happenings`), one about an article from
that article first; what a question leaves unsaid comes from those before it (`context`). Where a model
service is configured it writes the answer from the passages (`writer`).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from bot import locale
from bot.news import context, evidence, happenings, ranking
from bot.news.answer import Answer, Line, Quote, Sentence
from bot.news.evidence import Passage
from bot.news.finding import Found, Reading, one_a_page
from bot.news.passages import Passages, passages
from bot.news.plan import plan
from bot.news.question import MEASURED, Kind, present, understood
from bot.news.search import Searcher
from bot.news.writer import PASSAGES, Writer
from bot.store.search_index import Hit
from bot.text import moments, terms
from bot.text.language import detect
from bot.text.query import MAX_LENGTH, MAX_TERMS, Query, Word
from bot.words import Article

__all__ = ["Answer", "Line", "Quote", "Sentence", "Writer", "ask"]

SURE_ENOUGH = -0.1
"""From here on nine of ten French questions without an answer are refused, and more of the English ones."""
SURE_OF_ONE = -2.0
"""The same for a question about an article: it refuses the questions about its neighbours as often."""
QUOTES = 3
NEAREST = 5
FURTHER = 2.0  # how much weaker than the first a further quote may be
WHOLE = 100_000  # characters read of an article that is asked about
FEW = 2  # words of its own: a question about an article with fewer is about its title's
LATELY = 62 * 86400  # seconds: so far back, what was asked of a period is looked for in its articles alone

_OVERVIEW = re.compile(
    r"(?:summari[sz]e|summary|tl;?dr|resume\w*|explain|explique\w*|what is (?:this|it|that)\b"
    r"|what(?:'s| is) (?:this|it|the article|that) about|de quoi (?:ca |il |cela )?(?:parle|s'agit)"
    r"|c'est quoi|qu'est-ce que (?:c'est|ca dit)|in short|en bref|en resume)"
)
_ARTICLE = re.compile(
    r"\b(?:this|the|cet?|l') ?(?:article|post|news|story|text|texte|page)\b|\bthis\b|\bca\b"
)
_NO_LIMIT = re.compile(r"(?:of|du|des?|d')(?!\w)|.*\b(?:today|tonight|aujourd'hui)$")
"""Expressions of time that also tell of what has long been so, or what is of that time itself."""


class Drawn(NamedTuple):
    """What was drawn from articles: the passages that may answer, the best first, and how sure that is."""

    reading: Reading
    passages: list[Passage]
    sureness: float | None

    def quotes(self) -> tuple[Quote, ...]:
        """The best passages, each sentence once."""
        best = self.passages[0]
        near = (passage for passage in self.passages if best.points - passage.points <= FURTHER)
        return tuple(self.quote(passage) for passage in islice(evidence.without_repeats(near), QUOTES))

    def quote(self, passage: Passage) -> Quote:
        """A passage word for word."""
        return Quote(passage.text(self.reading.wanted), passage.read.article)


async def ask(
    searcher: Searcher,
    text: str,
    *,
    feed_ids: Collection[int] | None,
    about: int | None = None,
    earlier: Sequence[str] = (),
    writer: Writer | None = None,
) -> Answer:
    """Answer a question from the articles of these feeds (None: of all). Never raises for what was asked.

    `about` is the id of the article that it is asked about, `earlier` are the questions before it in the
    conversation, oldest first, and `writer` writes the answer where one is configured.
    """
    whole = context.whole(text, earlier)
    article = None if about is None else await _visible(searcher, about, feed_ids)
    answer = await _happened(searcher, whole, feed_ids, article)
    if answer is None and article is not None:
        answer = await _about(searcher, whole, article, writer)
    if answer is None:
        drawn = await _drawn(searcher, whole, feed_ids)
        nearest = tuple(each.read.article for each in drawn.reading.found[:NEAREST] if each.read)
        answer = await _answer(whole, drawn, SURE_ENOUGH, writer)
        answer = answer or Answer(question=text, answered=False, nearest=nearest, sureness=drawn.sureness)
    newest = await searcher.store.articles.newest(feed_ids, limit=1)
    return replace(answer, question=text, newest=newest[0].published if newest else None)


async def _visible(searcher: Searcher, article_id: int, feed_ids: Collection[int] | None) -> Article | None:
    """The article, or the same page in a feed that the person may see, or None."""
    article = await searcher.store.articles.get(article_id)
    if article is None or feed_ids is None or article.feed_id in feed_ids:
        return article
    others = await searcher.store.articles.of_page(article.page)
    return next((other for other in others if other.feed_id in feed_ids), None)


async def _happened(
    searcher: Searcher, text: str, feed_ids: Collection[int] | None, article: Article | None
) -> Answer | None:
    """A list of a period's stories where the question asks for one; None where it asks for something else."""
    happening = happenings.asked(text[:MAX_LENGTH], searcher.store.clock.now())
    if happening is None or (article is not None and not happening.topic):
        return None
    lines = await happenings.told(searcher.store, happening, feed_ids=feed_ids)
    if lines:
        sources = tuple(line.article for line in lines)
        begun = ((passages(each).beginning(evidence.LONGEST), each) for each in sources[:QUOTES])
        quotes = tuple(Quote(words, each) for words, each in begun if words)
        return Answer(question=text, answered=True, quotes=quotes, sources=sources, lines=lines)
    if happening.dated or not happening.stated:
        return None
    if happening.topic:
        reading = await read(searcher, " ".join(happening.topic), feed_ids=feed_ids)
        nearest = [each.read.article for each in reading.found[:NEAREST] if each.read]
    else:
        nearest = await searcher.store.articles.newest(feed_ids, limit=NEAREST)
    return Answer(question=text, answered=False, nearest=tuple(nearest))


async def _about(searcher: Searcher, text: str, article: Article, writer: Writer | None) -> Answer | None:
    """The answer that one article gives, or None."""
    read_ = await asyncio.to_thread(lambda: passages(article, read=WHOLE))
    folded = happenings.folded_of(text)
    own = context.own_words(_ARTICLE.sub(" ", folded))
    if _OVERVIEW.search(folded) and not context.own_words(_ARTICLE.sub(" ", _OVERVIEW.sub(" ", folded))):
        return await _overview(text, read_, writer)
    await searcher.finder.vocabulary.ready()
    words = f"{text} {article.title}" if len(own) < FEW else text
    wanted = ranking.sought(words, searcher.finder.vocabulary)
    hit = Hit(article.id, article.page, article.published, ranking.score(wanted, read_, detect(text)))
    reading = Reading(wanted, detect(text), [Found(hit, read=read_)])
    return await _answer(text, await _weighed(words, reading, MEASURED), SURE_OF_ONE, writer)


async def _overview(text: str, read_: Passages, writer: Writer | None) -> Answer | None:
    """What an article is about: as a model tells it from its first passages, else how it begins."""
    article = read_.article
    begins = read_.beginning(evidence.LONGEST)
    if not begins:
        return None
    if writer is not None:
        shown = islice(read_.stretches(evidence.LONGEST), PASSAGES)
        quotes = [Quote(stretch, article) for stretch in shown]
        sentences = await writer.write(text, quotes, detect(text) or locale.current())
        if sentences:
            return _as_answer(text, sentences, quotes, None)
    return Answer(question=text, answered=True, quotes=(Quote(begins, article),), sources=(article,))


async def _drawn(searcher: Searcher, text: str, feed_ids: Collection[int] | None) -> Drawn:
    now = searcher.store.clock.now()
    folded = happenings.folded_of(text[:MAX_LENGTH])
    moment = moments.find(folded, now)
    since = None
    if moment and moment.relative and not _NO_LIMIT.match(folded[moment.start : moment.end]):
        since = moment.period.start if moment.period.start >= now - LATELY else None
    return await _weighed(text, await read(searcher, text, feed_ids=feed_ids, since=since))


async def _weighed(text: str, reading: Reading, needed: Collection[Kind] = (Kind.NUMBER,)) -> Drawn:
    """The passages that may answer; for `needed` kinds of question those that hold something of the kind."""
    found = await asyncio.to_thread(evidence.weigh, text, reading.wanted, reading.found)
    if understood(text).kind in needed:
        found = [passage for passage in found if passage.features["measure"]]
    return Drawn(reading, found, evidence.sureness(found) if found else None)


async def _answer(text: str, drawn: Drawn, sure_enough: float, writer: Writer | None) -> Answer | None:
    """The answer that a model wrote from what was drawn, else what was drawn; None when it is not sure."""
    written = await _written(text, drawn, writer) if writer is not None and drawn.passages else None
    if written is not None or drawn.sureness is None or drawn.sureness < sure_enough:
        return written
    quotes = drawn.quotes()
    sources = {quote.article.id: quote.article for quote in quotes}
    return Answer(
        question=text,
        answered=True,
        quotes=quotes,
        sources=tuple(sources.values()),
        sureness=drawn.sureness,
    )


async def _written(text: str, drawn: Drawn, writer: Writer) -> Answer | None:
    """The answer as the model wrote it, with the passages it cites; None when none of it holds.

    It must speak of what was asked, and hold a number where a number was asked for, a price for a price.
    """
    passages_ = [drawn.quote(passage) for passage in drawn.passages[:PASSAGES]]
    language = drawn.reading.language or locale.current()
    sentences = await writer.write(text, passages_, language)
    said = " ".join(sentence.text for sentence in sentences)
    kind = understood(text).kind
    words = frozenset(terms.stems(said, language))
    speaks = any(sought.match(words) for sought in drawn.reading.wanted)
    if not speaks or (kind in MEASURED and not present(kind, said, terms.words(text))):
        return None
    return _as_answer(text, sentences, passages_, drawn.sureness)


def _as_answer(
    text: str, sentences: Sequence[Sentence], shown: Sequence[Quote], sureness: float | None
) -> Answer:
    """Sentences that cite passages as an answer whose sources they cite."""
    cited = [shown[number - 1] for number in dict.fromkeys(n for each in sentences for n in each.cites)]
    sources = list({quote.article.id: quote.article for quote in cited}.values())
    places = {source.id: number for number, source in enumerate(sources, 1)}
    written = tuple(
        Sentence(each.text, tuple(dict.fromkeys(places[shown[n - 1].article.id] for n in each.cites)))
        for each in sentences
    )
    return Answer(
        question=text,
        answered=True,
        quotes=tuple(cited[:QUOTES]),
        sources=tuple(sources),
        sureness=sureness,
        written=written,
    )


async def read(
    searcher: Searcher, text: str, *, feed_ids: Collection[int] | None, since: int | None = None
) -> Reading:
    """The articles in which a question's words stand, read, the best first, one a page.

    `since`, in seconds since 1970 in UTC, leaves out what was published earlier.
    """
    asked = plan(_as_words(text), feed_ids=feed_ids, person_id=None)
    if not asked.words or (feed_ids is not None and not feed_ids):
        return Reading([], None, [])
    asked.scope = replace(asked.scope, since=since)
    reading = await searcher.finder.partial(asked)
    return reading._replace(found=one_a_page(reading.found))


def _as_words(text: str) -> Query:
    """A question as a query of the words that its answer may have; nothing in it is syntax."""
    text = " ".join(text[:MAX_LENGTH].split())
    said = understood(text).said
    words = [Word(piece, tuple(terms.words(piece))) for piece in text.split()]
    telling = [word for word in words if any(map(terms.alternatives, word.words))]
    kept = [word for word in telling if not said.issuperset(word.words)] or telling
    return Query(text=text, nodes=tuple(kept[:MAX_TERMS]))
