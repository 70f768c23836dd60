"""Trial of a model: it rewrites and answers a tiny question with a known answer, in the formats that answers need."""

import asyncio
from dataclasses import dataclass

from bot.core.clock import Clock
from bot.core.configuration.settings import Settings
from bot.core.models import Article
from bot.writing.answer_writer import AnswerWriter
from bot.writing.citation_checks import ArticlePassage
from bot.writing.model_client import ModelClient
from bot.writing.model_tasks import ModelTask
from bot.writing.question_rewriter import Conversation

_QUESTION = "When did the new bridge in Lyon open?"
_EXPECTED_ANSWER = "2019"
"""Text that an answer to the trial's question must contain."""
_PASSAGE_TEXT = "The new bridge in Lyon opened in 2019 and is 210 metres long."


@dataclass(frozen=True, slots=True)
class ModelTrial:
    """Outcome of a trial of a language model, which is asked a tiny question with a known answer.

    It has whether the model's answer was right, the tasks that the model failed, and the seconds that the trial took.
    """

    has_right_answer: bool
    failed_tasks: tuple[ModelTask, ...]
    duration_seconds: float


async def try_model(client: ModelClient, settings: Settings, clock: Clock) -> ModelTrial:
    """Have the model rewrite and answer a question, and return whether the answer is right and what failed."""
    writer, started_at = AnswerWriter(client, settings, clock), clock.monotonic()
    deadline = asyncio.get_running_loop().time() + client.timeout_seconds
    await writer.rewrite(Conversation(_QUESTION), server_id=None, deadline=deadline)
    passage = ArticlePassage(_PASSAGE_TEXT, _build_article(clock.now()))
    answer = await writer.write(Conversation(_QUESTION), [passage], "en", server_id=None, deadline=deadline)
    return ModelTrial(
        has_right_answer=any(_EXPECTED_ANSWER in sentence.text for sentence in answer.sentences),
        failed_tasks=tuple(task for task, usage in client.usage.items() if usage.failures),
        duration_seconds=clock.monotonic() - started_at,
    )


def _build_article(published: int) -> Article:
    return Article(
        id=0,
        key="",
        feed_id=0,
        page_key="",
        url="https://example.org/bridge",
        title="A new bridge",
        summary=_PASSAGE_TEXT,
        text=_PASSAGE_TEXT,
        body=_PASSAGE_TEXT,
        author=None,
        outlet="Example",
        language="en",
        tags=(),
        image_url=None,
        published=published,
        found_at=published,
    )
