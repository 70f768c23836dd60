"""Questions for news and the briefings that answer them."""

from __future__ import annotations

import json

import pytest

from bot.answers import answer_pipeline
from bot.answers.answer_model import Answer
from bot.answers.briefing import news_requests
from bot.store import Store
from bot.stories.preference_model import PreferenceModel, Trait, TraitKind
from tests.support.cases import check_cases
from tests.support.search.library import Library
from tests.support.search.searchers import build_searcher
from tests.support.shared_data import SHARED

NOW = 1_780_000_000


@check_cases(
    ("text", "topic"),
    [
        ("what's new with OpenAI?", "openai"),
        ("quoi de neuf sur Ariane 6 ?", "ariane 6"),
        ("quoi de neuf", ""),
        ("this week's tech news", ""),
        ("lately", ""),
        ("what's up in AI", "ai"),
        ("any news on the Boeing strike?", "boeing strike"),
        ("résume l'actu de la NASA", "nasa"),
        ("what happened with Signal?", "signal"),
        ("actus spatial", "spatial"),
        ("il se passe quoi en iran", "iran"),
        ("what are the biggest stories today", ""),
        ("les retraites", "retraites"),
    ],
)
def test_news_request_has_topic_or_none(text, topic):
    news_request = news_requests.parse_news_request(text, NOW)
    assert " ".join(news_request.topic) == topic


@check_cases(
    "text",
    [
        "what is the price of the new iPhone?",
        "who is the new CEO of Intel?",
        "when is the next update of Windows?",
        "what's the latest version of Python",
        "combien coûte la nouvelle Zoé ?",
        "Qui dirige la NASA aujourd'hui ?",
        "prix de l'essence en ce moment",
        "steam machine price",
        "matter 1.4.1 whats new",
        "quoi de neuf dans Firefox 143.0 ?",
        "",
    ],
)
def test_factual_question_is_no_news_request(text):
    assert news_requests.parse_news_request(text, NOW) is None


@check_cases("language", ["en", "fr"])
def test_typed_questions_are_told_apart(language):
    path = SHARED / "questions" / f"chat-{language}.jsonl"
    if not path.exists():
        pytest.skip("needs ../shared/questions, which is not beside this checkout")
    question_rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    wrong = [
        question_row["question"]
        for question_row in question_rows
        if (news_requests.parse_news_request(question_row["question"], NOW) is None)
        is (question_row["kind"] == "vague")
    ]
    assert len(wrong) <= 2, wrong


async def ask_question(store: Store, text: str) -> Answer:
    return await answer_pipeline.answer_question(build_searcher(store), text, feed_ids=None)


def list_titles(answer: Answer) -> list[str]:
    return [line.article.title for line in answer.briefing]


async def test_story_of_most_outlets_comes_first(store, library):
    await library.add("Ferry runs aground near Malmo harbour", "Nobody was hurt.", days=2)
    for name in ("Post", "Wire"):
        feed = await library.new_feed(name)
        await library.add("Volcano erupts near Reykjavik airport", f"{name} saw it.", days=2, feed=feed)
    answer = await ask_question(store, "what's new?")
    assert list_titles(answer) == [
        "Volcano erupts near Reykjavik airport",
        "Ferry runs aground near Malmo harbour",
    ]
    assert [line.outlet_count for line in answer.briefing] == [2, 1]
    assert answer.is_answered
    assert [quote.text for quote in answer.quotes] == list_titles(answer)


async def test_preferred_story_outranks_equal_one(store, library):
    await library.add("Ferry runs aground near Malmo harbour", "Nobody was hurt.", days=2)
    await library.add("Volcano erupts near Reykjavik airport", "Ash everywhere.", days=1.9)
    await library.add("Museum of glass opens", "In Murano.", days=6)
    taste = PreferenceModel({"w:ferri": Trait(TraitKind.WORD, "Ferry", 0.8)})
    answer = await answer_pipeline.answer_question(
        build_searcher(store), "what's new?", feed_ids=None, preferences=taste
    )
    assert list_titles(answer)[0].startswith("Ferry")
    assert list_titles(await ask_question(store, "what's new?"))[0].startswith("Volcano")


async def test_topic_excludes_other_articles(store, library):
    await library.add("Signal adds video calls", "The messenger grows.", days=1)
    await library.add("A ferry sinks", "Nobody was hurt.", days=1)
    assert list_titles(await ask_question(store, "any news on Signal?")) == ["Signal adds video calls"]


async def test_briefing_uses_question_language_if_enough_articles(store: Store, library: Library) -> None:
    await library.add("Porsche recalls cars", "In Stuttgart.", days=1)
    for days, title in ((3, "Porsche rappelle ses voitures"), (5, "Porsche gagne au Mans")):
        await library.add(title, "À Stuttgart.", language="fr", days=days)
    assert len(list_titles(await ask_question(store, "quoi de neuf chez porsche ?"))) == 3
    await library.add("Porsche a un nouveau patron", "À Zuffenhausen.", language="fr", days=6)
    answer = await ask_question(store, "quoi de neuf chez porsche ?")
    assert [line.article.language for line in answer.briefing] == ["fr"] * 3


async def test_name_does_not_match_other_word_of_stem(store, library):
    await library.add("Coal plant stays open", "It is open.", days=1)
    await library.add("OpenAI opens an office", "In Paris.", days=2)
    assert list_titles(await ask_question(store, "what's new with OpenAI?")) == ["OpenAI opens an office"]


async def test_outlet_does_not_fill_briefing_alone(store, library):
    for number, word in enumerate("alpha bravo charlie delta echo foxtrot golf hotel".split()):
        await library.add(f"{word} {word}s a {word}er", "Text.", days=1 + number / 100)
    other_feed = await library.new_feed("Post")
    await library.add("Kilo kilos", "Text.", days=1.5, feed=other_feed)
    answer = await ask_question(store, "what's new?")
    assert len(answer.briefing) == 6
    assert {line.article.outlet for line in answer.briefing} == {"Gazette", "Post"}


async def test_vague_period_extends_to_older_articles(store, library):
    await library.add("Signal adds video calls", "The messenger grows.", days=200)
    for question in ("what's up with Signal lately?", "Signal news this week"):
        answer = await ask_question(store, question)
        assert list_titles(answer) == ["Signal adds video calls"]
        assert answer.period.start <= answer.briefing[0].article.published < answer.period.end


async def test_vague_period_extends_to_six_stories(store, library):
    for days, word in zip(
        (1, 2, 30, 40, 50, 60, 400), "alpha bravo charlie delta echo foxtrot golf".split(), strict=True
    ):
        await library.add(f"Signal {word}s a {word}er", "Text.", days=days)
    answer = await ask_question(store, "what's new with Signal?")
    assert len(answer.briefing) == 6
    assert "Signal golfs a golfer" not in list_titles(answer)
    assert answer.period.end - answer.period.start == 60 * 86_400


async def test_named_period_is_kept(store, library):
    await library.add("Old news of Signal", "Text.", days=60)
    await library.add("Fresh news of Signal", "Text.", days=1)
    assert list_titles(await ask_question(store, "what happened with Signal in the last 7 days?")) == [
        "Fresh news of Signal"
    ]


async def test_briefing_is_empty_without_articles_on_topic(store, library):
    await library.add("A ferry sinks", "Nobody was hurt.", days=1)
    answer = await ask_question(store, "any news on Signal?")
    assert not answer.briefing
    assert not answer.is_answered
