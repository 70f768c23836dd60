"""Which passages in the other language may answer."""

import pytest

from bot.answers.foreign_passages import foreign
from bot.answers.question_analysis import understood
from bot.search.passages import passages
from bot.search.ranking import Sought
from bot.store import Store
from bot.text import terms
from tests.search.library import Library


def sought(word: str, *related: str, is_name: bool = False) -> Sought:
    return Sought(word, frozenset(terms.alternatives(word)), frozenset(related), 1.0, is_name)


@pytest.mark.parametrize(
    ("question", "wanted", "text", "count"),
    [
        (
            "qui a racheté irobot",
            [sought("rachete", "buy"), sought("irobot")],
            "A robotics pioneer warns.",
            0,
        ),
        ("qui a racheté irobot", [sought("rachete", "buy"), sought("irobot")], "He founded iRobot.", 0),
        ("qui a racheté irobot", [sought("rachete", "buy"), sought("irobot")], "Picea will buy iRobot.", 1),
        ("c'est quoi sora", [sought("c"), sought("sora")], "It is Sora.", 1),
        ("Qui est Ada Byron ?", [sought("ada", is_name=True)], "Ada Byron is an author.", 1),
        ("qui est le pdg d'audi", [sought("pdg"), sought("audi")], "Gernot Döllner, Audi’s CEO, said so.", 1),
        ("qui est le pdg d'audi", [sought("pdg"), sought("audi")], "Audi opens a plant.", 0),
    ],
)
async def test_a_name_alone_does_not_answer(
    store: Store, question: str, wanted: list[Sought], text: str, count: int
) -> None:
    library = await Library(store).open()
    article = await store.articles.get(await library.add("A title about buying iRobot", text))
    assert article is not None
    words = frozenset(terms.words(question))
    assert len(foreign(wanted, understood(question), words, passages(article), 6)) == count
