"""Answers from stored articles: ranking, confidence and quotes."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.answers.answer_model import Answer, Confidence
from bot.answers.answer_pipeline import answer_question
from bot.text import boilerplate
from tests.support.cases import check_cases
from tests.support.search.library import Library
from tests.support.shared_data import require_shared_path

BAN = (
    "Amazon said on Wednesday that it bans the police from using Rekognition for one year.\n\n"
    "The decision comes because of protests against racism and police violence. "
    "Rekognition was launched in 2016. In 2018 about a hundred employees signed a petition against its sale."
)
FILLER = (
    ("Weather in Paris", "Rain is expected on Monday and the wind will be strong in the north."),
    ("A new phone", "The company presented a phone with a larger screen and a better camera in Berlin."),
    (
        "Chips are scarce",
        "Carmakers wait for chips. Factories in Asia are closed and prices rise by 20 percent.",
    ),
    ("Un robot au musée", "Le musée de Lyon accueille un robot qui guide les visiteurs depuis janvier 2021."),
)
TITLE = "Amazon bans police use of Rekognition"


@pytest.fixture
async def seed_story(library) -> Library:
    await add_seed_story(library)
    return library


@pytest.fixture
async def ban(library) -> Library:
    await library.add(TITLE, BAN)
    return library


@pytest.fixture
async def library(library) -> Library:
    for title, text in FILLER:
        await library.add(title, text, language="fr" if "musée" in text else "en")
    return library


def list_quote_texts(answer: Answer) -> list[str]:
    """List the texts of all quotes."""
    return [quote.text for quote in answer.quotes]


async def add_seed_story(library: Library) -> str:
    """Store the shared story and return its text."""
    text = (require_shared_path("seed") / "article.fr.txt").read_text(encoding="utf-8")
    title = "Amazon interdit à la police d'utiliser son logiciel de reconnaissance faciale"
    await library.add(title, text, body=boilerplate.strip_boilerplate(text), language="fr")
    return text


async def test_seed_questions_are_answered(library, searcher):
    text = await add_seed_story(library)
    is_first_quote_right: list[bool] = []
    sure: list[str] = []
    for line in (require_shared_path("seed") / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        question_row = json.loads(line)
        answer = await answer_question(searcher, question_row["question"], feed_ids=None)
        quoted = list_quote_texts(answer)
        sure += [answer.question] * answer.is_answered
        assert all(quote in text for quote in quoted)
        if question_row["answer_has_any"]:
            has_answer = [any(words in quote for words in question_row["answer_has_any"]) for quote in quoted]
            assert any(has_answer), (question_row["question"], quoted)
            is_first_quote_right.append(has_answer[0])
        else:
            assert answer.confidence is not Confidence.SURE, question_row["question"]
    assert is_first_quote_right.count(False) <= 1
    assert len(sure) >= 3, sure  # plain questions, of which one is in another language


@pytest.mark.parametrize(
    ("question", "answer_text"),
    [
        ("When was Rekognition launched?", "2016"),
        ("How many employees signed a petition against Rekognition?", "hundred employees"),
        ("Why does Amazon ban the police from using Rekognition?", None),
    ],
)
async def test_plain_question_is_answered_surely_from_one_article(store, searcher, question, answer_text):
    await (await Library(store).open()).add(TITLE, BAN)
    answer = await answer_question(searcher, question, feed_ids=None)
    assert answer.is_answered, list_quote_texts(answer)
    assert answer.quotes[0].answer_text == answer_text


@check_cases(
    ("question", "expected_text"),
    [
        ("C'est quoi Rekognition ?", "service de reconnaissance faciale"),
        ("rekognition c koi", "service de reconnaissance faciale"),
        ("what is rekognition", "service de reconnaissance faciale"),
        ("Qu'est-ce que Rekognition ?", "service de reconnaissance faciale"),
        ("pourquoi amazon a interdit rekognition aux flics", "violences policières"),
        ("how long is the rekognition ban", "un an"),
        ("l'interdiction pour la police elle dure combien de temps", "un an"),
        ("rekognition année de lancement", "2016"),
        ("qui a arrêté la reconnaissance faciale avant amazon", "IBM"),
        ("cb d'employés ont signé la pétition", "centaine"),
    ],
)
async def test_seed_story_answers_paraphrased_questions(seed_story, searcher, question, expected_text):
    answer = await answer_question(searcher, question, feed_ids=None)
    assert any(expected_text in quote for quote in list_quote_texts(answer)), list_quote_texts(answer)


@check_cases(
    ("question", "expected_text"),
    [
        ("Why does Amazon ban the police from using Rekognition?", "racism"),
        ("When was Rekognition launched?", "2016"),
        ("How many employees signed a petition against Rekognition?", "hundred"),
        ("For how long does Amazon ban the police from using Rekognition?", "one year"),
        ("Combien d'employés ont signé une pétition contre Rekognition ?", "hundred"),
        ("Depuis quand le musée de Lyon a-t-il un robot ?", "janvier 2021"),
    ],
)
async def test_answering_passage_comes_first(ban, searcher, question, expected_text):
    answer = await answer_question(searcher, question, feed_ids=None)
    assert answer.confidence is not Confidence.NOTHING
    assert expected_text in list_quote_texts(answer)[0]


async def test_headline_can_answer(library, searcher):
    await library.add("Nordwave names Ada Byron chief executive", "The board met on Tuesday in Oslo.")
    answer = await answer_question(searcher, "who is the new chief executive of nordwave", feed_ids=None)
    assert any("Ada Byron" in quote for quote in list_quote_texts(answer))


async def test_text_is_shown_for_headline_that_repeats_question(library, searcher):
    await library.add(
        "The rule of three copies, in practice", "Three copies, two media, one elsewhere. We tried it for a month."
    )
    answer = await answer_question(searcher, "what is the rule of three copies", feed_ids=None)
    assert answer.quotes[0].text == "The rule of three copies, in practice"
    assert answer.quotes[0].shown_sentences[0] == "Three copies, two media, one elsewhere."


async def test_article_in_another_language_makes_no_answer_sure_by_words(library, searcher):
    text = "Phones that are sold in the Union must have a USB-C port by the end of 2024, in summer."
    await library.add("USB-C ports for phones sold", text, language="en")
    questions = "when must phones sold in the Union have a USB-C port", "c'est quand les soldes des ports USB-C"
    answers = [await answer_question(searcher, question, feed_ids=None) for question in questions]
    assert [answer.confidence for answer in answers] == [Confidence.SURE, Confidence.POSSIBLE]


@pytest.mark.parametrize("question", ["How much does Rekognition cost?", "Quel est le prix de Rekognition ?"])
async def test_question_without_answer_in_articles_is_not_sure(library, searcher, question):
    await library.add(TITLE, BAN)
    answer = await answer_question(searcher, question, feed_ids=None)
    assert answer.confidence is Confidence.POSSIBLE
    assert not answer.is_answered
    assert TITLE in [article.title for article in answer.related_articles]


@check_cases(
    "question",
    ["Quand la tour Eiffel a-t-elle été construite ?", "who won the cricket", "", "?", "the of and"],
)
async def test_unknown_topic_has_no_answer(ban, searcher, question):
    answer = await answer_question(searcher, question, feed_ids=None)
    assert answer.confidence is Confidence.NOTHING
    assert list_quote_texts(answer) == []
    assert answer.sources == ()


async def test_hidden_article_is_not_quoted_or_related(library, searcher):
    hidden = await library.new_feed("Hidden")
    await library.add(TITLE, BAN, feed=hidden)
    question = "When was Rekognition launched?"
    assert "2016" in list_quote_texts(await answer_question(searcher, question, feed_ids=[hidden.id]))[0]
    answer = await answer_question(searcher, question, feed_ids=[library.feed.id])
    assert not answer.is_answered
    articles = (*answer.related_articles, *answer.sources)
    assert all(article.feed_id == library.feed.id for article in articles)
    assert await answer_question(searcher, question, feed_ids=[]) == Answer(question=question, searched_article_count=0)


async def test_newest_fact_is_quoted_alone(library, searcher):
    await library.add("Fermat", "The chief executive of Fermat is Alan Kay. He spoke in Berlin.", days=400)
    await library.add("Fermat", "The chief executive of Fermat is Ada Byron. She spoke in Paris.", days=3)
    answer = await answer_question(searcher, "who is the chief executive of fermat now", feed_ids=None)
    assert "Ada Byron" in list_quote_texts(answer)[0]
    assert all("Alan Kay" not in quote.text for quote in answer.shown_quotes)


async def test_quote_has_answer_text(library, searcher):
    await library.add("A board for beginners", "The new board is here. The new board costs 35 euros in shops.")
    answer = await answer_question(searcher, "how much does the new board cost", feed_ids=None)
    (first, *_) = answer.quotes
    assert first.answer_text == "35 euros"
    assert first.answer_text in first.text


async def test_quote_of_long_sentence_is_short_and_verbatim(library, searcher):
    text = (
        "It is said " + "that among many other things " * 40 + "Rekognition was launched in 2016 " + "and so on " * 60
    )
    await library.add("Rekognition", text)
    answer = await answer_question(searcher, "When was Rekognition launched?", feed_ids=None)
    quoted = list_quote_texts(answer)
    assert any("launched in 2016" in quote for quote in quoted)
    assert all(len(quote) <= 400 and (quote in text or quote == "Rekognition") for quote in quoted)


async def test_sentences_are_quoted_once(library, searcher):
    years = [
        f"In {year} Amazon showed Rekognition, version {year - 2000}, to the police." for year in range(2012, 2024)
    ]
    await library.add("Rekognition and the police", " ".join(years))
    answer = await answer_question(searcher, "When did Amazon show Rekognition to the police?", feed_ids=None)
    assert len(list_quote_texts(answer)) > 1
    quoted = [year for year in years for quote in list_quote_texts(answer) if year in quote]
    assert len(quoted) == len(set(quoted))


async def test_quote_does_not_span_removed_boilerplate(library, searcher):
    text = "Amazon launched Rekognition.\n\nÀ lire aussi : Reconnaissance\n\nThat was in 2016, in Seattle."
    await library.add("Rekognition", text, body=boilerplate.strip_boilerplate(text))
    answer = await answer_question(searcher, "When was Rekognition launched by Amazon in Seattle?", feed_ids=None)
    assert all(quote in text for quote in list_quote_texts(answer))


async def test_json_answer_has_documented_keys(library, searcher):
    await library.add(TITLE, BAN)
    answer_json = (await answer_question(searcher, "When was Rekognition launched?", feed_ids=None)).as_json()
    assert answer_json.keys() >= {
        "question",
        "answered",
        "tier",
        "quotes",
        "possible",
        "sources",
        "nearest",
    }
    assert answer_json["answered"] is (answer_json["tier"] == "sure")
    quotes = answer_json["quotes"] if answer_json["answered"] else answer_json["possible"]
    assert 1 <= len(quotes) <= 3
    assert all(quote.keys() >= {"text", "url", "title", "answer", "published"} for quote in quotes)
    assert all(list(source) == ["url", "title", "source", "published"] for source in answer_json["sources"])


@given(question=st.text(alphabet=st.sampled_from("ab\"«»()-: 'é1\0\n?") | st.characters(), max_size=80))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(question='lang:fr -robot "musée" OR (')
@example(question="combien " * 100)
@example(question="\ud800")
async def test_any_question_text_is_handled(library, searcher, question):
    await answer_question(searcher, question, feed_ids=None)
    await answer_question(searcher, f"robot musée {question}", feed_ids=[1, 2])
