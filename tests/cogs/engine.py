"""A stand-in for the answer engine, so that tests of messages do not depend on how it is tuned."""

from __future__ import annotations

from typing import Any

from bot.answers.answer_model import Answer, Confidence, Quote
from bot.core.models import Article
from tests.support.discord_world import World


class Engine:
    """Answers with the fields that a test sets (at first: no answer) and records its calls."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.answer_fields: dict[str, Any] = {}
        self.fields_by_question: dict[str, dict[str, Any]] = {}
        self.fails = False

    async def ask(self, _searcher: object, question: str, **options: Any) -> Answer:
        self.calls.append({"question": question, **options})
        if self.fails:
            raise RuntimeError("the engine broke")
        return Answer(question=question, **self.fields_by_question.get(question, self.answer_fields))

    def answer_with_quotes(self, *articles: Article) -> None:
        """Answer with the text of these articles."""
        quotes = tuple(Quote(article.body, article) for article in articles)
        self.answer_fields = {"confidence": Confidence.SURE, "quotes": quotes, "sources": articles}


def bot_mention(world: World) -> str:
    """Return the text that mentions the bot in a message."""
    return f"<@{world.env.backend.bot_user.id}>"
