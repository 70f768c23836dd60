"""Answers to questions: the passages of stored articles that answer, word for word, or that none does.

A question for the news is answered by the biggest stories (`vague_questions`, `news_briefing`), one about an
article from that article first; what a question leaves unsaid comes from those before it (`conversation`).
Where a model service is configured it writes the answer from the passages (`writer`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from itertools import islice
from typing import NamedTuple

from bot.answers import conversation, time_expressions, vague_questions
from bot.answers.answer_model import Answer, Line, Quote, Sentence, Tier
from bot.answers.answer_worker import NEEDED, Drawn, Extract, read_and_draw
from bot.answers.model_writer import PASSAGES, Writer
from bot.answers.news_briefing import briefing
from bot.answers.question_analysis import FORMED, MEASURED, Kind, present, understood
from bot.answers.scoring import LONGEST
from bot.answers.vague_questions import Vague, folded_of
from bot.core import locale
from bot.core.models import Article
from bot.search import ranking
from bot.search.passages import passages
from bot.search.query_plan import plan
from bot.search.query_syntax import MAX_LENGTH, MAX_TERMS, Query, Word
from bot.search.retrieval import Found, Gathered
from bot.search.searching import Searcher
from bot.search.semantic.semantic_search import Nearby
from bot.store.sqlite.hits import Hit
from bot.text import periods, terms
from bot.text.language import detect

__all__ = ["Answer", "Line", "Quote", "Sentence", "Writer", "ask"]

SURE_ENOUGH = -0.36
"""From here on nine of ten French questions without an answer are refused, and more of the English ones:
of those that the weights were fitted on."""
SURE_OUTRIGHT = -2.0
"""The same where a sentence says outright who leads a company or what a thing is."""
SURE_OF_ONE = -2.0
"""The same for a question about an article: it refuses the questions about its neighbours as often."""
SURE_ACROSS = 0.0
"""The same for a passage in the other language, of which little is known: as likely right as not."""
CERTAIN = 1.0  # from here on the other language is not asked
QUOTES = 3
NEAREST = 5
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


_YEARS = re.compile(rf"\b{periods.YEAR}\b")


class _Evidence(NamedTuple):
    """What was gathered for a question, and what was drawn from it."""

    gathered: Gathered
    drawn: Drawn

    def article(self, article_id: int) -> Article:
        """One of the articles."""
        return next(
            each.article for each in self.gathered.found if each.article and each.article.id == article_id
        )

    def nearest(self) -> tuple[Article, ...]:
        """The first of the articles."""
        return tuple(map(self.article, self.drawn.order[:NEAREST]))

    def quote(self, extract: Extract) -> Quote:
        """A passage word for word."""
        return Quote(extract.text, self.article(extract.rated.article_id))


async def ask(
    searcher: Searcher,
    text: str,
    *,
    feed_ids: Collection[int] | None,
    about: int | None = None,
    earlier: Sequence[str] = (),
    sources: Sequence[int] = (),
    writer: Writer | None = None,
    zone: tzinfo = UTC,
) -> Answer:
    """Answer a question from the articles of these feeds (None: of all). Never raises for what was asked.

    `about` is the id of the article that it is asked about, `earlier` are the questions before it in the
    conversation, oldest first, `sources` the ids of the articles that answered the last of them, and `writer`
    writes the answer where one is configured. The days of which the question speaks begin at midnight in
    `zone`.
    """
    whole = conversation.whole(text, earlier)
    article = None if about is None else await _visible(searcher, about, feed_ids)
    vague = vague_questions.read(whole, searcher.store.clock.now(), zone)
    if vague is not None and article is not None and not vague.topic:
        vague = None
    answer = None if vague is None else await _told(searcher, whole, feed_ids, vague)
    if answer is None:
        for quoted in (about, *sources):
            known = None if quoted is None else await _visible(searcher, quoted, feed_ids)
            answer = None if known is None else await _about(searcher, whole, known, writer)
            if answer is not None:
                break
    if answer is None:
        answer = await _sought(searcher, whole, feed_ids, writer, zone)
    newest = await searcher.store.articles.newest(feed_ids, limit=1)
    answer = replace(answer, question=text, newest=newest[0].published if newest else None, zone=zone)
    if vague is not None and vague.stated and answer.tier is Tier.NOTHING:
        answer = replace(answer, period=vague.period)
    if answer.answered or answer.period is None:
        return answer
    oldest = await searcher.store.articles.oldest_time(feed_ids)
    return replace(answer, oldest=oldest if oldest is not None and answer.period.end <= oldest else None)


async def _sought(
    searcher: Searcher,
    text: str,
    feed_ids: Collection[int] | None,
    writer: Writer | None,
    zone: tzinfo,
) -> Answer:
    """The answer that is looked for in what articles say, whatever is asked."""
    found = await _found(searcher, text, feed_ids, zone)
    answer = await _answer(text, found, SURE_ENOUGH, writer)
    return answer or Answer(question=text, nearest=found.nearest(), sureness=found.drawn.sureness)


async def _visible(searcher: Searcher, article_id: int, feed_ids: Collection[int] | None) -> Article | None:
    """The article, or the same page in a feed that the person may see, or None."""
    article = await searcher.store.articles.get(article_id)
    if article is None or feed_ids is None or article.feed_id in feed_ids:
        return article
    others = await searcher.store.articles.of_page(article.page)
    return next((other for other in others if other.feed_id in feed_ids), None)


async def _told(
    searcher: Searcher, text: str, feed_ids: Collection[int] | None, vague: Vague
) -> Answer | None:
    """The biggest stories that a question for the news asks for, their headlines quoted; None without any."""
    lines, period = await briefing(searcher, vague, feed_ids=feed_ids)
    if not lines:
        return None
    return Answer(
        question=text,
        tier=Tier.SURE,
        quotes=tuple(Quote(line.text[:LONGEST], line.article) for line in lines[:QUOTES]),
        sources=tuple(line.article for line in lines),
        lines=lines,
        period=period,
    )


async def _about(searcher: Searcher, text: str, article: Article, writer: Writer | None) -> Answer | None:
    """The answer that one article gives, or None."""
    folded = folded_of(text)
    own = conversation.telling_words(_ARTICLE.sub(" ", folded))
    if _OVERVIEW.search(folded) and not conversation.telling_words(
        _ARTICLE.sub(" ", _OVERVIEW.sub(" ", folded))
    ):
        return await _overview(searcher, text, article, writer)
    await searcher.finder.vocabulary.ready()
    asked = understood(text)
    own = [word for word in own if word not in asked.said | asked.implied]
    words = f"{text} ? {article.title}" if len(own) < FEW else text
    telling = " ".join(word.text for word in _telling(words))
    wanted = ranking.sought(telling, searcher.finder.vocabulary, within=words)
    found = Found(Hit(article.id, article.page, article.published, 0.0), article=article)
    gathered = Gathered(wanted, detect(text), [found], Nearby([], {}))
    drawn = await searcher.aside(read_and_draw, words, gathered, MEASURED, WHOLE)
    if own and len(own) < FEW and asked.kind not in (*FORMED, Kind.TIME):
        # What the title says would outweigh that nothing is said of this word.
        drawn = drawn.holding([word for word in wanted if word.word == own[0]], article.language)
    return await _answer(text, _Evidence(gathered, drawn), SURE_OF_ONE, writer)


async def _overview(searcher: Searcher, text: str, article: Article, writer: Writer | None) -> Answer | None:
    """What an article is about: as a model tells it from its first passages, else how it begins."""
    begins, shown = await searcher.aside(_in_stretches, article)
    if not begins:
        return None
    if writer is not None:
        quotes = [Quote(stretch, article) for stretch in shown]
        sentences = await writer.write(text, quotes, detect(text) or locale.current())
        if sentences:
            return _as_answer(text, sentences, quotes, None)
    return Answer(question=text, tier=Tier.SURE, quotes=(Quote(begins, article),), sources=(article,))


def _in_stretches(article: Article) -> tuple[str, list[str]]:
    """How an article begins, and its first passages."""
    whole = passages(article, read=WHOLE)
    return whole.beginning(LONGEST), list(islice(whole.stretches(LONGEST), PASSAGES))


async def _found(searcher: Searcher, text: str, feed_ids: Collection[int] | None, zone: tzinfo) -> _Evidence:
    """What the articles of some feeds say, those of the period alone that the question speaks of."""
    now = searcher.store.clock.now()
    folded = folded_of(text[:MAX_LENGTH])
    moment = time_expressions.find(folded, now, zone)
    since = None
    if moment and moment.relative and not _NO_LIMIT.match(folded[moment.start : moment.end]):
        since = moment.period.start if moment.period.start >= now - LATELY else None
    gathered = await gather(searcher, text, feed_ids=feed_ids, since=since)
    drawn = await searcher.aside(read_and_draw, text, gathered, NEEDED)
    drawn = await across(searcher, text, await in_meaning(searcher, text, drawn))
    return _Evidence(gathered, drawn)


async def in_meaning(searcher: Searcher, text: str, drawn: Drawn) -> Drawn:
    """What was drawn, its passages held against the meaning of the question where that is known."""
    meaning = searcher.finder.meaning
    if meaning is None or not drawn.extracts:
        return drawn
    cosines = await meaning.likeness(text, [extract.text for extract in drawn.extracts])
    return drawn if cosines is None else drawn.in_meaning(cosines)


async def across(searcher: Searcher, text: str, drawn: Drawn) -> Drawn:
    """What articles of the other language say where that is surer than what those of the asker's do."""
    own = -math.inf if drawn.sureness is None else drawn.sureness
    found = await foreign(searcher, text, drawn) if own < CERTAIN else None
    if found is None or found.sureness is None or found.sureness < max(own, SURE_ACROSS):
        return drawn
    return found


