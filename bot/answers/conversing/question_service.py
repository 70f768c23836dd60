"""Takes questions: how many, in which conversation, and what is kept of them."""

import asyncio
import math
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from bot.answers import answering
from bot.answers.answer_model import Answer
from bot.answers.conversing import conversation, mentions
from bot.answers.written_answers import Told
from bot.core import hours, locale
from bot.core.clock import Clock
from bot.core.models import Article
from bot.core.people_models import Question
from bot.core.rate_limits import Limit
from bot.core.refusals import Declined
from bot.search.index import analysis
from bot.search.query.query_syntax import MAX_LENGTH
from bot.search.query.query_tree import Query
from bot.search.searching import Searcher, SearchPage
from bot.store import Store
from bot.stories.known_tastes import Tastes
from bot.stories.server_taste import NONE
from bot.writing.model_writer import Writer

OF_A_PERSON = 5
"""Questions that a person may ask a minute."""
SEARCHES_OF_A_PERSON = 20
"""Messages that search or ask for help that a person may send a minute."""
OF_A_SERVER = 60
"""Questions that the people of a server may ask a minute."""
AT_ONCE = 2
"""Questions that are worked on at once: one of the database's readers is left to the commands."""
AT_ONCE_WITH_A_WRITER = 8
"""The same where a model writes: most of the time it is only waited for."""
MOST_WAITING = 50
"""Questions that may wait for their turn."""
EARLIER = 5
"""How many questions before this one are looked at."""
SOURCES = 6
"""Articles of an answer that a question after it begins with."""
DIRECT_MEMORY = 900
"""The same in seconds for direct messages, where nobody opens a thread for another topic."""
THREAD_MEMORY = 86_400
"""Seconds after which a question in a thread begins a conversation of its own."""

_MINUTE = 60.0
_FIRST_GUESS, _MEMORY = 2.0, 0.8  # seconds that a turn takes, and the weight of what was known of it before
_IN_TITLE = 3  # what a word of the question weighs there


class NotTaken(StrEnum):
    """Why a question is not answered; behind each, what its sentence names."""

    TOO_MANY_OF_PERSON = "too-many-of-person"  # count, moment
    TOO_MANY_OF_SERVER = "too-many-of-server"  # count, moment
    TOO_MANY_SEARCHES = "too-many-searches"  # count, moment
    TOO_LONG = "too-long"  # count, length
    BUSY = "busy"
    NO_TOPIC = "no-topic"
    THANKS = "thanks"
    GREETING = "greeting"


class TooMany(Declined):
    """A person or a server asked too much. `known`: the person was told until when, and it isn't past."""

    def __init__(self, reason: NotTaken, *, count: int, moment: int, known: bool) -> None:
        super().__init__(reason, count=count, moment=moment)
        self.known = known


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question, who asked it and where, and the feeds that its answer may come from.

    `article_id` is the article that it is about; the person `insists` on it where they said so, and the
    place did not merely suggest it. `follows` is the question before it, `message_id` the message that asks.
    Where its words do not show its language (`any_language`), the reply speaks that of what it quotes.
    """

    text: str
    feed_ids: Collection[int]
    server_id: int
    channel_id: int
    person_id: int
    public: bool
    article_id: int | None = None
    insists: bool = True
    follows: Question | None = None
    message_id: int | None = None
    any_language: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, the id of its question as it is kept, and the article that was asked about, if one was.

    `topics` can be asked about next; `may_watch`: the question has words to watch for.
    """

    answer: Answer
    question_id: int
    about: Article | None = None
    topics: tuple[str, ...] = ()
    may_watch: bool = False


