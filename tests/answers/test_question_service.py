"""The question service: its queue, limits and conversations."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
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
from tests.support.samples import SERVER, add_feed, make_new_article, write_poll


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
    """An engine that answers when the test lets it."""

    def __init__(self) -> None:
        self.running = self.max_running = 0
        self.go_on = asyncio.Event()
        self._started = asyncio.Semaphore(0)

    async def wait_until_working(self, count: int) -> None:
        """Wait until it has started `count` more questions."""
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


def make_service(newsroom: Services, writer: AnswerWriter | None = None) -> QuestionService:
    return QuestionService(newsroom.store, newsroom.searcher, newsroom.clock, writer)


async def test_questions_run_two_at_a_time(newsroom, slow_engine):
    service = make_service(newsroom)
    tasks = [asyncio.create_task(service.answer(make_question(number))) for number in range(8)]
    await slow_engine.wait_until_working(MAX_CONCURRENT_QUESTIONS)
    slow_engine.go_on.set()
    replies = await asyncio.gather(*tasks)
    assert slow_engine.max_running == MAX_CONCURRENT_QUESTIONS
    assert len({reply.question_id for reply in replies}) == 8


async def test_question_beyond_queue_limit_is_rejected_without_trace(newsroom, slow_engine, monkeypatch):
    monkeypatch.setattr(question_queue, "MAX_PENDING_QUESTIONS", MAX_CONCURRENT_QUESTIONS + 1)
    service = make_service(newsroom)
    tasks = [
        asyncio.create_task(service.answer(make_question(number))) for number in range(MAX_CONCURRENT_QUESTIONS + 1)
    ]
    await slow_engine.wait_until_working(MAX_CONCURRENT_QUESTIONS)
    with pytest.raises(RequestRejected) as rejection:
        await service.answer(make_question(9))
    assert rejection.value.reason.code is QuestionRejection.BUSY
    tasks[-1].cancel()  # who waited gives up, and the place is free again
    await asyncio.wait([tasks[-1]])
    last = asyncio.create_task(service.answer(make_question(10)))
    slow_engine.go_on.set()
    await asyncio.gather(*tasks[:-1], last)
    assert await newsroom.store.questions.count(3) == MAX_CONCURRENT_QUESTIONS + 1


async def test_busy_server_leaves_room_for_others(newsroom, slow_engine, monkeypatch):
    monkeypatch.setattr(question_queue, "MAX_PENDING_QUESTIONS_PER_SERVER", MAX_CONCURRENT_QUESTIONS + 1)
    service = make_service(newsroom)
    tasks = [
        asyncio.create_task(service.answer(make_question(number))) for number in range(MAX_CONCURRENT_QUESTIONS + 1)
    ]
    await slow_engine.wait_until_working(MAX_CONCURRENT_QUESTIONS)
    with pytest.raises(RequestRejected) as rejection:
        await service.answer(make_question(8))
    assert rejection.value.reason.code is QuestionRejection.BUSY
    tasks.append(asyncio.create_task(service.answer(make_question(9, server_id=SERVER + 1))))
    slow_engine.go_on.set()
    assert len(await asyncio.gather(*tasks)) == MAX_CONCURRENT_QUESTIONS + 2


async def test_failed_answer_frees_its_slot(newsroom, monkeypatch):
    async def fail(*_arguments: object, **_options: object) -> Answer:
        raise RuntimeError("broken")

    monkeypatch.setattr(answer_pipeline, "answer_question", fail)
    service = make_service(newsroom)
    for _ in range(MAX_CONCURRENT_QUESTIONS + 1):
        with pytest.raises(RuntimeError):
            await service.answer(make_question())


async def test_writer_allows_more_concurrent_questions(newsroom, slow_engine):
    writer = SimpleNamespace(is_allowance_used_up=lambda _server_id: False)
    service = make_service(newsroom, writer)  # type: ignore[arg-type]  # the simulated engine does not write
    tasks = [
        asyncio.create_task(service.answer(make_question(number))) for number in range(MAX_CONCURRENT_QUESTIONS + 2)
    ]
    await slow_engine.wait_until_working(MAX_CONCURRENT_QUESTIONS + 2)
    slow_engine.go_on.set()
    await asyncio.gather(*tasks)


def test_server_limit_is_shared_between_users(newsroom, clock):
    service = make_service(newsroom)
    for number in range(MAX_QUESTIONS_PER_SERVER_PER_MINUTE):
        service.limiter.admit_question("Who?", user_id=number // MAX_QUESTIONS_PER_USER_PER_MINUTE, server_id=SERVER)
    with pytest.raises(RateLimited) as rejection:
        service.limiter.admit_question("Who?", user_id=999, server_id=SERVER)
    assert "This server" in refusal_sentences.refusal_sentence(rejection.value.reason)
    assert not rejection.value.was_notified
    with pytest.raises(RateLimited) as rejection:
        service.limiter.admit_question("Who?", user_id=999, server_id=SERVER)
    assert rejection.value.was_notified
    service.limiter.admit_question("Who?", user_id=998, server_id=SERVER + 1)
    clock.advance(2)
    service.limiter.admit_question("Who?", user_id=999, server_id=SERVER)


async def test_conversation_keeps_its_article(newsroom, monkeypatch):
    feed = await add_feed(newsroom.store)
    (article,) = (await write_poll(newsroom.store, feed, make_new_article(feed, "a"))).new_article_ids
    article_ids: list[object] = []

    async def ask(_searcher: object, question: str, **options: Any) -> Answer:
        article_ids.append(options["about_article_id"])
        return Answer(question=question)

    monkeypatch.setattr(answer_pipeline, "answer_question", ask)
    service = make_service(newsroom)
    first = await service.answer(make_question(article_id=article))
    assert first.about_article is not None
    follows = await newsroom.store.questions.get(first.question_id)
    second = await service.answer(make_question(previous_question=follows))
    assert article_ids == [article, article]
    assert second.about_article is None  # nobody asked about it this time, and the answer is not from it


async def test_best_matching_article_is_found_by_title(newsroom):
    feed = await add_feed(newsroom.store)
    titles = {
        "a": "Cities ban facial recognition",
        "b": "Le prix des puces",
        "c": "Robots",
        "d": "Robots",
    }
    new = [make_new_article(feed, name, title=title, summary="") for name, title in titles.items()]
    articles = await newsroom.store.articles.list_by_ids((await write_poll(newsroom.store, feed, *new)).new_article_ids)
    closest_article = find_best_matching_article("Which city banned it?", articles)
    assert closest_article.title == titles["a"]
    assert find_best_matching_article("What about robots?", articles) is None
    assert find_best_matching_article("Why?", articles) is None


@pytest.mark.parametrize(
    ("text", "reply_text"), [("merci !", "You’re welcome!"), ("Thanks", "You’re welcome!"), ("bonjour", "Hello!")]
)
async def test_greeting_or_thanks_get_no_quote(newsroom, text, reply_text):
    with pytest.raises(RequestRejected) as rejection:
        await make_service(newsroom).answer(make_question(text=text))
    assert reply_text in refusal_sentences.refusal_sentence(rejection.value.reason)
