"""Who leads a company, and what a thing is, as far as a text says it outright."""

import pytest

from bot.answers.introductions import defines, is_name, names_leader
from bot.text import terms


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("On Monday, OpenAI CEO Sam Altman outlined his vision.", True),
        ("Sam Altman, the CEO of OpenAI, said so.", True),
        ("Rahul Dhanda, OpenAI’s CEO and cofounder", True),
        ("Son directeur général, Arvind Krishna, l’a annoncé.", True),
        ("Instacart CEO Fidji Simo will join the maker of ChatGPT.", False),
        ("She becomes CEO of Applications, said Fidji Simo.", False),
        ("The CEO has decided to leave.", False),
        ("L’ancien PDG d’OpenAI, Jean Dupont, est arrêté.", False),
        ("then-OpenAI CEO Sam Altman wanted it.", False),
        ("Sam Altman, alors PDG d’OpenAI, le voulait.", False),
        ("former OpenAI chief executive Sam Altman", False),
        ("a history for Boss Fight Books", False),
        ("Boss", False),
        ("", False),
    ],
)
def test_only_the_leader_of_what_was_asked_is_one(text: str, told: bool) -> None:
    assert names_leader(text, terms.words("Who is the CEO of OpenAI?")) is told


def test_whoever_leads_it_may_be_called_otherwise() -> None:
    assert names_leader("NASA Administrator Jared Isaacman said so.", terms.words("who leads nasa"))
    assert not names_leader("NASA Administrator Jared Isaacman said so.", terms.words("who is nasa's ceo"))


@pytest.mark.parametrize(
    ("thing", "text", "told"),
    [
        ("opentofu", "OpenTofu, first announced as OpenTF, is now a project of the foundation.", True),
        ("dma", "ils doivent respecter le règlement sur les marchés, le DMA.", True),
        ("rosetta 2", "Programs run through a translator named Rosetta 2.", True),
        ("pegasus", "Une enquête sur Pegasus, le logiciel espion", True),
        ("python", "Python 3.12 was released on Monday.", False),
        ("napoleon", "le tombeau de Napoléon", False),
        ("pokemon", "the Pokémon Go roster", False),
        ("a.b(", "a.b( is a mistake", True),
    ],
)
def test_a_mention_is_no_definition(thing: str, text: str, told: bool) -> None:
    assert defines(thing, text) is told


def test_a_name_is_written_as_one() -> None:
    assert is_name("rosetta 2", "What is Rosetta 2?")
    assert not is_name("answer", "What is the answer?")
