"""Who holds an office, as far as a sentence names them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.office_holders import HEADS, Titles, is_called_after, leads


def named(text: str, office: str, *of: str, past: bool = False) -> bool:
    read = Titles(text, of)
    return any(read.names_holder(place, past=past) for place, word in enumerate(read.words) if word == office)


@pytest.mark.parametrize(
    ("text", "office", "of"),
    [
        ("Le ministre de l'Intérieur Christophe Castaner a parlé.", "ministre", "interieur"),
        ("si la ministre de la Santé, Agnès Buzyn, n'ouvre pas de négociations", "ministre", "sante"),
        ("la ministre des Solidarités et de la Santé Agnès Buzyn", "ministre", "sante"),
        ("Christophe Castaner (ministre de l'Intérieur) était là.", "ministre", "interieur"),
        ("présentée par Christophe Castaner, ministre de l'Intérieur, et Marlène", "ministre", "interieur"),
        ("Elisabeth Borne, ministre chargée notamment des Transports, a dit", "ministre", "transports"),
        ("Emmanuel Macron, le président de la République, a parlé.", "president", "republique"),
        ("Macron est le président de la République.", "president", "republique"),
        ("Le Premier ministre Conte a démissionné.", "ministre", "italie"),
        ("Mexico's president, Claudia Sheinbaum, said so.", "president", "mexico"),
        ("Claudia Sheinbaum, who is the president of Mexico, said so.", "president", "mexico"),
        ("NASA Administrator Jared Isaacman said so.", "administrator", "nasa"),
        ("Robert Kennedy was appointed head of NASA.", "head", "nasa"),
    ],
)
def test_who_holds_an_office_is_found_named(text: str, office: str, of: str) -> None:
    assert named(text, office, of)


@pytest.mark.parametrize(
    ("text", "office", "of"),
    [
        ("L'ancien ministre de l'Intérieur Gérard Collomb a parlé.", "ministre", "interieur"),
        ("Xavier Bertrand, ex-ministre de la Santé, a parlé.", "ministre", "sante"),
        ("François Hollande, alors président de la République, a parlé.", "president", "republique"),
        ("Le ministre de l'Intérieur turc Süleyman Soylu l'a annoncé.", "ministre", "interieur"),
        ("Selon Emmanuel Macron, le ministre de l'Intérieur doit parler.", "ministre", "interieur"),
        ("Emmanuel Macron, a rappelé le ministre de l'Intérieur.", "ministre", "interieur"),
        ("Le ministre de l'Intérieur a parlé à Matteo Salvini.", "ministre", "interieur"),
        ("then-NASA administrator Jim Bridenstine", "administrator", "nasa"),
        ("the former NASA administrator Jim Bridenstine", "administrator", "nasa"),
        ("NASA deputy administrator Pam Melroy", "administrator", "nasa"),
        ("Il est ministre de l'Intérieur.", "ministre", "interieur"),
        ("", "ministre", "interieur"),
    ],
)
def test_what_names_nobody_in_the_office_tells_nobody(text: str, office: str, of: str) -> None:
    assert not named(text, office, of)


def test_who_held_it_is_told_where_the_past_is_asked() -> None:
    assert named("L'ancien ministre de l'Intérieur Gérard Collomb", "ministre", "interieur", past=True)


@pytest.mark.parametrize(
    ("text", "asked", "told"),
    [
        ("NASA Administrator Jared Isaacman said so.", "who leads nasa", True),
        ("NASA's acting administrator, Sean Duffy, said so.", "who leads nasa", True),
        ("The head of NASA, Sean Duffy, said so.", "who runs nasa", True),
        ("Federal Communications Commission Chairman Brendan Carr said so.", "who runs the fcc", True),
        ("Federal Trade Commission Chairman Andrew Ferguson said so.", "who runs the fcc", False),
        ("NASA's science chief Nicky Fox said so.", "who leads nasa", False),
        ("Chairman Brendan Carr said so.", "who leads nasa", False),
        ("The head of NASA said so.", "who leads nasa", False),
    ],
)
def test_whoever_leads_it_is_its_head(text: str, asked: str, told: bool) -> None:
    assert leads(text, asked.split()) is told


@pytest.mark.parametrize(
    ("word", "place", "is_called"),
    [
        ("italian", "italy", True),
        ("italienne", "italie", True),
        ("mexicain", "mexico", True),
        ("senator", "senat", False),
        ("senateur", "senat", False),
        ("francois", "france", False),
    ],
)
def test_who_sits_in_a_senate_is_not_called_after_it(word: str, place: str, is_called: bool) -> None:
    assert is_called_after(word, place) is is_called


@given(st.text(max_size=120), st.text(max_size=8))
def test_no_text_breaks_it(text: str, of: str) -> None:
    for words in (text, f"{text} Président {text}, president of {of} X Y {text}"):
        read = Titles(words, [of])
        for place in range(len(read.words)):
            read.names_holder(place)
            read.is_of(place)
            read.stands_alone(place)
        leads(words, [of, *HEADS])
