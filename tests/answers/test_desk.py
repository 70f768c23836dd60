"""The desk: few questions at once, a limit a server, and what is remembered of a conversation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.answers import answer_pipeline
from bot.answers.answer_model import Answer, Confidence
from bot.answers.conversing import question_queue
from bot.answers.conversing.question_limits import (
    MAX_QUESTIONS_PER_SERVER_PER_MINUTE,
    MAX_QUESTIONS_PER_USER_PER_MINUTE,
    QuestionRejection,
    RateLimited,
)
from bot.answers.conversing.question_queue import MAX_CONCURRENT_QUESTIONS
from bot.answers.conversing.question_service import QuestionRequest, QuestionService
from bot.client.services import Services
from bot.core.user_errors import RequestRejected
from bot.posting.wording import refusal_sentences
from bot.writing.answer_writer import AnswerWriter
from cogs.asking.question_context import find_best_matching_article
from tests.support.samples import SERVER, add_feed, new_article, record


def make_question(number: int = 0, **changes: Any) -> QuestionRequest:
    fields: dict[str, Any] = {
        "text": f"Who bought Slack {number}?",
        "feed_ids": {1},
        "server_id": SERVER,
        "channel_id": 2,
        "user_id": 3,
        "is_public": True,
    }
    return QuestionRequest(**fields | changes)


class SlowEngine:
    """An engine that takes as long as the test wants."""

    def __init__(self) -> None:
        self.running = self.max_running = 0
        self.go_on = asyncio.Event()
        self._started = asyncio.Semaphore(0)

    async def wait_until_working(self, count: int) -> None:
        """Wait until it works on so many questions more."""
        for _ in range(count):
            await self._started.acquire()

    async def answer(self, _searcher: object, question: str, **_options: Any) -> Answer:
        self.running += 1
        self.max_running = max(self.max_running, self.running)
        self._started.release()
        await self.go_on.wait()
        self.running -= 1
        return Answer(question=question, confidence=Confidence.SURE)


@pytest.fixture
def slow_engine(monkeypatch) -> SlowEngine:
    engine = SlowEngine()
    monkeypatch.setattr(answer_pipeline, "answer_question", engine.answer)
    return engine


def service_of(newsroom: Services, writer: AnswerWriter | None = None) -> QuestionService:
    return QuestionService(newsroom.store, newsroom.searcher, newsroom.clock, writer)


async def test_eight_askers_are_worked_on_two_at_a_time(newsroom, slow_engine):
    taking = service_of(newsroom)
    tasks = [asyncio.create_task(taking.answer(make_question(number))) for number in range(8)]
    await slow_engine.wait_until_working(MAX_CONCURRENT_QUESTIONS)
    slow_engine.go_on.set()
    replies = await asyncio.gather(*tasks)
    assert slow_engine.max_running == MAX_CONCURRENT_QUESTIONS
    assert len({reply.question_id for reply in replies}) == 8


async def test_more_than_can_wait_are_sent_away_and_leave_no_trace(newsroom, slow_engine, monkeypatch):
    monkeypatch.setattr(question_queue, "MAX_PENDING_QUESTIONS", MAX_CONCURRENT_QUESTIONS + 1)
    taking = service_of(newsroom)
    tasks = [
        asyncio.create_task(taking.answer(make_question(number))) for number in range(MAX_CONCURRENT_QUESTIONS + 1)
    ]
    await slow_engine.wait_until_working(MAX_CONCURRENT_QUESTIONS)
    with pytest.raises(RequestRejected) as declined:
        await taking.answer(make_question(9))
    assert declined.value.reason.code is QuestionRejection.BUSY
    tasks[-1].cancel()  # who waited gives up, and the place is free again
    await asyncio.wait([tasks[-1]])
    last = asyncio.create_task(taking.answer(make_question(10)))
    slow_engine.go_on.set()
    await asyncio.gather(*tasks[:-1], last)
    assert await newsroom.store.questions.count(3) == MAX_CONCURRENT_QUESTIONS + 1


async def test_a_server_that_asks_much_leaves_room_for_others(newsroom, slow_engine, monkeypatch):
    monkeypatch.setattr(question_queue, "MAX_PENDING_QUESTIONS_PER_SERVER", MAX_CONCURRENT_QUESTIONS + 1)
    service = service_of(newsroom)
    tasks = [
        asyncio.create_task(service.answer(make_question(number))) for number in range(MAX_CONCURRENT_QUESTIONS + 1)
    ]
    await slow_engine.wait_until_working(MAX_CONCURRENT_QUESTIONS)
    with pytest.raises(RequestRejected) as declined:
        await service.answer(make_question(8))
    assert declined.value.reason.code is QuestionRejection.BUSY
    tasks.append(asyncio.create_task(service.answer(make_question(9, server_id=SERVER + 1))))
    slow_engine.go_on.set()
    assert len(await asyncio.gather(*tasks)) == MAX_CONCURRENT_QUESTIONS + 2


async def test_an_answer_that_fails_frees_its_place(newsroom, monkeypatch):
    async def fail(*_arguments: object, **_options: object) -> Answer:
        raise RuntimeError("broken")

    monkeypatch.setattr(answer_pipeline, "answer_question", fail)
    taking = service_of(newsroom)
    for _ in range(MAX_CONCURRENT_QUESTIONS + 1):
        with pytest.raises(RuntimeError):
            await taking.answer(make_question())


async def test_with_a_writer_more_are_worked_on_at_once(newsroom, slow_engine):
    taking = service_of(newsroom, object())  # type: ignore[arg-type]  # only whether there is one
    tasks = [
        asyncio.create_task(taking.answer(make_question(number))) for number in range(MAX_CONCURRENT_QUESTIONS + 2)
    ]
    await slow_engine.wait_until_working(MAX_CONCURRENT_QUESTIONS + 2)
    slow_engine.go_on.set()
    await asyncio.gather(*tasks)


def test_a_server_has_a_limit_that_one_person_cannot_use_up(newsroom, clock):
    taking = service_of(newsroom)
    for number in range(MAX_QUESTIONS_PER_SERVER_PER_MINUTE):
        taking.limiter.admit_question("Who?", user_id=number // MAX_QUESTIONS_PER_USER_PER_MINUTE, server_id=SERVER)
    with pytest.raises(RateLimited) as refused:
        taking.limiter.admit_question("Who?", user_id=999, server_id=SERVER)
    assert "This server" in refusal_sentences.refusal_sentence(refused.value.reason)
    assert not refused.value.was_notified
    with pytest.raises(RateLimited) as refused:
        taking.limiter.admit_question("Who?", user_id=999, server_id=SERVER)
    assert refused.value.was_notified
    taking.limiter.admit_question("Who?", user_id=998, server_id=SERVER + 1)
    clock.advance(2)
    taking.limiter.admit_question("Who?", user_id=999, server_id=SERVER)


async def test_the_article_of_a_conversation_stays_its_article(newsroom, monkeypatch):
    feed = await add_feed(newsroom.store)
    (article,) = (await record(newsroom.store, feed, new_article(feed, "a"))).new_article_ids
    abouts: list[object] = []

    async def ask(_searcher: object, question: str, **options: Any) -> Answer:
        abouts.append(options["about_article_id"])
        return Answer(question=question)

    monkeypatch.setattr(answer_pipeline, "answer_question", ask)
    taking = service_of(newsroom)
    first = await taking.answer(make_question(article_id=article))
    assert first.about_article is not None
    follows = await newsroom.store.questions.get(first.question_id)
    second = await taking.answer(make_question(previous_question=follows))
    assert abouts == [article, article]
    assert second.about_article is None  # nobody asked about it this time, and the answer is not from it


async def test_the_closest_of_some_articles_is_the_one_that_is_named(newsroom):
    feed = await add_feed(newsroom.store)
    titles = {
        "a": "Cities ban facial recognition",
        "b": "Le prix des puces",
        "c": "Robots",
        "d": "Robots",
    }
    new = [new_article(feed, name, title=title, summary="") for name, title in titles.items()]
    articles = await newsroom.store.articles.list_by_ids((await record(newsroom.store, feed, *new)).new_article_ids)
    closest_article = find_best_matching_article("Which city banned it?", articles)
    assert closest_article.title == titles["a"]
    assert find_best_matching_article("What about robots?", articles) is None
    assert find_best_matching_article("Why?", articles) is None


@pytest.mark.parametrize(
    ("text", "said"), [("merci !", "You’re welcome!"), ("Thanks", "You’re welcome!"), ("bonjour", "Hello!")]
)
async def test_who_only_greets_or_thanks_gets_no_quote(newsroom, text, said):
    with pytest.raises(RequestRejected) as declined:
        await service_of(newsroom).answer(make_question(text=text))
    assert said in refusal_sentences.refusal_sentence(declined.value.reason)
