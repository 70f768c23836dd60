"""Questions as people ask them, on the demo's stories: what they are answered with, and what is refused."""

from __future__ import annotations

import pytest

from bot.answers.answering import Answer, ask
from bot.demo.sample_feeds import load
from bot.store import Store
from tests.search.library import DAY, Library
from tests.search.searchers import searcher_of


@pytest.fixture
async def library(store: Store) -> Library:
    opened = await Library(store).open()
    outlets, _, stories = load()
    languages = {outlet.name: outlet.language for outlet in outlets}
    for number, story in enumerate(stories):
        await opened.add(story.title, story.text, language=languages[story.outlet], days=1 + number % 7)
    return opened


async def asked(library: Library, question: str, about: str | None = None) -> Answer:
    """The answer to a question, of the story whose title has these words where it is about one."""
    article_id = None
    if about is not None:
        newest = await library.store.articles.newest([library.feed.id], limit=100)
        (article_id,) = [article.id for article in newest if about in article.title]
    return await ask(searcher_of(library.store), question, feed_ids=None, about=article_id)


@pytest.mark.parametrize(
    ("question", "holds"),
    [
        ("What cut the Nordwave cable?", "anchor"),
        ("Who found the backdoor in xz?", "Andres Freund"),
        ("Who is the boss of IBM?", "Arvind Krishna"),
        ("Who is the CEO of OpenAI?", "Sam Altman"),
        ("Qui dirige IBM ?", "Arvind Krishna"),
        ("Who is the CEO of CrowdStrike?", "George Kurtz"),
        ("What is OpenTofu?", "a project of the Linux Foundation"),
        ("C'est quoi le DMA ?", "règlement européen"),
        ("Qui est Octave Klaba ?", "fondateur du groupe"),
        ("What is Nvidia worth?", "3.34 trillion"),
        ("How much did Microsoft pay for Activision?", "68.7 billion"),
        ("Combien coûte un certificat Let's Encrypt ?", "gratuite"),
        ("Combien a levé Mistral AI ?", "105 millions"),
        ("Is it true that Microsoft sells facial recognition to the police?", "will not sell"),
        ("Qu'est-il arrivé au câble Nordwave ?", "sectionne"),
    ],
)
async def test_an_everyday_question_is_answered(library: Library, question: str, holds: str) -> None:
    answer = await asked(library, question)
    assert answer.answered
    assert holds in answer.quotes[0].text


@pytest.mark.parametrize(
    "question",
    [
        "How much does the Nordwave repair cost?",  # a ship, weeks and milliseconds, no money
        "How much does a Mac mini cost?",
        "How much does Nvidia cost?",  # it is worth 3.34 trillion dollars
        "Combien coûte Mistral AI ?",  # it raised 105 million euros
        "How heavy is the Nordwave cable?",
        "Who is the CEO of Nvidia?",
        "What is Bitcoin?",
        "What happened to Netscape?",
    ],
)
async def test_what_no_story_tells_is_not_answered_with_something_else(
    library: Library, question: str
) -> None:
    assert not (await asked(library, question)).answered


@pytest.mark.parametrize(
    ("question", "about", "holds"),
    [
        ("Who did it?", "A backdoor in xz", "Freund"),
        ("Which versions?", "A backdoor in xz", "5.6.0"),
        ("What does it cost?", "OpenAI opens ChatGPT", "free to try"),
        ("Quand ?", "incendie", "mardi"),
        ("Qui sont les investisseurs ?", "Mistral AI lève", "Xavier Niel"),
    ],
)
async def test_a_short_question_about_a_post_is_answered_from_it(
    library: Library, question: str, about: str, holds: str
) -> None:
    answer = await asked(library, question, about)
    assert answer.answered
    assert about in answer.quotes[0].article.title
    assert holds in answer.quotes[0].text


@pytest.mark.parametrize(
    ("question", "about"),
    [
        ("What does it weigh?", "Nvidia passes"),
        ("How much does it weigh?", "Nvidia passes"),
        ("How much does it cost?", "Nvidia passes"),
        ("Combien ça coûte ?", "Mistral AI lève"),
        ("Combien ça coûte ?", "CNIL inflige"),
        ("Combien de victimes ?", "incendie"),
        ("Who is responsible?", "A backdoor in xz"),
    ],
)
async def test_a_post_is_not_quoted_for_what_it_does_not_say(
    library: Library, question: str, about: str
) -> None:
    answer = await asked(library, question, about)
    assert not any(about in quote.article.title for quote in answer.quotes)


async def test_both_ways_to_ask_for_a_weight_are_answered(library: Library) -> None:
    text = "The new board is here. It weighs 48 grams and runs a desktop. It costs 35 euros."
    await library.add("A board for beginners", text)
    for question in ("How much does it weigh?", "What does it weigh?", "Combien pèse-t-elle ?"):
        answer = await asked(library, question, "A board for beginners")
        assert answer.answered, question
        assert "48 grams" in answer.quotes[0].text


async def test_the_fate_of_something_is_told_by_the_stories_about_it(library: Library) -> None:
    await library.add("Netscape is no more", "The last page was served yesterday.", days=3)
    await library.add("Netscape lets go its staff", "Nobody stays.", days=400)
    answer = await asked(library, "What happened to Netscape?")
    assert answer.answered
    assert [line.text for line in answer.lines] == ["Netscape is no more", "Netscape lets go its staff"]
    ages = [library.store.clock.now() - line.article.published for line in answer.lines]
    assert [age // DAY for age in ages] == [3, 400]
