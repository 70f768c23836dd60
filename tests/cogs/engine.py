"""A stand-in for the engine of answers: tests of what is shown do not hang on its tuning."""

from __future__ import annotations

from typing import Any

from bot.answers.answer_model import Answer, Confidence, Quote
from bot.core.models import Article
from tests.support.discord_world import World


class Engine:
    """Remembers what it was asked, and answers as it is told: at first that it does not know."""

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
    """How a message mentions the bot."""
    return f"<@{world.env.backend.bot_user.id}>"
