"""Suggested follow-up questions."""

from __future__ import annotations

from bot.answers import answer_pipeline
from bot.answers.answer_model import Answer, Confidence, Quote
from bot.answers.answer_pipeline import answer_question
from bot.answers.follow_up_suggestions import MAX_SUGGESTION_LENGTH, suggest_questions
from tests.support.cases import check_cases
from tests.support.search.library import Library
from tests.support.search.searchers import build_searcher


async def list_tried_questions(store, text: str, language: str) -> list[str]:
    """List the questions tried for an article when the engine answers none of them."""
    library = await Library(store).open()
    article = await store.articles.get(await library.add("News", text, language=language))
    answer = Answer(
        question="what", confidence=Confidence.SURE, quotes=(Quote(text, article, "x", ("x",)),), sources=(article,)
    )
    tried_questions: list[str] = []

    async def try_question(question: str) -> Answer:
        tried_questions.append(question)
        return Answer(question=question)

    assert await suggest_questions(answer, language, try_question) == ()
    return tried_questions


@check_cases(
    ("text", "language", "question"),
    [
        ("So says Ada Byron, a researcher in Oslo.", "en", "Who is Ada Byron?"),
        ("It uses Log4j 2, the logging library found in many programs.", "en", "What is Log4j 2?"),
        ("About 180 journalists were watched.", "en", "How many journalists?"),
        ("Octave Klaba, fondateur du groupe, conseille de partir.", "fr", "Qui est Octave Klaba ?"),
        ("Une centaine de pompiers ont été mobilisés.", "fr", "Combien de pompiers ?"),
        ("Elle fonctionne avec treize employés.", "fr", "Combien d’employés ?"),
        ("They risk a fine of 60 million euros.", "en", "How much is the fine?"),
        ("Ils devront payer une astreinte de 100 000 euros par jour.", "fr", "De combien est l’astreinte ?"),
    ],
)
async def test_introduced_names_and_counts_are_suggested(store, text, language, question):
    assert question in await list_tried_questions(store, text, language)


@check_cases(
    ("text", "language"),
    [
        ("It closed on Wednesday, a day after the others.", "en"),
        ("It took 12 days and 300 euros, of the GPT-3.5 series.", "en"),
        ("The two groups have to pay.", "en"),
        (f"So says {'Ada' * 20} Byron, a researcher in Oslo.", "en"),
        ("Lundi, le groupe d’Ada Byron, l’a annoncé dans une lettre.", "fr"),
        ("L’opération, menée par Europol et Eurojust, a mis fin au trafic.", "fr"),
        ("L’opération de Skagen, a mis fin au trafic.", "fr"),
        ("PEP 695 brings a short syntax.", "en"),
        ("Ils étaient trois en tout.", "fr"),
        ("L’adresse, l’objet principal du message, suffit.", "fr"),
    ],
)
async def test_unsuitable_sentences_suggest_nothing(store, text, language):
    assert await list_tried_questions(store, text, language) == []


async def test_suggested_question_is_sure_only_in_its_conversation(store, monkeypatch):
    monkeypatch.setattr(answer_pipeline, "classify_confidence", lambda *_: Confidence.POSSIBLE)
    library = await Library(store).open()
    text = "Linux 6.1 is out. The merge, about 12,500 lines, brings the build support."
    article_id = await library.add("Linux 6.1 supports Rust", text)
    searcher = build_searcher(store)

    async def ask(question: str, source_ids: list[int]) -> Answer:
        return await answer_question(
            searcher, question, feed_ids=None, previous_questions=["what is new"], previous_source_ids=source_ids
        )

    assert "12,500 lines" in " ".join((await ask("How many lines?", [article_id])).quotes[0].shown_sentences)
    assert not (await ask("How many lines of Rust?", [article_id])).is_answered
    assert not (await ask("How many lines?", [])).is_answered


async def test_suggestion_is_answered_from_its_words(store):
    library = await Library(store).open()
    text = (
        "Un incendie s’est déclaré sur le site d’OVHcloud à Strasbourg. Le bâtiment SBG2 a été entièrement détruit. "
        "Une centaine de pompiers ont été mobilisés. Personne n’a été blessé."
    )
    await library.add("Un incendie détruit un centre de données d’OVHcloud", text, language="fr")
    searcher = build_searcher(store)
    asked_question = "Quel bâtiment d’OVHcloud a été détruit ?"
    answer = await answer_question(searcher, asked_question, feed_ids=None)

    async def try_question(question: str) -> Answer:
        sources = [source.id for source in answer.sources]
        return await answer_question(
            searcher, question, feed_ids=None, previous_questions=[asked_question], previous_source_ids=sources
        )

    suggestions = await suggest_questions(answer, "fr", try_question)
    assert suggestions == ("Combien de pompiers ?",)
    assert all(len(suggestion) <= MAX_SUGGESTION_LENGTH for suggestion in suggestions)
    assert "pompiers" in ((await try_question(suggestions[0])).quotes[0].answer_text or "")
