"""`telex questions`: questions without an answer, for the operator."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.core.clock import SystemClock
from bot.store import Store

ANSWERED, UNANSWERED = "Who bought Slack?", "Où est passé l’été ?"


async def add_questions(database: Path) -> None:
    store = await Store.open(database, SystemClock())
    for text, person in ((UNANSWERED, 1), (UNANSWERED.upper(), 2), (ANSWERED, 1)):
        question = await store.questions.add(
            server_id=1,
            channel_id=2,
            user_id=person,
            text=text,
            language="fr",
            is_public=True,
            is_answered=text == ANSWERED,
        )
    await store.questions.vote(question, 1, is_helpful=True)
    await store.close()


def test_unanswered_questions_are_listed_anonymously(telex):
    telex("migrate")
    assert "No unanswered questions" in telex("questions").stderr
    asyncio.run(add_questions(telex.folder / "news.db"))
    (missed,) = telex.json("questions", "--json")
    assert missed["times"] == 2
    assert missed["answered"] == 0
    assert missed["question"].casefold() == UNANSWERED.casefold()
    assert set(missed) == {"question", "language", "last", "times", "answered", "helped", "not_helped"}
    every = telex.json("questions", "--json", "--all", "--days", "1")
    assert [(question["times"], question["helped"]) for question in every] == [(2, 0), (1, 1)]
    output = telex("questions", "--all").stdout
    assert ANSWERED in output
    assert "👍" in output
    telex("questions", "--days", "0", status=2)
