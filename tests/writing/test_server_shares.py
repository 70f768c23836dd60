"""Fair shares of the model's answers between servers."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.answers.conversing.question_queue import MAX_CONCURRENT_QUESTIONS_WITH_MODEL, MAX_PENDING_QUESTIONS_PER_SERVER
from bot.answers.conversing.question_service import QuestionReply, QuestionRequest, QuestionService
from bot.core.user_errors import RequestRejected
from bot.writing.answer_writer import open_answer_writer
from tests.support.model_service import ModelService

FLOOD_SIZE = 200


async def test_question_is_not_delayed_by_flood_of_other_server(library, store, searcher, settings, clock, feed_server):
    await library.add("Amazon bans police use of Rekognition", "Rekognition was launched in 2016.")
    service = ModelService(feed_server)
    service.answer_with("Rekognition was launched in 2016 [1].")
    settings = replace(settings, model_url=service.url, model_name="small")
    async with open_answer_writer(settings, clock) as writer:
        question_service = QuestionService(store, searcher, clock, writer)
        answered_servers: list[int] = []

        async def ask(server_id: int) -> QuestionReply:
            request = QuestionRequest(
                text="When was Rekognition launched?",
                feed_ids={library.feed.id},
                server_id=server_id,
                channel_id=1,
                user_id=1,
                is_public=False,
            )
            reply = await question_service.answer(request)
            answered_servers.append(server_id)
            return reply

        flood = [asyncio.create_task(ask(1)) for _ in range(FLOOD_SIZE)]
        await asyncio.sleep(0)  # all of them are asked before the other one
        reply = await ask(2)
        assert reply.answer.generated_sentences
        assert len(answered_servers) <= 2 * MAX_CONCURRENT_QUESTIONS_WITH_MODEL, "it waited for a free slot alone"
        flood_replies = await asyncio.gather(*flood, return_exceptions=True)
    answered_count = answered_servers.count(1)
    assert answered_count <= MAX_PENDING_QUESTIONS_PER_SERVER
    assert sum(isinstance(reply, RequestRejected) for reply in flood_replies) == FLOOD_SIZE - answered_count
