import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.descriptions import asked_for, in_capitals, introduces
from bot.text import terms

GHOSN = "carlos ghosn"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (GHOSN, "Carlos Ghosn, PDG de Nissan, a fui."),
        (GHOSN, "Carlos Ghosn, l’ex-patron de l’alliance Renault-Nissan, est au Liban."),
        (GHOSN, "Carlos Ghosn (ancien président de Nissan) a fui."),
        (GHOSN, "Carlos Ghosn, qui dirigeait Nissan, a fui."),
        (GHOSN, "L’ancien PDG de Renault-Nissan, Carlos Ghosn, a fui le Japon."),
        (GHOSN, "L’homme d’affaires franco-libanais Carlos Ghosn a fui."),
        (GHOSN, "Le patron déchu de Nissan Carlos Ghosn a fui."),
        (GHOSN, "Carlos Ghosn est un homme d’affaires libanais."),
        (GHOSN, "Carlos Ghosn devient président de Nissan en 2008."),
        (GHOSN, "Nissan's chairman Carlos Ghosn fled."),
        (GHOSN, "Former Nissan chairman Carlos Ghosn fled."),
        (GHOSN, "Carlos Ghosn was the chairman of Nissan."),
        (GHOSN, "Carlos Ghosn (né le 9 mars 1954) est un homme politique libanais."),
        (GHOSN, "Carlos Ghosn, né à Porto Velho, est un dirigeant."),
        ("balaq", "Balaq le roi de Moab emmène Baalam."),
        (GHOSN, "Carlos Ghosn, who ran Nissan and was its chairman, fled. Carlos Ghosn led Nissan."),
        ("sam altman", "OpenAI CEO Sam Altman said so."),
        ("sam altman", "Sam Altman, OpenAI's chief executive, said so."),
        ("sam altman", "Sam Altman, the 38-year-old CEO of OpenAI, said so."),
        ("walter rodney", "Walter Rodney est un historien guyanien."),
        ("guy martin", "Guy Martin, pilote moto connu autant pour ses exploits que pour sa vie, était là."),
        ("guy martin", "Guy Martin, a rider known as much for his hair, was there."),
        ("sibeth ndiaye", "Sibeth Ndiaye, porte-parole du gouvernement, a parlé."),
        ("sibeth ndiaye", "La porte-parole du gouvernement Sibeth Ndiaye a parlé."),
        ("nick reiner", "Nick Reiner, the 32-year-old son of Robert Reiner, was arrested."),
        ("nick reiner", "Robert Reiner's son Nick Reiner was arrested."),
        ("michel fourniret", "Le tueur en série Michel Fourniret a parlé."),
        ("estelle mouzin", "la disparition en 2003 d'Estelle Mouzin, une fillette de 9 ans, à Guermantes"),
    ],
)
def test_who_somebody_is_is_found_said(name: str, text: str) -> None:
    assert introduces(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (GHOSN, "Le réalisateur Francis Ford Coppola prend la défense de Carlos Ghosn dans une interview."),
        (GHOSN, "Le cinéaste américain et l’ex-PDG de Renault-Nissan sont amis depuis des années."),
        (GHOSN, "L’avocat de Carlos Ghosn est un ancien juge."),
        (GHOSN, "Pour Carlos Ghosn, le président Macron a demandé la clémence."),
        (GHOSN, "Pour Carlos Ghosn, le ministre a refusé de commenter."),
        (GHOSN, "Selon Carlos Ghosn, la justice japonaise est injuste."),
        (GHOSN, "Depuis son arrivée, Carlos Ghosn est au Liban."),
        (GHOSN, "Carlos Ghosn, 65 ans, a fui."),
        (GHOSN, "Le président Macron, Carlos Ghosn et d’autres sont venus."),
        (GHOSN, "Carole Ghosn, avocate, a parlé."),
        (GHOSN, "The lawyer of Carlos Ghosn said so."),
        (GHOSN, "Carlos Ghosn was arrested."),
        ("tim cook", "Every cook is the director of a kitchen."),
        ("anthropic", "US District Judge William Alsup confirmed that Anthropic settled."),
        ("estelle mouzin", "l'affaire Estelle Mouzin, a rappelé l'avocat."),
        (
            "michel fourniret",
            "Selon l'avocat de la famille d'Estelle Mouzin, Michel Fourniret n'a pas avoué.",
        ),
        (GHOSN, "Le président a nommé Carlos Ghosn."),
        (GHOSN, "Pour Carlos Ghosn, ministre a été un rêve."),
        ("macron", ""),
    ],
)
def test_what_does_not_say_who_somebody_is_is_not_taken_for_it(name: str, text: str) -> None:
    assert not introduces(name, text)


def test_a_title_may_say_for_its_text_who_somebody_is() -> None:
    title = "L'écrivain Gabriel Matzneff se défend"
    assert introduces("gabriel matzneff", "Gabriel Matzneff a répondu.", title)
    assert not introduces("gabriel matzneff", "L'auteur a répondu.", title)
    assert not introduces("gabriel matzneff", "Gabriel Matzneff a répondu.", "Gabriel Matzneff se défend")


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("Who is Carlos Ghosn?", True),
        ("Qui est Carlos Ghosn ?", True),
        ("Et qui était Pie IV ?", True),
        ("Who is the head of Nissan?", False),
        ("Who was Ghosn's lawyer?", False),
        ("Qui est le secrétaire aux Colonies ?", False),
        ("À qui est marié Crazy Horse ?", False),
        ("What is OpenTofu?", False),
    ],
)
def test_who_somebody_is_is_known_to_be_asked(question: str, asks: bool) -> None:
    assert asked_for(question) is asks


GHOSNS = ["Hier Carlos Ghosn a fui.", "Le Liban a accueilli CARLOS GHOSN."]


@pytest.mark.parametrize(
    ("question", "texts", "understood"),
    [
        ("who is carlos ghosn", GHOSNS, "who is Carlos Ghosn"),
        ("et qui était carlos ghosn ?", GHOSNS, "et qui était Carlos Ghosn ?"),
        ("who is emile zola", ["It was Émile Zola."], "who is Emile Zola"),
        ("who is ghosn", GHOSNS, "who is Ghosn"),
        ("who is ghosn", ["Ghosn fled. So he did."], "who is ghosn"),  # any word may begin a sentence
        (
            "who is suing google",
            ["And who is suing Google?", "Yet Suing Google is a title."],
            "who is suing google",
        ),
        ("who is responsible", ["Responsible for it was he."], "who is responsible"),
        ("who is president", ["It was President."], "who is president"),
        ("who is carlos ghosn", [], "who is carlos ghosn"),
        ("what is carlos ghosn", GHOSNS, "what is carlos ghosn"),
        ("Who is Carlos ghosn", GHOSNS, "Who is Carlos ghosn"),
    ],
)
def test_a_name_in_small_letters_is_known_by_what_articles_write(
    question: str, texts: list[str], understood: str
) -> None:
    assert in_capitals(question, texts) == understood


@given(st.text(max_size=20), st.text(max_size=80))
def test_no_question_breaks_its_capitals(name: str, text: str) -> None:
    question = f"who is {name}"
    assert terms.fold(in_capitals(question, [text, f"It was {name.title()}."])) == terms.fold(question)


@given(st.text(max_size=20), st.text(max_size=80))
def test_no_text_breaks_it(name: str, text: str) -> None:
    introduces(name, text)
    introduces("carlos ghosn", f"{text} Carlos Ghosn {text} président {text}")