class QuestionService:
    """Takes questions and searches: so many a minute, so many at once."""

    def __init__(
        self,
        store: Store,
        searcher: Searcher,
        clock: Clock,
        writer: Writer | None = None,
        tastes: Tastes | None = None,
    ) -> None:
        self._store = store
        self._tastes = tastes
        self._searcher = searcher
        self._clock = clock
        self._writer = writer
        self._people = Limit(clock, allowed=OF_A_PERSON, period=_MINUTE)
        self._servers = Limit(clock, allowed=OF_A_SERVER, period=_MINUTE)
        self._searches = Limit(clock, allowed=SEARCHES_OF_A_PERSON, period=_MINUTE)
        self._told_until: dict[int, float] = {}  # by person, on the monotonic clock
        self._turns = asyncio.Semaphore(AT_ONCE if writer is None else AT_ONCE_WITH_A_WRITER)
        self._waiting = 0
        self._usual = _FIRST_GUESS

    def admit(self, text: str, *, person_id: int, server_id: int) -> None:
        """Count a question. Raises `Declined` for one that is too long, `TooMany` for one too many."""
        wait = self._people.wait(person_id)
        if wait:
            raise self._too_many(NotTaken.TOO_MANY_OF_PERSON, OF_A_PERSON, wait, person_id)
        wait = self._servers.wait(server_id)
        if wait:
            raise self._too_many(NotTaken.TOO_MANY_OF_SERVER, OF_A_SERVER, wait, person_id)
        self._people.take(person_id)
        self._servers.take(server_id)
        if len(text) > MAX_LENGTH:
            raise Declined(NotTaken.TOO_LONG, count=MAX_LENGTH, length=len(text))

    def admit_search(self, *, person_id: int) -> None:
        """Count a message that searches or asks for help. Raises `TooMany` for one too many."""
        wait = self._searches.wait(person_id)
        if wait:
            raise self._too_many(NotTaken.TOO_MANY_SEARCHES, SEARCHES_OF_A_PERSON, wait, person_id)
        self._searches.take(person_id)

    def _too_many(self, reason: NotTaken, count: int, wait: float, person_id: int) -> TooMany:
        now = self._clock.monotonic()
        known = self._told_until.get(person_id, now) > now
        if not known:
            self._told_until = {person: until for person, until in self._told_until.items() if until > now}
            self._told_until[person_id] = now + wait
        moment = self._clock.now() + int(wait) + 1
        return TooMany(reason, count=count, moment=moment, known=known)

    async def answer(self, asked: Asked, told: Told | None = None) -> Reply:
        """Answer a question that was admitted, and keep it. `told` hears of what is written while it is.

        Raises `Declined` where there is nothing to look for in it, or where too many questions wait.
        """
        if courtesy := in_return(asked.text):
            raise Declined(courtesy)
        async with self._turn():
            before = await self._conversation(asked.follows)
            known = (asked.article_id, *(each.article_id for each in before))
            article_id = next((each for each in known if each is not None), None)
            about = None if article_id is None else await self._store.articles.get(article_id)
            answer = await answering.ask(
                self._searcher,
                asked.text,
                feed_ids=frozenset(asked.feed_ids),
                about=article_id,
                earlier=[each.text for each in reversed(before)],
                sources=before[0].sources if before else (),
                writer=self._writer,
                told=told,
                taste=NONE if self._tastes is None else await self._tastes.of_server(asked.server_id),
                zone=hours.zone((await self._store.preferences.of_server(asked.server_id)).time_zone),
            )
        if asked.any_language:
            locale.speak(_language_of(answer))
        if not answer.answered and about is None and not before and not says_something(asked.text):
            raise Declined(NotTaken.NO_TOPIC)
        question_id = await self._store.questions.add(
            server_id=asked.server_id,
            channel_id=asked.channel_id,
            person_id=asked.person_id,
            text=asked.text,
            language=locale.current(),
            public=asked.public,
            answered=answer.answered,
            article_id=None if about is None else about.id,
            follows=None if asked.follows is None else asked.follows.id,
            message_id=asked.message_id,
            sources=[source.id for source in answer.sources[:SOURCES]],
        )
        from_it = about is not None and any(source.page == about.page for source in answer.sources)
        said = asked.insists and asked.article_id is not None
        return Reply(
            answer=answer,
            question_id=question_id,
            about=about if said or from_it else None,
            topics=conversation.topics(answer),
            may_watch=bool(conversation.telling_words(asked.text)),
        )

    async def search(
        self, query: Query, *, feed_ids: Collection[int], limit: int, counted: int
    ) -> SearchPage:
        """Return the best results of a search. Raises `Declined` where too many questions wait.

        As many as `counted` are counted.
        """
        async with self._turn():
            return await self._searcher.search(query, feed_ids=feed_ids, limit=limit, counted=counted)

    async def _conversation(self, last: Question | None) -> list[Question]:
        """The questions before, the last first."""
        found: list[Question] = []
        while last is not None and len(found) < EARLIER:
            found.append(last)
            last = None if last.follows is None else await self._store.questions.get(last.follows)
        return found

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= MOST_WAITING:
            raise Declined(NotTaken.BUSY)
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1
        begun = self._clock.monotonic()
        try:
            yield
        finally:
            self._turns.release()
            self._usual = _MEMORY * self._usual + (1 - _MEMORY) * (self._clock.monotonic() - begun)

    def patience(self) -> int:
        """About how many seconds a question takes that is asked now: its turn and those before it."""
        at_once = AT_ONCE if self._writer is None else AT_ONCE_WITH_A_WRITER
        return math.ceil(self._usual * (1 + self._waiting / at_once))


def in_return(text: str) -> NotTaken | None:
    """Whether somebody only greets or thanks; None where a text asks for something."""
    if mentions.thanks(text):
        return NotTaken.THANKS
    return NotTaken.GREETING if mentions.greets(text) else None


def says_something(text: str) -> bool:
    """Whether a text holds a word that an article can be found by."""
    return bool(conversation.telling_words(text))


def closest(text: str, articles: Sequence[Article]) -> Article | None:
    """The one of some articles that has most of a text's words in its title and summary; None for a draw."""
    asked = [analysis.query_stems(word) for word in conversation.telling_words(text)]
    points: list[tuple[int, Article]] = []
    for article in articles:
        title = set(analysis.stems(article.title, article.language))
        summary = set(analysis.stems(article.summary, article.language))
        points.append(
            (sum(_IN_TITLE * bool(forms & title) + bool(forms & summary) for forms in asked), article)
        )
    points.sort(key=lambda each: -each[0])
    if not points or not points[0][0] or (len(points) > 1 and points[0][0] == points[1][0]):
        return None
    return points[0][1]


def _language_of(answer: Answer) -> str:
    """The language of the articles shown, where it is one that Telex speaks; else that of this task."""
    languages = {article.language for article in answer.sources or answer.nearest}
    return (locale.supported(languages.pop()) if len(languages) == 1 else None) or locale.current()