async def foreign(searcher: Searcher, text: str, drawn: Drawn) -> Drawn | None:
    """The passage in the other language that answers best; None where there is none, or no encoder."""
    meaning = searcher.finder.meaning
    if meaning is None or not drawn.foreign:
        return None
    cosines = await meaning.likeness(text, [extract.text for extract in drawn.foreign])
    return None if cosines is None else drawn.across(cosines)


async def _answer(text: str, found: _Evidence, sure_enough: float, writer: Writer | None) -> Answer | None:
    """The answer that a model wrote from what was found, else what was found; None when it is not sure."""
    drawn = found.drawn
    if drawn.says_outright():
        sure_enough = min(sure_enough, SURE_OUTRIGHT)
    written = await _written(text, found, writer) if writer is not None and drawn.extracts else None
    if written is not None or drawn.sureness is None or drawn.sureness < sure_enough:
        return written
    quotes = tuple(map(found.quote, islice(drawn.quotable(), QUOTES)))
    sources = {quote.article.id: quote.article for quote in quotes}
    return Answer(
        question=text,
        tier=Tier.SURE,
        quotes=quotes,
        sources=tuple(sources.values()),
        sureness=drawn.sureness,
    )


async def _written(text: str, found: _Evidence, writer: Writer) -> Answer | None:
    """The answer as the model wrote it, with the passages it cites; None when none of it holds.

    It must speak of what was asked, and hold a number where a number was asked for, a price for a price.
    """
    passages_ = [found.quote(extract) for extract in found.drawn.extracts[:PASSAGES]]
    language = found.gathered.language or locale.current()
    sentences = await writer.write(text, passages_, language)
    said = " ".join(sentence.text for sentence in sentences)
    kind = understood(text).kind
    words = frozenset(terms.stems(said, language))
    speaks = any(sought.match(words) for sought in found.gathered.wanted)
    if not speaks or (kind in MEASURED and not present(kind, said, terms.words(text))):
        return None
    return _as_answer(text, sentences, passages_, found.drawn.sureness)


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
        tier=Tier.SURE,
        quotes=tuple(cited[:QUOTES]),
        sources=tuple(sources),
        sureness=sureness,
        written=written,
    )


async def gather(
    searcher: Searcher, text: str, *, feed_ids: Collection[int] | None, since: int | None = None
) -> Gathered:
    """The articles in which a question's words stand, or that mean what it asks.

    `since`, in seconds since 1970 in UTC, leaves out what was published earlier.
    """
    asked = plan(_as_words(text), feed_ids=feed_ids, person_id=None)
    if not asked.words or (feed_ids is not None and not feed_ids):
        return Gathered([], None, [], Nearby([], {}))
    asked.scope = replace(asked.scope, since=since)
    return await searcher.finder.gathered(asked)


def _as_words(text: str) -> Query:
    """A question as a query of the words that its answer may have; nothing in it is syntax."""
    text = " ".join(text[:MAX_LENGTH].split())
    return Query(text=text, nodes=tuple(_telling(text)[:MAX_TERMS]))


def _telling(text: str) -> list[Word]:
    """The words of a question but those that only say what is asked for, where there are others."""
    said = understood(text).said
    words = [Word(piece, tuple(terms.words(piece))) for piece in text.split()]
    telling = [word for word in words if any(map(terms.alternatives, word.words))]
    return [word for word in telling if not said.issuperset(word.words)] or telling
