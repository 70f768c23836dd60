"""Answers to questions: understand, retrieve, candidates, score, tier, present.

Each step is a function of its own: `understanding`, `question_retrieval`, `candidates`, `judging` with
`features` and `answer_scorer`, and here the tier and what is shown. A question for the news is answered by
the biggest stories (`vague_questions`, `news_briefing`), one about an article from that article first;
what a question leaves unsaid comes from those before it (`conversation`). Where a model service is
configured it writes the answer from the passages (`model_writer`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from math import log

from bot.answers.answer_model import LONGEST, QUOTES, Answer, Line, Quote, Tier
from bot.answers.answer_scorer import AT_HAND, Scorer, log_odds, scorer
from bot.answers.briefing import vague_questions
from bot.answers.briefing.news_briefing import briefing
from bot.answers.briefing.vague_questions import Vague, folded_of
from bot.answers.conversing import conversation
from bot.answers.judging import Judged, judge
from bot.answers.passages import in_stretches
from bot.answers.question_retrieval import Retrieved, retrieve, understood
from bot.answers.understanding import Question
from bot.answers.written_answers import Told, as_answer, written_answer
from bot.core import locale
from bot.core.models import Article
from bot.search.index import analysis
from bot.search.query.query_syntax import MAX_LENGTH
from bot.search.searching import Searcher
from bot.stories.server_taste import NONE, Taste
from bot.text.language import detect
from bot.writing.model_writer import PASSAGES, Writer

__all__ = ["Answer", "Line", "Quote", "Writer", "ask"]

NEAREST = 5
FEW = 2
"""Telling words: a question about an article with fewer is about what its title says."""
LESS = log(5)
"""How much lower the log-odds of a further quote may be,"""
OLDER = log(12)
"""those of an older passage, for it to be shown as what was so,"""
TOLD = 0.3
"""and how likely the words of either are the answer at the least."""
DAY = 86_400
"""Seconds by which what was so is older: what several outlets say on one day is no change."""

_OVERVIEW = re.compile(
    r"(?:summari[sz]e|summary|tl;?dr|resume\w*|explain|explique\w*|what is (?:this|it|that)\b"
    r"|what(?:'s| is) (?:this|it|the article|that) about|de quoi (?:ca |il |cela )?(?:parle|s'agit)"
    r"|c'est quoi|qu'est-ce que (?:c'est|ca dit)|in short|en bref|en resume)"
)
_ARTICLE = re.compile(
    r"\b(?:this|the|cet?|l') ?(?:article|post|news|story|text|texte|page)\b|\bthis\b|\bca\b"
)


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
    taste: Taste = NONE,
    told: Told | None = None,
) -> Answer:
    """Answer a question from the articles of these feeds (None: of all). Never raises for what was asked.

    `about` is the id of the article that it is asked about, `earlier` are the questions before it in the
    conversation, oldest first, `sources` the ids of the articles that answered the last of them, and `writer`
    writes the answer where one is configured. The days of which the question speaks begin at midnight in
    `zone`. Of the news it tells first what is to the `taste` of the server. `told` hears of what is written
    while it is.
    """

    def draft(answer: Answer) -> None:
        if told is not None:
            told(replace(answer, question=text))

    whole = conversation.whole(text, earlier)[:MAX_LENGTH]
    article = None if about is None else await _visible(searcher, about, feed_ids)
    newest = await searcher.store.articles.newest(feed_ids, limit=1)
    latest = newest[0].published if newest else 0
    vague = vague_questions.read(whole, searcher.store.clock.now(), zone)
    if vague is not None and article is not None and not vague.topic:
        vague = None
    answer = None if vague is None else await _told(searcher, whole, feed_ids, vague, taste)
    if answer is None and article is not None and _asks_for_an_overview(whole):
        answer = await _overview(searcher, whole, article, writer, draft)
    if answer is None:
        quoted = [await _visible(searcher, source, feed_ids) for source in sources]
        known = [each for each in (article, *quoted) if each is not None]
        asked = whole
        if article is not None and len(conversation.telling_words(whole)) < FEW:
            asked = f"{whole} ({article.title})"
        added = conversation.telling_words(text) if whole != " ".join(text.split()) else ()
        question = await understood(searcher, asked, added)
        retrieved = await retrieve(searcher, question, feed_ids=feed_ids)
        answer = await answer_from(searcher, question, retrieved.after(known), writer, draft)
    answer = replace(answer, question=text, newest=latest if newest else None, zone=zone)
    return await _of_its_time(searcher, answer, feed_ids, vague)


async def _of_its_time(
    searcher: Searcher, answer: Answer, feed_ids: Collection[int] | None, vague: Vague | None
) -> Answer:
    """An answer with the time that was asked about, and what is known of that."""
    if vague is not None and vague.stated and answer.tier is Tier.NOTHING:
        answer = replace(answer, period=vague.period)
    if answer.answered or answer.period is None:
        return answer
    oldest = await searcher.store.articles.oldest_time(feed_ids)
    return replace(answer, oldest=oldest if oldest is not None and answer.period.end <= oldest else None)


async def answer_from(
    searcher: Searcher,
    question: Question,
    retrieved: Retrieved,
    writer: Writer | None = None,
    told: Told | None = None,
) -> Answer:
    """What some articles answer."""
    by_words = await searcher.aside(judge, question, retrieved.articles, retrieved.at_hand, retrieved.nearest)
    judged, judged_by = await in_meaning(searcher, question, retrieved, by_words)
    articles = {article.id: article for article in retrieved.articles}
    tier = tier_of(judged, judged_by, retrieved.at_hand)
    if writer is not None and tier is not Tier.NOTHING:
        written = await written_answer(question, judged, articles, tier, writer, told)
        if written is not None:
            return written
    nearest = [article for article in retrieved.articles if article.id not in retrieved.at_hand]
    return present(question, judged, articles, tier, nearest, retrieved.at_hand)


async def in_meaning(
    searcher: Searcher, question: Question, retrieved: Retrieved, judged: Sequence[Judged]
) -> tuple[Sequence[Judged], Scorer]:
    """Candidates held against the meaning of the question, where that is known, and the scorer that
    judged."""
    meaning = searcher.meaning
    cosines = None
    if meaning is not None and judged:
        cosines = await meaning.likeness(question.text, [each.text for each in judged])
    if cosines is None:
        return judged, scorer(meaning=False)
    by_meaning = scorer(meaning=True)
    again = []
    for each, cosine in zip(judged, cosines, strict=True):
        features = (*each.features, cosine, retrieved.cosines.get(each.article_id, 0.0))
        probability = by_meaning.probability(features, at_hand=each.article_id in retrieved.at_hand)
        again.append(each._replace(features=features, probability=probability))
    return sorted(again, key=lambda each: -each.probability), by_meaning


def tier_of(judged: Sequence[Judged], judged_by: Scorer, at_hand: frozenset[int] = frozenset()) -> Tier:
    """How sure it is that the best candidate answers: no surer for its article being talked about."""
    if not judged or judged[0].probability < judged_by.possible:
        return Tier.NOTHING
    if odds(judged[0], at_hand) >= log_odds(judged_by.sure):
        return Tier.SURE
    return Tier.POSSIBLE


def odds(judged: Judged, at_hand: frozenset[int]) -> float:
    """The log-odds of a candidate, whether or not its article was talked about."""
    return log_odds(judged.probability) - AT_HAND * (judged.article_id in at_hand)


def chosen(
    question: Question, judged: Sequence[Judged], at_hand: frozenset[int] = frozenset()
) -> tuple[list[Judged], list[Judged]]:
    """The candidates to quote, no sentence twice; and where the answer changes older ones that say otherwise
    than the first. What follows the first takes the place of candidates that are far less likely."""
    first: list[Judged] = []
    for each in judged:
        if len(first) < 2 * QUOTES and not any(map(each.overlaps, first)):
            first.append(each)
    if not first:
        return [], []
    older = _otherwise(first) if question.changes else []
    least = odds(first[0], at_hand) - LESS
    shown = [each for each in first if each not in older and odds(each, at_hand) >= least][:QUOTES]
    following = first[0].following
    if following and len(shown) < QUOTES and not any(map(following.overlaps, shown)):
        shown.append(following)
    return shown, older[:QUOTES]


def _otherwise(found: Sequence[Judged]) -> list[Judged]:
    """Those of some candidates that are older than the first, about as likely, and say otherwise."""
    best = found[0]
    return [
        each
        for each in found
        if each.published <= best.published - DAY
        and log_odds(each.probability) >= log_odds(best.probability) - OLDER
        and min(each.answers, best.answers) >= TOLD
        and not _same(each, best)
    ]


def present(
    question: Question,
    judged: Sequence[Judged],
    articles: dict[int, Article],
    tier: Tier,
    near: Sequence[Article],
    at_hand: frozenset[int] = frozenset(),
) -> Answer:
    """The answer with its quotes, as its tier has them; else the first of what is `near` the topic."""
    nearest = tuple(near[:NEAREST])
    if tier is Tier.NOTHING:
        return Answer(question=question.text, nearest=nearest)
    picked, before = chosen(question, judged, at_hand)
    quotes, older = (
        tuple(Quote(each.text, articles[each.article_id], each.marked) for each in some)
        for some in (picked, before)
    )
    sources = {quote.article.id: quote.article for quote in (*quotes, *older)}
    return Answer(
        question=question.text,
        tier=tier,
        quotes=quotes if tier is Tier.SURE else (),
        possible=quotes if tier is Tier.POSSIBLE else (),
        older=older,
        sources=tuple(sources.values()),
        nearest=() if tier is Tier.SURE else nearest,
        sureness=judged[0].probability,
    )


def _same(one: Judged, other: Judged) -> bool:
    """Whether the answers of two candidates are the same words."""
    said = analysis.words(one.answer or ""), analysis.words(other.answer or "")
    return set(said[0]) <= set(said[1]) or set(said[1]) <= set(said[0])


async def _visible(searcher: Searcher, article_id: int, feed_ids: Collection[int] | None) -> Article | None:
    """The article, or the same page in a feed that the person may see, or None."""
    article = await searcher.store.articles.get(article_id)
    if article is None or feed_ids is None or article.feed_id in feed_ids:
        return article
    others = await searcher.store.articles.of_page(article.page)
    return next((other for other in others if other.feed_id in feed_ids), None)


async def _told(
    searcher: Searcher, text: str, feed_ids: Collection[int] | None, vague: Vague, taste: Taste
) -> Answer | None:
    """The biggest stories that a question for the news asks for, their headlines quoted; None without any."""
    lines, period = await briefing(searcher, vague, feed_ids=feed_ids, taste=taste)
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


def _asks_for_an_overview(text: str) -> bool:
    """Whether all that is asked is what an article says."""
    folded = folded_of(text)
    rest = _ARTICLE.sub(" ", _OVERVIEW.sub(" ", folded))
    return bool(_OVERVIEW.search(folded)) and not conversation.telling_words(rest)


async def _overview(
    searcher: Searcher, text: str, article: Article, writer: Writer | None, told: Told
) -> Answer | None:
    """What an article is about: as a model tells it from its first passages, else how it begins."""
    begins, shown = await searcher.aside(in_stretches, article, LONGEST, PASSAGES)
    if not begins:
        return None
    if writer is not None:
        quotes = [Quote(stretch, article) for stretch in shown]
        sentences = await writer.write(
            text,
            quotes,
            detect(text) or locale.current(),
            lambda sentences: told(as_answer(text, sentences, quotes, Tier.SURE)),
        )
        if sentences:
            return as_answer(text, sentences, quotes, Tier.SURE)
    return Answer(question=text, tier=Tier.SURE, quotes=(Quote(begins, article),), sources=(article,))
